"""Bytes that a layer moves, by level and operand: element counts of the schedule times the declared widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accel.arch.cost import UnitWork
from accel.arch.mapping import Schedule
from accel.arch.memory import packed_bytes
from accel.estimator.placement import Placement
from accel.loopnest import LoopNest
from accel.numeric.format import QFormat
from accel.numeric.plan import LayerNumerics


@dataclass(frozen=True)
class Traffic:
    """Bytes by operand ("input", "weight", "bias", "partial_sum", "output"); an operand that does not move is left out.

    dram: every operand once. sram: reads plus writes. first: the part of `dram` without which the layer cannot start.
    """

    dram: Mapping[str, int]
    sram: Mapping[str, int]
    first: Mapping[str, int]


def array_traffic(
    node: str,
    nest: LoopNest,
    schedule: Schedule,
    formats: Mapping[str, QFormat],
    bits: LayerNumerics,
    placement: Placement,
) -> Traffic:
    """Return what an array layer moves; partial sums in the accumulator's width, a stored output once."""
    (source,) = placement.reads[node]
    widths = {
        "input": formats[source].width,
        "weight": bits.weight.format.width,
        "bias": bits.bias.format.width,
        "partial_sum": bits.accumulator.width,
        "output": formats[node].width,
    }
    once = {"weight": nest.weights, "bias": nest.biases}
    first = {"weight": schedule.first_fold["weight"]}
    if source in placement.off_chip:
        once["input"] = nest.inputs
        first["input"] = min(schedule.first_fold["input"], nest.inputs)
    if node in placement.off_chip:
        once["output"] = nest.outputs
    moved = {operand: schedule.sram_reads.get(operand, 0) + schedule.sram_writes.get(operand, 0) for operand in widths}
    if node in placement.unstored:
        del moved["output"]
    return Traffic(*(_in_bytes(elements, widths) for elements in (once, moved, first)))


def unit_traffic(
    node: str, nest: LoopNest, work: UnitWork, lanes: int, formats: Mapping[str, QFormat], placement: Placement
) -> Traffic:
    """Return what a unit's layer moves; behind another layer it reads no memory."""
    dram: dict[str, int] = {}
    sram: dict[str, int] = {}
    first: dict[str, int] = {}
    if node not in placement.behind:
        taken = nest.outputs * nest.R * nest.S * work.passes
        off_chip = [source for source in placement.reads[node] if source in placement.off_chip]
        sram["input"] = sum(packed_bytes(taken, formats[source].width) for source in placement.reads[node])
        if off_chip:
            touched = nest.inputs // nest.operands
            dram["input"] = sum(packed_bytes(touched, formats[source].width) for source in off_chip)
            first["input"] = sum(packed_bytes(min(lanes, touched), formats[source].width) for source in off_chip)
    written = packed_bytes(nest.outputs, formats[node].width)
    if node not in placement.unstored:
        sram["output"] = written
    if node in placement.off_chip:
        dram["output"] = written
    return Traffic(dram, sram, first)


def _in_bytes(elements: Mapping[str, int], widths: Mapping[str, int]) -> dict[str, int]:
    return {operand: packed_bytes(number, widths[operand]) for operand, number in elements.items() if number}
