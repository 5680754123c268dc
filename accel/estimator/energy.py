"""Energy of a layer and area of a machine: counts and widths brought together for `accel.arch.energy` and `.area`.

Array and buffers are counted by the schedule. A function unit is priced from its record: as if all of its arithmetic
worked in every cycle that it has for a value, in the wider of the layer's two formats, with one look-up in its tables.
That is an upper bound, for parts of a softmax work once a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from accel.accelerator import Accelerator
from accel.arch.area import Area, Block, machine_area
from accel.arch.cost import ELEMENTWISE, POOLING
from accel.arch.energy import Access, Counts, Energy, Widths, estimated
from accel.arch.hardware import Memory
from accel.arch.mapping import Schedule
from accel.arch.movement import movement
from accel.arch.result import LayerReport
from accel.errors import ConfigError
from accel.loopnest import LoopNest
from accel.numeric.format import QFormat
from accel.numeric.proof import square_sum_format
from accel.units.average import average_cost
from accel.units.cost import UnitCost
from accel.units.machine import Units, activation_of, root_of, softmax_of
from accel.units.norm import norm_path
from accel.units.registry import build_unit

BUFFERS: Mapping[str, str] = {
    "input": "input buffer",
    "weight": "weight buffer",
    "bias": "weight buffer",
    "output": "output buffer",
    "partial_sum": "output buffer",
}
"""Which buffer holds an operand."""

PARTS = frozenset({"exp", "reciprocal", "sqrt", "rsqrt", "average"})
"""Keys of [units] that are built inside other units."""

Task = tuple[UnitCost, int]
"""A unit's record of one value, and how many values there are."""

Part = tuple[int, LoopNest, Schedule]
"""A share of a layer: how many cores have such a one, its loops and its schedule."""


def energy_of(
    report: LayerReport,
    machine: Accelerator,
    nest: LoopNest,
    inputs: Sequence[QFormat],
    target: QFormat,
    parts: Sequence[Part] = (),
) -> Energy | None:
    """Return the estimated energy of a layer, None on a machine that names no technology.

    inputs, target: formats of what the layer reads and makes. parts: what the arrays compute of it, none of it for a
    layer of a unit.
    """
    technology = machine.architecture.technology
    if technology is None:
        return None
    bits = machine.numerics.at(report.name)
    widths = Widths(
        activation=inputs[0].width,
        weight=inputs[-1].width if nest.is_product else bits.weight.format.width,
        accumulator=bits.accumulator.width,
        unit=max(inputs[0].width, target.width),
    )
    tasks = () if nest.engine in ("array", "none") else _tasks(nest, machine.architecture.units, inputs[0], target)
    memory = machine.architecture.memory
    dram = report.byte_counts["dram"]
    registers = transfers = 0.0
    if technology.register_file or technology.network:
        registers, transfers = _inside(parts, widths)
    counts = Counts(
        macs=report.macs,
        multiplies=sum(times * cost.multipliers * cost.interval_cycles for cost, times in tasks),
        adds=sum(times * cost.adders * cost.interval_cycles for cost, times in tasks),
        lookups=tuple(Access(cost.table_bits / 8, times * widths.unit) for cost, times in tasks if cost.table_bits),
        memories=_buffers(report.byte_counts["sram"], memory),
        refill=tuple(_buffers(dram, memory).values()),
        register_bits=registers,
        network_bits=transfers,
        dram_bits=8 * sum(dram.values()),
    )
    return estimated(counts, widths, technology)


def area_of(machine: Accelerator, cores: int | None = None) -> Area | None:
    """Return the estimated area of a machine, None when it names no technology.

    cores: how many there are where the machine leaves that to the network. Multipliers and adders are as wide as the
    widest layer needs; every core has an array and units of its own, and memories where layers are pipelined. A unit
    that cannot be built between the machine's own formats is named as unpriced.
    """
    architecture, numerics = machine.architecture, machine.numerics
    if architecture.technology is None:
        return None
    layers = (numerics.defaults, *numerics.overrides.values())
    source, target = numerics.defaults.output.format, numerics.defaults.softmax.format
    activation = max(numerics.input.format.width, *(layer.output.format.width for layer in layers))
    accumulator = max(layer.accumulator.width for layer in layers)
    weight = max(layer.weight.format.width for layer in layers)
    cores = cores or architecture.cores.number or 1
    memories = cores if architecture.cores.schedule == "layer pipelined" else 1
    macs = cores * architecture.array.pes
    blocks = {"array": Block(macs, activation, weight, macs, accumulator)}
    unbuilt = []
    for kind, choice in architecture.units.items():
        if kind in PARTS:
            continue
        try:
            cost = _built(kind, choice.lanes, architecture.units, source, target)
        except ConfigError:  # not between these formats; a network that needs it is refused where it is estimated
            unbuilt.append(f"{kind} unit")
            continue
        multipliers, adders, table_bits = (
            cores * number for number in (cost.multipliers, cost.adders, cost.table_bits)
        )
        blocks[f"{kind} unit"] = Block(multipliers, activation, activation, adders, activation, table_bits)
    for name, access in _buffers(dict.fromkeys(BUFFERS, 0), architecture.memory).items():
        blocks[name] = Block(memory_bits=memories * 8 * access.capacity_bytes)
    area = machine_area(blocks, architecture.technology)
    return replace(area, unpriced=(*unbuilt, *area.unpriced))


def _buffers(operand_bytes: Mapping[str, int], memory: Memory) -> dict[str, Access]:
    """Return the traffic of every buffer."""
    capacities = {
        "input buffer": memory.input_bytes,
        "weight buffer": memory.weight_bytes,
        "output buffer": memory.output_bytes,
    }
    found: dict[str, Access] = {}
    for operand, size in operand_bytes.items():
        name = BUFFERS[operand]
        before = found[name].bits if name in found else 0
        found[name] = Access(capacities[name], before + 8 * size)
    return found


def _inside(parts: Sequence[Part], widths: Widths) -> tuple[float, float]:
    """Return the bits in and out of the elements' registers, and those on their way to an element."""
    bits = {"input": widths.activation, "weight": widths.weight, "partial_sum": widths.accumulator}
    registers = transfers = 0.0
    for count, nest, schedule in parts:
        moved = movement(nest, schedule)
        registers += count * sum(words * bits[operand] for operand, words in moved.registers.items())
        transfers += count * sum(words * bits[operand] for operand, words in moved.transfers.items())
    return registers, transfers


def _tasks(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> tuple[Task, ...]:
    """Return what a unit does for one layer; `accel.estimator.units` has refused what it cannot do."""
    outputs = nest.outputs
    if nest.engine == "softmax":
        return ((softmax_of(units, source, target).cost, outputs),)
    if nest.engine == "normalisation":
        path = norm_path(root_of(units))
        return ((path.lane, outputs), (path.row, nest.N * nest.P))
    if nest.engine == "elementwise":
        return ((ELEMENTWISE[nest.function], outputs * max(1, nest.operands - 1)),)
    if nest.engine == "pooling":
        gather = (POOLING[nest.function], outputs * nest.R * nest.S)
        return (gather, (_finish(nest, source, target), outputs))
    return ((activation_of(units, nest.function, source, target).cost, outputs),)


def _finish(nest: LoopNest, source: QFormat, target: QFormat) -> UnitCost:
    """Return what makes one number of a pooling window."""
    if nest.function == "average":
        return average_cost(nest.R * nest.S)
    if nest.function == "l2":
        return build_unit("sqrt", "digit", square_sum_format(source, nest.R * nest.S), target).cost
    return UnitCost(0)


def _built(kind: str, lanes: int, units: Units, source: QFormat, target: QFormat) -> UnitCost:
    """Return the hardware of a unit with all of its lanes."""
    if kind == "softmax":
        return softmax_of(units, source, target).row_cost(lanes, lanes)
    if kind == "normalisation":
        return norm_path(root_of(units)).row_cost(lanes, lanes)
    if kind == "pooling":
        lane = POOLING["average"] + average_cost(3)  # with a multiplier, for windows that are no power of two
    elif kind == "elementwise":
        lane = ELEMENTWISE["scale"]
    else:
        lane = activation_of(units, kind, source, source).cost
    return UnitCost(lane.latency_cycles, 1, 1, lanes * lane.table_bits, lanes * lane.multipliers, lanes * lane.adders)
