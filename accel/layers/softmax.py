"""The softmax layer: vectors of scores into shares that sum to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeVar

from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import single, vector
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Softmax(Layer):
    """Softmax over a vector, (K,) -> (K,).

    rows: over every row of a tensor, along its last axis, (..., K) -> (..., K); without it only a vector is read,
        because maps that reach a softmax usually lack a Flatten.
    A loss that knows softmax (cross-entropy: delta = y - target) starts `accel.walk.backward` before this layer.
    """

    kind: ClassVar[str] = "softmax"
    rows: bool = False

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's. Raises ModelError for anything but a vector, unless by rows."""
        shape = single(self.kind, inputs)
        if not self.rows or not shape:
            vector(self.kind, shape)
        return shape

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, [...,] K), same shape out."""
        (x,) = inputs
        return ops.softmax(x)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, [...,] K), same shape out."""
        return (ops.softmax_error(delta, output),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """K = C = classes: every output depends on every input of its row; P rows."""
        *others, classes = self.output_shape(*inputs)
        length = prod(others)
        return LoopNest("softmax", "softmax", K=classes, C=classes, P=length, height=length)
