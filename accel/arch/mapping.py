"""`Schedule`: what an array does with one loop nest; the only source for cycles, order of addition and traffic.

`Loop` is one line of the nest as the array walks it. Letters are those of `accel.loopnest`: N images, G groups, K
filters and C channels of a group, P and Q output rows and columns, R and S kernel rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from accel.loopnest import AccumulationOrder

SPATIAL = ("rows", "columns")
"""Kinds of loops whose steps all happen in one cycle, side by side on the array."""


@dataclass(frozen=True)
class Loop:
    """One loop: `extent` indices of `dim`, `tile` of them a step; an inner loop over the same `dim` walks the tile.

    dim: one letter, or several for one index over all of them, the last running fastest ("NPQ": output pixels of the
        batch). Where an axis does not divide evenly the last tile is smaller: inner loops end at the axis' end.
    kind: "temporal" (a new tile on the array), "stream" (through the array while a tile lies on it), "rows" or
        "columns" (side by side along that edge).
    """

    dim: str
    extent: int
    tile: int
    kind: str

    @property
    def steps(self) -> int:
        """How often the body is entered when no outer tile is cut short."""
        return -(-self.extent // self.tile)


def nested(dim: str, extent: int, size: int, inner: str) -> tuple[Loop, Loop]:
    """Cut an axis: a temporal loop over tiles of at most `size`, and the loop of kind `inner` within a tile."""
    tile = min(extent, size)
    return Loop(dim, extent, tile, "temporal"), Loop(dim, tile, 1, inner)


def innermost_steps(extent: int, tiles: Sequence[int]) -> int:
    """Return the steps of the innermost of nested loops over one axis, each over the tile of the one before."""
    if not tiles:
        return 1
    whole, rest = divmod(extent, tiles[0])
    return whole * innermost_steps(tiles[0], tiles[1:]) + (innermost_steps(rest, tiles[1:]) if rest else 0)


def turns(loops: Sequence[Loop], index: int) -> float:
    """Return how often a loop turns each time that it is entered, on average over its axis."""
    axis = [loop for loop in loops[: index + 1] if loop.dim == loops[index].dim]
    sizes = [loop.tile for loop in axis]
    return innermost_steps(axis[0].extent, sizes) / innermost_steps(axis[0].extent, sizes[:-1])


@dataclass(frozen=True)
class Schedule:
    """Counts in cycles without any wait for memory; fill + steady + drain = compute_cycles.

    loops: the nest as it is walked, outermost first; together they visit every multiplication once.
    folds: times the array is loaded with a new tile. fill: before operands enter at every edge (skew, weights loaded).
    steady: operands stream, folds times the streamed length. drain: after the last operand entered until the last
    result has left. result_cycles: from the first finished result to the last, inclusive; a unit can work behind the
    array in that time. last_results: how many of them the last tile gives, within last_result_cycles; tiles may give
    theirs much faster than they follow each other.
    mapping_efficiency: used PEs / PEs, averaged over folds by time, 0..1.
    first_fold: elements by operand ("input", "weight") that must be there before the array can start.
    sram_reads: element reads by operand ("input", "weight", "bias", "partial_sum"); sram_writes: ("partial_sum",
    "output").
    pace: what sets the length of the steady part: "compute", or the operand whose way into or out of the array is too
    narrow ("activations", "output bandwidth").
    """

    dataflow: str
    timing: str
    loops: tuple[Loop, ...]
    folds: int
    fill_cycles: int
    steady_cycles: int
    drain_cycles: int
    result_cycles: int
    last_results: int
    last_result_cycles: int
    mapping_efficiency: float
    order: AccumulationOrder
    first_fold: dict[str, int]
    sram_reads: dict[str, int]
    sram_writes: dict[str, int]
    pace: str = "compute"

    @property
    def compute_cycles(self) -> int:
        """First operand in to last result out, inclusive, no waits."""
        return self.fill_cycles + self.steady_cycles + self.drain_cycles

    @property
    def parallel(self) -> int:
        """Processing elements at work on a full tile."""
        axes: dict[str, list[Loop]] = {}
        for loop in self.loops:
            if loop.kind in SPATIAL:
                axes.setdefault(loop.dim, []).append(loop)
        return prod(innermost_steps(loops[0].extent, [loop.tile for loop in loops]) for loops in axes.values())

    @property
    def busy(self) -> tuple[float, float]:
        """Rows and columns at work, averaged over tiles."""
        rows, columns = (
            prod(turns(self.loops, index) for index, loop in enumerate(self.loops) if loop.kind == kind)
            for kind in SPATIAL
        )
        return float(rows), float(columns)
