"""Activation functions against scipy and NumPy, derivatives against finite differences."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from scipy.special import expit

from accel.golden.activation import _FUNCTIONS, activate, activate_error
from accel.ops.activations import ACTIVATIONS
from tests.gradients import assert_gradient, spread

X = np.concatenate([np.linspace(-800, 800, 4001), [-0.0, 0.0, 5e-324, -5e-324]])


def sigmoid(x):
    """scipy's, and e^x far out, where scipy's answer is 0 although the sigmoid is a small number still."""
    return np.where(x > -40, expit(x), [exp(min(value, 0.0)) for value in x])


REFERENCE = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "identity": lambda x: x,
}


def test_the_table_and_the_functions_agree():
    """Every function that a layer may ask for is computed here, and no other."""
    assert set(_FUNCTIONS) == set(ACTIVATIONS) == set(REFERENCE)


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_activate_is_the_library_s(function):
    """Values equal the library's to 4 ulp over the whole line, with no overflow on the way, and stay in range."""
    y = activate(X, function)
    np.testing.assert_array_max_ulp(y, REFERENCE[function](X), maxulp=4)
    row = ACTIVATIONS[function]
    assert row.low <= y.min()
    assert y.max() <= row.high


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_activate_error(rng, function):
    """The derivative taken from the output is the finite difference of the function."""
    x = spread(rng, (3, 50))
    delta = rng.uniform(0.5, 1.5, size=x.shape)
    error = activate_error(delta, activate(x, function), function)
    assert_gradient(error, lambda v: float((activate(v, function) * delta).sum()), x)


def test_relu_has_no_slope_at_zero():
    """At an output of 0 ReLU sends nothing back."""
    assert activate_error(np.ones(2), np.array([0.0, -0.0]), "relu").tolist() == [0.0, 0.0]
