"""exp(-u) = exp(-hi) * exp(-lo): two tables of 256 entries over the upper and the lower byte of u, one multiplier.

All 2^16 arguments of UQ6.10 or UQ4.12 are served without interpolation and without log2(e). The surprise: the second
table keeps how far exp(-lo) falls below 1, not exp(-lo): the fall is short, so 18 bits hold it more finely, and
exp(0) = 1 - 0 is exact.
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
    memory_bits,
    require_unsigned,
    stored_bits,
)
from kernels.modes import Requant, Rounding

INDEX_BITS = 8
HIGH_FRAC_BITS = 17
"""18 bits with the 1 of exp(0): one operand of an 18x18 multiplier."""
FALL_FRAC_BITS = 18
"""The other operand."""


@dataclass(frozen=True, eq=False)
class TwoTableExp(UnaryUnit):
    """Product of two exponentials of 18 bits.

    u is read as 16 bits of weight `step` and up. step = the lsb of u, or 2^(r - 16) where that is coarser: 2^r is the
    range of u, or the power of two at which exp(-u) is below half an lsb of target or table, whichever is less.
    Table rule: high i = round(exp(-256 i step) * 2^17); fall i = round((1 - exp(-(i step + c))) * 2^18), c = 0 where
    step is the lsb of u, else the middle (step - lsb) / 2 of what its dropped bits can say. 256 entries each.
    Steps: position = min(floor(u / step), 2^16 - 1); v = high * (2^18 - fall), exact; code = RND.
    Error: high and fall 2^-18 + 2^-19, cast 1/2 lsb, dropped bits step / 2.
    Stages (3): tables; multiply; subtract and round. One input per cycle.
    """

    high: NDArray[np.int64]
    fall: NDArray[np.int64]
    drop: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.exp import Halves, exp_two_tables

        out = np.empty_like(codes)
        halves = Halves(self.drop, FALL_FRAC_BITS)
        return out, int(exp_two_tables(codes, self.high, self.fall, halves, self.cast, out))

    def memories(self) -> Memories:
        """Return both tables."""
        return {"high": (self.high, stored_bits(self.high)), "fall": (self.fall, stored_bits(self.fall))}


def two_table(source: QFormat, target: QFormat) -> TwoTableExp:
    """Build the unit. Raises ConfigError for a signed source and for formats out of reach."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    vanishing = math.log(2) * (min(target.frac_bits, HIGH_FRAC_BITS) + 1)  # exp(-u) is half an lsb there
    reach_bits = min(source.int_bits, max(math.ceil(math.log2(max(vanishing, 1))), 0))
    drop = max(reach_bits - 2 * INDEX_BITS + source.frac_bits, 0)
    lsb = math.ldexp(1, -source.frac_bits)
    step = math.ldexp(lsb, drop)
    entries = range(1 << INDEX_BITS)
    high = frozen_table(round(math.ldexp(math.exp(-i * step * len(entries)), HIGH_FRAC_BITS)) for i in entries)
    fall = frozen_table(round(math.ldexp(-math.expm1(-(i * step + (step - lsb) / 2)), FALL_FRAC_BITS)) for i in entries)
    memories: Memories = {"high": (high, stored_bits(high)), "fall": (fall, stored_bits(fall))}
    return TwoTableExp(
        name="exp",
        design="two-table",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=3, table_bits=memory_bits(memories), multipliers=1, adders=2),
        high=high,
        fall=fall,
        drop=drop,
        cast=final_cast(HIGH_FRAC_BITS + FALL_FRAC_BITS, target, Rounding.RND),
    )
