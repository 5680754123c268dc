"""1/d of a positive number: leading-zero normalise, one line of a table, shift back.

One multiplication instead of the two of a Newton-Raphson step. The surprise: a line through points of the curve lies
above it by up to h^2 f'' / 8; half of that, taken off both ends, is the least possible largest error, but then the
reciprocal of a power of two is not exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.reciprocal_unit import WORKING_BITS, MantissaReciprocal
from accel.units.unit import (
    Memories,
    check_formats,
    final_cast,
    frozen_table,
    line_memories,
    memory_bits,
    require_offered,
    require_unsigned,
)

SEGMENTS = (16, 32, 64, 128)


@dataclass(frozen=True, eq=False)
class LutLinear(MantissaReciprocal):
    """Linear interpolation of 1/m on a mantissa m in [1, 2) of 20 fraction bits.

    Table rule: entry i = round((1/m - h^2 / (8 m^3)) * 2^20), m = 1 + i h, h = 1 / entries, i = 0..entries. An entry
    keeps its value (20 bits) and its fall to the next.
    Steps: m as for `LutNewton`; y = line through the entries around m, RND to 20 bits; code = RND_CONV of y shifted
    back, saturated. d = 0 gives the largest code.
    Measured good bits for 16/32/64/128 entries: 11.0/13.0/15.0/16.9.
    Stages (5): normalise; table; multiply by the fall; subtract and round; shift and round. One input per cycle.
    """

    table: NDArray[np.int64]

    def mantissa(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """codes: (n,) d >= 1 -> (n,) y, (n,) size."""
        from kernels.activation import line_mantissas

        y, size = np.empty_like(codes), np.empty_like(codes)
        step_bits = WORKING_BITS - (self.table.size - 1).bit_length() + 1
        line_mantissas(codes, self.table, WORKING_BITS, step_bits, y, size)
        return y, size

    def memories(self) -> Memories:
        """Return value and fall of every segment."""
        return line_memories(self.table)


def lut_linear(source: QFormat, target: QFormat, *, entries: int = 64) -> LutLinear:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, sizes that are not offered."""
    check_formats("reciprocal", source, target)
    require_unsigned("reciprocal", source)
    require_offered("reciprocal 'lut-linear'", "entries", entries, SEGMENTS)
    h = Fraction(1, entries)
    starts = (1 + i * h for i in range(entries + 1))
    table = frozen_table(round((1 / m - h**2 / (8 * m**3)) * (1 << WORKING_BITS)) for m in starts)
    return LutLinear(
        name="reciprocal",
        design="lut-linear",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=5, table_bits=memory_bits(line_memories(table)), multipliers=1, adders=2),
        cast=final_cast(WORKING_BITS - source.frac_bits, target),
        table=table,
    )
