"""What moves inside an array: words into and out of the elements' registers, and words on their way to an element.

Derived from the loops of a schedule, so that no dataflow counts it by hand. Letters of a loop that an operand's index
does not have leave it where it is:

- An element keeps what the innermost streaming loops do not change: outputs, weights or inputs, after which systolic
  dataflows are named. In a row-stationary array every element keeps whatever its tile has, and its input windows slide.
- What stays is read from its register for every multiplication, and a sum is also written back. What does not stay
  arrives for every multiplication: that is a transfer, be it from a neighbour, from a bus or from a buffer.
- An adder tree joins its products before they reach a register; so a sum counts once for the channels of a step.

What this leaves out: pipeline registers that a passing value is latched in, the way of results out of the array, and
how far a transfer goes. Last tiles of an axis may be smaller; their share is counted as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from accel.arch.dataflows.row_mapping import row_words
from accel.arch.mapping import Loop, Schedule, turns
from accel.loopnest import LoopNest

INDICES: Mapping[str, frozenset[str]] = {
    "input": frozenset("NGCPQRS"),
    "weight": frozenset("GKCRS"),
    "partial_sum": frozenset("NGKPQ"),
}
"""Letters of the loops that change which element of a tensor is meant."""

WITH_REGISTER_FILES = frozenset({"row-stationary"})
"""Dataflows whose elements keep a tile of every operand; the others keep one word of one operand."""


@dataclass(frozen=True)
class Movement:
    """Words by operand ("input", "weight", "partial_sum"): in and out of registers; arriving at an element."""

    registers: Mapping[str, float]
    transfers: Mapping[str, float]


def movement(nest: LoopNest, schedule: Schedule) -> Movement:
    """Return what moves inside the array for a nest of the array and its schedule."""
    has_files = schedule.dataflow in WITH_REGISTER_FILES
    group = schedule.order.group
    summed = nest.C / -(-nest.C // group)  # channels of a step, the smaller last one averaged in
    registers: dict[str, float] = {}
    transfers: dict[str, float] = {}
    for operand, letters in INDICES.items():
        uses = nest.macs / summed if operand == "partial_sum" else nest.macs
        kept = _kept(schedule.loops, letters, has_files)
        stays = prod(turns(schedule.loops, index) for index in kept)
        if has_files and operand == "input":
            stays *= nest.Q * nest.S / row_words(nest)
        if kept or has_files:
            registers[operand] = uses * (2 if operand == "partial_sum" else 1)
        transfers[operand] = uses / stays
    return Movement(registers, transfers)


def _kept(loops: Sequence[Loop], letters: frozenset[str], has_files: bool) -> list[int]:
    """Return which streaming loops an operand with these letters stays through, from the innermost."""
    kept = []
    for index in reversed(range(len(loops))):
        if loops[index].kind == "stream":
            if letters.isdisjoint(loops[index].dim):
                kept.append(index)
            elif not has_files:
                break
    return kept
