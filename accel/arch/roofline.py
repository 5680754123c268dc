"""What a layer's time is bound by, what is behind that, and where the layer stands under the machine's roofline.

S. Williams, A. Waterman, D. Patterson, "Roofline: An Insightful Visual Performance Model for Multicore Architectures",
CACM 52(4), 2009, with multiply-accumulates for operations and cycles for time: a layer attains at most
min(peak, intensity * bandwidth). The bound behind the first is found with the same two-sided picture: work on the array
or in a unit, and transfers, each as long as it takes alone, the longer of the two sides counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from accel.arch.result import Cycles

OPERANDS: Mapping[str, str] = {
    "weight": "weights",
    "bias": "weights",
    "input": "activations",
    "partial_sum": "output bandwidth",
    "output": "output bandwidth",
}
"""Bounds by the operand that crosses the channel."""

EMPTY: Mapping[str, int] = MappingProxyType({})


class Bounds(NamedTuple):
    """The bound, the one behind it, and the cycles that the layer would take at least without the first."""

    bound: str
    next_bound: str
    next_cycles: int


def bounds(
    work: Mapping[str, int], transfers: Mapping[str, int], cycles: Cycles, first: Mapping[str, int] = EMPTY
) -> Bounds:
    """Return what a layer is bound by.

    work: cycles by name ("compute", "fill/drain", "unit"), adding up to what it takes without waiting. transfers: by
    operand, cycles of the channel while it works; first: those of its first tiles, which may come before. Of these only
    what it waits for counts. It is bound by transfers if it waits and they take longer than the work, or if it waits
    for longer than it works (for the latency, say); otherwise by the most of its work. If it waits and moves nothing
    itself, it waits for the room that outputs before it take.
    """
    moved = dict.fromkeys(OPERANDS.values(), 0)
    for operand, count in transfers.items():
        moved[OPERANDS[operand]] += count
    working = sum(work.values())
    awaited = cycles.stall - max(0, sum(moved.values()) - working)
    filling = max(1, sum(first.values()))
    for operand, count in first.items():
        moved[OPERANDS[operand]] += count * max(0, min(filling, awaited)) // filling
    moving = sum(moved.values())
    waits = cycles.stall > 0 and (moving >= working or cycles.stall > working)
    side = moved if waits else dict(work)
    bound = max(side, key=side.__getitem__)
    if waits:
        bound = bound if moved[bound] else OPERANDS["output"]
        moving -= moved.pop(bound)
    else:
        working -= side.pop(bound)
    behind = moved if moving > working else work if waits else side
    next_bound = max(behind, key=behind.__getitem__, default="none")
    left = min(max(moving, working), cycles.total)
    return Bounds(bound, next_bound if left else "none", left)


class Losses(NamedTuple):
    """Shares of all PE-cycles in which nothing is multiplied; with the utilization they are 1.

    edges: PEs that a tile leaves without work, whole cores too. pace: steady cycles in which something narrower than
    the array sets the pace. filling: skew, weights on their way in, results on their way out. waiting: for memory.
    """

    edges: float
    pace: float
    filling: float
    waiting: float


def losses(cycles: Cycles, utilization: float, mapping_efficiency: float) -> Losses:
    """Return where the rest of a layer's PE-cycles goes."""
    total = max(1, cycles.total)
    edges = (1 - mapping_efficiency) * cycles.steady / total
    filling, waiting = (cycles.fill + cycles.drain) / total, cycles.stall / total
    return Losses(edges, max(0.0, 1 - utilization - edges - filling - waiting), filling, waiting)


@dataclass(frozen=True)
class Roofline:
    """Where a layer stands: intensity in MACs per DRAM byte, and MACs per cycle that it could and does attain.

    intensity: None where nothing crosses the channel.
    """

    intensity: float | None
    attainable: float
    attained: float


def ridge(pes: int, bytes_per_cycle: float | None) -> float | None:
    """Return the MACs per byte from which on a machine is bound by its array; None without a channel."""
    return pes / bytes_per_cycle if bytes_per_cycle else None


def roofline(macs: int, cycles: Cycles, dram_bytes: int, pes: int, bytes_per_cycle: float | None) -> Roofline:
    """Return where a layer stands under the roof of `pes` MACs per cycle and the channel."""
    intensity = macs / dram_bytes if dram_bytes else None
    attainable = float(pes)
    if intensity is not None and bytes_per_cycle is not None:
        attainable = min(attainable, intensity * bytes_per_cycle)
    return Roofline(intensity, attainable, macs / max(1, cycles.total))
