"""The oracle: every cast and every sum once more, one scalar at a time, in Python integers and Fractions.

Slow and obviously right; it shares no code with the kernels, only the names of the modes. Rounding compares exact
fractions, overflow rewrites a list of bits, and an LFSR is a list of stages that move. What the bits mean is the table
of `ap_fixed` (AMD UG1399, "Arbitrary Precision Fixed-Point Data Types").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from accel.loopnest import AccumulationOrder
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import REGISTERS
from kernels.modes import Overflow, Rounding

HALF = Fraction(1, 2)


def cast(code: int, source: QFormat, target: Quantizer, draw: int = 0) -> int:
    """Return a code of `source` as a code of the target; draw: the random bits, for STOCHASTIC."""
    exact = code * source.lsb / target.format.lsb
    position = source.frac_bits - target.format.frac_bits + target.format.width
    above = code >> position & 1 if 0 <= position < source.width else 0
    return overflow(round_fraction(exact, target, draw), above, target)


def cast_value(value: Fraction | float, target: Quantizer, draw: int = 0) -> int:
    """Return a finite value as a code of the target: a two's complement source without end."""
    exact = Fraction(value) / target.format.lsb
    above = math.floor(exact) >> target.format.width & 1
    return overflow(round_fraction(exact, target, draw), above, target)


def round_fraction(x: Fraction, target: Quantizer, draw: int = 0) -> int:
    """Return x rounded to an integer, without bounds."""
    floor, ceiling = math.floor(x), math.ceil(x)
    nearest = floor if x - floor < HALF else ceiling
    is_tie = x - floor == HALF
    toward_zero = floor if x > 0 else ceiling
    match target.rounding:
        case Rounding.TRN:
            return floor
        case Rounding.TRN_ZERO:
            return toward_zero
        case Rounding.RND:
            return ceiling if is_tie else nearest
        case Rounding.RND_ZERO:
            return toward_zero if is_tie else nearest
        case Rounding.RND_MIN_INF:
            return floor if is_tie else nearest
        case Rounding.RND_INF:
            return floor + ceiling - toward_zero if is_tie else nearest
        case Rounding.RND_CONV:
            return round(x)  # Python rounds a Fraction half to even
    assert target.rounding == Rounding.STOCHASTIC
    return floor + _goes_up(x - floor, target, draw)


def _goes_up(fraction: Fraction, target: Quantizer, draw: int) -> bool:
    """Tell whether the draw, as a fraction of one, carries what an adder of its width sees of the fraction past one."""
    assert target.random is not None
    seen_bits = target.random.bits + (1 if target.random.centred else 0)
    seen = Fraction(math.floor(fraction * (1 << seen_bits)), 1 << seen_bits)
    addend = draw + (HALF if target.random.centred else Fraction(0))
    return seen + addend / (1 << target.random.bits) >= 1


def overflow(u: int, above: int, target: Quantizer) -> int:
    """Return the rounded integer u as a code; above: the source's bit just above the target's top bit."""
    q, n = target.format, target.saturation_bits
    if target.overflow == Overflow.SAT_SYM and q.signed:
        return max(-q.max_code, min(u, q.max_code))
    if q.min_code <= u <= q.max_code:
        return u
    if target.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        return q.min_code if u < 0 else q.max_code
    if target.overflow == Overflow.SAT_ZERO:
        return 0
    bits = _bits(u, q.width)
    if target.overflow == Overflow.WRAP_SM:
        sign = int(u < 0)
        if n == 0:
            flip = above != bits[q.width - 1]
        elif n == 1:
            flip = sign != bits[q.width - 1]
        else:
            flip = sign == bits[q.width - n]
        bits = [1 - bit for bit in bits] if flip else bits
    return _code(_forced(bits, u < 0, n, q), q)


def _bits(u: int, width: int) -> list[int]:
    """Return the low bits of u, lsb first."""
    return [u >> position & 1 for position in range(width)]


def _forced(bits: list[int], negative: bool, saturation_bits: int, q: QFormat) -> list[int]:
    """Return the bits with the top ones saturated: the sign as it was, below it its opposite; unsigned all ones."""
    forced = list(bits)
    for position in range(q.width - saturation_bits, q.width):
        if not q.signed:
            forced[position] = 1
        elif position == q.width - 1:
            forced[position] = int(negative)
        else:
            forced[position] = int(not negative)
    return forced


def _code(bits: list[int], q: QFormat) -> int:
    """Read bits, lsb first, as a code of the format."""
    magnitude = sum(bit << position for position, bit in enumerate(bits))
    return magnitude - (1 << q.width) if q.signed and bits[-1] else magnitude


def lfsr_bits(width: int, state: int, count: int) -> list[int]:
    """Return the next bits that enter stage 1 of the register, one step at a time; stage 1 is the lsb of the state."""
    stages = [state >> position & 1 for position in range(width)]
    entered = []
    for _ in range(count):
        feedback = sum(stages[tap - 1] for tap in REGISTERS[width].taps) % 2
        stages = [feedback, *stages[:-1]]
        entered.append(feedback)
    return entered


def accumulate(
    products: Sequence[int],
    bias: int | None,
    accumulator: Accumulator,
    product_frac_bits: int,
    order: AccumulationOrder,
    extents: tuple[int, int, int],
) -> int:
    """Return the accumulator's code after all products of one output have been added in the machine's order.

    products: exact, in storage order (c, r, s), with `product_frac_bits` · bias: at the accumulator's point, None for
    none · extents: of the three loops, channels, rows and columns. EXACT adds without bounds, which its proof allows,
    and has at least the product's fraction bits.
    """
    q = accumulator.resolve(product_frac_bits)
    product = QFormat(True, 63, 63 - product_frac_bits)
    if accumulator.mode is Mode.EXACT:
        assert q.frac_bits >= product_frac_bits
        return (sum(products) << (q.frac_bits - product_frac_bits)) + (bias or 0)

    step = Quantizer(q, accumulator.rounding, accumulator.overflow)
    addends = [round_fraction(code * product.lsb / q.lsb, step) for code in products]
    folds = [[sum(addends[k] for k in members) for members in fold] for fold in _folds(order, extents)]
    last = [bias] if bias is not None and not order.bias_first else []
    seed = bias if bias is not None and order.bias_first else 0
    late = accumulator.mode is Mode.LATE
    if order.fold == 0:
        return _chain(seed, [addend for fold in folds for addend in fold] + last, step, late)
    return _chain(seed, [_chain(0, fold, step, late) for fold in folds] + last, step, late)


def _folds(order: AccumulationOrder, extents: tuple[int, int, int]) -> list[list[list[int]]]:
    """Return the steps of every fold, a step as the products that it adds: of a group of channels at one place of the
    window. A place in a fold that no channel is left for is no step.
    """
    channels, rows, columns = extents
    block = order.group * order.block
    places = [(c, r, s) for c in range(channels) for r in range(rows) for s in range(columns)]
    steps: dict[tuple[int, ...], list[int]] = {}
    for k, (c, r, s) in enumerate(places):
        position = {"C": c // block, "c": c % block // order.group, "R": r, "S": s}
        steps.setdefault(tuple(position[loop] for loop in order.loops), []).append(k)
    lengths = {"C": -(-channels // block), "c": order.block, "R": rows, "S": columns}
    folds: dict[int, list[list[int]]] = {}
    for place in sorted(steps):
        number = 0
        for loop, index in zip(order.loops, place, strict=True):
            number = number * lengths[loop] + index
        folds.setdefault(number // order.fold if order.fold else 0, []).append(steps[place])
    return list(folds.values())


def _chain(register: int, addends: Sequence[int], step: Quantizer, late: bool) -> int:
    """Add to a register whose overflow acts at once, or, if late, one step after the flag."""
    flag = 0
    for addend in addends:
        if flag:
            register, flag = _limit(flag, step), 0
            continue
        u = register + addend
        register = overflow(u, 0, step)
        if late and register != u:
            register, flag = _code(_bits(u, step.format.width), step.format), 1 if u > 0 else -1
    return _limit(flag, step) if flag else register


def _limit(sign: int, step: Quantizer) -> int:
    """Return what the register clips to on that side."""
    return overflow(sign << step.format.width, 0, step)
