"""Max-shifted softmax in hardware steps (the steps are those of `kernels.softmax`).

Subtracting the largest logit changes nothing in exact arithmetic and keeps every exponential in (0, 1]. The surprise:
row sums are not exactly 1, since every probability is rounded on its own; the order of the logits is never reversed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.exp import PowerOfTwoExp, pow2_linear
from accel.units.reciprocal import WORKING_BITS, LutNewton, lut_newton
from accel.units.unit import Codes, SoftmaxUnit, check_formats, final_cast
from kernels.modes import Requant

DEFAULT_TARGET = QFormat(False, 16, 0)
EXP_FORMAT = QFormat(False, WORKING_BITS + 1, 1)
"""Exponentials in [0, 1], as fine as the reciprocal: with 1000 classes the small ones that round to 0 add up, and each
bit less doubles that error (2.7e-4 with 17 fraction bits, 4e-5 with 20)."""

PASSES = 2
STREAMS = PASSES + 1
"""The row twice, then the exponentials in the unit's own buffer."""

MAXIMUM = UnitCost(latency_cycles=1, adders=1)
SUBTRACT = UnitCost(latency_cycles=1, adders=1)
ACCUMULATE = UnitCost(latency_cycles=1, adders=1)
PRODUCT = UnitCost(latency_cycles=1, multipliers=1)


@dataclass(frozen=True, eq=False)
class ReferenceSoftmax(SoftmaxUnit):
    """2^x split with 64 linear segments into UQ1.20, exact sum, reciprocal of 64 seeds and 2 Newton-Raphson steps.

    Two steps, because one gives 14 bits and 2^-14 of a probability near 1 is four lsb of the output; with two (20 bits)
    the exponentials' and the output's own rounding are what remains.
    A row is read twice, for its maximum and for exponentials and sum; the exponentials, kept in a buffer of k words
    inside the unit, are then streamed once more for the products. Depth (16): maximum 1, subtraction 1, exp 5, sum 1,
    reciprocal 7 (its stage that shifts and rounds stands behind the product here), product 1. A stream of n beats
    through d stages takes d + n - 1 cycles and the next one starts when it has ended: depth + 3 (n - 1) cycles a row.
    """

    exp: PowerOfTwoExp
    reciprocal: LutNewton
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) probabilities."""
        from kernels.activation import Newton, Split
        from kernels.softmax import softmax_reference

        exp, reciprocal = self.exp, self.reciprocal
        split = Split(exp.scale, exp.fraction_bits, exp.segment_bits)
        newton = Newton(WORKING_BITS, reciprocal.seed_bits, reciprocal.steps)
        out = np.empty_like(codes)
        overflowed = softmax_reference(codes, exp.table, split, exp.cast, reciprocal.seeds, newton, self.cast, out)
        return out, int(overflowed)

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Return the cost of rows of k values, `lanes` values per beat; rows follow each other without overlap.

        Lanes are joined by trees of ceil(log2(lanes)) levels behind the maximum and behind the sum.
        """
        beats = -(-k // lanes)
        levels = (lanes - 1).bit_length()
        latency = self.cost.latency_cycles + 2 * levels + STREAMS * (beats - 1)
        per_row = self.reciprocal.cost
        return UnitCost(
            latency_cycles=latency,
            interval_cycles=latency,
            passes=self.cost.passes,
            table_bits=lanes * (self.cost.table_bits - per_row.table_bits) + per_row.table_bits,
            multipliers=lanes * (self.cost.multipliers - per_row.multipliers) + per_row.multipliers,
            adders=lanes * (self.cost.adders - per_row.adders) + per_row.adders,
        )


def reference(source: QFormat, target: QFormat = DEFAULT_TARGET) -> ReferenceSoftmax:
    """Build the unit. Raises ConfigError for formats out of reach."""
    check_formats("softmax", source, target)
    # The distance of two codes needs as many bits as the codes have, without a sign.
    exp = pow2_linear(QFormat(False, source.width, source.int_bits), EXP_FORMAT)
    reciprocal = lut_newton(EXP_FORMAT, EXP_FORMAT, steps=2)
    depth = MAXIMUM + SUBTRACT + exp.cost + ACCUMULATE + reciprocal.cost + PRODUCT
    return ReferenceSoftmax(
        design="reference",
        source=source,
        target=target,
        cost=UnitCost(depth.latency_cycles, 1, PASSES, depth.table_bits, depth.multipliers, depth.adders),
        exp=exp,
        reciprocal=reciprocal,
        cast=final_cast(WORKING_BITS, target),
    )
