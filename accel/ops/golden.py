"""`GoldenOps`: the primitives in float64, the reference that fixed point is held against.

One line each: the mathematics is in `accel.golden`, which knows none of our records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.golden import activation, conv, matmul, norm, pool, softmax
from accel.loopnest import Shape, Window

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GoldenOps:
    """The float64 arithmetic; it has no formats, so one serves every node."""

    def dense(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """x: (N, [L,] F) · weight: (K, F) -> (N, [L,] K)."""
        return matmul.dense(x, weight, bias)

    def dense_error(self, delta: Array, weight: Array) -> Array:
        """delta: (N, [L,] K) · weight: (K, F) -> (N, [L,] F)."""
        return matmul.dense_error(delta, weight)

    def dense_gradient(self, delta: Array, x: Array) -> tuple[Array, Array]:
        """delta: (N, [L,] K) · x: (N, [L,] F) -> (K, F), (K,)."""
        return matmul.dense_gradient(delta, x)

    def matmul(self, x: Array, y: Array) -> Array:
        """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P)."""
        return matmul.product(x, y)

    def matmul_error(self, delta: Array, x: Array, y: Array) -> tuple[Array, Array]:
        """delta: (N, ..., M, P) -> errors in the shapes of x and y."""
        return matmul.product_error(delta, x, y)

    def conv2d(self, x: Array, weight: Array, bias: Array | None, window: Window, groups: int) -> Array:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) -> (N, K, P, Q)."""
        return conv.conv2d(x, weight, bias, window.stride, window.padding, window.dilation, groups)

    def conv2d_error(self, delta: Array, weight: Array, window: Window, groups: int, input_shape: Shape) -> Array:
        """delta: (N, K, P, Q) -> (N, *input_shape)."""
        return conv.conv2d_error(delta, weight, window.stride, window.padding, window.dilation, groups, input_shape)

    def conv2d_gradient(self, delta: Array, x: Array, window: Window, groups: int) -> tuple[Array, Array]:
        """delta: (N, K, P, Q) · x: (N, C, H, W) -> (K, C/groups, R, S), (K,)."""
        return conv.conv2d_gradient(delta, x, window.size, window.stride, window.padding, window.dilation, groups)

    def pool2d(self, x: Array, mode: str, window: Window) -> Array:
        """x: (N, C, H, W) -> (N, C, P, Q)."""
        return pool.pool2d(x, mode, window.size, window.stride, window.padding)

    def pool2d_error(self, delta: Array, x: Array, y: Array, mode: str, window: Window) -> Array:
        """delta, y: (N, C, P, Q) · x: (N, C, H, W) -> (N, C, H, W)."""
        return pool.pool2d_error(delta, x, y, mode, window.size, window.stride, window.padding)

    def activate(self, x: Array, function: str) -> Array:
        """Apply `function` element by element."""
        return activation.activate(x, function)

    def activate_error(self, delta: Array, y: Array, function: str) -> Array:
        """Multiply delta by the derivative at the output y."""
        return activation.activate_error(delta, y, function)

    def softmax(self, x: Array) -> Array:
        """x: (N, ..., K), same shape out."""
        return softmax.softmax(x)

    def softmax_error(self, delta: Array, y: Array) -> Array:
        """delta, y: (N, ..., K), same shape out."""
        return softmax.softmax_error(delta, y)

    def layer_norm(self, x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
        """x: (N, [L,] D) · weight, bias: (D,) -> (N, [L,] D)."""
        return norm.layer_norm(x, weight, bias, epsilon)

    def layer_norm_error(self, delta: Array, x: Array, weight: Array, epsilon: float) -> Array:
        """delta, x: (N, [L,] D) · weight: (D,) -> (N, [L,] D)."""
        return norm.layer_norm_error(delta, x, weight, epsilon)

    def layer_norm_gradient(self, delta: Array, x: Array, epsilon: float) -> tuple[Array, Array]:
        """delta, x: (N, [L,] D) -> (D,), (D,)."""
        return norm.layer_norm_gradient(delta, x, epsilon)

    def add(self, x: Array, y: Array) -> Array:
        """Element-wise sum of two tensors of one shape."""
        return x + y

    def scale(self, x: Array, factor: float) -> Array:
        """Multiply by a constant."""
        return x * factor

    def reshape(self, x: Array, shape: Shape) -> Array:
        """x: (N, ...) -> (N, *shape)."""
        return x.reshape(len(x), *shape)

    def permute(self, x: Array, axes: Sequence[int]) -> Array:
        """x: (N, ...) with the axes of an input in another order."""
        return np.ascontiguousarray(x.transpose(0, *(axis + 1 for axis in axes)))

    def connect(self, weight: Array, table: Sequence[Sequence[bool]]) -> Array:
        """weight: (K, C, R, S) with zeros wherever `table` (K x C) has no connection."""
        return weight * np.asarray(table, dtype=np.float64)[:, :, None, None]


@dataclass(frozen=True)
class GoldenArithmetic:
    """Float64 for every node of a network."""

    def at(self, node: str) -> GoldenOps:
        """Return the primitives of `node`."""
        return GoldenOps()
