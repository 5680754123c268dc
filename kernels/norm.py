"""Layer normalisation on integers: reciprocal square roots by Newton-Raphson, and rows times a number of their own.

1/sqrt(v) with v = m 4^h, m in [1, 4), is 2^-h / sqrt(m). Two octaves of seeds cover m; a step is

    y' = y + y (1 - m y^2) / 2

and lands at or below the root, because the error it leaves is -(3/2) e^2 of the error e before it. Tables come from
`accel.units.rsqrt`.
"""

from __future__ import annotations

from kernels._jit import inline, kernel
from kernels.activation import exponent
from kernels.quantize import RND, TRN, round_shift


@inline
def inverse_root_mantissa(v, size, seeds, newton):
    """Return about 2^bits / sqrt(m) of v = m 4^h, size = floor(log2(v)); bits of v below 2^-bits of it are dropped.

    The seeds leave |1 - m y^2| below 2^-(seed_bits - 1). y^2 and that residual are kept to bits + seed_bits fraction
    bits, so that every product stays within 2 bits + seed_bits + 2 bits.
    """
    odd = size & 1
    m = round_shift(v, size - newton.bits, TRN)
    first = (odd << newton.seed_bits) - (1 << newton.seed_bits)
    y = seeds[first + (m >> (newton.bits - newton.seed_bits))]
    one = 1 << (2 * newton.bits + newton.seed_bits)
    for _ in range(newton.steps):
        square = round_shift(y * y, newton.bits - newton.seed_bits, RND)
        residual = round_shift(one - (m << odd) * square, newton.bits, RND)
        y += round_shift(y * residual, newton.bits + newton.seed_bits + 1, RND)
    return y


@kernel
def inverse_roots(codes, seeds, newton, mantissas, halves):
    """Evaluate 1/sqrt(v) = mantissas * 2^-bits * 2^-halves, halves = floor(log2(v) / 2).

    codes: (n,) int64, each >= 1 · seeds: (2 * 2^seed_bits,) int64, those of m in [1, 2) first · newton:
    `kernels.activation.Newton` · mantissas, halves: (n,) int64.
    """
    for i in range(codes.size):
        size = exponent(codes[i])
        mantissas[i] = inverse_root_mantissa(codes[i], size, seeds, newton)
        halves[i] = size >> 1


@kernel
def scale_rows(codes, factors, shifts, out):
    """Write codes * factor * 2^-shift of every row, rounded half up.

    codes, out: (rows, k) int64 · factors, shifts: (rows,) int64; the caller proved that products fit an int64.
    """
    for r in range(codes.shape[0]):
        for i in range(codes.shape[1]):
            out[r, i] = round_shift(codes[r, i] * factors[r], shifts[r], RND)
