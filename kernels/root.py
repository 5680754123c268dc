"""Square root digit by digit: the school method in base 2, one result bit per step, no multiplier.

    rem = rem << 2 | next two bits; t = root << 2 | 1; if rem >= t: rem -= t, root = root << 1 | 1, else root <<= 1

Invariant: root^2 + rem = radicand read so far and 0 <= rem <= 2 root, so the last remainder tells whether any bit
follows the root. That one sticky bit makes every rounding of the cast exact (the root carries at least one bit more
than the target).
"""

from __future__ import annotations

from kernels._jit import inline, kernel
from kernels.activation import saturate
from kernels.quantize import round_shift


@inline
def root_and_remainder(radicand, digits, lift):
    """Return floor(sqrt(radicand * 2^lift)), `digits` bits, and the remainder; the lifted radicand is never formed."""
    root = 0
    remainder = 0
    for digit in range(digits - 1, -1, -1):
        place = 2 * digit - lift  # of the lower bit of the pair, within the radicand
        if place >= 0:
            pair = (radicand >> min(place, 63)) & 3
        elif place == -1:
            pair = (radicand & 1) << 1
        else:
            pair = 0
        remainder = (remainder << 2) | pair
        trial = (root << 2) | 1
        root <<= 1
        if remainder >= trial:
            remainder -= trial
            root |= 1
    return root, remainder


@kernel
def square_root(codes, digits, lift, rq, out):
    """codes: (n,) int64, each >= 0 · out: (n,) int64 -> how many saturated; rq casts 2 * root + sticky."""
    for i in range(codes.size):
        root, remainder = root_and_remainder(codes[i], digits, lift)
        out[i] = round_shift((root << 1) | (1 if remainder else 0), rq.shift, rq.rounding)
    return saturate(out, rq)
