"""exp(-u) by the 2^x split and a table of 2^-f, looked up directly or with linear interpolation.

y = u * log2(e) = n + f; the table gives 2^-f, a shift by n the magnitude. The surprise: lines are drawn through exact
points of the curve, not fitted for least error, so that exp(0) is exactly 1 and neighbouring octaves meet without a
step; a direct entry cannot be both, it is the middle of what it stands for, and exp(0) is half an entry below 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.unit import (
    Codes,
    Memories,
    UnaryUnit,
    check_formats,
    final_cast,
    frozen_table,
    line_memories,
    memory_bits,
    require_offered,
    require_unsigned,
    stored_bits,
    table_frac_bits,
)
from kernels.modes import Requant, Rounding

LOG2_E_FRAC_BITS = 16
SEGMENTS = (4, 8, 16, 32, 64)
ENTRIES = (32, 64, 256, 1024)
MAX_TABLE_FRAC_BITS = 20
"""Lines over 64 segments are good to 16 bits; four more keep the entries' rounding out of sight."""


@dataclass(frozen=True, eq=False)
class PowerOfTwoExp(UnaryUnit):
    """2^x split with linear interpolation.

    Table rule: entry i = round(2^(-i / entries) * 2^t), i = 0..entries, t = the target's fraction bits + 3 (8..20).
    An entry keeps its value (t + 1 bits) and its fall to the next (t - log2(entries) bits).
    Steps: y = u * scale, scale = round(log2(e) * 2^16) (times 2^k for sources so coarse that y would have fewer
    fraction bits than the table has index bits), exact; n = whole part, f = fraction of y; v = line through the
    entries around f, exact; code = RND(v * 2^-n), 0 once n reaches the width.
    Error: line (ln(2) / entries)^2 / 8, constant u exp(-u) ln(2) 2^-17 < 2^-18.9, entries 1/16 lsb, cast 1/2 lsb.
    Stages (5): multiply by log2(e); table; multiply by the rise; add; shift and round. One input per cycle.
    """

    table: NDArray[np.int64]
    scale: int
    fraction_bits: int
    segment_bits: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.activation import Split, exp_falling

        out = np.empty_like(codes)
        split = Split(self.scale, self.fraction_bits, self.segment_bits)
        return out, int(exp_falling(codes, self.table, split, self.cast, out))

    def memories(self) -> Memories:
        """Return value and fall of every segment."""
        return line_memories(self.table)


@dataclass(frozen=True, eq=False)
class PowerOfTwoLut(UnaryUnit):
    """2^x split with a direct look-up.

    Table rule: entry i = round((2^(-i / entries) + 2^(-(i + 1) / entries)) / 2 * 2^t), the middle of the values that
    its bin of f can take (the least possible largest error), t = the target's fraction bits + 3 (8..20); t bits each.
    Steps: n and f as for `PowerOfTwoExp`; v = entry floor(f * entries); code = RND(v * 2^-n).
    Error: entry (1 - 2^(-1 / entries)) / 2, entries 1/16 lsb, cast 1/2 lsb.
    Stages (3): multiply by log2(e); table; shift and round. One input per cycle.
    """

    table: NDArray[np.int64]
    scale: int
    fraction_bits: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.activation import Split
        from kernels.exp import exp_lookup

        out = np.empty_like(codes)
        split = Split(self.scale, self.fraction_bits, self.table.size.bit_length() - 1)
        return out, int(exp_lookup(codes, self.table, split, self.cast, out))

    def memories(self) -> Memories:
        """Return the table."""
        return {"table": (self.table, stored_bits(self.table))}


def pow2_linear(source: QFormat, target: QFormat, *, entries: int = 64) -> PowerOfTwoExp:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, sizes that are not offered."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    require_offered("exp 'pow2-linear'", "entries", entries, SEGMENTS)
    segment_bits = entries.bit_length() - 1
    scale, fraction_bits = log2_e_scale(source, segment_bits)
    bits = table_frac_bits(target, MAX_TABLE_FRAC_BITS)
    table = frozen_table(round(math.ldexp(2 ** (-i / entries), bits)) for i in range(entries + 1))
    return PowerOfTwoExp(
        name="exp",
        design="pow2-linear",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=5, table_bits=memory_bits(line_memories(table)), multipliers=2, adders=2),
        table=table,
        scale=scale,
        fraction_bits=fraction_bits,
        segment_bits=segment_bits,
        cast=final_cast(bits + fraction_bits - segment_bits, target, Rounding.RND),
    )


def pow2_lut(source: QFormat, target: QFormat, *, entries: int = 256) -> PowerOfTwoLut:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, sizes that are not offered."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    require_offered("exp 'pow2-lut'", "entries", entries, ENTRIES)
    scale, fraction_bits = log2_e_scale(source, entries.bit_length() - 1)
    bits = table_frac_bits(target, MAX_TABLE_FRAC_BITS)
    ends = [math.ldexp(2 ** (-i / entries), bits - 1) for i in range(entries + 1)]  # halved: two of them are added
    table = frozen_table(round(ends[i] + ends[i + 1]) for i in range(entries))
    return PowerOfTwoLut(
        name="exp",
        design="pow2-lut",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=3, table_bits=entries * stored_bits(table), multipliers=1, adders=1),
        table=table,
        scale=scale,
        fraction_bits=fraction_bits,
        cast=final_cast(bits, target, Rounding.RND),
    )


def log2_e_scale(source: QFormat, index_bits: int, frac_bits: int = LOG2_E_FRAC_BITS) -> tuple[int, int]:
    """Return the constant log2(e) that codes of u are multiplied by, and the fraction bits of the product.

    The product has at least `index_bits` of them, so that a coarse source addresses a table too.
    """
    scale = round(math.ldexp(math.log2(math.e), frac_bits))
    lift = max(index_bits - source.frac_bits - frac_bits, 0)
    return scale << lift, source.frac_bits + frac_bits + lift
