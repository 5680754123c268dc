"""Running comparison of fixed against golden, batch by batch, in memory that does not grow with the inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.array import FxArray

EXPONENTS = range(-24, 17)
"""Bins of the magnitude histogram: bin e counts 2^(e-1) <= |value| < 2^e; the ends collect what lies beyond."""


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
        difference = fixed.to_float() - golden
        signal, noise = (float(np.vdot(x, x)) for x in (golden, difference))
        largest = max(float(difference.max()), -float(difference.min())) if golden.size else 0.0
        return cls(
            signal,
            noise,
            math.ldexp(largest, fixed.format.frac_bits),
            float(golden.min(initial=math.inf)),
            float(golden.max(initial=-math.inf)),
            _magnitudes(golden),
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


def _magnitudes(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count values by `EXPONENTS`, zeros left out: the biased exponent is read from the bits of each float64."""
    biased = np.ascontiguousarray(values).view(np.int64) >> 52 & 0x7FF
    counts = np.bincount(biased.ravel(), minlength=0x800)
    # 2^(e-1) <= |value| < 2^e stands as e + 1022; 0 stands for zeros (and subnormals, which count as zeros).
    first, last = EXPONENTS[0] + 1022, EXPONENTS[-1] + 1022
    inner = counts[first : last + 1].astype(np.int64)
    inner[0] += counts[1:first].sum()
    inner[-1] += counts[last + 1 :].sum()
    return inner
