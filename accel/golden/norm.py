"""Layer normalisation in float64: every row brought to mean 0 and variance 1, then scaled and shifted by feature.

    n = (x - mean) / sqrt(variance + epsilon),  y = weight n + bias

Ba, Kiros, Hinton, "Layer Normalization", 2016, eq. 4; epsilon, which the paper lacks, keeps constant rows finite. The
variance is that of the row itself (divided by D, not by D - 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """x: (N, [L,] D) · weight, bias: (D,) -> (N, [L,] D)."""
    normal, _ = _normal(x, epsilon)
    return weight * normal + bias


def layer_norm_error(delta: Array, x: Array, weight: Array, epsilon: float) -> Array:
    """delta, x: (N, [L,] D) · weight: (D,) -> loss derivative at the input, (N, [L,] D).

    With e = weight delta it is (e - mean(e) - n mean(e n)) / sqrt(variance + epsilon): a row's error keeps neither a
    mean nor a part along n.
    """
    normal, deviation = _normal(x, epsilon)
    error = weight * delta
    along = (error * normal).mean(axis=-1, keepdims=True)
    below: Array = (error - error.mean(axis=-1, keepdims=True) - normal * along) / deviation
    return below


def layer_norm_gradient(delta: Array, x: Array, epsilon: float) -> tuple[Array, Array]:
    """delta, x: (N, [L,] D) -> weight gradient (D,), bias gradient (D,), summed over batch and rows."""
    normal, _ = _normal(x, epsilon)
    rows = tuple(range(delta.ndim - 1))
    return (delta * normal).sum(axis=rows), delta.sum(axis=rows)


def _normal(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Return the normalised rows and what they were divided by, (N, [L,] 1)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + epsilon)
    return centred / deviation, deviation
