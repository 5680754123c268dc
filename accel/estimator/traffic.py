"""Bytes that a layer moves, by level and operand: element counts of the schedule and the tiling times declared widths.

Operands are "input", "weight", "bias", "partial_sum" and "output"; one that does not move is left out. "weight" is what
stands where an array has its weights, a product's second factor too.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from accel.arch.cores import Shares
from accel.arch.cost import UnitWork
from accel.arch.demand import Demand
from accel.arch.mapping import Schedule
from accel.arch.memory import packed_bytes
from accel.arch.tiling import Tiling
from accel.loopnest import LoopNest


class Widths(NamedTuple):
    """Bits of one element, by operand; of all inputs of a layer together where it reads several tensors."""

    input: int
    weight: int
    bias: int
    partial_sum: int
    output: int


def array_sram(
    nest: LoopNest, schedules: tuple[tuple[int, Schedule], ...], tiling: Tiling, widths: Widths, is_stored: bool
) -> dict[str, int]:
    """Return the bytes that all cores read and write on the chip; partial sums in the accumulator's width.

    Sums that an array would keep, but that wait for the next tile of channels, go to the buffer and come back.
    """
    moved = dict.fromkeys(Widths._fields, 0)
    for count, schedule in schedules:
        for counts in (schedule.sram_reads, schedule.sram_writes):
            for operand, elements in counts.items():
                moved[operand] += count * elements
    if "partial_sum" not in schedules[0][1].sram_writes and tiling.sums != "whole":
        moved["partial_sum"] = 2 * (-(-nest.C // tiling.channels) - 1) * nest.outputs
    if not is_stored:
        del moved["output"]
    return _in_bytes(moved, widths)


def array_dram(
    nest: LoopNest, shares: Shares, demand: Demand, tiling: Tiling, widths: Widths, is_stored: bool
) -> dict[str, int]:
    """Return the bytes between DRAM and chip. demand: of the largest share, with all cores' tiles at a time.

    is_stored: the layer's own output goes to DRAM (its chain may store more, which is told there).
    """
    bits = tiling.dram_bits
    weights = Fraction(bits.get("weight", 0), max(1, demand.nest.G * demand.nest.K * demand.filter_bits))
    moved: dict[str, Fraction | int] = {
        "weight": weights * nest.weights * widths.weight,
        "bias": weights * nest.biases * widths.bias,
        "input": _of_all(bits.get("input", 0), "input", shares),
        "partial_sum": _of_all(bits.get("partial_sum", 0), "output", shares),
        "output": nest.outputs * widths.output if is_stored else 0,
    }
    return {operand: ceil(Fraction(number, 8)) for operand, number in moved.items() if number}


def _of_all(bits: int, operand: str, shares: Shares) -> Fraction:
    """Return the bits of the whole layer from those of as many largest shares as there are cores."""
    return Fraction(bits, shares.times(operand)) * (shares.ratio if operand in shares.own else 1)


def unit_sram(nest: LoopNest, work: UnitWork, widths: Widths, is_behind: bool, is_stored: bool) -> dict[str, int]:
    """Return the bytes that a unit reads and writes on the chip; behind another layer it reads no values.

    work.passes: how often values are read. Parameters are read once a row.
    """
    rows = nest.N * nest.P
    moved = {
        "weight": rows * nest.weights,
        "bias": rows * nest.biases,
        "input": 0 if is_behind else nest.outputs * nest.R * nest.S * work.passes,
        "output": nest.outputs if is_stored else 0,
    }
    return _in_bytes(moved, widths)


def _in_bytes(elements: Mapping[str, int], widths: Widths) -> dict[str, int]:
    of = widths._asdict()
    return {operand: packed_bytes(number, of[operand]) for operand, number in elements.items() if number}
