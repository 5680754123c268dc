"""The scale layer: every element times one constant, as the scores of attention are divided by sqrt(d)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp, isfinite
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import single
from accel.layers.nests import per_element
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Scale(Layer):
    """y = factor x; any shape. A power of two is a shift. Raises ModelError for a factor that is not positive."""

    kind: ClassVar[str] = "scale"
    factor: float

    def __post_init__(self) -> None:
        if not (isfinite(self.factor) and self.factor > 0):
            raise ModelError(f"{self.kind} by {self.factor}; use a factor above 0, its sign belongs into weights")

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's."""
        return single(self.kind, inputs)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x -> factor x."""
        (x,) = inputs
        return ops.scale(x, self.factor)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """Factor times delta."""
        return (ops.scale(delta, self.factor),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """One multiplication per element, or one "shift" where the factor is a power of two."""
        function = "shift" if frexp(self.factor)[0] == 0.5 else "scale"
        return per_element("elementwise", function, single(self.kind, inputs))
