"""Estimates of topology files, whose layers are bare loop nests: each is a network of its own, priced by the join.

So a layer costs what it costs in a network of the zoo, with one difference: a file does not say what feeds what, so
every layer reads its input from DRAM and leaves its output there, and nothing is fetched before the layer before it is
done. The latency leaves out the first fill of every layer, as each of them does; the interval has all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from accel.accelerator import Accelerator
from accel.arch.result import LayerReport, NetworkReport
from accel.errors import ConfigError, ModelError, suggestion
from accel.estimator.join import estimate
from accel.layers.base import Layer, ParameterSpec
from accel.loopnest import LoopNest, Shape
from accel.network.graph import INPUT, Network, Node
from accel.network.scalesim import Topology, TopologyRow
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


def estimate_topology(topology: Topology, machine: Accelerator, batch: int = 1) -> NetworkReport:
    """Return the cycles, bytes and bounds of every layer of a file on a machine, `batch` inputs at once.

    Raises ConfigError for all that the machine cannot do, at once.
    """
    names = {row.name for row in topology.rows}
    problems = [
        f"{machine.name} [numerics.layers.{name}]: {topology.name} has no layer '{name}'.{suggestion(name, names)}"
        for name in machine.numerics.overrides
        if name not in names
    ]
    layers: list[LayerReport] = []
    interval_cycles = 0
    known: dict[tuple[LoopNest, str], NetworkReport] = {}
    for row in topology.rows:
        key = (row.nest, row.name if row.name in machine.numerics.overrides else "")
        try:
            if key not in known:
                known[key] = estimate(_alone(topology.name, row), machine, batch)
            layers.append(replace(known[key].layers[0], name=row.name, kind=row.kind))
            interval_cycles += known[key].interval_cycles
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    alone = next(iter(known.values()))
    return replace(
        alone,
        network=topology.name,
        layers=tuple(layers),
        latency_cycles=sum(layer.cycles.total for layer in layers),
        interval_cycles=interval_cycles,
        stages=tuple((layer.name,) for layer in layers) if alone.stages else (),
    )


@dataclass(frozen=True)
class _Bare(Layer):
    """A layer of which only the loops are known."""

    kind: ClassVar[str] = "bare"
    nest: LoopNest

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) -> (K, P, Q)."""
        return (self.nest.G * self.nest.K, self.nest.P, self.nest.Q)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """None that anything could give a value."""
        return {}

    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """Raise ModelError: sizes cannot be computed with."""
        raise ModelError(_NO_VALUES)

    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """Raise ModelError: sizes cannot be computed with."""
        raise ModelError(_NO_VALUES)

    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """Return the loops as they stand in the file."""
        return self.nest


_NO_VALUES = "a topology file has sizes and no values; estimate it, or run a network of the zoo"


def _alone(topology: str, row: TopologyRow) -> Network:
    """Return the network that is only this layer."""
    name = row.name if row.name != INPUT else f"layer {row.name}"
    nest = row.nest
    shape = (nest.G * nest.C, nest.height, nest.width)
    return Network(topology, shape, (Node(name, _Bare(nest), (INPUT,)),))
