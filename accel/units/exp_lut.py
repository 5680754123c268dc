"""exp(-u) from one table over u itself, as high-level-synthesis tools build it: no multiplier, and the largest error.

An entry holds the finished code at the lower edge of its bin (no guard bits, no rounding behind it). The surprise: the
error is almost a whole bin's fall, because no u of a bin is looked up above its lower edge; with 1024 entries over
[0, 64), all of UQ6.10, that is 6.0e-2, over [0, 16) 1.5e-2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.unit import (
    Codes,
    Memories,
    UnaryUnit,
    check_formats,
    frozen_table,
    require_offered,
    require_unsigned,
    stored_bits,
)

ENTRIES = (64, 128, 256, 512, 1024, 2048, 4096)
REACHES = (4, 8, 16, 32, 64)
DIGITS = 30
"""Of the exponentials: a code of 32 bits is rounded from them correctly."""


@dataclass(frozen=True, eq=False)
class DirectExp(UnaryUnit):
    """Direct table over [0, reach).

    Table rule: entry i = round(exp(-i * reach / entries) * 2^F), half up, saturated; F = the target's fraction bits.
    Steps: index = floor(u * entries / reach), the last entry beyond the table; code = entry. An output counts as
    saturated when its entry is.
    Error: 1 - exp(-(reach / entries - lsb of u)), the cast 1/2 lsb; exp(-reach) beyond the table.
    Stages (2): address and its limit; table. One input per cycle.
    """

    table: NDArray[np.int64]
    shift: int
    saturated: int

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) u -> (n,) exp(-u)."""
        from kernels.exp import exp_direct

        out = np.empty_like(codes)
        return out, int(exp_direct(codes, self.table, self.shift, self.saturated, out))

    def memories(self) -> Memories:
        """Return the table."""
        return {"table": (self.table, stored_bits(self.table))}


def lut(source: QFormat, target: QFormat, *, entries: int = 1024, reach: int = 16) -> DirectExp:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, sizes that are not offered."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    require_offered("exp 'lut'", "entries", entries, ENTRIES)
    require_offered("exp 'lut'", "reach", reach, REACHES)
    rounded = list(_rounded(entries, reach, target.frac_bits))
    table = frozen_table(min(code, target.max_code) for code in rounded)
    return DirectExp(
        name="exp",
        design="lut",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=2, table_bits=entries * stored_bits(table), adders=1),
        table=table,
        shift=source.frac_bits - (entries.bit_length() - reach.bit_length()),
        saturated=sum(code > target.max_code for code in rounded),  # exp falls: they are the first ones
    )


def _rounded(entries: int, reach: int, frac_bits: int) -> Iterator[int]:
    """Yield exp(-i * reach / entries) * 2^frac_bits, rounded half up."""
    with localcontext() as context:
        context.prec = DIGITS
        unit = Decimal(2) ** frac_bits
        for i in range(entries):
            value = (Decimal(-i * reach) / entries).exp() * unit
            yield int(value.to_integral_value(ROUND_HALF_UP))
