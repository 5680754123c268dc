"""Running comparison of fixed against golden, batch by batch, in memory that does not grow with the inputs.

A tensor is read in blocks that stay in the cache; sums of squares are sums over blocks, in their order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.array import FxArray, for_kernels

EXPONENTS = range(-24, 17)
"""Bins of the magnitude histogram: bin e counts 2^(e-1) <= |value| < 2^e; the ends collect what lies beyond."""

_BLOCK = 1 << 13
"""Values at once: small enough that no BLAS shares their product among threads, whose number would show in the sum."""


@dataclass(frozen=True)
class Deviation:
    """Fixed minus golden over one tensor: powers, largest difference (in lsb of the fixed format), golden's range.

    histogram: counts of golden magnitudes by `EXPONENTS`, zeros left out.
    """

    signal: float
    noise: float
    max_lsb: float
    low: float
    high: float
    histogram: NDArray[np.int64]

    @classmethod
    def of(cls, golden: NDArray[np.float64], fixed: FxArray) -> Deviation:
        """Compare one batch of one tensor."""
        from kernels.exponents import LANES, count_exponents  # compiled code only when something is compared

        # Writable, because Numba would compile the kernel once more for arrays that may only be read.
        values, codes = for_kernels(golden, np.float64).reshape(-1), fixed.codes.reshape(-1)
        lsb = math.ldexp(1.0, -fixed.format.frac_bits)
        signal = noise = largest = 0.0
        counts = np.zeros((LANES, 0x800), dtype=np.int64)
        room = np.empty(min(_BLOCK, values.size))  # used again, because fresh pages cost more than the arithmetic
        for first in range(0, values.size, _BLOCK):
            part = values[first : first + _BLOCK]
            difference = np.multiply(codes[first : first + _BLOCK], lsb, out=room[: part.size])
            difference -= part
            signal += float(np.vdot(part, part))
            noise += float(np.vdot(difference, difference))
            largest = max(largest, float(difference.max()), -float(difference.min()))
            count_exponents(part.view(np.int64), counts)
        return cls(
            signal,
            noise,
            math.ldexp(largest, fixed.format.frac_bits),
            float(golden.min(initial=math.inf)),
            float(golden.max(initial=-math.inf)),
            _magnitudes(counts.sum(axis=0)),
        )

    def __add__(self, other: Deviation) -> Deviation:
        """Return the comparison over both batches; add in the order of the batches to keep every bit."""
        return Deviation(
            self.signal + other.signal,
            self.noise + other.noise,
            max(self.max_lsb, other.max_lsb),
            min(self.low, other.low),
            max(self.high, other.high),
            self.histogram + other.histogram,
        )

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantisation noise ratio, 10 log10(sum golden^2 / sum difference^2).

        None where it is undefined: no noise (then max_lsb is 0) or no signal.
        """
        if self.noise == 0.0 or self.signal == 0.0:
            return None
        return 10.0 * math.log10(self.signal / self.noise)


def _magnitudes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts by biased exponent, (2048,), as counts by `EXPONENTS`, zeros left out."""
    # 2^(e-1) <= |value| < 2^e stands as e + 1022; 0 stands for zeros (and subnormals, which count as zeros).
    first, last = EXPONENTS[0] + 1022, EXPONENTS[-1] + 1022
    inner = counts[first : last + 1].copy()
    inner[0] += counts[1:first].sum()
    inner[-1] += counts[last + 1 :].sum()
    return inner
