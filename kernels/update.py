"""One step of gradient descent on integers, and the random bits that it rounds with.

    g = cast(sum)    a = g + D w    v = cast(M v - R a)    u = cast(v), without momentum u = cast(-R a)    w = w + u

Every product and sum is exact in 64 bits (the caller proved it); what is rounded is rounded by `kernels.quantize`, row
by row, so that a row's numbers stay in the cache between the stages. Casts saturate, and so does the weight.

The registers are those of `kernels.bits`, but kept: where a step ends, the next begins, and `place` finds any step
again. New bits enter several at a time: shifting m times moves nothing that was new into a tap as long as m is not
larger than the lowest tap, so m new bits are four shifted words added without carry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.bits import apply, power
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


class Taps(NamedTuple):
    """A register of `width` stages with four taps, the highest first; bits: per draw."""

    width: int
    first: int
    second: int
    third: int
    fourth: int
    bits: int


@kernel
def place(spec, states):
    """Write the states of lanes 0, 1, ... before their next draw. spec: `kernels.bits.LfsrSpec` · states: (lanes,)."""
    lane = power(spec.width, spec.taps, spec.lane_phase)
    state = apply(power(spec.width, spec.taps, spec.start), spec.seed)
    for column in range(states.size):
        states[column] = state
        state = apply(lane, state)


@kernel
def draw_rows(taps, states, out):
    """Draw rows of bits, and leave every lane before its next draw. states: (lanes,) · out: (rows, lanes); uint32."""
    for r in range(out.shape[0]):
        left = taps.bits
        while left > 0:
            many = min(taps.fourth, left)
            if left >= 4 * many:
                for c in range(states.size):
                    state = shifted(states[c], taps, many)
                    state = shifted(state, taps, many)
                    state = shifted(state, taps, many)
                    states[c] = shifted(state, taps, many)
                left -= 4 * many
            else:
                for c in range(states.size):
                    states[c] = shifted(states[c], taps, many)
                left -= many
        for c in range(states.size):
            out[r, c] = states[c] & np.uint32((1 << taps.bits) - 1)


@inline
def shifted(state, taps, many):
    """Return the state after `many` shifts, at most as many as the lowest tap."""
    new = (state >> np.uint32(taps.first - many)) ^ (state >> np.uint32(taps.second - many))
    new ^= (state >> np.uint32(taps.third - many)) ^ (state >> np.uint32(taps.fourth - many))
    entered = (state << np.uint32(many)) | (new & np.uint32((1 << many) - 1))
    return np.uint32(entered & np.uint32((1 << taps.width) - 1))


@kernel
def step_rows(sums, weight, velocity, rule, casts, draws, counts, bins):
    """Step one tensor in place.

    sums: (K, F) int64, exact gradients · weight: (K, F) · velocity: (K, F), or (0, F) without momentum · casts: three
    Requants, the weight's store as a fourth · draws: three (K, F) uint32, or (0, F) for casts that draw nothing ·
    counts: (6,) int64, added to · bins: int64, a histogram of |update| against its lsb, or (0,) where nobody asks.
    """
    K, F = sums.shape
    values = np.empty(F, np.int64)  # M v - R a, exactly
    held = np.empty(F, np.int64)  # the same as the velocity holds it
    codes = np.empty(F, np.int64)
    gradient_cast, momentum_cast, update_cast, store = casts
    gradient_draws, momentum_draws, update_draws = draws
    has_momentum = velocity.shape[0] > 0
    for k in range(K):
        mine = weight[k]
        counts[SATURATED_GRADIENTS] += cast_row(sums[k], gradient_cast, gradient_draws, k, codes)
        for f in range(F):
            descent = (codes[f] << rule.gradient_shift) + ((rule.decay * np.int64(mine[f])) << rule.decay_shift)
            values[f] = -((rule.rate * descent) << rule.step_shift)
        if has_momentum:
            past = velocity[k]
            for f in range(F):
                values[f] += (rule.coefficient * np.int64(past[f])) << rule.velocity_shift
            counts[SATURATED_VELOCITIES] += cast_row(values, momentum_cast, momentum_draws, k, held)
            for f in range(F):
                past[f] = held[f]
            counts[SATURATED_UPDATES] += cast_row(held, update_cast, update_draws, k, codes)
        else:
            counts[SATURATED_UPDATES] += cast_row(values, update_cast, update_draws, k, codes)
        if bins.size > 0:
            weigh(values, update_cast.shift + (momentum_cast.shift if has_momentum else 0), bins)
        alive, dead = survivors(values, codes)
        counts[ALIVE] += alive
        counts[DEAD] += dead
        counts[SATURATED_WEIGHTS] += add_row(codes, rule.weight_shift, store, mine)


# One loop does one thing and asks no question in it: then LLVM vectorises each, and a row stays in the cache between.


@inline
def cast_row(values, rq, draws, k, out):
    """Cast a row and return how many overflowed; saturating modes only, so no bit above the top one is asked for."""
    if rq.rounding == STOCHASTIC:
        return cast_drawn(values, rq, draws[k], out)
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
def add_row(codes, shift, store, weight):
    """Add a row of updates to the weights, saturating; return how many did."""
    overflowed = np.int64(0)
    for f in range(weight.size):
        weight[f], outside = confine(np.int64(weight[f]) + (codes[f] << shift), 0, store)
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
