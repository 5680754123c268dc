"""How far a tensor is from golden, and how many integer bits its values want: the figures of every explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Two powers summed over a tensor: of golden, and of what was added to it. Batches add up, in their order."""

    signal: float = 0.0
    power: float = 0.0

    @classmethod
    def of(cls, golden: Array, added: Array) -> Noise:
        """Return the powers of a tensor and of what was added to it (one shape)."""
        return cls(float(np.vdot(golden, golden)), float(np.vdot(added, added)))

    def __add__(self, other: Noise) -> Noise:
        """Return the powers of both."""
        return Noise(self.signal + other.signal, self.power + other.power)

    @property
    def sqnr_db(self) -> float | None:
        """10 log10(signal / power); None where it is undefined: nothing was added, or golden is zero throughout."""
        if self.power == 0.0 or self.signal == 0.0:
            return None
        return 10.0 * (math.log10(self.signal) - math.log10(self.power))


@dataclass(frozen=True)
class Span:
    """The smallest and the largest of some values, and 0."""

    low: float = 0.0
    high: float = 0.0

    @classmethod
    def of(cls, values: Array) -> Span:
        """Return the span of an array of any shape."""
        return cls(float(values.min(initial=0.0)), float(values.max(initial=0.0)))

    def __or__(self, other: Span) -> Span:
        """Return the span of both."""
        return Span(min(self.low, other.low), max(self.high, other.high))

    def needs_sign(self, format: QFormat) -> bool:  # noqa: A002 - the field's word
        """Tell whether values lie below zero by more than rounding to this format forgives."""
        return self.low < -float(format.lsb) / 2

    def integer_bits(self, format: QFormat) -> int:  # noqa: A002 - the field's word
        """Return how many integer bits, sign included, a format must have to hold these values.

        A value that a format misses by its last lsb (1.0 in UQ0.8) counts as held: that is rounding, not range. The
        least is the narrowest format with this lsb, because a code has a bit. An unsigned format whose values want a
        sign needs one bit more than it has, at least.
        """
        signed = format.signed or self.needs_sign(format)
        fraction, exponent = math.frexp(max(self.high, -self.low if signed else 0.0))
        # 2^(exponent-1) <= largest < 2^exponent, and a power of two itself still fits (fraction = 1/2).
        bits = exponent - (fraction == 0.5) + signed
        narrowest = 1 + signed - format.frac_bits
        if signed and not format.signed:
            narrowest = max(narrowest, format.int_bits + 1)
        return max(bits, narrowest) if fraction else narrowest
