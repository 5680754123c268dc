"""sigmoid and tanh from one kind of table: 256 linear segments over |x|, the other half by symmetry.

sigmoid(-x) = 1 - sigmoid(x) and tanh(-x) = -tanh(x); tanh(x) = 2 sigmoid(2 x) - 1 has its segments at half the scale.
The curves bend near zero and flatten out fast, so segments widen with |x| instead of being uniform; a leading-one test
of three bits addresses them. The surprise: the symmetry is exact to the bit, saturation of the target apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.curves import check_curve, sigmoid_bend, sigmoid_curve, tanh_bend
from accel.units.plan import sigmoid_plan, tanh_plan
from accel.units.sigmoid_lut import sigmoid_lut, tanh_lut
from accel.units.unit import (
    Codes,
    Memories,
    UnaryUnit,
    final_cast,
    frozen_table,
    line_memories,
    memory_bits,
    table_frac_bits,
)
from kernels.modes import Requant

QUARTER = 64
"""Segments: 2 * 64 narrow ones, 64 of twice, 64 of four times that width."""

MAX_TABLE_FRAC_BITS = 20
"""The lines are good to 16 bits; four more keep the entries' rounding out of sight."""


@dataclass(frozen=True, eq=False)
class SymmetricLutLinear(UnaryUnit):
    """256-entry table with linear interpolation over |x|.

    Segments of sigmoid: 128 of width 1/32 on [0, 4), 64 of 1/16 on [4, 8), 64 of 1/8 on [8, 16); of tanh: all halved.
    Beyond 16 (tanh 8) the last value stands, by one more segment that is flat; the curve is within 2.3e-7 of it.
    Table rule: entry = round((f(x) - h^2 f''(x) / 16) * 2^t) at the segment's start x, h its width, t = the target's
    fraction bits + 3 (8..20). A line through points of the curve is off by h^2 f'' / 8 in mid-segment and exact at its
    ends; half of that, moved to the ends, is the least possible largest error. An entry keeps its value (t + 1 bits)
    and its rise to the next (at most t - 5 bits).
    Steps: |x|; segment, position; line through the entries, exact; f(-x) = mirror - f(x); code = RND_CONV, saturated.
    Error: line h^2 |f''| / 16 (sigmoid 0.19, tanh 0.38 lsb at 15 fraction bits), entries 1/16 lsb, cast 1/2.
    Stages (4): magnitude; table; multiply by the rise; add, mirror and round. One input per cycle.
    """

    table: NDArray[np.int64]
    lift: int
    step_bits: int
    mirror: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) x -> (n,) f(x)."""
        from kernels.activation import Octaves, symmetric

        out = np.empty_like(codes)
        octaves = Octaves(self.lift, self.step_bits, QUARTER, self.mirror)
        return out, int(symmetric(codes, self.table, octaves, self.cast, out))

    def memories(self) -> Memories:
        """Return value and rise of every segment; the flat one at the end needs neither."""
        return line_memories(self.table[:-1])


def sigmoid(source: QFormat, target: QFormat) -> SymmetricLutLinear:
    """Build 1 / (1 + exp(-x)). Raises ConfigError for formats out of reach."""
    return _symmetric("sigmoid", sigmoid_curve, sigmoid_bend, 5, 1, source, target)


def tanh(source: QFormat, target: QFormat) -> SymmetricLutLinear:
    """Build tanh. Raises ConfigError for formats out of reach and for an unsigned target, which loses half of it."""
    return _symmetric("tanh", math.tanh, tanh_bend, 6, 0, source, target)


def _symmetric(
    name: str,
    curve: Callable[[float], float],
    bend: Callable[[float], float],
    narrowest: int,
    whole: int,
    source: QFormat,
    target: QFormat,
) -> SymmetricLutLinear:
    """Build curve(x) = whole - curve(-x), bend its second derivative, first segments 2^-narrowest wide."""
    check_curve(name, source, target)
    lift = max(0, narrowest - source.frac_bits)
    step_bits = source.frac_bits + lift - narrowest
    bits = table_frac_bits(target, MAX_TABLE_FRAC_BITS)
    entries = []
    for entry in range(4 * QUARTER + 1):
        octave = (entry >= 2 * QUARTER) + (entry >= 3 * QUARTER)
        width = math.ldexp(1.0, octave - narrowest)
        x = (entry - octave * QUARTER) * width
        entries.append(round(math.ldexp(curve(x) - width * width / 16 * bend(x), bits)))
    table = frozen_table([*entries, entries[-1]])
    return SymmetricLutLinear(
        name=name,
        design="lut-linear",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=4, table_bits=memory_bits(line_memories(table[:-1])), multipliers=1, adders=3),
        table=table,
        lift=lift,
        step_bits=step_bits,
        mirror=whole << (bits + step_bits + 2),
        cast=final_cast(bits + step_bits + 2, target),
    )


SIGMOID: Mapping[str, Callable[..., UnaryUnit]] = {"lut-linear": sigmoid, "lut": sigmoid_lut, "plan": sigmoid_plan}
TANH: Mapping[str, Callable[..., UnaryUnit]] = {"lut-linear": tanh, "lut": tanh_lut, "plan": tanh_plan}
"""Builders (source, target, **options) by design; the first is the default."""
