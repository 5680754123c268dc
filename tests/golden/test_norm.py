"""Layer normalisation against scipy and the standard library, its derivatives against finite differences."""

from __future__ import annotations

from math import sqrt
from statistics import fmean, pvariance

import numpy as np
import pytest
from scipy.stats import zscore

from accel.golden.norm import layer_norm, layer_norm_error, layer_norm_gradient
from tests.gradients import assert_gradient

SHAPES = ((3, 8), (2, 4, 5), (1, 3, 64))


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_standard_scores(rng, shape):
    """Without weight, bias and epsilon to speak of, rows are scipy's z-scores, whatever their mean and spread."""
    x = 1e3 * rng.normal(size=shape) + 1e4
    features = shape[-1]
    y = layer_norm(x, np.ones(features), np.zeros(features), 1e-30)
    np.testing.assert_allclose(y, zscore(x, axis=-1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-5, 0.25])
def test_weight_bias_and_epsilon_stand_in_their_places(rng, epsilon):
    """Element by element it is the formula of the paper, in the standard library's statistics."""
    x, weight, bias = rng.normal(size=(2, 3, 6)), rng.normal(size=6), rng.normal(size=6)
    y = layer_norm(x, weight, bias, epsilon)
    for n, p in np.ndindex(2, 3):
        row = x[n, p].tolist()
        mean, deviation = fmean(row), sqrt(pvariance(row) + epsilon)
        expected = [weight[i] * (row[i] - mean) / deviation + bias[i] for i in range(6)]
        np.testing.assert_allclose(y[n, p], expected, rtol=1e-12, atol=1e-14)


def test_a_constant_row_gives_the_bias():
    """Nothing is divided by zero: a row without spread is all bias."""
    bias = np.array([1.0, -2.0, 0.5])
    assert np.array_equal(layer_norm(np.full((2, 3), 7.0), np.ones(3), bias, 1e-5), [bias, bias])


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_layer_norm_derivatives(rng, shape):
    """Error and both gradients are the finite differences of a random linear loss."""
    features = shape[-1]
    x, delta = rng.normal(size=shape), rng.uniform(0.5, 1.5, size=shape)
    weight, bias = rng.normal(size=features), rng.normal(size=features)
    of_weight, of_bias = layer_norm_gradient(delta, x, 0.01)

    def loss(x, weight, bias):
        return float((layer_norm(x, weight, bias, 0.01) * delta).sum())

    assert_gradient(layer_norm_error(delta, x, weight, 0.01), lambda v: loss(v, weight, bias), x)
    assert_gradient(of_weight, lambda v: loss(x, v, bias), weight)
    assert_gradient(of_bias, lambda v: loss(x, weight, v), bias)
