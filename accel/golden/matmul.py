"""The dense layer in float64: z = x W^T + b, and the three products that train it.

Nielsen, "Neural Networks and Deep Learning", 2015, ch. 2: BP2 (error), BP3 (bias), BP4 (weight), for a whole batch at
once. The error here is W^T delta alone: the factor sigma'(z) belongs to the activation, which is a layer of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dense(x: Array, weight: Array, bias: Array | None) -> Array:
    """x: (N, F) · weight: (K, F) · bias: (K,) -> (N, K)."""
    z: Array = x @ weight.T
    return z if bias is None else z + bias


def dense_error(delta: Array, weight: Array) -> Array:
    """delta: (N, K) · weight: (K, F) -> loss derivative at the input, (N, F)."""
    error: Array = delta @ weight
    return error


def dense_gradient(delta: Array, x: Array) -> tuple[Array, Array]:
    """delta: (N, K) · x: (N, F) -> weight gradient (K, F), bias gradient (K,), summed over the batch."""
    return delta.T @ x, delta.sum(axis=0)
