"""One step of gradient descent on integers, and the random bits that it rounds with.

    g = cast(sum)    a = g + D w    v = cast(M v - R a)    u = cast(v), without momentum u = cast(-R a)    w = w + u

Every product and sum is exact in 64 bits (the caller proved it); what is rounded is rounded by `kernels.quantize`, row
by row, so that a row's numbers stay in the cache between the stages. Casts saturate, and so does the weight.

The registers are those of `kernels.bits`, but kept: where a step ends, the next begins, and `place` finds any step
again. A draw is one leap, a linear map of the state: one look-up for each of its bytes. Bits are drawn row by row, just
before they are read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.bits import apply, power
from kernels.modes import Requant
from kernels.quantize import STOCHASTIC, confine, round_drawn, round_shift

GRADIENT, MOMENTUM, UPDATE = 0, 1, 2
"""Casts of a step, in this order."""

SATURATED_GRADIENTS, SATURATED_VELOCITIES, SATURATED_UPDATES, SATURATED_WEIGHTS, DEAD, ALIVE = range(6)
"""What `step_rows` counts. ALIVE: updates that were not zero before any rounding; DEAD: those of them that are now."""

LOWEST_BIN = 24
"""Bin b of the histogram counts updates of 2^(b - LOWEST_BIN - 1) up to 2^(b - LOWEST_BIN) lsb."""


class Rule(NamedTuple):
    """The constants of a step and the left shifts that bring addends to one binary point.

    rate, decay, coefficient: codes. gradient_shift, decay_shift: to the point of a. step_shift, velocity_shift: to that
    of M v - R a. weight_shift: from the update's point to the weight's.
    """

    rate: int
    decay: int
    coefficient: int
    gradient_shift: int
    decay_shift: int
    step_shift: int
    velocity_shift: int
    weight_shift: int


class Random(NamedTuple):
    """Bits of the three casts of a step, for each either registers or draws, or neither.

    states: three (lanes,) uint32, left where the next step begins, or (0,) · leaps: three tables of `leap_table` for
    them · bits: of a draw, three · draws: three (rows, lanes) uint32, read where there are no states.
    """

    states: tuple[np.ndarray, np.ndarray, np.ndarray]
    leaps: tuple[np.ndarray, np.ndarray, np.ndarray]
    bits: tuple[int, int, int]
    draws: tuple[np.ndarray, np.ndarray, np.ndarray]


@kernel
def leap_table(spec, table):
    """Write what each byte of a state adds to the state one draw later. spec: LfsrSpec · table: (4, 256) uint32."""
    leap = power(spec.width, spec.taps, spec.bits)
    for piece in range(table.shape[0]):
        for byte in range(256):
            table[piece, byte] = apply(leap, (byte << (8 * piece)) & ((1 << spec.width) - 1))


@kernel
def place(spec, states):
    """Write the states of lanes 0, 1, ... before their next draw. spec: `kernels.bits.LfsrSpec` · states: (lanes,)."""
    lane = power(spec.width, spec.taps, spec.lane_phase)
    state = apply(power(spec.width, spec.taps, spec.start), spec.seed)
    for column in range(states.size):
        states[column] = state
        state = apply(lane, state)


@kernel
def draw_rows(leap, bits, states, out):
    """Draw rows of bits, and leave every lane before its next draw. states: (lanes,) · out: (rows, lanes); uint32."""
    for r in range(out.shape[0]):
        draw_row(leap, bits, states, out[r])


@inline
def draw_row(leap, bits, states, row):
    """Draw one row; states, row: (lanes,) uint32. Bytes above the register are zero, and so is what they add."""
    mask = np.uint32((1 << bits) - 1)
    low, second, third, high = leap[0], leap[1], leap[2], leap[3]
    if high[1] == 0:  # a register of at most 16 stages: no leap of a wider one maps a bit to zero
        for c in range(states.size):
            state = states[c]
            state = low[state & np.uint32(255)] ^ second[(state >> np.uint32(8)) & np.uint32(255)]
            states[c] = state
            row[c] = state & mask
    else:
        for c in range(states.size):
            state = states[c]
            lower = low[state & np.uint32(255)] ^ second[(state >> np.uint32(8)) & np.uint32(255)]
            upper = third[(state >> np.uint32(16)) & np.uint32(255)] ^ high[(state >> np.uint32(24)) & np.uint32(255)]
            states[c] = lower ^ upper
            row[c] = states[c] & mask


@kernel
def step_rows(sums, before, after, rule, casts, random, counts, bins):
    """Step one tensor.

    sums: (K, F) int64, exact gradients · before: weight (K, F) and velocity (K, F), or (0, F) without momentum · after:
    the same, written; they may be those of before · casts: three Requants, the weight's store as a fourth, best as
    plain tuples (looking at the types of named ones takes longer than a small step) · random: `Random` · counts: (6,)
    int64, added to · bins: int64, a histogram of |update| against its lsb, or (0,) where nobody asks.
    """
    K, F = sums.shape
    values = np.empty(F, np.int64)  # M v - R a, exactly
    held = np.empty(F, np.int64)  # the same as the velocity holds it
    codes = np.empty(F, np.int64)
    drawn = np.empty(F, np.uint32)
    gradient_cast, momentum_cast = Requant(*casts[0]), Requant(*casts[1])
    update_cast, store = Requant(*casts[2]), Requant(*casts[3])
    has_momentum = before[1].shape[0] > 0
    for k in range(K):
        mine = before[0][k]
        draws = bits_of_row(random, GRADIENT, gradient_cast, k, drawn)
        counts[SATURATED_GRADIENTS] += cast_row(sums[k], gradient_cast, draws, codes)
        if rule.decay != 0:
            for f in range(F):
                descent = (codes[f] << rule.gradient_shift) + ((rule.decay * np.int64(mine[f])) << rule.decay_shift)
                values[f] = -((rule.rate * descent) << rule.step_shift)
        else:
            for f in range(F):
                values[f] = -((rule.rate * codes[f]) << (rule.gradient_shift + rule.step_shift))
        if has_momentum:
            past, kept = before[1][k], after[1][k]
            for f in range(F):
                values[f] += (rule.coefficient * np.int64(past[f])) << rule.velocity_shift
            draws = bits_of_row(random, MOMENTUM, momentum_cast, k, drawn)
            counts[SATURATED_VELOCITIES] += cast_row(values, momentum_cast, draws, held)
            for f in range(F):
                kept[f] = held[f]
            draws = bits_of_row(random, UPDATE, update_cast, k, drawn)
            counts[SATURATED_UPDATES] += cast_row(held, update_cast, draws, codes)
        else:
            draws = bits_of_row(random, UPDATE, update_cast, k, drawn)
            counts[SATURATED_UPDATES] += cast_row(values, update_cast, draws, codes)
        if bins.size > 0:
            weigh(values, update_cast.shift + (momentum_cast.shift if has_momentum else 0), bins)
        alive, dead = survivors(values, codes)
        counts[ALIVE] += alive
        counts[DEAD] += dead
        counts[SATURATED_WEIGHTS] += add_row(mine, codes, rule.weight_shift, store, after[0][k])


@inline
def bits_of_row(random, cast, rq, k, drawn):
    """Return row k's random bits for a cast, drawn now or given; of a cast that draws none nothing is read."""
    if rq.rounding != STOCHASTIC:
        return drawn
    if random.states[cast].size == 0:
        return random.draws[cast][k]
    draw_row(random.leaps[cast], random.bits[cast], random.states[cast], drawn)
    return drawn


# One loop does one thing and asks no question in it: then LLVM vectorises each, and a row stays in the cache between.


@inline
def cast_row(values, rq, draws, out):
    """Cast a row and return how many overflowed; saturating modes only, so no bit above the top one is asked for."""
    if rq.rounding == STOCHASTIC:
        return cast_drawn(values, rq, draws, out)
    return cast_plainly(values, rq, out)


@inline
def cast_drawn(values, rq, draws, out):
    """Cast with random bits."""
    overflowed = np.int64(0)
    for f in range(values.size):
        out[f], outside = confine(round_drawn(values[f], rq.shift, rq, np.int64(draws[f])), 0, rq)
        overflowed += outside
    return overflowed


@inline
def cast_plainly(values, rq, out):
    """Cast without."""
    overflowed = np.int64(0)
    for f in range(values.size):
        out[f], outside = confine(round_shift(values[f], rq.shift, rq.rounding), 0, rq)
        overflowed += outside
    return overflowed


@inline
def survivors(values, codes):
    """Return how many values are not zero, and how many of those have the code zero."""
    alive = dead = np.int64(0)
    for f in range(values.size):
        moving = np.int64(values[f] != 0)
        alive += moving
        dead += moving & np.int64(codes[f] == 0)
    return alive, dead


@inline
def add_row(before, codes, shift, store, after):
    """Write the weights with a row of updates added, saturating; return how many did."""
    overflowed = np.int64(0)
    for f in range(before.size):
        after[f], outside = confine(np.int64(before[f]) + (codes[f] << shift), 0, store)
        overflowed += outside
    return overflowed


@inline
def weigh(values, shift, bins):
    """Count the magnitudes that are not zero by powers of two of an lsb that stands `shift` bits above bit 0."""
    for f in range(values.size):
        magnitude = abs(values[f])
        length = 0
        while magnitude > 0:
            magnitude >>= 1
            length += 1
        if length > 0:
            bins[min(max(length - shift + LOWEST_BIN, 0), bins.size - 1)] += 1
