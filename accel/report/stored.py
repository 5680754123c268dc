"""`Stored`: what a format named in `run.json` can hold.

A run writes formats in one spelling only (Q4.12, UQ4.12), so a report reads it without the number formats of the
simulator: it stays a reader of records.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from accel.errors import DataError

_SPELLING = re.compile(r"(U?)Q(-?\d+)\.(-?\d+)")


class Stored(NamedTuple):
    """A format: sign, bits before the binary point (the sign among them), bits after it."""

    signed: bool
    int_bits: int
    frac_bits: int

    @classmethod
    def parse(cls, text: str) -> Stored:
        """Read the spelling of `run.json`. Raises DataError for any other."""
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise DataError(f'"{text}" is not a format as a run writes it (Q4.12 or UQ4.12); was run.json edited?')
        return cls(not match[1], int(match[2]), int(match[3]))

    @property
    def width(self) -> int:
        """All bits."""
        return self.int_bits + self.frac_bits

    @property
    def exponents(self) -> tuple[int, int]:
        """Magnitudes from 2^first (one lsb) to below 2^second are representable."""
        return -self.frac_bits, self.int_bits - (1 if self.signed else 0)

    @property
    def min_value(self) -> float:
        """Smallest value."""
        return -math.ldexp(1.0, self.int_bits - 1) if self.signed else 0.0

    @property
    def max_value(self) -> float:
        """Largest value."""
        lowest, end = self.exponents
        return math.ldexp(1.0, end) - math.ldexp(1.0, lowest)
