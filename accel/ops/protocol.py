"""The closed list of primitives that layers are written in; each arithmetic implements all of them.

`GoldenOps` computes them in float64, `FixedOps` bit by bit. A layer never asks which one it runs on. Tensors carry the
batch axis first: vectors (N, F), rows of them (N, L, F), maps (N, C, H, W). `*_error` carries a loss derivative from
outputs to inputs (BP2), `*_gradient` from outputs to parameters (BP3, BP4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from accel.loopnest import Shape, Window


class Tensor(Protocol):
    """What every arithmetic computes on, a NumPy array or an `FxArray`: layers may only ask for its extents."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents, the batch axis first."""
        ...


T = TypeVar("T", bound=Tensor)


class ForwardOps(Protocol[T]):
    """One arithmetic, bound to one node of the network (so that formats and units of that node apply)."""

    def dense(self, x: T, weight: T, bias: T | None) -> T:
        """x: (N, [L,] F) · weight: (K, F) · bias: (K,) -> (N, [L,] K): x weight^T + bias, row by row."""
        ...

    def conv2d(self, x: T, weight: T, bias: T | None, window: Window, groups: int) -> T:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) · bias: (K,) -> (N, K, P, Q): cross-correlation."""
        ...

    def matmul(self, x: T, y: T) -> T:
        """x: (N, ..., M, K) · y: (N, ..., K, P) -> (N, ..., M, P): both are activations; matrix by matrix."""
        ...

    def pool2d(self, x: T, mode: str, window: Window) -> T:
        """x: (N, C, H, W) -> (N, C, P, Q); mode "max", "average" (padding counts as zeros) or "l2"."""
        ...

    def activate(self, x: T, function: str) -> T:
        """Apply an entry of `accel.ops.activations.ACTIVATIONS` element by element."""
        ...

    def softmax(self, x: T) -> T:
        """x: (N, ..., K), same shape out: max-shifted softmax along the last axis."""
        ...

    def layer_norm(self, x: T, weight: T, bias: T, epsilon: float) -> T:
        """x: (N, [L,] D) · weight, bias: (D,): rows to mean 0 and variance 1, then weight times them plus bias."""
        ...

    def add(self, x: T, y: T) -> T:
        """Element-wise sum of two tensors of one shape."""
        ...

    def scale(self, x: T, factor: float) -> T:
        """Multiply by a positive constant, element by element."""
        ...

    def reshape(self, x: T, shape: Shape) -> T:
        """x: (N, ...) -> (N, *shape), values untouched."""
        ...

    def permute(self, x: T, axes: Sequence[int]) -> T:
        """x: (N, ...) with the axes of an input in another order: axes[i] (the batch not counted) becomes axis i."""
        ...

    def connect(self, weight: T, table: Sequence[Sequence[bool]]) -> T:
        """weight: (K, C, R, S) with zeros wherever `table` (K x C) has no connection."""
        ...


class Ops(ForwardOps[T], Protocol[T]):
    """An arithmetic that can also carry derivatives backward."""

    def dense_error(self, delta: T, weight: T) -> T:
        """delta: (N, [L,] K) · weight: (K, F) -> (N, [L,] F)."""
        ...

    def dense_gradient(self, delta: T, x: T) -> tuple[T, T]:
        """delta: (N, [L,] K) · x: (N, [L,] F) -> weight gradient (K, F), bias gradient (K,), summed over all rows."""
        ...

    def matmul_error(self, delta: T, x: T, y: T) -> tuple[T, T]:
        """delta: (N, ..., M, P) -> errors at x (N, ..., M, K) and at y (N, ..., K, P)."""
        ...

    def conv2d_error(self, delta: T, weight: T, window: Window, groups: int, input_shape: Shape) -> T:
        """delta: (N, K, P, Q) -> (N, *input_shape)."""
        ...

    def conv2d_gradient(self, delta: T, x: T, window: Window, groups: int) -> tuple[T, T]:
        """delta: (N, K, P, Q) · x: (N, C, H, W) -> weight gradient (K, C/groups, R, S), bias gradient (K,)."""
        ...

    def pool2d_error(self, delta: T, x: T, y: T, mode: str, window: Window) -> T:
        """delta, y: (N, C, P, Q) · x: (N, C, H, W) -> (N, C, H, W); a tied maximum sends it to the first."""
        ...

    def activate_error(self, delta: T, y: T, function: str) -> T:
        """Multiply delta by the derivative, taken from the OUTPUT y as hardware does."""
        ...

    def softmax_error(self, delta: T, y: T) -> T:
        """delta, y: (N, ..., K), same shape out: y * (delta - sum_k delta_k y_k)."""
        ...

    def layer_norm_error(self, delta: T, x: T, weight: T, epsilon: float) -> T:
        """delta, x: (N, [L,] D) · weight: (D,) -> (N, [L,] D)."""
        ...

    def layer_norm_gradient(self, delta: T, x: T, epsilon: float) -> tuple[T, T]:
        """delta, x: (N, [L,] D) -> weight gradient (D,), bias gradient (D,), summed over all rows."""
        ...
