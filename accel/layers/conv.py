"""The convolution layer, with groups and with connection tables (LeCun et al., Proc. IEEE 1998, Table I)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeVar

from accel.errors import ModelError
from accel.layers.base import Layer, ParameterSpec
from accel.layers.checks import maps, positions, positive, single, window
from accel.loopnest import LoopNest, Pair, Shape, Window
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)

Table = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Conv2d(Layer):
    """`filters` kernels slid over maps, each giving one map; (C, H, W) -> (filters, P, Q).

    size, stride, padding, dilation: one number, or rows and columns.
    groups: filters and channels are cut into that many parts that do not see each other (groups = C: depthwise).
    connections: filters x C, False where a filter does not read a channel; its weights there count as zero, forward,
        backward and in the gradient, whatever their values are.
    Raises ModelError for numbers that no window or group can have.
    """

    kind: ClassVar[str] = "conv2d"
    filters: int
    size: int | Pair
    stride: int | Pair = 1
    padding: int | Pair = 0
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = True
    connections: Table | None = None

    def __post_init__(self) -> None:
        positive(self.kind, "filters", self.filters)
        positive(self.kind, "groups", self.groups)
        _ = self.window  # checked where it is written
        if self.filters % self.groups:
            raise ModelError(_indivisible("filters", self.filters, self.groups))
        if self.connections is not None:
            self._check_table(self.connections)

    @cached_property
    def window(self) -> Window:
        """The window that slides."""
        return window(self.kind, self.size, self.stride, self.padding, self.dilation)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) -> (filters, P, Q). Raises ModelError when the window or the groups do not fit."""
        channels, height, width = maps(self.kind, single(self.kind, inputs))
        if channels % self.groups:
            raise ModelError(_indivisible("channels", channels, self.groups))
        if self.connections is not None and len(self.connections[0]) != channels:
            raise ModelError(
                f"{self.kind}: the connection table has {len(self.connections[0])} columns for {channels} "
                "input channels; give it one column per channel"
            )
        return (self.filters, *positions(self.kind, self.window, height, width))

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """weight: (filters, C/groups, R, S) · bias: (filters,).

        With a connection table, the filter that reads most sets the fan-in.
        """
        channels, _, _ = maps(self.kind, single(self.kind, inputs))
        depth = channels // self.groups
        read = max(map(sum, self.connections)) if self.connections is not None else depth
        R, S = self.window.size
        specs = {"weight": ParameterSpec((self.filters, depth, R, S), read * R * S)}
        return specs | {"bias": ParameterSpec((self.filters,), 0)} if self.bias else specs

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """x: (N, C, H, W) -> (N, filters, P, Q)."""
        (x,) = inputs
        weight = self._connected(ops, parameters["weight"])
        return ops.conv2d(x, weight, parameters["bias"] if self.bias else None, self.window, self.groups)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """delta: (N, filters, P, Q) -> (N, C, H, W), and the gradients."""
        (x,) = inputs
        weight, bias = ops.conv2d_gradient(delta, x, self.window, self.groups)
        gradients = {"weight": self._connected(ops, weight)}
        if self.bias:
            gradients["bias"] = bias
        connected = self._connected(ops, parameters["weight"])
        return (ops.conv2d_error(delta, connected, self.window, self.groups, x.shape[1:]),), gradients

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """K and C count one group. A connection table does not thin the nest: an array multiplies the zeros too."""
        channels, height, width = maps(self.kind, single(self.kind, inputs))
        _, P, Q = self.output_shape(*inputs)
        R, S = self.window.size
        return LoopNest(
            "array",
            G=self.groups,
            K=self.filters // self.groups,
            C=channels // self.groups,
            P=P,
            Q=Q,
            R=R,
            S=S,
            height=height,
            width=width,
            stride=self.window.stride,
            padding=self.window.padding,
            dilation=self.window.dilation,
            has_bias=self.bias,
        )

    def _connected(self, ops: ForwardOps[T], weight: T) -> T:
        return weight if self.connections is None else ops.connect(weight, self.connections)

    def _check_table(self, table: Table) -> None:
        if self.groups != 1:
            raise ModelError(f"{self.kind}: a connection table and {self.groups} groups exclude each other; drop one")
        if len(table) != self.filters or len(set(map(len, table))) != 1:
            raise ModelError(
                f"{self.kind}: the connection table has {len(table)} rows of {sorted(set(map(len, table)))} columns "
                f"for {self.filters} filters; give it one row per filter and one column per channel"
            )
        unread = [k for k, row in enumerate(table) if not any(row)]
        if unread:
            raise ModelError(f"{self.kind}: filters {unread} are connected to no channel; connect or remove them")


def _indivisible(name: str, count: int, groups: int) -> str:
    return f"{Conv2d.kind}: {count} {name} cannot be cut into {groups} equal groups; use groups that divide {count}"
