"""Softermax: softmax in base 2, in one pass over the logits, corrected by shifts only.

Source: Stevens et al., "Softermax: Hardware/Software Co-Design of an Efficient Softmax for Transformers", DAC 2021
(arXiv 2103.09301): base 2, ceiling of the maximum, online normalisation, lines of four segments. The surprise: it is
2^x / sum 2^x, a softer distribution than that of e^x; the paper fine-tunes networks to it. Logits that the layer before
multiplies by log2(e) would give base e. Which logit is the largest does not depend on the base.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.softmax_hls4ml import refuse_parts
from accel.units.softmax_path import DEFAULT_TARGET, parts_memories
from accel.units.unit import (
    Choice,
    Codes,
    Memories,
    SoftmaxUnit,
    check_formats,
    final_cast,
    frozen_table,
    line_memories,
    memory_bits,
)
from kernels.modes import Requant, Rounding

SLICE = 16
"""Values whose maximum is found before their powers."""

SEGMENT_BITS = 2
"""Four lines per octave."""

POWER_FORMAT = QFormat(False, 16, 1)
SUM_FORMAT = QFormat(False, 16, 10)
INVERSE_FORMAT = QFormat(False, 8, 1)
TABLE_BITS = 18
"""Fraction bits of the powers' entries; the inverse's keep those of the powers."""

COMPARE = UnitCost(latency_cycles=2, adders=2)
SUBTRACT = UnitCost(latency_cycles=1, adders=1)
SUM = UnitCost(latency_cycles=1, adders=1)
PRODUCT = UnitCost(latency_cycles=1, multipliers=1, adders=1)


@dataclass(frozen=True, eq=False)
class Softermax(SoftmaxUnit):
    """2^(x - maximum) in UQ1.15, running sum UQ10.6 (saturating), reciprocal UQ1.7, one cast of the product.

    Table rules: power entry i = round(2^(-i / 4) * 2^18), inverse entry i = round(2^15 / (1 + i / 4)), i = 0..4; a
    segment keeps its value and its fall. Slices are 16 values. Powers, the slice's sum, the shifted running sum and the
    reciprocal round half up; the last shift by size and risen maximum belongs to the one cast (RND_CONV).
    A source of Q6.2 and a target of UQ1.7 are the paper's own; wider ones keep their fraction. The paper does not give
    its rounding nor its slices: those are ours.
    Measured on Q6.10 against base 2: errors up to 2.6e-2 for ten classes, 1.03e-1 for 1000 of spread 4; no flips.
    Time: a slice is read (lanes per beat), then streams through its powers while the next one is read; the products
    are one more stream. Lanes beyond 16 do not help. Depth: maximum of a slice and running maximum 2, subtraction 1,
    power 3 (table, multiply, add and shift), sum 1, reciprocal 3 (normalise, table, line), product 1.
    """

    base: ClassVar[float] = 2.0

    powers: NDArray[np.int64]
    inverses: NDArray[np.int64]
    lift: int
    power_cast: Requant
    cast: Requant
    lane: UnitCost
    row: UnitCost

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) shares 2^x / sum 2^x."""
        from kernels.activation import Split
        from kernels.softermax import Inverse, Slices, Sums, softermax

        frac_bits = self.source.frac_bits + self.lift
        out = np.empty_like(codes)
        overflowed = softermax(
            codes,
            self.powers,
            Split(1, frac_bits, SEGMENT_BITS),
            self.power_cast,
            Slices(SLICE, self.lift, frac_bits),
            Sums(POWER_FORMAT.frac_bits, SUM_FORMAT.frac_bits, SUM_FORMAT.max_code),
            self.inverses,
            Inverse(SUM_FORMAT.width, POWER_FORMAT.frac_bits, SEGMENT_BITS, INVERSE_FORMAT.frac_bits),
            self.cast,
            np.empty(codes.shape[1], np.int64),
            out,
        )
        return out, int(overflowed)

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Return the cost of rows of k values: they are read once; rows follow each other without overlap."""
        lanes = min(lanes, SLICE)
        full, rest = divmod(k, SLICE)
        last = rest or SLICE
        beats = (full - (not rest)) * -(-SLICE // lanes) + -(-last // lanes)
        levels = (lanes - 1).bit_length()
        wait = -(-last // lanes) - 1  # the last slice streams once more after it has been read
        latency = self.cost.latency_cycles + 2 * levels + 2 * (beats - 1) + wait
        return UnitCost(
            latency_cycles=latency,
            interval_cycles=latency,
            table_bits=lanes * self.lane.table_bits + self.row.table_bits,
            multipliers=lanes * self.lane.multipliers + self.row.multipliers,
            adders=lanes * self.lane.adders + self.row.adders,
        )

    def memories(self) -> Memories:
        """Return both tables of lines."""
        return parts_memories(exp=line_memories(self.powers), inverse=line_memories(self.inverses))


def softermax(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> Softermax:
    """Build the unit. Raises ConfigError for formats out of reach and for parts, which it does not take."""
    refuse_parts("softermax", exp, reciprocal)
    check_formats("softmax", source, target)
    segments = 1 << SEGMENT_BITS
    powers = frozen_table(round(math.ldexp(2 ** (-i / segments), TABLE_BITS)) for i in range(segments + 1))
    one = 1 << POWER_FORMAT.frac_bits
    inverses = frozen_table(round(one * segments / (segments + i)) for i in range(segments + 1))
    lift = max(0, SEGMENT_BITS - source.frac_bits)
    power = UnitCost(latency_cycles=3, table_bits=memory_bits(line_memories(powers)), multipliers=1, adders=1)
    lane = COMPARE + SUBTRACT + power + SUM + PRODUCT
    row = UnitCost(latency_cycles=3, table_bits=memory_bits(line_memories(inverses)), multipliers=1, adders=1)
    whole = lane + row
    step_bits = source.frac_bits + lift - SEGMENT_BITS
    return Softermax(
        design="softermax",
        source=source,
        target=target,
        cost=whole,
        powers=powers,
        inverses=inverses,
        lift=lift,
        power_cast=final_cast(TABLE_BITS + step_bits, POWER_FORMAT, Rounding.RND),
        # power * reciprocal * 2^-size, the sum counted from its lsb
        cast=final_cast(POWER_FORMAT.frac_bits + INVERSE_FORMAT.frac_bits - SUM_FORMAT.frac_bits, target),
        lane=lane,
        row=row,
    )
