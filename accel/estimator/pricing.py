"""What one layer asks of time and memory, wherever it stands in a network; equal layers are priced once.

A price knows no state: the walk over a network (`accel.estimator.walk`) decides what the layer waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from accel.arch import dataflows
from accel.arch.cores import Shares, shares
from accel.arch.cost import Step, UnitWork, array_step
from accel.arch.demand import Demand, grain_of
from accel.arch.hardware import Architecture, Array, Memory, UnitChoice
from accel.arch.mapping import Schedule
from accel.arch.program import Fill, LayerProgram, layer_program, stream_program
from accel.arch.result import Busy, Held
from accel.arch.tiling import choose, most_steps
from accel.arch.transfer import Channel
from accel.errors import ConfigError
from accel.estimator.traffic import Widths, array_dram, array_sram, unit_sram
from accel.estimator.units import unit_work
from accel.loopnest import LoopNest
from accel.numeric.format import QFormat

MACHINES_REMEMBERED = 64
"""A sweep over machines forgets the first ones."""


class Site(NamedTuple):
    """How a layer is placed: widths, what comes from DRAM, where its output goes, and the room that it finds.

    fetched_width: bits of an input element that come from DRAM (less than widths.input where one of two tensors does).
    is_stored: its output is kept in a memory; is_written: in DRAM. stored_bits: all that its chain (the units that
    stream behind it included) leaves in DRAM. input_room, output_room: bytes of the buffers that no tensor takes.
    held_bytes: of the tensors on the chip that it reads.
    """

    widths: Widths
    fetched_width: int
    fetches_weights: bool
    is_stored: bool
    is_written: bool
    stored_bits: int
    input_room: int
    output_room: int
    held_bytes: int


@dataclass(frozen=True, eq=False)
class Price:
    """A layer that does not stream behind another.

    work: its cycles without waiting, by name of bound. program: what it does on the channel; transfers: cycles of that
    by operand, without the first fill, and first_transfers: of the first fill. weight_bits, input_bits: what it holds
    in the buffers while it works, output_bits: likewise, of sums and outputs; last_weight_bits, last_input_bits: what
    it still holds in its last step.
    parameter_bits: weights and biases of the whole layer, if they are its own. channel_bits: all that crosses the
    channel for it, first fill included.
    """

    step: Step
    work: Mapping[str, int]
    program: LayerProgram
    transfers: Mapping[str, int]
    first_transfers: Mapping[str, int]
    prefetch_cycles: int
    byte_counts: Mapping[str, Mapping[str, int]]
    weight_bits: int
    input_bits: int
    output_bits: int
    last_weight_bits: int
    last_input_bits: int
    parameter_bits: int
    channel_bits: int
    busy: Busy | None = None
    folds: int = 0
    mapping_efficiency: float = 0.0
    tiling: Mapping[str, Any] | None = None


def buffers_of(price: Price, memory: Memory) -> dict[str, Held]:
    """Return what a layer holds in every buffer at most; what is fetched ahead for the next one is not in it."""
    bits = {"input": price.input_bits, "weight": price.weight_bits, "output": price.output_bits}
    rooms = {"input": memory.input_bytes, "weight": memory.weight_bytes, "output": memory.output_bytes}
    return {buffer: Held(-(-number // 8), rooms[buffer]) for buffer, number in bits.items()}


class Machine(NamedTuple):
    """The part of an architecture that prices depend on; cores: how many work on one layer."""

    array: Array
    units: tuple[tuple[str, UnitChoice], ...]
    memory: Memory
    cores: int
    partition: str

    @classmethod
    def of(cls, architecture: Architecture, cores: int) -> Machine:
        """Return it for `cores` cores on one layer."""
        units = tuple(sorted(architecture.units.items(), key=lambda unit: unit[0]))
        return cls(architecture.array, units, architecture.memory, cores, architecture.cores.partition)


class Prices:
    """The prices on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.memory = machine.memory
        self.channel = Channel.of(machine.memory)
        self._units = dict(machine.units)
        self._schedules: dict[LoopNest, tuple[tuple[int, Schedule], ...]] = {}
        self._works: dict[tuple[LoopNest, QFormat, QFormat], UnitWork] = {}
        self._least: dict[tuple[LoopNest, Widths], Mapping[str, int]] = {}
        self._arrays: dict[tuple[LoopNest, Site], Price] = {}
        self._alone: dict[tuple[LoopNest, QFormat, QFormat, Site], Price] = {}

    def schedules(self, nest: LoopNest) -> tuple[tuple[int, Schedule], ...]:
        """Return the schedules of the shares of a layer with how many cores have each, the largest first."""
        if nest not in self._schedules:
            parts = self._shares(nest).parts
            self._schedules[nest] = tuple(
                (count, dataflows.schedule(part, self.machine.array)) for count, part in parts
            )
        return self._schedules[nest]

    def parts(self, nest: LoopNest) -> tuple[tuple[int, LoopNest, Schedule], ...]:
        """Return the shares of a layer with how many cores have each and its schedule, the largest first."""
        cut = zip(self._shares(nest).parts, self.schedules(nest), strict=True)
        return tuple((count, part, schedule) for (count, part), (_, schedule) in cut)

    def work(self, nest: LoopNest, source: QFormat, target: QFormat) -> UnitWork:
        """Return the work of the largest share of a unit's layer. Raises ConfigError as `unit_work` does."""
        key = nest, source, target
        if key not in self._works:
            self._works[key] = unit_work(self._shares(nest).largest, self._units, source, target)
        return self._works[key]

    def demand(self, nest: LoopNest, site: Site) -> Demand:
        """Return what the largest share of an array layer asks of the memories while the other cores do the same."""
        cut = self._shares(nest)
        schedule = self.schedules(nest)[0][1]
        widths = site.widths
        return Demand(
            nest=cut.largest,
            grain=grain_of(schedule, cut.largest),
            input_bits=site.fetched_width * cut.times("input"),
            weight_bits=widths.weight * cut.times("weight") * site.fetches_weights,
            bias_bits=widths.bias * cut.times("weight") * (site.fetches_weights and nest.has_bias),
            sum_bits=widths.partial_sum * cut.times("output"),
            stored_bits=site.stored_bits,
            has_loose_sums="partial_sum" in schedule.sram_writes,
            input_room=site.input_room,
            weight_room=self.memory.weight_bytes,
            output_room=site.output_room,
            most_steps=most_steps(schedule.compute_cycles, self.memory),
        )

    def least_bytes(self, nest: LoopNest, widths: Widths) -> Mapping[str, int]:
        """Return the bytes that the smallest tile takes of the buffers if it comes from DRAM and its output stays."""
        key = nest, widths
        if key not in self._least:
            if nest.engine == "array":
                site = Site(widths, widths.input, True, True, False, 0, 0, 0, 0)
                self._least[key] = self.demand(nest, site).least_bytes
            else:
                inputs = nest.inputs // nest.operands * widths.input
                self._least[key] = {"input": -(-inputs // (4 * nest.outputs)) + 1, "output": 0}
        return self._least[key]

    def array(self, nest: LoopNest, site: Site) -> Price:
        """Return the price of a layer on the array. Raises ConfigError for what cannot be mapped or does not fit."""
        key = nest, site
        if key not in self._arrays:
            self._arrays[key] = self._array_price(nest, site)
        return self._arrays[key]

    def unit(self, nest: LoopNest, source: QFormat, target: QFormat, site: Site) -> Price:
        """Return the price of a unit that does not stream behind another layer. Raises ConfigError likewise."""
        key = nest, source, target, site
        if key not in self._alone:
            self._alone[key] = self._unit_price(nest, self.work(nest, source, target), site)
        return self._alone[key]

    def _shares(self, nest: LoopNest) -> Shares:
        return shares(nest, self.machine.cores, self.machine.partition)

    def _array_price(self, nest: LoopNest, site: Site) -> Price:
        schedules = self.schedules(nest)
        schedule = schedules[0][1]
        demand = self.demand(nest, site)
        tiling = choose(demand)
        program = layer_program(demand, tiling, schedule.compute_cycles, self.channel)
        used = sum(count * part.mapping_efficiency * part.steady_cycles for count, part in schedules)
        is_one = self.machine.cores == 1 or not schedule.steady_cycles
        efficiency = schedule.mapping_efficiency if is_one else used / (self.machine.cores * schedule.steady_cycles)
        return Price(
            step=array_step(schedule),
            work={schedule.pace: schedule.steady_cycles, "fill/drain": schedule.fill_cycles + schedule.drain_cycles},
            program=program,
            transfers=self._transfers(tiling.dram_bits, program.fill),
            first_transfers=self._first_transfers(program.fill),
            prefetch_cycles=self._prefetch_cycles(program.fill),
            byte_counts={
                "dram": array_dram(nest, self._shares(nest), demand, tiling, site.widths, site.is_written),
                "sram": array_sram(nest, schedules, tiling, site.widths, site.is_stored),
            },
            weight_bits=tiling.held_weight_bits(demand, slots=2),
            input_bits=8 * site.held_bytes + tiling.held_input_bits(demand, slots=2),
            output_bits=8 * (self.memory.output_bytes - site.output_room) + tiling.held_output_bits(demand),
            last_weight_bits=tiling.held_weight_bits(demand, slots=1),
            last_input_bits=8 * site.held_bytes + tiling.held_input_bits(demand, slots=1),
            parameter_bits=0 if nest.is_product else _parameter_bits(nest, site.widths),
            channel_bits=sum(tiling.dram_bits.values()),
            busy=_busy(schedule, self.machine.array),
            folds=schedule.folds,
            mapping_efficiency=efficiency,
            tiling=tiling.to_dict(),
        )

    def _unit_price(self, nest: LoopNest, work: UnitWork, site: Site) -> Price:
        """Price a unit by itself: its values come and go in as many parts as the buffers ask for.

        A row that is read twice is fetched twice unless two rows fit the input buffer.
        """
        step = work.alone()
        rows = nest.N * nest.P
        values = nest.inputs // nest.operands
        is_read_again = work.passes > 1 and 2 * values * site.fetched_width > 8 * site.input_room * rows
        inputs = values * site.fetched_width * (work.passes if is_read_again else 1)
        weights = nest.weights * site.widths.weight * site.fetches_weights
        biases = nest.biases * site.widths.bias * site.fetches_weights
        parts = self._parts(nest, step, inputs, site)
        program = stream_program(weights + biases, inputs, site.stored_bits, parts, step.cycles.compute, self.channel)
        bits = {"weight": weights, "bias": biases, "input": inputs}
        dram = bits | {"output": nest.outputs * site.widths.output if site.is_written else 0}
        return Price(
            step=step,
            work={"unit": step.cycles.compute},
            program=program,
            transfers=self._transfers(bits | {"output": site.stored_bits}, program.fill),
            first_transfers=self._first_transfers(program.fill),
            prefetch_cycles=self._prefetch_cycles(program.fill),
            byte_counts={
                "dram": {operand: -(-number // 8) for operand, number in dram.items() if number},
                "sram": unit_sram(nest, work, site.widths, is_behind=False, is_stored=site.is_stored),
            },
            weight_bits=weights + biases,
            input_bits=8 * site.held_bytes + min(inputs, 2 * -(-inputs // parts)),
            output_bits=8 * (self.memory.output_bytes - site.output_room)
            + min(site.stored_bits, 2 * -(-site.stored_bits // parts)),
            last_weight_bits=weights + biases,
            parameter_bits=weights + biases,
            channel_bits=weights + biases + inputs + site.stored_bits,
            last_input_bits=8 * site.held_bytes + -(-inputs // parts),
        )

    def _parts(self, nest: LoopNest, step: Step, inputs: int, site: Site) -> int:
        """Return into how many parts a unit's values are cut. Raises ConfigError if one output's are too many."""
        least = 1
        for buffer, bits, room in (("input", inputs, site.input_room), ("output", site.stored_bits, site.output_room)):
            if bits > 8 * room:
                least = max(least, -(-2 * bits // max(1, 8 * room)))
            if least > nest.outputs:
                raise ConfigError(
                    f"two parts of the {buffer}s of one result take {-(-2 * bits // (8 * nest.outputs))} bytes, and "
                    f"memory.{buffer}_bytes has {room} for it; make it larger"
                )
        return max(least, min(most_steps(step.cycles.compute, self.memory), nest.outputs))

    def _transfers(self, bits: Mapping[str, int], fill: Fill) -> dict[str, int]:
        """Return the cycles that each operand takes on the channel after the first fill."""
        first = {"weight": fill.weight_bits, "input": fill.input_bits}
        later = {operand: max(0, number - first.get(operand, 0)) for operand, number in bits.items()}
        return {operand: self.channel.cycles(number * self.channel.bit) for operand, number in later.items()}

    def _first_transfers(self, fill: Fill) -> dict[str, int]:
        """Return the cycles that each operand takes on the channel in the first fill."""
        bits = {"weight": fill.weight_bits, "input": fill.input_bits}
        return {operand: self.channel.cycles(number * self.channel.bit) for operand, number in bits.items()}

    def _prefetch_cycles(self, fill: Fill) -> int:
        """Return the cycles before a layer can start when nothing is hidden; 0 if it reads nothing from DRAM."""
        ticks = sum(fill) * self.channel.bit
        return self.channel.cycles(ticks + self.channel.latency) if ticks else 0


def _busy(schedule: Schedule, array: Array) -> Busy:
    """Return the rows and columns at work; what is wider than the array lies in several strips, one below the other."""
    rows, columns = schedule.busy
    strips = max(1, ceil(columns / array.columns))
    return Busy(rows * strips, columns / strips, array.rows, array.columns)


def _parameter_bits(nest: LoopNest, widths: Widths) -> int:
    return nest.weights * widths.weight + nest.biases * widths.bias


@lru_cache(maxsize=MACHINES_REMEMBERED)
def prices(machine: Machine) -> Prices:
    """Return the prices on a machine, those that are known already included."""
    return Prices(machine)
