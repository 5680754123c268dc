"""What softmax designs do around their exp and reciprocal units: share the whole among exponentials, one cast each.

Every step is monotone, so a smaller exponential never gets the larger probability (ties at the output's lsb remain
possible). The surprise: the exponentials' binary point cancels, because their sum has the same one; only its size, a
power of two, is left over and joins the shift of the last cast.
"""

from __future__ import annotations

from kernels._jit import kernel
from kernels.activation import interpolate, saturate
from kernels.divide import divided
from kernels.quantize import ones, round_shift


@kernel
def normalise(powers, mantissas, sizes, rq, out):
    """Multiply exponentials by the reciprocal of their sum, mantissa * 2^-size in rows; rq casts their product.

    powers: (rows, k) int64 · mantissas, sizes: (rows,) int64 · out: (rows, k) int64 -> how many saturated.
    """
    rows, k = powers.shape
    overflowed = 0
    for row in range(rows):
        y = mantissas[row]
        shift = rq.shift + sizes[row]
        for column in range(k):
            out[row, column] = round_shift(powers[row, column] * y, shift, rq.rounding)
        overflowed += saturate(out[row], rq)
    return overflowed


@kernel
def divide(powers, totals, steps, rq, out):
    """Divide exponentials by their sum; rq casts 2 * quotient + (1 if anything is left), exact for every rounding.

    The quotient is at most 1 and has `steps` bits, one of them whole: power * 2^(steps - 1) is the dividend, whose bits
    above the last `steps` are half the power and therefore below the sum.
    powers: (rows, k) int64 · totals: (rows,) int64, each >= 1 · out: (rows, k) int64 -> how many saturated.
    """
    rows, k = powers.shape
    overflowed = 0
    for row in range(rows):
        for column in range(k):
            power = powers[row, column]
            quotient, remainder = divided(power >> 1, (power & 1) << (steps - 1), steps, totals[row])
            out[row, column] = round_shift((quotient << 1) | (1 if remainder else 0), rq.shift, rq.rounding)
        overflowed += saturate(out[row], rq)
    return overflowed


@kernel
def exp_signed(codes, table, split, deepest, rq, out):
    """Evaluate exp(x) = 2^-(whole + fraction) of numbers of both signs; rq as for `exp_falling`.

    deepest: no whole part goes below -deepest; the caller proved that 2^(deepest - 1) is beyond the target, so what is
    held back here saturates all the same, and no left shift leaves 63 bits.
    codes: (n,) int64 · table: (segments + 1,) int64 · out: (n,) int64 -> how many saturated.
    """
    for i in range(codes.size):
        y = -codes[i] * split.scale
        v = interpolate(table, 0, y & ones(split.fraction_bits), split.fraction_bits - split.segment_bits)
        out[i] = round_shift(v, rq.shift + max(y >> split.fraction_bits, -deepest), rq.rounding)
    return saturate(out, rq)
