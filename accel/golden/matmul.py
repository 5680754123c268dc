"""The dense layer in float64, z = x W^T + b, and the three products that train it; the product of two activations.

Nielsen, "Neural Networks and Deep Learning", 2015, ch. 2: BP2 (error), BP3 (bias), BP4 (weight), for a whole batch at
once. The error here is W^T delta alone: the factor sigma'(z) belongs to the activation, which is a layer of its own.
An input may hold several rows, (N, L, F), each a vector by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dense(x: Array, weight: Array, bias: Array | None) -> Array:
    """x: (N, [L,] F) · weight: (K, F) · bias: (K,) -> (N, [L,] K)."""
    z: Array = x @ weight.T
    return z if bias is None else z + bias


def dense_error(delta: Array, weight: Array) -> Array:
    """delta: (N, [L,] K) · weight: (K, F) -> loss derivative at the input, (N, [L,] F)."""
    error: Array = delta @ weight
    return error


def dense_gradient(delta: Array, x: Array) -> tuple[Array, Array]:
    """delta: (N, [L,] K) · x: (N, [L,] F) -> weight gradient (K, F), bias gradient (K,), summed over batch and rows."""
    rows, inputs = delta.reshape(-1, delta.shape[-1]), x.reshape(-1, x.shape[-1])
    return rows.T @ inputs, rows.sum(axis=0)


def product(x: Array, y: Array) -> Array:
    """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P), matrix by matrix."""
    z: Array = x @ y
    return z


def product_error(delta: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """delta: (N, ..., M, P) -> loss derivatives at x and y, in their shapes: delta y^T and x^T delta."""
    return delta @ y.swapaxes(-1, -2), x.swapaxes(-1, -2) @ delta
