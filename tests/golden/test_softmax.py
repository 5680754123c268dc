"""Softmax against scipy, its derivative against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax as library

from accel.golden.softmax import softmax, softmax_error
from tests.gradients import assert_gradient


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_softmax_is_the_library_s(rng, classes, scale):
    """Rows equal scipy's and sum to one, however large the scores."""
    x = rng.normal(size=(5, classes)) * scale
    y = softmax(x)
    np.testing.assert_allclose(y, library(x, axis=-1), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(y.sum(axis=-1), 1.0, rtol=1e-13)


def test_a_shift_changes_nothing(rng):
    """Adding an exact constant to a row leaves the shares as they are, bit for bit."""
    x = rng.integers(-8, 8, size=(4, 10)).astype(np.float64)
    assert np.array_equal(softmax(x + 4096.0), softmax(x))


def test_softmax_error(rng):
    """The error is the finite difference of a random linear loss, row by row."""
    x, delta = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    error = softmax_error(delta, softmax(x))
    assert_gradient(error, lambda v: float((softmax(v) * delta).sum()), x)


def test_cross_entropy_folds_into_y_minus_target(rng):
    """With the derivative of cross-entropy at the output, the error at the scores is y - target (BP1)."""
    x = rng.normal(size=(4, 6))
    target = np.eye(6)[rng.integers(6, size=4)]
    y = softmax(x)
    np.testing.assert_allclose(softmax_error(-target / y, y), y - target, rtol=1e-12, atol=1e-13)


def test_rows_of_any_tensor(rng):
    """Every row along the last axis is a softmax by itself, and so is its derivative."""
    x, delta = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    y = softmax(x)
    np.testing.assert_allclose(y, library(x, axis=-1), rtol=1e-13)
    assert_gradient(softmax_error(delta, y), lambda v: float((softmax(v) * delta).sum()), x)
