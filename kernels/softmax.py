"""Max-shifted softmax of rows on integers: subtract, exp, exact sum, one reciprocal, one cast per value.

max -> exact subtraction of codes -> exp unit -> exact sum -> leading-zero normalise -> reciprocal -> product -> cast.
The largest value contributes exp(0) = 1 exactly, so the sum is never 0; and every step is monotone, so a smaller logit
never gets the larger probability (ties at the output's lsb remain possible).
"""

from __future__ import annotations

from kernels._jit import kernel
from kernels.activation import exp_code, exponent, reciprocal_mantissa, saturate
from kernels.quantize import round_shift


@kernel
def softmax_reference(codes, table, split, exp_rq, seeds, newton, rq, out):
    """codes: (rows, k) int64, k >= 1 · table, seeds: int64 · out: (rows, k) int64 -> how many saturated.

    exp_rq: as for `exp_code`. rq casts a product whose fraction bits are the working bits of the reciprocal; the
    binary point of the exponentials cancels, because the sum has the same one.
    """
    rows, k = codes.shape
    overflowed = 0
    for row in range(rows):
        largest = codes[row, 0]
        for column in range(1, k):
            largest = max(largest, codes[row, column])
        total = 0
        for column in range(k):
            power = exp_code(largest - codes[row, column], table, split, exp_rq)
            out[row, column] = power
            total += power
        size = exponent(total)
        y = reciprocal_mantissa(total, size - newton.bits, seeds, newton)
        for column in range(k):
            out[row, column] = round_shift(out[row, column] * y, rq.shift + size, rq.rounding)
        overflowed += saturate(out[row], rq)
    return overflowed
