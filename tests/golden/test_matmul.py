"""The dense layer against plain loops and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from accel.golden.matmul import dense, dense_error, dense_gradient
from tests.gradients import assert_gradient

SHAPES = ((1, 1, 1), (3, 7, 5), (4, 1, 6), (2, 8, 1))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("biased", [False, True])
def test_dense_is_the_sum_it_says(rng, shape, biased):
    """Every output is the sum over inputs of weight times input, plus the bias."""
    N, F, K = shape
    x, weight, bias = rng.normal(size=(N, F)), rng.normal(size=(K, F)), rng.normal(size=K)
    expected = [
        [sum(weight[k, f] * x[n, f] for f in range(F)) + (bias[k] if biased else 0.0) for k in range(K)]
        for n in range(N)
    ]
    np.testing.assert_allclose(dense(x, weight, bias if biased else None), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_dense_derivatives(rng, shape):
    """Error and both gradients are the finite differences of a random linear loss."""
    N, F, K = shape
    x, weight, bias = rng.normal(size=(N, F)), rng.normal(size=(K, F)), rng.normal(size=K)
    delta = rng.uniform(0.5, 1.5, size=(N, K))
    weight_gradient, bias_gradient = dense_gradient(delta, x)
    assert_gradient(dense_error(delta, weight), lambda v: float((dense(v, weight, bias) * delta).sum()), x)
    assert_gradient(weight_gradient, lambda v: float((dense(x, v, bias) * delta).sum()), weight)
    assert_gradient(bias_gradient, lambda v: float((dense(x, weight, v) * delta).sum()), bias)
