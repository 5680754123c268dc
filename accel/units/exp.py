"""exp of a number that is never positive, the form a max-shifted softmax needs: exp(-u), u >= 0.

exp(-u) = 2^-y with y = u * log2(e), and 2^-(n + f) = 2^-f >> n: a short table over f in [0, 1) serves every magnitude.
The source format is that of u, hence unsigned. The surprise: lines are drawn through exact points of the curve, not
fitted for least error, so that exp(0) is exactly 1 and neighbouring octaves meet without a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.unit import (
    Codes,
    UnaryUnit,
    check_formats,
    entry_bits,
    final_cast,
    frozen_table,
    require_unsigned,
    table_frac_bits,
)
from kernels.modes import Requant, Rounding

LOG2_E_FRAC_BITS = 16
SEGMENTS = (4, 8, 16, 32, 64)
MAX_TABLE_FRAC_BITS = 20
"""Lines over 64 segments are good to 16 bits; four more keep the entries' rounding out of sight."""


@dataclass(frozen=True, eq=False)
class PowerOfTwoExp(UnaryUnit):
    """2^x split with linear interpolation.

    Table rule: entry i = round(2^(-i / segments) * 2^t), i = 0..segments, t = the target's fraction bits + 3 (8..20).
    An entry keeps its value (t + 1 bits) and its fall to the next (t - log2(segments) bits).
    Steps: y = u * scale, scale = round(log2(e) * 2^16) (times 2^k for sources so coarse that y would have fewer
    fraction bits than the table has index bits), exact; n = whole part, f = fraction of y; v = line through the
    entries around f, exact; code = RND(v * 2^-n), 0 once n reaches the width.
    Error: line (ln(2) / segments)^2 / 8, constant u exp(-u) ln(2) 2^-17 < 2^-18.9, entries 1/16 lsb, cast 1/2 lsb.
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


def pow2_linear(source: QFormat, target: QFormat, segments: int = 64) -> PowerOfTwoExp:
    """Build the unit. Raises ConfigError for a signed source, formats out of reach, other numbers of segments."""
    check_formats("exp", source, target)
    require_unsigned("exp(-u)", source)
    if segments not in SEGMENTS:
        raise ConfigError(f"exp with {segments} segments is not offered; use one of {', '.join(map(str, SEGMENTS))}")
    segment_bits = segments.bit_length() - 1
    fraction_bits = max(source.frac_bits + LOG2_E_FRAC_BITS, segment_bits)
    table_bits = table_frac_bits(target, MAX_TABLE_FRAC_BITS)
    table = frozen_table(round(math.ldexp(2 ** (-i / segments), table_bits)) for i in range(segments + 1))
    lift = fraction_bits - (source.frac_bits + LOG2_E_FRAC_BITS)
    return PowerOfTwoExp(
        name="exp",
        design="pow2-linear",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=5, table_bits=entry_bits(table), multipliers=2, adders=2),
        table=table,
        scale=round(math.ldexp(math.log2(math.e), LOG2_E_FRAC_BITS)) << lift,
        fraction_bits=fraction_bits,
        segment_bits=segment_bits,
        cast=final_cast(table_bits + fraction_bits - segment_bits, target, Rounding.RND),
    )
