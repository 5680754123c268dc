"""A network laid out on a machine: where tensors live, which units stream behind which layer, and what each costs.

A chain is a layer with the units that stream behind it; it has the array, or its unit, to itself. Layers that only
change a shape are in no chain. A plan knows no time: what a chain waits for is found by walking over it
(`accel.estimator.walk`). The same network on the same machine is laid out once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from accel.accelerator import Accelerator
from accel.arch.area import Area
from accel.arch.cost import Results
from accel.arch.memory import packed_bytes
from accel.arch.result import Cycles, LayerReport
from accel.errors import ConfigError
from accel.estimator.energy import area_of, energy_of
from accel.estimator.placement import Placement, place
from accel.estimator.pricing import Machine, Price, Prices, Site, buffers_of, prices
from accel.estimator.traffic import Widths, unit_sram
from accel.formats import node_formats
from accel.loopnest import LoopNest
from accel.network.graph import INPUT, Network, Node

T = TypeVar("T")

PLANS_REMEMBERED = 64


@dataclass(frozen=True, eq=False)
class Chain:
    """A layer and the units behind it.

    report: the layer's, as if it never waited. followers: those of the units, which wait for nothing but the layer.
    waits: it reads what an earlier layer wrote to DRAM, so that cannot be fetched ahead.
    """

    price: Price
    report: LayerReport
    followers: tuple[LayerReport, ...]
    waits: bool

    @cached_property
    def follower_cycles(self) -> int:
        """Cycles that the followers add."""
        return sum(follower.cycles.total for follower in self.followers)

    @property
    def compute_cycles(self) -> int:
        """Cycles of all of it without waiting."""
        return self.report.cycles.compute + self.follower_cycles

    @property
    def needed_bytes_per_cycle(self) -> float | None:
        """What crosses the channel in the time in which it works; None if nothing does."""
        bits = self.price.channel_bits
        return bits / (8 * max(1, self.compute_cycles)) if bits else None


@dataclass(frozen=True, eq=False)
class Plan:
    """All chains of a network in order, the reports of what is in no chain, and the prices behind them."""

    network: Network
    batch: int
    chains: tuple[Chain, ...]
    unmoved: Mapping[str, LayerReport]
    prices: Prices


def plan(
    network: Network, machine: Accelerator, batch: int, cores: int = 1, held: frozenset[str] = frozenset()
) -> Plan:
    """Lay a network out for `cores` cores on every layer. held: layers whose weights stay on the chip between inputs.

    Raises ConfigError naming every node that cannot be priced or does not fit.
    """
    return _plan(_Same(network), _Same(machine), batch, cores, held)


def area(machine: Accelerator, cores: int) -> Area | None:
    """Return the area of a machine of so many cores, worked out once; None if it names no technology."""
    return _area(_Same(machine), cores)


class _Same:
    """A key that is equal to itself and to no equal value: neither hashing nor comparing looks inside."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


@lru_cache(maxsize=PLANS_REMEMBERED)
def _plan(network: _Same, machine: _Same, batch: int, cores: int, held: frozenset[str]) -> Plan:
    return _Layout(network.value, machine.value, batch, cores, held).plan()


@lru_cache(maxsize=PLANS_REMEMBERED)
def _area(machine: _Same, cores: int) -> Area | None:
    return area_of(machine.value, cores)


class _Layout:
    """What is known of a network on a machine while it is laid out, by node."""

    def __init__(self, network: Network, machine: Accelerator, batch: int, cores: int, held: frozenset[str]) -> None:
        self.network, self.machine, self.batch, self.held = network, machine, batch, held
        self.memory = machine.architecture.memory
        self.nests = {node.name: nest.batched(batch) for node, nest in network.loop_nests()}
        self.formats = node_formats(network, machine.numerics)
        self.prices = prices(Machine.of(machine.architecture, cores))
        self.moving = [node for node in network.nodes if self.nests[node.name].engine != "none"]
        self.widths = {node.name: self._widths(node) for node in self.moving}

    def plan(self) -> Plan:
        """Return the plan."""
        self._each(self.moving, self._refuse_unknown)
        placement = place(self.network, self.nests, self.formats, self.memory, self.batch, self._least_bytes)
        members: dict[str, list[Node]] = {}
        for node in self.moving:
            members.setdefault(placement.head(node.name), []).append(node)
        heads = [node for node in self.moving if node.name in members]
        chains = self._each(heads, lambda node: self._chain(members[node.name], placement))
        still = [node for node in self.network.nodes if node.name not in self.widths]
        unmoved = {node.name: self._with_energy(node, _unmoved(node)) for node in still}
        return Plan(self.network, self.batch, tuple(chains), unmoved, self.prices)

    def _each(self, nodes: list[Node], function: Callable[[Node], T]) -> list[T]:
        """Return `function(node)` for every node. Raises ConfigError with the problems of all of them, by name."""
        found: list[T] = []
        problems: list[str] = []
        for node in nodes:
            try:
                found.append(function(node))
            except ConfigError as error:
                problems.extend(f"{self.network.name}: {node.name}: {problem}" for problem in error.problems)
        if problems:
            raise ConfigError(problems)
        return found

    def _refuse_unknown(self, node: Node) -> None:
        nest = self.nests[node.name]
        if nest.engine == "array":
            self.prices.schedules(nest)
        else:
            self.prices.work(nest, self.formats[node.inputs[0]], self.formats[node.name])

    def _least_bytes(self, node: str, buffer: str) -> int:
        return self.prices.least_bytes(self.nests[node], self.widths[node])[buffer]

    def _widths(self, node: Node) -> Widths:
        nest, bits = self.nests[node.name], self.machine.numerics.at(node.name)
        sources = tuple(self.formats[source].width for source in dict.fromkeys(node.inputs))
        return Widths(
            input=sources[0] if nest.engine == "array" else sum(sources),
            weight=self.formats[node.inputs[-1]].width if nest.is_product else bits.weight.format.width,
            bias=bits.bias.format.width,
            partial_sum=bits.accumulator.width,
            output=self.formats[node.name].width,
        )

    def _site(self, members: list[Node], placement: Placement) -> Site:
        """Return how the head of a chain finds its inputs and leaves the chain's outputs."""
        name, nest = members[0].name, self.nests[members[0].name]
        reads, off_chip, sizes = placement.reads[name], placement.off_chip, placement.sizes
        near_bytes = placement.waiting.get(name, 0) + sum(sizes[source] for source in reads if source not in off_chip)
        streamed = reads[:1] if nest.engine == "array" else reads
        stored = [each.name for each in members if each.name not in placement.unstored]
        written = [each for each in stored if each in off_chip]
        return Site(
            widths=self.widths[name],
            fetched_width=sum(self.formats[source].width for source in streamed if source in off_chip),
            fetches_weights=reads[-1] in off_chip if nest.is_product else name not in self.held,
            is_stored=name in stored,
            is_written=name in written,
            stored_bits=sum(self.nests[each].outputs * self.widths[each].output for each in written),
            input_room=self.memory.input_bytes - near_bytes,
            output_room=self.memory.output_bytes - sum(sizes[each] for each in stored if each not in written),
            held_bytes=near_bytes,
        )

    def _chain(self, members: list[Node], placement: Placement) -> Chain:
        node, *units = members
        nest, site = self.nests[node.name], self._site(members, placement)
        if nest.engine == "array":
            price = self.prices.array(nest, site)
        else:
            price = self.prices.unit(nest, self.formats[node.inputs[0]], self.formats[node.name], site)
        report = LayerReport(
            name=node.name,
            kind=node.layer.kind,
            engine=nest.engine,
            macs=nest.macs,
            cycles=price.step.cycles,
            hidden_cycles=0,
            prefetch_cycles=price.prefetch_cycles,
            folds=price.folds,
            utilization=0.0,
            mapping_efficiency=price.mapping_efficiency,
            byte_counts=price.byte_counts,
            bound="none",
            tiling=price.tiling,
            busy=price.busy,
            buffers=buffers_of(price, self.memory),
        )
        followers = []
        results = price.step.results
        for unit in units:
            follower, results = self._follower(unit, results, placement)
            followers.append(follower)
        waits = any(source in placement.off_chip and source != INPUT for source in placement.reads[node.name])
        return Chain(price, self._with_energy(node, report), tuple(followers), waits)

    def _follower(self, node: Node, results: Results, placement: Placement) -> tuple[LayerReport, Results]:
        """Return the report of a unit behind the results of a layer, and how its own leave."""
        nest, name = self.nests[node.name], node.name
        work = self.prices.work(nest, self.formats[node.inputs[0]], self.formats[name])
        step = work.behind(results)
        output_bytes = packed_bytes(nest.outputs, self.widths[name].output)
        report = LayerReport(
            name=name,
            kind=node.layer.kind,
            engine=nest.engine,
            macs=0,
            cycles=step.cycles,
            hidden_cycles=step.hidden_cycles,
            prefetch_cycles=0,
            folds=0,
            utilization=0.0,
            mapping_efficiency=0.0,
            byte_counts={
                "dram": {"output": output_bytes} if name in placement.off_chip else {},
                "sram": unit_sram(nest, work, self.widths[name], True, name not in placement.unstored),
            },
            bound="unit",
        )
        return self._with_energy(node, report), step.results

    def _with_energy(self, node: Node, report: LayerReport) -> LayerReport:
        """Return the report with its energy, if the machine names a technology to estimate it with."""
        if self.machine.architecture.technology is None:
            return report
        nest: LoopNest = self.nests[node.name]
        parts = self.prices.parts(nest) if nest.engine == "array" else ()
        inputs = [self.formats[source] for source in node.inputs]
        energy = energy_of(report, self.machine, nest, inputs, self.formats[node.name], parts)
        return replace(report, energy=energy)


def _unmoved(node: Node) -> LayerReport:
    """Report a change of shape: the codes stay where they are, only their addresses are read differently."""
    return LayerReport(
        name=node.name,
        kind=node.layer.kind,
        engine="none",
        macs=0,
        cycles=Cycles(0, 0, 0, 0),
        hidden_cycles=0,
        prefetch_cycles=0,
        folds=0,
        utilization=0.0,
        mapping_efficiency=0.0,
        byte_counts={"dram": {}, "sram": {}},
        bound="none",
    )
