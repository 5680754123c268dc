"""The activation layer: one function of `ACTIVATIONS`, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from accel.errors import ModelError, suggestion
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import single
from accel.layers.nests import per_element
from accel.loopnest import LoopNest, Shape
from accel.ops.activations import ACTIVATIONS
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Activation(Layer):
    """y = function(x); any shape. Raises ModelError for a function that is not in `ACTIVATIONS`."""

    kind: ClassVar[str] = "activation"
    function: str

    def __post_init__(self) -> None:
        if self.function not in ACTIVATIONS:
            hint = suggestion(self.function, ACTIVATIONS)
            raise ModelError(f"{self.kind}: '{self.function}' is not an activation function.{hint}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's."""
        return single(self.kind, inputs)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x -> function(x)."""
        (x,) = inputs
        return ops.activate(x, self.function)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta times the derivative, which needs the output only."""
        return (ops.activate_error(delta, output, self.function),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """One call of the unit per element."""
        return per_element("activation", self.function, single(self.kind, inputs))
