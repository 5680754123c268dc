"""`GoldenOps`: the primitives in float64, the reference that fixed point is held against.

One line each: the mathematics is in `accel.golden`, which knows none of our records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.golden import activation, conv, matmul, pool, softmax
from accel.loopnest import Shape, Window

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GoldenOps:
    """The float64 arithmetic; it has no formats, so one serves every node."""

    def dense(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """x: (N, F) · weight: (K, F) -> (N, K)."""
        return matmul.dense(x, weight, bias)

    def dense_error(self, delta: Array, weight: Array) -> Array:
        """delta: (N, K) · weight: (K, F) -> (N, F)."""
        return matmul.dense_error(delta, weight)

    def dense_gradient(self, delta: Array, x: Array) -> tuple[Array, Array]:
        """delta: (N, K) · x: (N, F) -> (K, F), (K,)."""
        return matmul.dense_gradient(delta, x)

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
        """x: (N, K) -> (N, K)."""
        return softmax.softmax(x)

    def softmax_error(self, delta: Array, y: Array) -> Array:
        """delta, y: (N, K) -> (N, K)."""
        return softmax.softmax_error(delta, y)

    def add(self, x: Array, y: Array) -> Array:
        """Element-wise sum of two tensors of one shape."""
        return x + y

    def reshape(self, x: Array, shape: Shape) -> Array:
        """x: (N, ...) -> (N, *shape)."""
        return x.reshape(len(x), *shape)

    def connect(self, weight: Array, table: Sequence[Sequence[bool]]) -> Array:
        """weight: (K, C, R, S) with zeros wherever `table` (K x C) has no connection."""
        return weight * np.asarray(table, dtype=np.float64)[:, :, None, None]


@dataclass(frozen=True)
class GoldenArithmetic:
    """Float64 for every node of a network."""

    def at(self, node: str) -> GoldenOps:
        """Return the primitives of `node`."""
        return GoldenOps()
