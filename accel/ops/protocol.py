"""The closed list of primitives that layers are written in; each arithmetic implements all of them.

`GoldenOps` computes them in float64, `FixedOps` bit by bit. A layer never asks which one it runs on. Tensors carry the
batch axis first: vectors (N, F), maps (N, C, H, W). `*_error` carries a loss derivative from outputs to inputs (BP2),
`*_gradient` from outputs to parameters (BP3, BP4).
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
        """x: (N, F) · weight: (K, F) · bias: (K,) -> (N, K): x weight^T + bias."""
        ...

    def conv2d(self, x: T, weight: T, bias: T | None, window: Window, groups: int) -> T:
        """x: (N, C, H, W) · weight: (K, C/groups, R, S) · bias: (K,) -> (N, K, P, Q): cross-correlation."""
        ...

    def pool2d(self, x: T, mode: str, window: Window) -> T:
        """x: (N, C, H, W) -> (N, C, P, Q); mode "max", "average" (padding counts as zeros) or "l2"."""
        ...

    def activate(self, x: T, function: str) -> T:
        """Apply an entry of `accel.ops.activations.ACTIVATIONS` element by element."""
        ...

    def softmax(self, x: T) -> T:
        """x: (N, K) -> (N, K): max-shifted softmax along the last axis."""
        ...

    def add(self, x: T, y: T) -> T:
        """Element-wise sum of two tensors of one shape."""
        ...

    def reshape(self, x: T, shape: Shape) -> T:
        """x: (N, ...) -> (N, *shape), values untouched."""
        ...

    def connect(self, weight: T, table: Sequence[Sequence[bool]]) -> T:
        """weight: (K, C, R, S) with zeros wherever `table` (K x C) has no connection."""
        ...


class Ops(ForwardOps[T], Protocol[T]):
    """An arithmetic that can also carry derivatives backward."""

    def dense_error(self, delta: T, weight: T) -> T:
        """delta: (N, K) · weight: (K, F) -> (N, F)."""
        ...

    def dense_gradient(self, delta: T, x: T) -> tuple[T, T]:
        """delta: (N, K) · x: (N, F) -> weight gradient (K, F), bias gradient (K,), summed over the batch."""
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
        """delta, y: (N, K) -> (N, K): y * (delta - sum_k delta_k y_k)."""
        ...
