"""`Technology`: what operations, memories and silicon cost, as cited in one file; the only source of energy and area.

A figure that its source does not give is absent here, and what it would price is named as unpriced, never free. Costs
are tabulated over a size (bits of an operand, bytes of a memory); `Curve` gives back tabulated ones exactly.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

Size = Any
"""A width in bits or a capacity in bytes, above 0: a number, or an array over many machines."""

POWER, LINEAR = "power", "linear"


@dataclass(frozen=True)
class Curve:
    """A cost over a size: `points` are (size, cost), sizes rising.

    law: "power", between two neighbours the power law through both, beyond the table the one through its first and its
    last point; one point alone holds for every size. "linear", straight lines between neighbours, beyond the table in
    proportion to the size.
    """

    points: tuple[tuple[float, float], ...]
    law: str = POWER

    def at(self, size: Size) -> Any:
        """Return the cost at that size, in the unit of the table."""
        segment: Any
        if isinstance(size, np.ndarray):
            places = np.searchsorted(self._sizes, size, side="right")
            segment = np.moveaxis(np.array(self._segments)[places], -1, 0)
        else:
            segment = self._segments[bisect_right(self._sizes, size)]
        begin, cost, slope = segment
        return cost * (size / begin) ** slope if self.law == POWER else cost + slope * (size - begin)

    @cached_property
    def _sizes(self) -> tuple[float, ...]:
        return tuple(size for size, _ in self.points)

    @cached_property
    def _segments(self) -> tuple[tuple[float, float, float], ...]:
        """Where a segment begins, its cost there, its exponent or slope; the first lies below all points.

        A segment begins at its tabulated point, where the power is 1 and the distance 0: so that cost is exact.
        """
        first, last = self.points[0], self.points[-1]
        if self.law == POWER:
            outside = _exponent(first, last)
            slopes = [outside, *(_exponent(*pair) for pair in pairwise(self.points)), outside]
        else:
            within = [(high[1] - low[1]) / (high[0] - low[0]) for low, high in pairwise(self.points)]
            slopes = [first[1] / first[0], *within, last[1] / last[0]]
        begins = (first, *self.points)
        return tuple((size, cost, slope) for (size, cost), slope in zip(begins, slopes, strict=True))


def _exponent(low: tuple[float, float], high: tuple[float, float]) -> float:
    return math.log(high[1] / low[1]) / math.log(high[0] / low[0]) if high[0] > low[0] else 0.0


@dataclass(frozen=True)
class Technology:
    """Costs of one technology. None: its source does not tell.

    unit: of every energy: "pJ", or "MAC" where a source has ratios to one multiply-accumulate only.
    multiply, add: over the bits of an operand. mac: both together, where a source does not tell them apart; a
        technology has this one or those two.
    word_bits: what is read at once at the costs that follow. sram: of a word, over the bytes of the memory.
        register_file: of a word in a processing element. network: of a word from one element, or from a buffer, to
        another. dram: least and most of a word.
    multiply_area, add_area: um2 over the bits of an operand. bit_area: um2 of one bit of on-chip memory with its share
        of decoders and amplifiers.
    """

    name: str
    description: str
    source: str
    assumed: str
    unit: str
    word_bits: int
    mac: Curve | None = None
    multiply: Curve | None = None
    add: Curve | None = None
    sram: Curve | None = None
    register_file: float | None = None
    network: float | None = None
    dram: tuple[float, float] | None = None
    multiply_area: Curve | None = None
    add_area: Curve | None = None
    bit_area: float | None = None
