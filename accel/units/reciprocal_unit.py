"""What every reciprocal shares: its bits can be had before the last cast, because a softmax multiplies by them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.units.unit import Codes, UnaryUnit
from kernels.modes import Requant

WORKING_BITS = 20
"""Fraction bits of the mantissas m in [1, 2) of d and y in about [1/2, 1] of 1/d."""


@dataclass(frozen=True, eq=False)
class ReciprocalUnit(UnaryUnit):
    """1/d of d >= 0; d = 0 gives the largest code and counts as saturated."""

    @abstractmethod
    def mantissa(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """codes: (n,) integers d >= 1 of up to 62 bits, whatever the source format -> (n,) y, (n,) size.

        1/d is about y * 2^-WORKING_BITS * 2^-size with size = floor(log2(d)); y lies in 2^19..2^20, up to its error.
        """


@dataclass(frozen=True, eq=False)
class MantissaReciprocal(ReciprocalUnit):
    """A reciprocal that is its mantissa shifted back; the cast rounds half to even and saturates."""

    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) d -> (n,) 1/d."""
        from kernels.activation import shift_back

        mantissas, sizes = self.mantissa(np.maximum(codes, 1))
        out = np.empty_like(codes)
        return out, int(shift_back(codes, mantissas, sizes, self.cast, out))
