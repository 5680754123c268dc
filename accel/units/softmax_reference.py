"""Max-shifted softmax with any exp and any reciprocal unit; its own choice of both is the reference.

Subtracting the largest logit changes nothing in exact arithmetic and keeps every exponential in (0, 1]. The surprise:
row sums are not exactly 1, since every probability is rounded on its own; the order of the logits is never reversed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.exp import EXP
from accel.units.reciprocal import RECIPROCAL, WORKING_BITS, ReciprocalUnit
from accel.units.softmax_path import (
    ACCUMULATE,
    DEFAULT_TARGET,
    MAXIMUM,
    PRODUCT,
    SUBTRACT,
    RowPath,
    StreamedSoftmax,
    parts_memories,
)
from accel.units.unit import Choice, Codes, Memories, UnaryUnit, check_formats, final_cast
from kernels.modes import Requant

EXP_FORMAT = QFormat(False, WORKING_BITS + 1, 1)
"""Exponentials in [0, 1], as fine as the reciprocal: with 1000 classes the small ones that round to 0 add up, and each
bit less doubles that error (2.7e-4 with 17 fraction bits, 4e-5 with 20)."""

DEFAULT_EXP = Choice("pow2-linear", (("entries", 64),))
DEFAULT_RECIPROCAL = Choice("lut-newton", (("entries", 64), ("steps", 2)))
"""Two steps: one gives 14 bits, and 2^-14 of a probability near 1 is four lsb of UQ0.16 (two give 20 bits)."""


@dataclass(frozen=True, eq=False)
class ReferenceSoftmax(StreamedSoftmax):
    """Maximum, exact subtraction, exp unit into UQ1.20, exact sum, reciprocal of the sum, product, one cast.

    A row is read twice, for its maximum and for exponentials and sum; the exponentials, kept in a buffer of k words
    inside the unit, are then streamed once more for the products. Depth: maximum 1, subtraction 1, exp (5), sum 1,
    reciprocal (7, its stage that shifts and rounds stands behind the product here), product 1: 16 with the units of
    the reference. A row takes depth + 3 (n - 1) cycles for n beats.
    """

    exp: UnaryUnit
    reciprocal: ReciprocalUnit
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) probabilities."""
        from kernels.softmax import normalise

        powers = exponentials(self.exp, codes)
        mantissas, sizes = self.reciprocal.mantissa(totals(powers))
        out = np.empty_like(powers)
        return out, int(normalise(powers, mantissas, sizes, self.cast, out))

    def memories(self) -> Memories:
        """Return the tables of both parts."""
        return parts_memories(exp=self.exp.memories(), reciprocal=self.reciprocal.memories())


def reference(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> ReferenceSoftmax:
    """Build the unit. Raises ConfigError for formats out of reach and for parts that cannot be built."""
    check_formats("softmax", source, target)
    powers = exp_unit(source, exp)
    inverse = reciprocal_unit(reciprocal)
    path = RowPath(
        lane=exp_stages(powers) + PRODUCT,
        row=inverse.cost,
        streams=(1, powers.cost.interval_cycles, 1),
    )
    return ReferenceSoftmax(
        design="reference",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        exp=powers,
        reciprocal=inverse,
        cast=final_cast(WORKING_BITS, target),
    )


def exp_unit(source: QFormat, choice: Choice | None) -> UnaryUnit:
    """Build the exp unit for distances of codes: as many bits as the codes have, without a sign."""
    design, options = choice or DEFAULT_EXP
    return EXP[design](QFormat(False, source.width, source.int_bits), EXP_FORMAT, **dict(options))


def reciprocal_unit(choice: Choice | None) -> ReciprocalUnit:
    """Build the reciprocal of a sum; its formats do not matter, because only its mantissa is taken."""
    design, options = choice or DEFAULT_RECIPROCAL
    return RECIPROCAL[design](EXP_FORMAT, EXP_FORMAT, **dict(options))


def exp_stages(exp: UnaryUnit) -> UnitCost:
    """Return what a lane has from the logit to the sum."""
    return MAXIMUM + SUBTRACT + exp.cost + ACCUMULATE


def exponentials(exp: UnaryUnit, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """codes: (rows, k) logits -> (rows, k) exp(x - largest of the row)."""
    distances = codes.max(axis=1, keepdims=True) - codes
    made, _ = exp.evaluate(distances.reshape(-1))
    return np.asarray(made, dtype=np.int64).reshape(codes.shape)


def totals(powers: NDArray[np.int64]) -> NDArray[np.int64]:
    """powers: (rows, k) -> (rows,) exact sums, at least 1 lsb so that a reciprocal exists.

    Only exponentials that all round to 0 would sum to less, and they stay 0 whatever they are multiplied by.
    """
    return np.asarray(np.maximum(powers.sum(axis=1, dtype=np.int64), 1))
