"""The softmax layer: a vector of scores into shares that sum to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import single, vector
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Softmax(Layer):
    """Softmax over a vector, (K,) -> (K,).

    A loss that knows softmax (cross-entropy: delta = y - target) starts `accel.walk.backward` before this layer.
    """

    kind: ClassVar[str] = "softmax"

    def output_shape(self, *inputs: Shape) -> Shape:
        """(K,) -> (K,). Raises ModelError for maps."""
        return (vector(self.kind, single(self.kind, inputs)),)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, K) -> (N, K)."""
        (x,) = inputs
        return ops.softmax(x)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, K) -> (N, K)."""
        return (ops.softmax_error(delta, output),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """K = C = classes: every output depends on every input."""
        classes = vector(self.kind, single(self.kind, inputs))
        return LoopNest("softmax", "softmax", K=classes, C=classes)
