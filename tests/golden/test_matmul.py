"""The dense layer and products of activations against plain loops, einsum and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from accel.golden.matmul import dense, dense_error, dense_gradient, product, product_error
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


def test_rows_are_vectors_one_by_one(rng):
    """Rows (N, L, F) give what their vectors give alone; gradients sum over all of them."""
    x, weight, bias, delta = (rng.normal(size=shape) for shape in ((2, 3, 5), (4, 5), (4,), (2, 3, 4)))
    flat = dense(x.reshape(6, 5), weight, bias)
    np.testing.assert_allclose(dense(x, weight, bias), flat.reshape(2, 3, 4), rtol=1e-13)
    np.testing.assert_allclose(dense_error(delta, weight), np.einsum("nlk,kf->nlf", delta, weight), rtol=1e-13)
    of_weight, of_bias = dense_gradient(delta, x)
    np.testing.assert_allclose(of_weight, np.einsum("nlk,nlf->kf", delta, x), rtol=1e-12)
    np.testing.assert_allclose(of_bias, np.einsum("nlk->k", delta), rtol=1e-13)


def test_product_is_matrix_by_matrix(rng):
    """Every head of every input is a product by itself, as einsum spells it."""
    x, y = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 5, 6))
    np.testing.assert_allclose(product(x, y), np.einsum("nhmk,nhkp->nhmp", x, y), rtol=1e-12, atol=1e-13)


def test_product_derivatives(rng):
    """Both errors are the finite differences of a random linear loss."""
    x, y, delta = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=(2, 2, 4, 2)), rng.normal(size=(2, 2, 3, 2))
    of_x, of_y = product_error(delta, x, y)
    assert_gradient(of_x, lambda v: float((product(v, y) * delta).sum()), x)
    assert_gradient(of_y, lambda v: float((product(x, v) * delta).sum()), y)
