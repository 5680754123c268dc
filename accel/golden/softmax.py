"""Softmax in float64, shifted by the row's maximum so that every exponent is 0 or less.

    y_j = e^(x_j - m) / sum_k e^(x_k - m),  m = max_k x_k

The shift changes nothing but the range: it multiplies numerator and denominator by e^-m.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def softmax(x: Array) -> Array:
    """x: (N, ..., K), same shape out, each row along the last axis summing to 1."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def softmax_error(delta: Array, y: Array) -> Array:
    """delta, y: (N, ..., K) -> loss derivative at the input, same shape: y_j (delta_j - sum_k delta_k y_k)."""
    error: Array = y * (delta - (delta * y).sum(axis=-1, keepdims=True))
    return error
