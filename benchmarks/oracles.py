"""What `differential.py` holds the kernels against: the same arithmetic once more, over arrays of Python integers.

Nothing of ours is imported: modes are names, formats are plain numbers, and an array of dtype object adds, multiplies
and divides Python integers, which have no width to overflow. Sources: the tables of AMD UG1399 for casts, and
`DSP48`-style registers written as one line per step for accumulators.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[Any]


class Target(NamedTuple):
    """What a cast aims at: two's complement or not, width, saturation bits."""

    signed: bool
    width: int
    saturation_bits: int = 0

    @property
    def low(self) -> int:
        """Smallest code."""
        return -(2 ** (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return 2 ** (self.width - 1) - 1 if self.signed else 2**self.width - 1


def exact(codes: NDArray[np.int64]) -> Objects:
    """Return the codes as Python integers."""
    return np.array(codes.tolist(), dtype=object).reshape(codes.shape)


def rounded(v: Objects, shift: int, mode: str) -> Objects:
    """Return v * 2^-shift as whole numbers: division with remainder, then a comparison with one half."""
    if shift <= 0:
        return v * 2**-shift
    divisor = 2**shift
    below = v // divisor
    twice = 2 * (v - below * divisor)
    is_tie = twice == divisor
    ups = {
        "TRN": twice < 0,
        "TRN_ZERO": (v < 0) & (twice > 0),
        "RND": (twice > divisor) | is_tie,
        "RND_ZERO": (twice > divisor) | (is_tie & (v < 0)),
        "RND_MIN_INF": twice > divisor,
        "RND_INF": (twice > divisor) | (is_tie & (v >= 0)),
        "RND_CONV": (twice > divisor) | (is_tie & (below % 2 == 1)),
    }
    return below + ups[mode].astype(int)


def drawn(v: Objects, shift: int, draws: Objects, bits: int, centred: bool) -> Objects:
    """Return v * 2^-shift rounded up where the discarded part and `bits` random bits at its top carry."""
    if shift <= 0:
        return v * 2**-shift
    divisor = 2**shift
    below = v // divisor
    rest = v - below * divisor
    # Both counted in units of 2^-(shift + bits + 1) of an lsb, low bits that no adder sees cut off.
    seen = rest * 2 ** (bits + 1)
    if bits < shift:
        unit = divisor * (1 if centred else 2)
        seen = seen // unit * unit
    return below + (seen + (2 * draws + int(centred)) * divisor >= 2 ** (shift + bits + 1)).astype(int)


def confined(u: Objects, above: Objects, target: Target, mode: str) -> tuple[Objects, int]:
    """Return rounded numbers as codes and how many were out of range; above: the source's bit over the top bit."""
    low, high, n = target.low, target.high, target.saturation_bits
    if mode == "SAT_SYM" and target.signed:
        low = -high
    outside = (u < low) | (u > high)
    count = int(outside.sum())
    if mode in ("SAT", "SAT_SYM"):
        return np.minimum(np.maximum(u, low), high), count
    if mode == "SAT_ZERO":
        return np.where(outside, 0, u), count
    bits = u % 2**target.width
    if mode == "WRAP_SM":
        negative = u < 0
        witness = bits // 2 ** (target.width - max(n, 1)) % 2 == 1
        flips = {0: (above == 1) != witness, 1: negative != witness}.get(n, negative == witness)
        bits = np.where(flips, 2**target.width - 1 - bits, bits)
    forced = 2**target.width - 2 ** (target.width - n)  # the top n bits
    kept = bits - bits // 2 ** (target.width - n) * 2 ** (target.width - n)
    if not target.signed:
        return np.where(outside, kept + forced, u), count
    sign = 2 ** (target.width - 1)
    tops = np.where(u < 0, sign, forced - sign) if n else 0
    pattern = kept + tops
    return np.where(outside, np.where(pattern >= sign, pattern - 2 * sign, pattern), u), count


def bit_above(v: Objects, shift: int, width: int, source_width: int) -> Objects:
    """Return bit shift + width of the source, 0 where the source has none."""
    place = shift + width
    return v // 2**place % 2 if 0 <= place < source_width else v * 0


class Register(NamedTuple):
    """An accumulator: its range, whether it wraps or clips, clips late, and what it adds in one step."""

    low: int
    high: int
    wraps: bool
    late: bool
    group: int
    fold: int
    bias_first: bool


def accumulated(
    products: NDArray[np.int64], bias: NDArray[np.int64], register: Register
) -> tuple[NDArray[np.int64], int]:
    """Return what registers hold and how many additions were out of range.

    products: (k, ...) in the machine's order, at the accumulator's point · bias: (...). One statement a step, all
    registers side by side, in int64, which products and sums of up to 62 bits do not leave.
    """
    steps = [products[first : first + register.group].sum(axis=0) for first in range(0, len(products), register.group)]
    tail = [] if register.bias_first else [bias]
    start = bias if register.bias_first else np.zeros_like(bias)
    if not register.fold:
        return _chain(start, steps + tail, register)
    folds = [
        _chain(np.zeros_like(bias), steps[first : first + register.fold], register)
        for first in range(0, len(steps), register.fold)
    ]
    total, outside = _chain(start, [held for held, _ in folds] + tail, register)
    return total, outside + sum(count for _, count in folds)


def _chain(
    total: NDArray[np.int64], addends: list[NDArray[np.int64]], register: Register
) -> tuple[NDArray[np.int64], int]:
    span = register.high - register.low + 1
    flags = np.zeros_like(total)
    count = 0
    for addend in addends:
        unbounded = total + addend
        outside = (unbounded > register.high) * 1 - (unbounded < register.low) * 1
        wrapped = (unbounded - register.low) % span + register.low
        clipped = np.minimum(np.maximum(unbounded, register.low), register.high)
        if not register.late:
            total = wrapped if register.wraps else clipped
            count += np.count_nonzero(outside)
            continue
        # A standing flag is obeyed instead of an addition.
        limits = np.where(flags > 0, register.high, register.low)
        total = np.where(flags != 0, limits, wrapped)
        flags = np.where(flags != 0, 0, outside)
        count += np.count_nonzero(flags)
    return np.where(flags > 0, register.high, np.where(flags < 0, register.low, total)), count
