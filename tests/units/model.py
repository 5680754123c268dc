"""The units once more, one number at a time, in Fractions: tables by the stated rules, steps as the pages say.

Nothing here is shared with `accel.units` or `kernels`. Elementary functions come from `decimal` with 40 digits.
"""

from __future__ import annotations

from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache
from itertools import pairwise

getcontext().prec = 40

HALF = Fraction(1, 2)


def half_up(value: Fraction) -> int:
    """Round to nearest, ties towards +inf."""
    return (value + HALF).__floor__()


def half_even(value: Fraction) -> int:
    """Round to nearest, ties to even."""
    return round(value)


def clip(code: int, signed: bool, width: int) -> int:
    """Saturate at the ends of a format."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    return min(max(code, low), high)


def table_bits(frac_bits: int) -> int:
    """Fraction bits of the tables of a target with that many fraction bits."""
    return min(max(frac_bits + 3, 8), 20)


@cache
def exp_table(segments: int, bits: int) -> list[int]:
    """round(2^(-i / segments) * 2^bits)."""
    return [half_up(Fraction((Decimal(2) ** (Decimal(-i) / segments)) * 2**bits)) for i in range(segments + 1)]


LOG2_E = half_up(Fraction(1 / Decimal(2).ln() * 2**16))


def exp(u: int, source_frac_bits: int, frac_bits: int, segments: int = 64) -> int:
    """Code of exp(-u), before saturation."""
    bits = table_bits(frac_bits)
    y = Fraction(u * LOG2_E) / Fraction(2) ** (source_frac_bits + 16)
    whole = y.__floor__()
    if whole > 100:
        return 0  # below half of any lsb, and its power of two would be an unwieldy number
    position = (y - whole) * segments
    entry = position.__floor__()
    table = exp_table(segments, bits)
    v = table[entry] + (table[entry + 1] - table[entry]) * (position - entry)
    return half_up(v * Fraction(2) ** (frac_bits - bits - whole))


def _sigmoid(x: Decimal) -> tuple[Decimal, Decimal]:
    s = 1 / (1 + (-x).exp())
    return s, s * (1 - s) * (1 - 2 * s)


def _tanh(x: Decimal) -> tuple[Decimal, Decimal]:
    s = 1 / (1 + (-2 * x).exp())
    t = 2 * s - 1
    return t, -2 * t * (1 - t * t)


def _starts(narrow: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Start and width of the 256 segments, and of the flat one behind them."""
    segments, x = [], Fraction(0)
    for width, count in ((narrow, 128), (2 * narrow, 64), (4 * narrow, 64)):
        for _ in range(count):
            segments.append((x, width))
            x += width
    return [*segments, (x, 4 * narrow)]


@cache
def symmetric_table(function: str, bits: int) -> list[tuple[Fraction, Fraction, int]]:
    """(start, width, entry) of every segment: the curve, moved outwards by half the error of its chord."""
    curve, narrow = {"sigmoid": (_sigmoid, Fraction(1, 32)), "tanh": (_tanh, Fraction(1, 64))}[function]
    table = []
    for start, width in _starts(narrow):
        value, bend = curve(Decimal(start.numerator) / Decimal(start.denominator))
        table.append((start, width, half_up((Fraction(value) - width**2 / 16 * Fraction(bend)) * 2**bits)))
    return table


def symmetric(function: str, x: int, source_frac_bits: int, frac_bits: int) -> int:
    """Code of sigmoid or tanh, before saturation."""
    bits = table_bits(frac_bits)
    table = symmetric_table(function, bits)
    magnitude = abs(Fraction(x) / Fraction(2) ** source_frac_bits)
    v = Fraction(table[-1][2])
    for (start, width, entry), (_, _, following) in pairwise(table):
        if start <= magnitude < start + width:
            v = entry + (following - entry) * (magnitude - start) / width
    v /= 2**bits
    if x < 0:
        v = (1 if function == "sigmoid" else 0) - v
    return half_even(v * Fraction(2) ** frac_bits)


def reciprocal_mantissa(v: int, seeds: int = 64, steps: int = 1) -> tuple[int, int]:
    """(y, size): 1 / v is about y * 2^-20 * 2^-size."""
    size = len(bin(v)) - 3
    m = (Fraction(v) * Fraction(2) ** (20 - size)).__floor__()
    index = (m - 2**20) * seeds // 2**20
    y = half_up(Fraction(2**20) / (1 + (index + HALF) / seeds))
    for _ in range(steps):
        residual = half_up((1 - Fraction(m * y, 2**40)) * 2**20 * seeds)
        y += half_up(Fraction(y * residual, 2**20 * seeds))
    return y, size


def reciprocal(d: int, source_frac_bits: int, frac_bits: int, seeds: int = 64, steps: int = 1) -> int:
    """Code of 1/d, d > 0, before saturation."""
    y, size = reciprocal_mantissa(d, seeds, steps)
    return half_even(y * Fraction(2) ** (frac_bits + source_frac_bits - 20 - size))


def softmax(row: list[int], source_frac_bits: int, frac_bits: int) -> list[int]:
    """Codes of one row, before saturation."""
    exponentials = [exp(max(row) - x, source_frac_bits, 20) for x in row]
    y, size = reciprocal_mantissa(sum(exponentials), steps=2)
    return [half_even(e * y * Fraction(2) ** (frac_bits - 20 - size)) for e in exponentials]
