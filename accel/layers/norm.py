"""Layer normalisation (Ba, Kiros, Hinton, "Layer Normalization", 2016, eq. 4): rows to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import rows, single
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """y = weight (x - mean) / sqrt(variance + epsilon) + bias over the features of every row; ([L,] D), same shape out.

    Raises ModelError for an epsilon that is not positive: a constant row would have no result.
    """

    kind: ClassVar[str] = "layer-norm"
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if not (isfinite(self.epsilon) and self.epsilon > 0):
            raise ModelError(f"{self.kind} with epsilon = {self.epsilon}; use a small number above 0, for example 1e-5")

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's. Raises ModelError for maps."""
        shape = single(self.kind, inputs)
        rows(self.kind, shape)
        return shape

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """weight: (D,), starting at one · bias: (D,)."""
        _, features = rows(self.kind, single(self.kind, inputs))
        return {"weight": ParameterSpec((features,), 0, 1.0), "bias": ParameterSpec((features,), 0)}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, [L,] D), same shape out."""
        (x,) = inputs
        return ops.layer_norm(x, parameters["weight"], parameters["bias"], self.epsilon)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, [L,] D), same shape back, and the gradients."""
        (x,) = inputs
        weight, bias = ops.layer_norm_gradient(delta, x, self.epsilon)
        error = ops.layer_norm_error(delta, x, parameters["weight"], self.epsilon)
        return (error,), {"weight": weight, "bias": bias}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """K = C = D: every output depends on every input of its row; P rows."""
        length, features = rows(self.kind, single(self.kind, inputs))
        return LoopNest("normalisation", "layer", K=features, C=features, P=length, height=length, has_bias=True)
