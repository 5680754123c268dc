"""The product of two activations, matrix by matrix: scores and weighted sums of attention (Vaswani et al., 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class MatMul(Layer):
    """(..., M, K) times (..., K, P) -> (..., M, P); leading axes (heads) must agree, each product is by itself.

    transposed: the second tensor comes as (..., P, K), as keys do. Nothing is a parameter: the second tensor stands
    where an array has its weights, and every input of a batch has its own.
    """

    kind: ClassVar[str] = "matmul"
    transposed: bool = False

    def output_shape(self, *inputs: Shape) -> Shape:
        """(..., M, P). Raises ModelError unless two tensors of matrices fit each other."""
        if len(inputs) != 2:
            raise ModelError(f"{self.kind} reads two inputs, not {len(inputs)}; name both factors")
        first, second = inputs
        if min(len(first), len(second)) < 2 or first[:-2] != second[:-2] or first[-1] != self._factor(second)[0]:
            asked = "(..., M, K) and (..., P, K)" if self.transposed else "(..., M, K) and (..., K, P)"
            raise ModelError(
                f"{self.kind} cannot multiply {first} by {second}; it reads {asked} with the same leading axes and the "
                "same K (transposed says how the second one lies)"
            )
        return (*first[:-1], self._factor(second)[1])

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, ..., M, K), y -> (N, ..., M, P)."""
        x, y = inputs
        return ops.matmul(x, self._laid(ops, y))

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, ..., M, P) -> the errors of both factors, as they lie."""
        x, y = inputs
        first, second = ops.matmul_error(delta, x, self._laid(ops, y))
        return (first, self._laid(ops, second)), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """G products of P rows: K = columns of the result, C = terms of each sum."""
        *matrices, length, columns = self.output_shape(*inputs)
        terms = inputs[0][-1]
        return LoopNest("array", G=prod(matrices), K=columns, C=terms, P=length, height=length, is_product=True)

    def _factor(self, second: Shape) -> tuple[int, int]:
        """Return K, P of the second factor."""
        rows, columns = second[-2:]
        return (columns, rows) if self.transposed else (rows, columns)

    def _laid(self, ops: ForwardOps[T], y: T) -> T:
        """Return y with its last two axes exchanged where they come so; its own inverse."""
        if not self.transposed:
            return y
        axes = len(y.shape) - 1
        return ops.permute(y, (*range(axes - 2), axes - 1, axes - 2))
