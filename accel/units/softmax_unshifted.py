"""Softmax without subtracting the largest logit: what the shift is for.

Multiplying numerator and denominator by a constant C = e^-m, m the largest logit, keeps exp in range (Kaplan, "Swift
Introduction to Neural Networks", section 3.1); this unit has C = 1. Here exp(x) has 12 integer and 20 fraction bits:
from x = 8.32 on it saturates, so larger logits tie at the same share, and below x = -14.56 it is 0; a row of such
logits sums to 0 and gets no probability at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.exp_pow2 import PowerOfTwoExp, pow2_linear
from accel.units.reciprocal import WORKING_BITS, ReciprocalUnit
from accel.units.softmax_path import ACCUMULATE, DEFAULT_TARGET, PRODUCT, RowPath, StreamedSoftmax, parts_memories
from accel.units.softmax_reference import reciprocal_unit, totals
from accel.units.unit import Choice, Codes, Memories, check_formats, final_cast
from kernels.modes import Requant

POWER_FORMAT = QFormat(False, 32, 12)
"""A 32-bit word for exp(x), with the fraction of the reference."""


@dataclass(frozen=True, eq=False)
class UnshiftedSoftmax(StreamedSoftmax):
    """exp(x) of signed logits into UQ12.20, saturating; exact sum, reciprocal of the sum, product, one cast.

    exp(x) is the 2^x split with 64 lines of `exp` "pow2-linear", with the whole part of either sign: a left shift for
    positive x. Without a maximum to wait for, a row is read once and takes depth + 2 (n - 1) cycles for n beats.
    Depth: exp 5, sum 1, reciprocal, product 1.
    """

    exp: PowerOfTwoExp
    reciprocal: ReciprocalUnit
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) probabilities, how many of them or of their exponentials saturated."""
        from kernels.activation import Split
        from kernels.softmax import exp_signed, normalise

        exp = self.exp
        split = Split(exp.scale, exp.fraction_bits, exp.segment_bits)
        powers = np.empty_like(codes)
        # A line stands for more than 1/2, so one place beyond the integer bits is out of range for certain.
        deepest = POWER_FORMAT.int_bits + 1
        exp_signed(codes.reshape(-1), exp.table, split, deepest, exp.cast, powers.reshape(-1))
        mantissas, sizes = self.reciprocal.mantissa(totals(powers))
        out = np.empty_like(powers)
        overflowed = int(normalise(powers, mantissas, sizes, self.cast, out))
        held = powers == POWER_FORMAT.max_code
        if held.any():  # each of these counts once, whatever becomes of its share
            rest = np.where(held, 0, powers)
            overflowed = int(held.sum() + normalise(rest, mantissas, sizes, self.cast, np.empty_like(out)))
        return out, overflowed

    def memories(self) -> Memories:
        """Return the tables of both parts."""
        return parts_memories(exp=self.exp.memories(), reciprocal=self.reciprocal.memories())


def unshifted(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> UnshiftedSoftmax:
    """Build the unit. Raises ConfigError for formats out of reach, a reciprocal that cannot be built, another exp."""
    if exp is not None:
        raise ConfigError(
            f"softmax 'unshifted' takes exp of both signs, which '{exp.design}' does not offer; leave it out"
        )
    check_formats("softmax", source, target)
    powers = pow2_linear(QFormat(False, source.width, source.int_bits), POWER_FORMAT)
    inverse = reciprocal_unit(reciprocal)
    path = RowPath(
        lane=powers.cost + ACCUMULATE + PRODUCT,
        row=inverse.cost,
        streams=(1, 1),
        trees=1,
        passes=1,
    )
    return UnshiftedSoftmax(
        design="unshifted",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        exp=powers,
        reciprocal=inverse,
        cast=final_cast(WORKING_BITS, target),
    )
