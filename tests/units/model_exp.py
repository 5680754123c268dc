"""Designs of exp(-u) once more, one number at a time, in Fractions; returned codes are not yet saturated.

Nothing is shared with `accel.units` or `kernels`; see `tests.units.model` for the interpolated table.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import cache

from tests.units.model import HALF, LOG2_E, half_up, table_bits

VANISHED = 100
"""Octaves after which nothing is left of any lsb; 2^-n of far larger n would be unwieldy numbers."""


def octaves(u: int, source_frac_bits: int, log2_e: Fraction = Fraction(LOG2_E, 2**16)) -> tuple[int, Fraction]:
    """Whole part and fraction of u * log2(e)."""
    y = u * log2_e / Fraction(2) ** source_frac_bits
    return y.__floor__(), y - y.__floor__()


def shifted(v: Fraction, whole: int, frac_bits: int) -> int:
    """Code of v * 2^-whole, rounded half up."""
    return 0 if whole > VANISHED else half_up(v * Fraction(2) ** (frac_bits - whole))


@cache
def power(position: Fraction) -> Fraction:
    """2^-position to 40 digits."""
    return Fraction(Decimal(2) ** (-Decimal(position.numerator) / position.denominator))


@cache
def falling(x: Fraction) -> Fraction:
    """exp(-x) to 40 digits, 0 once nothing of it is left."""
    return Fraction(0) if x > VANISHED else Fraction((-Decimal(x.numerator) / x.denominator).exp())


def pow2_lut(u: int, source_frac_bits: int, frac_bits: int, entries: int) -> int:
    """2^x split, entries in the middle of the values they stand for."""
    whole, f = octaves(u, source_frac_bits)
    entry = (f * entries).__floor__()
    bits = table_bits(frac_bits)
    middle = (power(Fraction(entry, entries)) + power(Fraction(entry + 1, entries))) / 2
    return shifted(Fraction(half_up(middle * 2**bits), 2**bits), whole, frac_bits)


def direct(u: int, source_frac_bits: int, frac_bits: int, entries: int, reach: int) -> int:
    """One table over u."""
    step = Fraction(reach, entries)
    entry = min((u / Fraction(2) ** source_frac_bits / step).__floor__(), entries - 1)
    return half_up(falling(entry * step) * Fraction(2) ** frac_bits)


def two_table(u: int, source_frac_bits: int, frac_bits: int, step: Fraction) -> int:
    """Two tables: 17 fraction bits of exp(-hi), 18 of 1 - exp(-lo); step is what the lowest bit read is worth."""
    lsb = 1 / Fraction(2) ** source_frac_bits
    position = min((u * lsb / step).__floor__(), 2**16 - 1)
    high, low = position // 256, position % 256
    kept = Fraction(half_up(falling(high * 256 * step) * 2**17), 2**17)
    fall = Fraction(half_up((1 - falling(low * step + (step - lsb) / 2)) * 2**18), 2**18)
    return half_up(kept * (1 - fall) * Fraction(2) ** frac_bits)


ROTATIONS = (1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)


@cache
def cordic_constants(iterations: int, bits: int) -> tuple[int, list[int]]:
    """(1 / gain, angles in octaves), both with `bits` fraction bits."""
    gain, angles = Decimal(1), []
    for i in ROTATIONS[:iterations]:
        t = Decimal(2) ** -i
        gain *= (1 - t * t).sqrt()
        angles.append(half_up(Fraction(((1 + t) / (1 - t)).ln() / 2 / Decimal(2).ln() * 2**bits)))
    return half_up(Fraction(1 / gain * 2**bits)), angles


def cordic(u: int, source_frac_bits: int, frac_bits: int, iterations: int, guard_bits: int) -> int:
    """Rotations of registers of `bits` fraction bits, shifts floored."""
    bits = min(max(frac_bits + guard_bits, 8), 40)
    whole, f = octaves(u, source_frac_bits)
    x, angles = cordic_constants(iterations, bits)
    s, z = 0, half_up(f * 2**bits)
    for i, angle in zip(ROTATIONS, angles, strict=False):
        if z >= 0:
            x, s, z = x - s // 2**i, s - x // 2**i, z - angle
        else:
            x, s, z = x + s // 2**i, s + x // 2**i, z + angle
    return shifted(Fraction(x + s, 2**bits), whole, frac_bits)


LOG2_E_FINE = Fraction(half_up(Fraction(1 / Decimal(2).ln() * 2**24)), 2**24)

POLYNOMIALS = {
    2: (-0.6724242148, 0.1735313737),
    3: (-0.6915874471, 0.2311585674, -0.0396158482),
    4: (-0.6930635700, 0.2394567442, -0.0532235783, 0.0068318949),
}
"""Least relative error on [0, 1] with the constant term 1, by a Remez exchange in float64."""


def polynomial(u: int, source_frac_bits: int, frac_bits: int, degree: int) -> int:
    """Horner's scheme on 24 fraction bits, every product rounded half up."""
    whole, f = octaves(u, source_frac_bits, LOG2_E_FINE)
    position = (f * 2**24).__floor__()
    v = 0
    for c in (*reversed(POLYNOMIALS[degree]), 1.0):
        v = half_up(Fraction(c) * 2**24) + (Fraction(v * position, 2**24) + HALF).__floor__()
    return shifted(Fraction(v, 2**24), whole, frac_bits)
