"""Non-restoring division: one addition or subtraction per quotient bit, never both.

    negative = R < 0; R = 2 R + bit; R = R + D if negative else R - D; quotient bit = R >= 0; at the end R += D if R < 0

Invariant: -D <= R < D, so that divisors of 62 bits keep 2 R + 1 within an int64. A negative R is the true remainder
minus D: adding D after doubling, 2 (r - D) + D = 2 r - D, is the subtraction that restoring would have tried.
"""

from __future__ import annotations

from kernels._jit import inline, kernel
from kernels.activation import exponent


@inline
def divided(high, low, digits, divisor):
    """Return quotient and remainder of (high * 2^digits + low) / divisor.

    0 <= high < divisor < 2^62, 0 <= low < 2^digits, digits <= 62: the quotient has at most `digits` bits.
    """
    remainder = high
    quotient = 0
    for place in range(digits - 1, -1, -1):
        negative = remainder < 0
        remainder = 2 * remainder + ((low >> place) & 1)
        remainder = remainder + divisor if negative else remainder - divisor
        quotient = 2 * quotient + (1 if remainder >= 0 else 0)
    if remainder < 0:
        remainder += divisor
    return quotient, remainder


@inline
def power_at(place):
    """Return 2^place, 0 for a place below the binary point, 2^62 (more than any divisor) beyond."""
    return 1 << min(place, 62) if place >= 0 else 0


@kernel
def reciprocals(codes, dividend_bits, digits, largest, out):
    """Evaluate floor(2^dividend_bits / d), `largest` where that has more than `digits` bits.

    codes: (n,) int64, each >= 0 · out: (n,) int64 -> how many saturated.
    """
    high = power_at(dividend_bits - digits)
    low = power_at(dividend_bits) if dividend_bits < digits else 0
    overflowed = 0
    for i in range(codes.size):
        if high >= codes[i]:
            out[i] = largest
            overflowed += 1
        else:
            out[i] = divided(high, low, digits, codes[i])[0]
    return overflowed


@kernel
def quotient_mantissas(codes, bits, mantissas, sizes):
    """Evaluate floor(2^(bits + size) / d), size = floor(log2(d)): bits + 1 digits.

    codes: (n,) int64, each 1..2^62 - 1 · mantissas, sizes: (n,) int64.
    """
    for i in range(codes.size):
        size = exponent(codes[i])
        one = 1 << size  # loaded without its last bit, which is the first digit to come
        mantissas[i] = divided(one >> 1, (one & 1) << bits, bits + 1, codes[i])[0]
        sizes[i] = size
