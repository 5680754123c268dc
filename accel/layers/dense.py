"""The fully connected layer: z = W x + b."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import positive, rows, single
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class Dense(Layer):
    """`features` weighted sums of a whole vector; (F,) -> (features,), of rows (L, F) -> (L, features) row by row.

    Raises ModelError for no features.
    """

    kind: ClassVar[str] = "dense"
    features: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self.kind, "features", self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """([L,] F) -> ([L,] features). Raises ModelError for maps."""
        shape = single(self.kind, inputs)
        rows(self.kind, shape)
        return (*shape[:-1], self.features)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """weight: (features, F) · bias: (features,)."""
        _, fan_in = rows(self.kind, single(self.kind, inputs))
        specs = {"weight": ParameterSpec((self.features, fan_in), fan_in)}
        return specs | {"bias": ParameterSpec((self.features,), 0)} if self.bias else specs

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, [L,] F) -> (N, [L,] features)."""
        (x,) = inputs
        return ops.dense(x, parameters["weight"], parameters["bias"] if self.bias else None)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, [L,] features) -> (N, [L,] F), and the gradients."""
        (x,) = inputs
        weight, bias = ops.dense_gradient(delta, x)
        gradients = {"weight": weight, "bias": bias} if self.bias else {"weight": weight}
        return (ops.dense_error(delta, parameters["weight"]),), gradients

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """K = features, C = F; one pixel per row."""
        length, fan_in = rows(self.kind, single(self.kind, inputs))
        return LoopNest("array", K=self.features, C=fan_in, P=length, height=length, has_bias=self.bias)
