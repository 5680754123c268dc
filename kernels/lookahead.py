"""Stepping tiles of outputs, with exact products as far ahead as no addition can overflow.

Terms stand in blocks. Within a block, no sum of a tile moves farther than its bound, the smaller of max sum|x| * max|w|
and max|x| * max sum|w|. While every sum keeps a larger distance from both limits, no addition overflows, whatever the
machine does in between: groups and folds only choose which partial sums are formed. Their exact sum is then what the
machine holds. So a tile takes as many blocks at once as there is room for, through the exact products of
`kernels.tile`, and steps a few blocks where there is not.

The surprise: "larger", not "as large". A late accumulator whose flag stands sits exactly at its limit, and must be
stepped even through a block of zeros.

Codes of 16 bits could overflow the int32 sums of the exact products after a single pair. There x is cut into bytes,
x = 256 * high + low, and both halves are multiplied: twice the products, but hundreds of them per int32 sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline
from kernels.chain import ADDEND, BIAS, REGISTERS, RUNNING, RUNNING_LOST, TOTAL, TOTAL_LOST, add, clear, seed
from kernels.clip import clip_products
from kernels.tile import LANES, ROWS, add_products, tiles

SUMS = np.int64(ROWS * LANES)  # of a tile
BLOCK = 16  # terms of a block, about
STEPPED = 4  # blocks that are stepped before looking ahead again
WORTHWHILE = 64  # terms per int32 sum below which products are taken in halves
HALF_TERMS = 256  # terms per int32 sum of halves: 256 * 255 * 2^15 < 2^31
UNWATCHED = np.empty(0, dtype=np.int64)  # extremes that nobody asks for
UNFLAGGED = np.empty((0, 0), dtype=np.int64)  # flags that nobody asks for


class Layout(NamedTuple):
    """Where terms stand.

    order: (L,) int64, k of every term or -1 for a zero; every fold filled up to whole blocks. terms: how many of them
    are stepped (the filling of the last block is not a step, a fold's is one that changes nothing). block: terms of a
    block, whole steps and an even number. fold: blocks of a fold, 0 without folds.
    """

    order: np.ndarray
    terms: int
    block: int
    fold: int


class Operand(NamedTuple):
    """One side of a product, packed for tiles, and what it can do to a sum.

    codes: (tiles, pairs, height, 2) int16 · peaks, masses: (tiles, blocks) int64, the largest |code| and the largest
    sum of |codes| of one row or lane.
    """

    codes: np.ndarray
    peaks: np.ndarray
    masses: np.ndarray


def fits_int16(codes):
    """Tell whether every code fits 16 bits."""
    return codes.dtype.itemsize <= 2 or (-(1 << 15) <= codes.min(initial=0) and codes.max(initial=0) < 1 << 15)


@inline
def lay_out(order, steps, size):
    """Return the layout of terms in machine order, in blocks of about `size` terms."""
    L = len(order)
    unit = steps.group * (1 + steps.group % 2)
    length = min(steps.fold * steps.group, L) if steps.fold > 0 else L
    block = unit * max(1, min(size // unit, tiles(length, unit)))
    if steps.fold == 0 or L == 0:
        filled = np.full(tiles(L, block) * block, -1, dtype=np.int64)
        filled[:L] = order
        return Layout(filled, L, block, 0)
    fold = tiles(length, block)
    folds = tiles(L, length)
    last = tiles(L - (folds - 1) * length, block)
    filled = np.full(((folds - 1) * fold + last) * block, -1, dtype=np.int64)
    for f in range(folds):
        part = order[f * length : (f + 1) * length]
        filled[f * fold * block : f * fold * block + len(part)] = part
    return Layout(filled, len(filled), block, fold)


@inline
def weigh(codes, layout):
    """Return packed codes with what they can do to a sum. codes: (tiles, pairs, height, 2) int16."""
    count, pairs, height, _ = codes.shape
    blocks = len(layout.order) // layout.block
    peaks, masses = np.zeros((count, blocks), dtype=np.int64), np.zeros((count, blocks), dtype=np.int64)
    largest, sums = np.empty(2 * height, dtype=np.int64), np.empty(2 * height, dtype=np.int64)
    for t in range(count):
        flat = codes[t].reshape(pairs, 2 * height)
        for b in range(blocks):
            largest[:] = 0
            sums[:] = 0
            for p in range(b * layout.block // 2, (b + 1) * layout.block // 2):
                for i in range(2 * height):
                    magnitude = abs(np.int64(flat[p, i]))
                    largest[i] = max(largest[i], magnitude)
                    sums[i] += magnitude
            for r in range(height):
                peaks[t, b] = max(peaks[t, b], max(largest[2 * r], largest[2 * r + 1]))
                masses[t, b] = max(masses[t, b], sums[2 * r] + sums[2 * r + 1])
    return Operand(codes, peaks, masses)


@inline
def parts_of(rows, lanes):
    """Return rows as exact products take them, how many parts a tile has, and the pairs that fit an int32 sum.

    One part: the rows themselves. Two: the high bytes of tile i at 2 * i and the low bytes at 2 * i + 1.
    """
    largest, other = np.int64(1), np.int64(1)
    for peak in rows.peaks.reshape(-1):
        largest = max(largest, peak)
    for peak in lanes.peaks.reshape(-1):
        other = max(other, peak)
    terms = ((1 << 31) - 1) // (largest * other)
    if terms >= WORTHWHILE:
        return rows.codes, 1, terms // 2
    count, pairs, height, _ = rows.codes.shape
    halves = np.empty((2 * count, pairs, height, 2), dtype=np.int16)
    for i in range(count):
        whole, high, low = rows.codes[i].reshape(-1), halves[2 * i].reshape(-1), halves[2 * i + 1].reshape(-1)
        for k in range(len(whole)):
            high[k] = whole[k] >> 8
            low[k] = whole[k] & 255
    return halves, 2, HALF_TERMS // 2


@inline
def multiply_stepwise(rows, lanes, row_bias, lane_bias, steps, layout, extremes, flags, out):
    """Write the sums of all rows with all lanes as the machine adds them; return how many additions overflowed.

    rows, lanes: `Operand` · row_bias: (M,), lane_bias: (N,) int64, both added · extremes: as for `kernels.chain.add` ·
    flags: (tiles(M, ROWS), tiles(N, LANES)) int64, the overflows of every tile, or (0, 0) where nobody asks · out:
    (M, N) int64.
    """
    M, N = out.shape
    row_codes, row_peaks, row_masses = rows
    lane_codes, lane_peaks, lane_masses = lanes
    exact_codes, parts, chunk = parts_of(rows, lanes)
    registers = np.zeros((REGISTERS, SUMS), dtype=np.int64)
    bounds = np.empty(len(layout.order) // layout.block, dtype=np.int64)
    overflows = 0
    for j in range(lane_codes.shape[0]):
        width = min(LANES, N - j * LANES)
        for i in range(row_codes.shape[0]):
            height = min(ROWS, M - i * ROWS)
            for b in range(len(bounds)):
                bounds[b] = min(row_masses[i, b] * lane_peaks[j, b], row_peaks[i, b] * lane_masses[j, b])
            clear(registers, BIAS, SUMS)
            for r in range(height):
                for lane in range(width):
                    registers[BIAS, r * LANES + lane] = row_bias[i * ROWS + r] + lane_bias[j * LANES + lane]
            found = _step_tile(
                row_codes, exact_codes, parts, chunk, i, lane_codes, j, bounds, steps, layout, extremes, registers
            )
            for r in range(height):
                for lane in range(width):
                    out[i * ROWS + r, j * LANES + lane] = registers[TOTAL, r * LANES + lane]
            overflows += found
            if flags.size > 0:
                flags[i, j] = found
    return overflows


@inline
def _step_tile(rows, exact, parts, chunk, i, lanes, j, bounds, steps, layout, extremes, registers):
    """Step through the sums of rows i with lanes j; return how many additions overflowed.

    rows, lanes: codes · exact, parts, chunk: `parts_of` the rows · bounds: (blocks,) int64 · registers: BIAS filled in,
    TOTAL becomes the sums.
    """
    blocks, pairs = len(bounds), layout.block // 2
    fold = layout.fold if layout.fold > 0 else max(blocks, 1)
    # Without folds the total is the running sum itself; with folds it is the partial-sum buffer.
    running, lost = (RUNNING, RUNNING_LOST) if layout.fold > 0 else (TOTAL, TOTAL_LOST)
    left = max(-steps.shift, 0)
    clips = steps.group == 1 and steps.shift == 0 and steps.wrap == 0 and steps.late == 0
    seed(registers, SUMS, steps)
    overflows = 0
    first = 0
    while first < blocks:
        fold_end = min((first // fold + 1) * fold, blocks)
        row, end = TOTAL, first
        if first % fold == 0:
            # Whole folds at once where there is room: no running sum moves farther than the totals might.
            end = _reach(bounds, first, blocks, fold, _room(registers, TOTAL, steps) >> left)
            if end == first and layout.fold > 0:
                clear(registers, RUNNING, SUMS)
                clear(registers, RUNNING_LOST, SUMS)
        inside = end == first
        if inside:
            row = running
            end = _reach(bounds, first, fold_end, 1, _room(registers, running, steps) >> left)
        if end > first:
            _add_exact(exact, parts, chunk, i, lanes, j, first * pairs, end * pairs, left, registers, row)
        else:
            last = min(first + STEPPED, fold_end)
            end = _reach(bounds, first, last, 1, 1 << 31)
            narrow = end > first
            if not narrow:
                end = last
            a, b = first * layout.block, min(end * layout.block, layout.terms)
            if clips:
                overflows += clip_products(
                    rows, i, lanes, j, a // 2, end * pairs, registers, row, steps.low, steps.high, narrow, extremes
                )
            else:
                overflows += _step_terms(rows, i, lanes, j, a, b, registers, row, lost, steps, extremes)
        if inside and layout.fold > 0 and end == fold_end:
            overflows += add(registers, TOTAL, RUNNING, TOTAL_LOST, SUMS, steps, extremes)
        first = end
    if steps.bias_first == 0:
        overflows += add(registers, TOTAL, BIAS, TOTAL_LOST, SUMS, steps, extremes)
    return overflows


@inline
def _room(registers, row, steps):
    """Return how far every sum of a tile can move either way without passing a limit."""
    room = steps.high
    for s in range(SUMS):
        room = min(room, min(steps.high - registers[row, s], registers[row, s] - steps.low))
    return room


@inline
def _reach(bounds, first, last, stride, room):
    """Return how far from `first` on the blocks, `stride` at a time, move a sum by less than the room."""
    end = first
    while end < last:
        following = min(end + stride, last)
        for b in range(end, following):
            room -= bounds[b]
        if room <= 0:
            break
        end = following
    return end


@inline
def _add_exact(exact, parts, chunk, i, lanes, j, first, last, left, registers, row):
    """Add the exact sums of the pairs first..last - 1."""
    for part in range(parts):
        shift = left + (8 if part < parts - 1 else 0)
        clear(registers, ADDEND, SUMS)
        for begin in range(first, last, chunk):
            add_products(exact, i * parts + part, lanes, j, begin, min(begin + chunk, last), registers, ADDEND)
        for s in range(SUMS):
            registers[row, s] += registers[ADDEND, s] << shift


@inline
def _step_terms(rows, i, lanes, j, first, last, registers, row, lost, steps, extremes):
    """Step through the terms first..last - 1 of a tile; return how many additions overflowed."""
    left = max(-steps.shift, 0)
    width = lanes.shape[2]  # LANES, but a loop of known length is unrolled before it could be vectorised
    flat = lanes.reshape(lanes.shape[0], lanes.shape[1], 2 * width)
    column = np.empty(LANES, dtype=np.int32)
    overflows = 0
    for begin in range(first, last, steps.group):
        clear(registers, ADDEND, SUMS)
        for term in range(begin, begin + steps.group):
            p, half = term // 2, term % 2
            for lane in range(width):
                column[lane] = flat[j, p, 2 * lane] if half == 0 else flat[j, p, 2 * lane + 1]
            for r in range(ROWS):
                factor = np.int64(rows[i, p, r, half])
                for lane in range(width):
                    registers[ADDEND, r * LANES + lane] += (factor * np.int64(column[lane])) << left
        overflows += add(registers, row, ADDEND, lost, SUMS, steps, extremes)
    return overflows
