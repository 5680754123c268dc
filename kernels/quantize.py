"""The one place that rounds and clips: a source integer becomes a code of the target format.

A cast rounds first, without bounds, and lets the carry stand; only then does overflow act (AMD UG1399, "Arbitrary
Precision Fixed-Point Data Types"; brute-forced against the vendor's headers). With s = source minus target fraction
bits, a source v splits into

    whole = v >> s (floor)    half = bit s-1 of v    rest = 1 when any bit below that one is set

and a rounding mode only decides whether `whole` goes up by one. The surprise: with s beyond the width of v, `half` and
`rest` come from its sign extension, so -1 rounds to 0 or -1 and never to garbage.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline, kernel
from kernels.modes import Overflow, Rounding

# Plain integers, because Numba would carry an enum member through every comparison.
TRN, TRN_ZERO, RND, RND_ZERO, RND_MIN_INF, RND_INF, RND_CONV, STOCHASTIC = (int(mode) for mode in Rounding)
SAT, SAT_ZERO, SAT_SYM, WRAP, WRAP_SM = (int(mode) for mode in Overflow)

# Does `whole` go up by one? Every argument is 0 or 1; 1 - x reads "not x"; odd is the lsb of `whole`.
GOES_UP = {
    Rounding.TRN: lambda half, rest, negative, odd: 0,
    Rounding.TRN_ZERO: lambda half, rest, negative, odd: negative & (half | rest),
    Rounding.RND: lambda half, rest, negative, odd: half,
    Rounding.RND_ZERO: lambda half, rest, negative, odd: half & (negative | rest),
    Rounding.RND_MIN_INF: lambda half, rest, negative, odd: half & rest,
    Rounding.RND_INF: lambda half, rest, negative, odd: half & (1 - negative | rest),
    Rounding.RND_CONV: lambda half, rest, negative, odd: half & (odd | rest),
    Rounding.STOCHASTIC: lambda half, rest, negative, odd: 0,  # the draw decides: round_drawn
}

# The same as truth tables of 16 bits, half the most significant index bit: a look-up has no branch, so loops vectorise.
TRUTH = tuple(
    sum(GOES_UP[mode](i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1) << i for i in range(16)) for mode in Rounding
)


@inline
def ones(bits):
    """Return 2^bits - 1 for bits 0..63, without ever passing 2^63."""
    return ~(-1 << bits)


@inline
def floor_shift(v, shift):
    """Return floor(v * 2^-shift); a negative shift multiplies, and the caller proved that the product fits."""
    return (v << max(-shift, 0)) >> min(max(shift, 0), 63)


@inline
def round_shift(v, shift, rounding):
    """Return v * 2^-shift rounded to an integer by a deterministic mode; v: int64, any shift."""
    whole = floor_shift(v, shift)
    below = max(shift - 1, 0)  # bits under `half`
    half = (v >> min(below, 63)) & (1 if shift > 0 else 0)
    rest = np.int64((v & (ones(below) if below < 64 else -1)) != 0)
    negative = (v >> 63) & 1
    return whole + ((TRUTH[rounding] >> (8 * half + 4 * rest + 2 * negative + (whole & 1))) & 1)


@inline
def round_drawn(v, shift, rq, draw):
    """Return v * 2^-shift rounded up with a probability equal to the discarded fraction.

    draw: rq.random_bits uniform bits. They stand at the top of the discarded part: a longer draw loses its low bits,
    a shorter one leaves the low bits of the discarded part unread, unless it is centred and so stands half a unit
    higher, which one more bit of the discarded part can tell.
    """
    whole = floor_shift(v, shift)
    if shift <= 0:
        return whole
    bits = min(rq.random_bits, shift)
    addend = draw >> (rq.random_bits - bits)
    if rq.centred and shift > bits:
        bits = bits + 1
        addend = 2 * addend + 1
    top = (v >> min(shift - bits, 63)) & ones(bits)
    return whole + ((top + addend) >> bits)


@inline
def bit_above(v, shift, rq):
    """Return the bit of the source that stands just above the target's top bit, 0 beyond the source's width.

    The bound is the vendor's rule and decides nothing: an unsigned source has zeros there, and a signed one that
    narrow can leave the range only by a carry of a positive value.
    """
    top = shift + rq.width
    return (v >> min(max(top, 0), 63)) & (1 if 0 <= top < rq.source_width else 0)


@inline
def confine(u, above, rq):
    """Return u as a code of the target and 1 if it was out of range, else 0; SAT_SYM counts the code it gives up.

    u: rounded value. above: the source's bit just above the target's top bit (only WRAP_SM without saturation bits
    looks at it; taken after rounding it would be another bit).
    """
    high = ones(rq.width - rq.signed)
    low = -high - 1 if rq.signed else 0
    if rq.overflow == SAT_SYM and rq.signed:
        low = -high
    outside = np.int64(u > high) | np.int64(u < low)
    if rq.overflow == SAT or rq.overflow == SAT_SYM:
        return min(max(u, low), high), outside
    elif rq.overflow == SAT_ZERO:
        return (0 if outside else u), outside
    return (wrap(u, above, rq) if outside else u), outside


@inline
def wrap(u, above, rq):
    """Return the code that the low bits of an out-of-range u make, its top bits forced as the saturation bits say."""
    sign = 1 << (rq.width - 1)
    negative = (u >> 63) & 1
    forced = ones(rq.width) & ~ones(rq.width - rq.saturation_bits)
    if rq.overflow == WRAP_SM:
        # Sign-magnitude: the kept bits are complemented when they contradict the sign.
        witness = (u >> (rq.width - max(rq.saturation_bits, 1))) & 1
        if rq.saturation_bits == 0:
            flip = above != witness
        elif rq.saturation_bits == 1:
            flip = negative != witness
        else:
            flip = negative == witness
        u = ~u if flip else u
    if rq.signed == 0:
        return (u & ones(rq.width)) | forced
    pattern = forced & (sign if negative else ~sign)
    kept = (u & ones(rq.width) & ~forced) | pattern
    return (kept ^ sign) - sign


# A cast is `confine` of a rounding. Both kernels spell it out in the loop, and ask for the mode before it: behind one
# more function, or with the question inside, LLVM gives up vectorising (a factor of ten).


@kernel
def requantize(codes, rq, draws, out):
    """Cast every code and return how many overflowed.

    codes: (n,) integers · rq: Requant · draws: (n,) int64, or (0,) unless rounding is STOCHASTIC · out: (n,) in the
    target's container.
    """
    overflowed = 0
    if rq.rounding == STOCHASTIC:
        for i in range(codes.size):
            v = np.int64(codes[i])
            out[i], outside = confine(round_drawn(v, rq.shift, rq, draws[i]), bit_above(v, rq.shift, rq), rq)
            overflowed += outside
    else:
        for i in range(codes.size):
            v = np.int64(codes[i])
            out[i], outside = confine(round_shift(v, rq.shift, rq.rounding), bit_above(v, rq.shift, rq), rq)
            overflowed += outside
    return overflowed


@inline
def exact_integer(bits, frac_bits):
    """Return v and a shift, v * 2^-shift being the float64 with these bits, counted in units of 2^-frac_bits.

    A float64 is m * 2^e with |m| < 2^53, so a left shift of up to 9 stays below 2^62. Beyond, |value| >= 2^62 is out of
    range of every format up to 61 bits, and only its sign, bits 0..60 and the bit above the target's top bit can
    matter: the magnitude is reduced to its low 62 bits, and 2^62 is added to stay out of range. Infinities become
    numbers out of range, NaN makes no sense.
    """
    biased = (bits >> 52) & 0x7FF
    magnitude = (bits & ones(52)) | (min(biased, 1) << 52)  # subnormals have no leading one
    exponent = max(biased, 1) - 1075 + frac_bits
    left = min(max(exponent, 0), 62)
    far = -np.int64(exponent > 9)  # all ones where it holds: a choice without a branch
    reduced = ((magnitude & ones(62 - left)) << left) + (1 << 62)
    magnitude = (magnitude & ~far) | (reduced & far)
    sign = bits >> 63
    return (magnitude ^ sign) - sign, -exponent & ~far


@kernel
def encode(bits, frac_bits, rq, draws, out):
    """Cast float64 values and return how many overflowed.

    bits: (n,) int64, those of the values, no NaN · frac_bits: the target's · the other arguments as for `requantize`;
    rq.shift is not read. Infinities are cast like some number out of range.
    """
    overflowed = 0
    if rq.rounding == STOCHASTIC:
        for i in range(bits.size):
            v, shift = exact_integer(bits[i], frac_bits)
            out[i], outside = confine(round_drawn(v, shift, rq, draws[i]), bit_above(v, shift, rq), rq)
            overflowed += outside
    else:
        for i in range(bits.size):
            v, shift = exact_integer(bits[i], frac_bits)
            out[i], outside = confine(round_shift(v, shift, rq.rounding), bit_above(v, shift, rq), rq)
            overflowed += outside
    return overflowed
