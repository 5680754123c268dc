"""Softmax designs once more, one number at a time, as the pages that they are built from say; Fractions and ints only.

Nothing here is shared with `accel.units` or `kernels`. TensorFlow Lite's integer steps are written as its C library
words them (nudge and truncate, mask and remainder), not as shifts with a rounding mode.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import cache

from tests.units.model import clip, half_even, half_up


def shared(powers: list[int], reciprocal: Fraction, frac_bits: int) -> list[int]:
    """Codes of powers times a reciprocal, before saturation."""
    return [half_even(power * reciprocal * Fraction(2) ** frac_bits) for power in powers]


def quotients(powers: list[int], frac_bits: int) -> list[int]:
    """Codes of powers divided by their sum, before saturation."""
    return shared(powers, Fraction(1, sum(powers)), frac_bits)


def exp_signed(x: int, source_frac_bits: int) -> int:
    """Code of exp(x) in UQ12.20 by the 2^x split and 64 lines through entries of 20 fraction bits."""
    y = Fraction(-x * half_up(Fraction(1 / Decimal(2).ln() * 2**16))) / Fraction(2) ** (source_frac_bits + 16)
    whole = y.__floor__()
    if whole < -20:
        return (1 << 32) - 1
    position = (y - whole) * 64
    entry = position.__floor__()
    here, following = (half_up(Fraction((Decimal(2) ** (Decimal(-i) / 64)) * 2**20)) for i in (entry, entry + 1))
    if whole > 100:
        return 0
    v = here + (following - here) * (position - entry)
    return clip(half_up(v * Fraction(2) ** -whole), False, 32)


@cache
def hls4ml_exponential(index: int, shift: int, frac_bits: int) -> int:
    """exp(-x) in ap_fixed<18,8,RND>, x the distance whose top bits are `index`, `shift` bits follow them."""
    x = Decimal(index) * Decimal(2) ** (shift - frac_bits)
    return half_up(Fraction((-x).exp() * 1024))


def hls4ml(row: list[int], signed: bool, width: int, source_frac_bits: int, frac_bits: int) -> tuple[list[int], int]:
    """Codes before saturation, and how many distances wrapped."""
    norm_width = width - 1 if signed else width
    address_bits = min(10, norm_width)
    distances = [max(row) - x for x in row]
    norms = [distance % 2**norm_width for distance in distances]
    shift = norm_width - address_bits
    powers = [hls4ml_exponential(norm >> shift, shift, source_frac_bits) for norm in norms]
    seen = Fraction(min(sum(powers), 2**17 - 1) >> 8, 4)  # the sum's top 10 bits: steps of 1/4
    inverse = min(half_up(1024 / seen), 2**17 - 1)
    wrapped = sum(distance != norm for distance, norm in zip(distances, norms, strict=True))
    return [half_even(power * inverse * Fraction(2) ** (frac_bits - 20)) for power in powers], wrapped


def c_round(value: float) -> int:
    """std::round: half away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def tflite_table(name: str) -> list[int]:
    """The 513 entries of "exp" over [-10, 0] or "inverse" over [0, 1]."""
    low, high = (-10.0, 0.0) if name == "exp" else (0.0, 1.0)
    table = []
    for i in range(513):
        x, following = low + (high - low) / 512 * i, low + (high - low) / 512 * (i + 1)
        sample = c_round(32768 * (math.exp(x) if name == "exp" else 1 / (1 + x)))
        if i < 512:
            ahead = 32768 * (math.exp(following) if name == "exp" else 1 / (1 + following))
            middle = x + (high - low) / 1024
            curve = c_round(32768 * (math.exp(middle) if name == "exp" else 1 / (1 + middle)))
            sample -= c_round((c_round((ahead + sample) / 2) - curve) / 2)
        table.append(min(max(sample, -32768), 32767))
    return table


def high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul without the one saturating case: nudge, then truncate towards zero."""
    nudged = a * b + (1 << 30 if a * b >= 0 else 1 - (1 << 30))
    return nudged // (1 << 31) if nudged >= 0 else -(-nudged // (1 << 31))


def divide_by_power(x: int, exponent: int) -> int:
    """RoundingDivideByPOT: mask, remainder, threshold."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def tflite_look_up(value: int, table: list[int]) -> int:
    """generic_int16_table_lookup."""
    index = 256 + (value >> 7)
    return table[index] + (((table[index + 1] - table[index]) * (value & 127) + 64) >> 7)


def tflite(row: list[int], source_frac_bits: int, exp: list[int], inverse: list[int]) -> list[int]:
    """Probabilities in 15 fraction bits."""
    mantissa, shift = math.frexp(2.0**-source_frac_bits * 65535 / 10)
    multiplier = c_round(mantissa * 2**31)
    powers = []
    for x in row:
        scaled = divide_by_power(high_mul((x - max(row)) << max(shift, 0), multiplier), max(-shift, 0))
        powers.append(tflite_look_up(min(max(scaled + 32767, -32768), 32767), exp))
    total = sum(powers)
    headroom = 31 - total.bit_length()
    normal = ((total << headroom) + (1 << 13)) >> 14
    reciprocal = tflite_look_up(min(max(normal - (1 << 15) - (1 << 16), -32768), 32767), inverse)
    shift = 30 - headroom
    return [min(max((power * reciprocal + (1 << (shift - 1))) >> shift, 0), 32767) for power in powers]


def softermax(row: list[int], source_frac_bits: int, frac_bits: int) -> list[int]:
    """Codes before saturation: base 2, slices of 16, a running sum of six fraction bits."""
    values = [Fraction(x) / Fraction(2) ** source_frac_bits for x in row]
    total, maximum, powers = Fraction(0), None, []
    for start in range(0, len(row), 16):
        window = values[start : start + 16]
        whole = max(window).__ceil__()
        if maximum is None or whole > maximum:
            total = Fraction(half_up(total * 64 * Fraction(2) ** (-whole if maximum is None else maximum - whole)), 64)
            maximum = whole
        made = [_power_of_two(maximum - x) for x in window]
        powers += [(power, maximum) for power in made]
        total += Fraction(half_up(sum(made) * 64), 64)
        total = min(total, Fraction(2**16 - 1, 64))
    assert maximum is not None
    size = math.floor(math.log2(total))
    reciprocal = _line_of_inverse(total / Fraction(2) ** size)
    scale = Fraction(2) ** (frac_bits - size)
    return [half_even(power * reciprocal * scale * Fraction(2) ** (then - maximum)) for power, then in powers]


def _power_of_two(u: Fraction) -> Fraction:
    """2^-u by four lines, in 15 fraction bits."""
    whole = u.__floor__()
    position = (u - whole) * 4
    entry = position.__floor__()
    here, following = (half_up(Fraction((Decimal(2) ** (Decimal(-i) / 4)) * 2**18)) for i in (entry, entry + 1))
    v = (here + (following - here) * (position - entry)) / 2**18
    return Fraction(half_up(v / Fraction(2) ** whole * 2**15), 2**15)


def _line_of_inverse(m: Fraction) -> Fraction:
    """1 / m of m in [1, 2) by four lines, in 7 fraction bits."""
    position = (m - 1) * 4
    entry = position.__floor__()
    here, following = (half_up(Fraction(2**15 * 4, 4 + i)) for i in (entry, entry + 1))
    v = Fraction(here + (following - here) * (position - entry)) / 2**15
    return Fraction(half_up(v * 2**7), 2**7)
