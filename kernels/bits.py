"""Linear feedback shift registers as hardware builds them, evaluated at any row and lane.

Stage 1 is the lsb of the state. One step shifts towards stage `width` and enters the parity of the tapped stages at
stage 1 (Fibonacci form; taps of Alfke, "Efficient Shift Registers, LFSR Counters, and Long Pseudo-Random Sequence
Generators", Xilinx XAPP 052, with XOR in place of XNOR). A draw leaps `bits` steps and reads the `bits` newest stages,
so that no two draws of a lane share a bit; draw r of a lane follows r + 1 leaps.

Lanes are one sequence at stated phases: lane c starts `start + c * lane_phase` steps (modulo the period 2^width - 1)
after the seed. Every step is linear over GF(2): a matrix is kept as its columns (the image of every state bit), and its
powers reach any row without walking there.

The surprise: when `bits` and the period have a common divisor d, a lane sees only one d-th of the states; 12 bits from
the 12-stage register repeat after 1365 draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel

CHAINS = 8  # lanes found side by side, each from the one so many before it: look-ups need not wait for each other


class LfsrSpec(NamedTuple):
    """One generator: stages, tap mask (bit i-1 for stage i), seed state, bits per draw, phases in steps."""

    width: int
    taps: int
    seed: int
    bits: int
    start: int
    lane_phase: int


@inline
def step(state, width, taps):
    """Return the state after one shift."""
    parity = state & taps
    parity ^= parity >> 16
    parity ^= parity >> 8
    parity ^= parity >> 4
    parity ^= parity >> 2
    parity ^= parity >> 1
    return ((state << 1) | (parity & 1)) & ((1 << width) - 1)


@inline
def apply(matrix, state):
    """Return matrix * state over GF(2); matrix: (width,) images of the state bits."""
    image = 0
    for bit in range(matrix.size):
        image ^= matrix[bit] & -((state >> bit) & 1)
    return image


@inline
def power(width, taps, steps):
    """Return the matrix of `steps` shifts: (width,) int64."""
    result = np.empty(width, np.int64)
    factor = np.empty(width, np.int64)
    for bit in range(width):
        result[bit] = 1 << bit
        factor[bit] = step(1 << bit, width, taps)
    while steps > 0:
        square = np.empty(width, np.int64)
        for bit in range(width):
            if steps & 1:
                result[bit] = apply(factor, result[bit])
            square[bit] = apply(factor, factor[bit])
        factor = square
        steps >>= 1
    return result


@kernel
def lfsr_draws(spec, out):
    """Fill out: (rows, columns) int64 with the draws of lanes 0, 1, ... (columns), one leap per row."""
    rows, columns = out.shape
    period = (1 << spec.width) - 1
    lane = power(spec.width, spec.taps, spec.lane_phase)
    far = power(spec.width, spec.taps, CHAINS * spec.lane_phase)
    leap = power(spec.width, spec.taps, spec.bits)

    # One look-up for each byte of a state replaces a product with a whole matrix.
    pieces = (spec.width + 7) // 8
    to_far_lane, to_next_row = by_byte(far, pieces, period), by_byte(leap, pieces, period)

    states = np.empty(columns, np.int64)
    state = apply(power(spec.width, spec.taps, spec.start), spec.seed)
    for column in range(min(CHAINS, columns)):
        states[column] = state
        state = apply(lane, state)
    for column in range(CHAINS, columns):
        states[column] = look_up(to_far_lane, states[column - CHAINS])
    for row in range(rows):
        for column in range(columns):
            state = look_up(to_next_row, states[column])
            states[column] = state
            out[row, column] = state & ((1 << spec.bits) - 1)


@inline
def by_byte(matrix, pieces, period):
    """Return what every byte of a state adds to its image: (pieces, 256) int64."""
    table = np.zeros((pieces, 256), np.int64)
    for piece in range(pieces):
        for byte in range(256):
            table[piece, byte] = apply(matrix, (byte << (8 * piece)) & period)
    return table


@inline
def look_up(table, state):
    """Return the image of a state."""
    image = table[0, np.uint64(state & 255)]  # unsigned, because a signed index is also looked at from the end
    for piece in range(1, table.shape[0]):
        image ^= table[piece, np.uint64((state >> (8 * piece)) & 255)]
    return image
