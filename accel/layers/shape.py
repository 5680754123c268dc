"""Layers that join or reshape tensors and hold no parameters: Flatten, Add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import single
from accel.layers.nests import per_element
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Flatten(Layer):
    """Maps read as one vector, channel by channel and row by row: (C, H, W) -> (C H W,); moves nothing."""

    kind: ClassVar[str] = "flatten"

    def output_shape(self, *inputs: Shape) -> Shape:
        """Any shape -> one axis."""
        return (prod(single(self.kind, inputs)),)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, ...) -> (N, F)."""
        (x,) = inputs
        return ops.reshape(x, (prod(x.shape[1:]),))

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, F) -> (N, ...)."""
        (x,) = inputs
        return (ops.reshape(delta, x.shape[1:]),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """Engine "none"."""
        return per_element("none", "", single(self.kind, inputs))


@dataclass(frozen=True)
class Add(Layer):
    """The sum of two tensors of one shape, where branches of a network meet."""

    kind: ClassVar[str] = "add"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The common shape. Raises ModelError unless there are two inputs of one shape."""
        if len(inputs) != 2:
            raise ModelError(f"{self.kind} reads two inputs, not {len(inputs)}; chain several Adds for more")
        first, second = inputs
        if first != second:
            raise ModelError(f"{self.kind} cannot sum {first} and {second}; make both branches the same shape")
        return first

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x, y -> x + y."""
        x, y = inputs
        return ops.add(x, y)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """Both branches get delta as it is."""
        return (delta, delta), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """One addition per element, two tensors read."""
        return per_element("elementwise", "add", self.output_shape(*inputs), operands=2)
