"""Layers that cut rows of features into heads and join them again (Vaswani et al., 2017, sec. 3.2.2).

Both only say in which order the same values are read: an array that reads one column of a matrix after another reads
these as well, so nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import positive, single
from accel.layers.nests import per_element
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class SplitHeads(Layer):
    """Rows (L, D) as `heads` matrices of neighbouring features: (heads, L, D / heads)."""

    kind: ClassVar[str] = "split-heads"
    heads: int

    def __post_init__(self) -> None:
        positive(self.kind, "heads", self.heads)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(L, D) -> (heads, L, D / heads). Raises ModelError for other axes and for D that heads do not divide."""
        shape = single(self.kind, inputs)
        if len(shape) != 2:
            raise ModelError(f"{self.kind} reads rows (L, D), not {shape}; give one row of features per position")
        length, features = shape
        if features % self.heads:
            raise ModelError(f"{self.kind}: {features} features cannot be cut into {self.heads} equal heads")
        return (self.heads, length, features // self.heads)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, L, D) -> (N, heads, L, D / heads)."""
        (x,) = inputs
        return split(ops, x, self.heads)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, heads, L, D / heads) -> (N, L, D)."""
        return (merge(ops, delta),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """Engine "none"."""
        return per_element("none", "", self.output_shape(*inputs))


@dataclass(frozen=True)
class MergeHeads(Layer):
    """Heads side by side again: (heads, L, d) -> (L, heads d)."""

    kind: ClassVar[str] = "merge-heads"

    def output_shape(self, *inputs: Shape) -> Shape:
        """(heads, L, d) -> (L, heads d). Raises ModelError for other axes."""
        shape = single(self.kind, inputs)
        if len(shape) != 3:
            raise ModelError(f"{self.kind} reads heads (heads, L, d), not {shape}; put a SplitHeads before it")
        heads, length, features = shape
        return (length, heads * features)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, heads, L, d) -> (N, L, heads d)."""
        (x,) = inputs
        return merge(ops, x)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, L, heads d) -> (N, heads, L, d)."""
        (x,) = inputs
        return (split(ops, delta, x.shape[1]),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """Engine "none"."""
        return per_element("none", "", self.output_shape(*inputs))


def split(ops: ForwardOps[T], x: T, heads: int) -> T:
    """x: (N, L, heads d) -> (N, heads, L, d)."""
    _, length, features = x.shape
    return ops.permute(ops.reshape(x, (length, heads, features // heads)), (1, 0, 2))


def merge(ops: ForwardOps[T], x: T) -> T:
    """x: (N, heads, L, d) -> (N, L, heads d)."""
    _, heads, length, features = x.shape
    return ops.reshape(ops.permute(x, (1, 0, 2)), (length, heads * features))
