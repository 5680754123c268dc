"""Activation functions in float64, each with its derivative written in terms of the OUTPUT y, as hardware takes it.

LeCun et al., "Efficient BackProp", 1998, sec. 4.4 (sigmoid, tanh); Nair and Hinton, ICML 2010 (ReLU). ReLU has no
derivative at 0; 0 is taken there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def activate(x: Array, function: str) -> Array:
    """Apply `function` ("sigmoid", "tanh", "relu" or "identity") element by element, any shape."""
    return _FUNCTIONS[function][0](x)


def activate_error(delta: Array, y: Array, function: str) -> Array:
    """Multiply delta by the derivative at the output y; both of any one shape."""
    return delta * _FUNCTIONS[function][1](y)


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), by the exponential of a non-positive number only, which cannot overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


_FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (_sigmoid, lambda y: y * (1.0 - y)),
    "tanh": (np.tanh, lambda y: 1.0 - y * y),
    "relu": (lambda x: np.maximum(x, 0.0), lambda y: np.asarray(y > 0.0, dtype=np.float64)),
    "identity": (lambda x: x, np.ones_like),
}
