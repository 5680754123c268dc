"""Pooling: one number for every window of a map, channel by channel. The definitions are in `accel.golden.pool`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeVar

from accel.errors import ModelError, suggestion
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import maps, positions, single, window
from accel.loopnest import LoopNest, Pair, Shape, Window
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)

MODES = ("max", "average", "l2")


@dataclass(frozen=True)
class Pool2d(Layer):
    """One number per window, each map for itself; (C, H, W) -> (C, P, Q).

    mode: "max", "average" (padding counts as zeros) or "l2" (root of the sum of squares).
    size, stride, padding: one number, or rows and columns; without a stride the windows stand side by side.
    Raises ModelError for an unknown mode, and for a padding as large as the window, which could then see no input.
    """

    kind: ClassVar[str] = "pool2d"
    mode: str
    size: int | Pair
    stride: int | Pair | None = None
    padding: int | Pair = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ModelError(f"{self.kind}: '{self.mode}' is not a kind of pooling.{suggestion(self.mode, MODES)}")
        if any(pad >= extent for pad, extent in zip(self.window.padding, self.window.size, strict=True)):
            (R, S), (rows, columns) = self.window.size, self.window.padding
            raise ModelError(f"{self.kind}: padding {rows}x{columns} must be smaller than the window {R}x{S}")

    @cached_property
    def window(self) -> Window:
        """The window that slides."""
        return window(self.kind, self.size, self.size if self.stride is None else self.stride, self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) -> (C, P, Q); rows and columns that no whole window reaches are left out."""
        channels, height, width = maps(self.kind, single(self.kind, inputs))
        return (channels, *positions(self.kind, self.window, height, width))

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, C, H, W) -> (N, C, P, Q)."""
        (x,) = inputs
        return ops.pool2d(x, self.mode, self.window)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, C, P, Q) -> (N, C, H, W)."""
        (x,) = inputs
        return (ops.pool2d_error(delta, x, output, self.mode, self.window),), {}

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """G = C channels, each with windows of R x S."""
        channels, height, width = maps(self.kind, single(self.kind, inputs))
        _, P, Q = self.output_shape(*inputs)
        R, S = self.window.size
        return LoopNest(
            "pooling",
            self.mode,
            G=channels,
            P=P,
            Q=Q,
            R=R,
            S=S,
            height=height,
            width=width,
            stride=self.window.stride,
            padding=self.window.padding,
        )
