"""`QFormat`: how many bits a number has and where its binary point stands.

`int_bits` counts the sign bit (the `ap_fixed<W, I>` convention), may be negative and may exceed the width.
value = code * 2^-frac_bits. Spellings of one meaning: `Q4.12`, `ap_fixed<16,4>`, `sfix16_En12`; unsigned: `UQ4.12`,
`ap_ufixed<16,4>`, `ufix16_En12`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from accel.errors import ConfigError

MAX_WIDTH = 63
"""Widest format: a signed 63-bit code and one carry fit the int64 that everything is computed in."""

MAX_INT_BITS = 1000
"""Farthest binary point: every value of every format is a float64."""

_SPELLINGS = (
    (re.compile(r"(U?)Q(-?\d+)\.(-?\d+)", re.IGNORECASE), "q"),
    (re.compile(r"ap_(u?)fixed<\s*(-?\d+)\s*,\s*(-?\d+)\s*>"), "ap"),
    (re.compile(r"([us])fix(\d+)(?:_E(n?)(\d+))?"), "matlab"),
)


@dataclass(frozen=True, order=True)
class QFormat:
    """A fixed-point format. Raises ConfigError for widths outside 1..63 (a signed format needs 2 bits)."""

    signed: bool
    width: int
    int_bits: int

    def __post_init__(self) -> None:
        narrowest = 2 if self.signed else 1
        if not narrowest <= self.width <= MAX_WIDTH:
            raise ConfigError(
                f"a format of {self.width} bits cannot be used; the width must be {narrowest}..{MAX_WIDTH}"
            )
        if abs(self.int_bits) > MAX_INT_BITS:
            raise ConfigError(
                f"{self.int_bits} integer bits put the values out of float64's reach; stay within ±{MAX_INT_BITS}"
            )

    @classmethod
    def parse(cls, text: str | QFormat) -> QFormat:
        """Read any spelling. Raises ConfigError that quotes the text and offers the accepted spellings."""
        if isinstance(text, QFormat):
            return text
        for pattern, family in _SPELLINGS:
            match = pattern.fullmatch(text.strip()) if isinstance(text, str) else None
            if match is None:
                continue
            try:
                return cls._from_match(match, family)
            except ConfigError as error:
                raise ConfigError(f'"{text}" is not a usable format: {error}') from None
        raise ConfigError(f'"{text}" is not a format; use {_nearest_spelling(str(text))}')

    @classmethod
    def _from_match(cls, match: re.Match[str], family: str) -> QFormat:
        if family == "q":
            integer, fraction = int(match[2]), int(match[3])
            return cls(not match[1], integer + fraction, integer)
        if family == "ap":
            return cls(not match[1], int(match[2]), int(match[3]))
        width = int(match[2])
        fraction = int(match[4] or 0) * (1 if match[3] else -1)
        return cls(match[1] == "s", width, width - fraction)

    @property
    def frac_bits(self) -> int:
        """Bits below the binary point; negative when the lsb is worth more than one."""
        return self.width - self.int_bits

    @property
    def lsb(self) -> Fraction:
        """The value of one code step, exactly."""
        return Fraction(1, 1 << self.frac_bits) if self.frac_bits >= 0 else Fraction(1 << -self.frac_bits)

    @property
    def min_code(self) -> int:
        """Smallest code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def max_code(self) -> int:
        """Largest code."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    @property
    def min_value(self) -> float:
        """Smallest value."""
        return float(self.min_code * self.lsb)

    @property
    def max_value(self) -> float:
        """Largest value."""
        return float(self.max_code * self.lsb)

    @property
    def dtype(self) -> np.dtype[np.signedinteger]:
        """The narrowest signed NumPy integer that holds every code (unsigned 16 bits need int32)."""
        bits = self.width if self.signed else self.width + 1
        return np.dtype(np.int8 if bits <= 8 else np.int16 if bits <= 16 else np.int32 if bits <= 32 else np.int64)

    def __str__(self) -> str:
        return f"{'' if self.signed else 'U'}Q{self.int_bits}.{self.frac_bits}"


def _nearest_spelling(text: str) -> str:
    """Offer the spelling the user most likely meant, else examples of all of them."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if len(numbers) == 2 and text.strip()[:1] in "Qq" and 2 <= sum(numbers) <= MAX_WIDTH:
        return f"Q{numbers[0]}.{numbers[1]} or ap_fixed<{sum(numbers)},{numbers[0]}>"
    return "a spelling such as Q4.12, UQ4.12, ap_fixed<16,4>, ap_ufixed<16,4>, sfix16_En12 or ufix16_En12"
