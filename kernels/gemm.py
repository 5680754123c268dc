"""Exact matrix products of packed codes: tiles of `kernels.vnni`, widened to int64, and what is done to the sums.

An int32 sum of n products cannot overflow while n * max|a| * max|b| < 2^31; `chunk` is the largest such n
(`accel.numeric.proof.chunk_terms`), and sums of that many products are widened to int64. For codes of 16 bits that may
be one product. Then rows are packed in halves, a = 256 * high + low with low in [-128, 127], hence high in
[-128, 128]: products of a half and a 16-bit code are at most 2^7 * 2^15 = 2^22, so 510 of them stay below 2^31. Twice
the products, but HALVES_CHUNK of them per int32 sum.

Rows are one operand in tiles; lanes are the other, in panels of WIDTH or as the maps of a convolution stand, one output
row every `pitch` lanes, of which the first Q are outputs and the others belong to no window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.quantize import bit_above, confine, round_shift
from kernels.tile import VECTOR, tiles
from kernels.vector_cast import cast_run, is_vector_cast, vector_cast
from kernels.vnni import HEIGHT, VECTORS, WIDTH, sum_tile

HALF = 128  # the largest magnitude of a half
HALVES_CHUNK = 510
WORTHWHILE = 32  # products per int32 sum below which rows are packed in halves,
FEW = 4  # unless so few sums hold all of them
BLOCK_TILES = 8  # tiles of lanes whose sums are held at once
BLOCK_BYTES = 1 << 18  # what the lanes of a block may take: they stay in a second-level cache
EXTREMES = (1 << 63) - 1, -(1 << 63)  # smallest and largest of no sums at all
NO_SUMS = np.empty((0, 0), dtype=np.int64)
NO_CODES = np.empty((0, 0), dtype=np.int16)


class Task(NamedTuple):
    """What is multiplied, in plain integers.

    engine: VNNI or TILE. parts: 2 where rows are packed in halves, else 1. chunk: products per int32 sum. first, last:
    tiles of rows to take. panel: lanes from one tile of lanes to the next. Q, pitch: see above (Q = pitch: every lane
    is an output). shift: left shift of the sums before the bias. by_row: 1 where a row has a bias, 0 where a lane has.
    """

    engine: int
    images: int
    groups: int
    M: int
    size: int
    parts: int
    chunk: int
    first: int
    last: int
    panel: int
    Q: int
    pitch: int
    shift: int
    by_row: int


@kernel
def gemm(rows, lanes, offsets, task, rq, bias, sums, codes):
    """Write the exact sums, or the codes that they are cast to; return smallest and largest sum and the overflows.

    rows: (groups * tiles, pairs, HEIGHT, 2) int16 · lanes: (images * size, 2) int16 · offsets: (pairs,) int64, where
    the lanes of a pair stand · rq: Requant, the cast of (sum << task.shift) + bias · bias: (groups * M,) or (outputs,)
    int64 · sums: (images * M, outputs) int64, or codes: likewise int16; the other one has no elements. Smallest and
    largest are those of what is cast, bias included (without a cast: EXTREMES).
    """
    height = HEIGHT // task.parts
    count = lanes_of(max(sums.shape[1], codes.shape[1]), task)
    block = block_width(len(offsets), task)
    totals = np.empty((HEIGHT + 1, block), dtype=np.int64)  # the last line: outputs side by side
    runs = np.empty((block, 3), dtype=np.int64)
    low, high = EXTREMES
    overflows = 0
    is_fast = is_vector_cast(rq)
    how = vector_cast(rq, task.shift)
    found = np.zeros((3, VECTOR), dtype=np.int64)
    found[0], found[1] = EXTREMES
    for image in range(task.images):
        group = image % task.groups
        for begin in range(0, count, block):
            width = min(block, count - begin)
            segments = cut(begin, width, task, runs)
            place = runs[0, 1]
            for i in range(task.first, task.last):
                tile = group * (rows.shape[0] // task.groups) + i
                sum_block(rows, tile, lanes, image * task.size, offsets, task, begin, width, totals)
                for r in range(min(height, task.M - i * height)):
                    line = r * task.parts
                    if task.parts == 2:
                        join(totals, line, width)
                    row = image * task.M + i * height + r
                    if is_fast and codes.size > 0:
                        cast_fast(totals, line, runs[:segments], task, how, bias, codes, row, found)
                        continue
                    held = width
                    if task.Q != task.pitch:
                        held = collect(totals, line, runs[:segments])
                        line = HEIGHT
                    if codes.size == 0:
                        copy(totals, line, held, sums, row, place)
                        continue
                    least, most, outside = cast(totals, line, held, task, rq, bias, codes, row, place)
                    low = min(low, least)
                    high = max(high, most)
                    overflows += outside
    return min(low, found[0].min()), max(high, found[1].max()), overflows + found[2].sum()


@inline
def sum_block(rows, i, lanes, start, offsets, task, begin, width, totals):
    """Write to totals[r, l] the exact sums of tile i of the rows and of the lanes begin..begin + width - 1."""
    pairs = len(offsets)
    step = max(1, task.chunk // 2)
    for at in range(0, width, WIDTH):
        place = start + (begin + at) // WIDTH * task.panel
        vectors = min(VECTORS, tiles(width - at, VECTOR))
        for first in range(0, max(pairs, 1), step):
            sum_tile(task.engine, rows, i, lanes, place, offsets, first, min(first + step, pairs), vectors, totals, at)


@inline
def join(totals, line, width):
    """Put the halves of sums together, in the line of the high ones."""
    for j in range(width):
        totals[line, j] = (totals[line, j] << 8) + totals[line + 1, j]


@inline
def lanes_of(outputs, task):
    """Return how many lanes there are from the first output to the last."""
    return (outputs - 1) // task.Q * task.pitch + (outputs - 1) % task.Q + 1


@inline
def block_width(pairs, task):
    """Return how many lanes to take at once: what a second-level cache holds; those of a convolution overlap."""
    held = BLOCK_BYTES // (4 * WIDTH * max(pairs, 1)) if task.panel > WIDTH else BLOCK_TILES
    return max(1, min(BLOCK_TILES, held)) * WIDTH


@inline
def cut(begin, width, task, runs):
    """Write where the outputs among `width` lanes from `begin` on stand; return in how many runs.

    runs: (n, 3) int64, the first lane of a run, counted from `begin`, its output and how many lanes it has.
    """
    output = begin // task.pitch * task.Q + min(begin % task.pitch, task.Q)
    runs[0, 0], runs[0, 1] = 0, output
    if task.Q == task.pitch:
        runs[0, 2] = width
        return 1
    count = lane = 0
    while lane < width:
        q = (begin + lane) % task.pitch
        length = min(task.Q - q, width - lane)
        if length > 0:
            runs[count, 0], runs[count, 1], runs[count, 2] = lane, output, length
            output += length
            count += 1
        lane += task.pitch - q
    return count


@inline
def collect(totals, line, runs):
    """Write the outputs of a line to the last line, side by side; return how many they are."""
    held = 0
    for each in range(runs.shape[0]):
        lane, length = runs[each, 0], runs[each, 2]
        for j in range(length):
            totals[HEIGHT, inside(held, j)] = totals[line, inside(lane, j)]
        held += length
    return held


@inline
def copy(totals, line, count, sums, row, place):
    """Write sums as they are."""
    for j in range(count):
        sums[row, inside(place, j)] = totals[line, j]


@inline
def cast(totals, line, count, task, rq, bias, codes, row, place):
    """Add the bias and cast; return the smallest and the largest of what was cast, and how many overflowed."""
    low, high = EXTREMES
    overflows = 0
    of_row = bias[row % len(bias)]
    for j in range(count):
        v = (totals[line, j] << task.shift) + (of_row if task.by_row else bias[inside(place, j)])
        low = min(low, v)
        high = max(high, v)
        code, outside = confine(round_shift(v, rq.shift, rq.rounding), bit_above(v, rq.shift, rq), rq)
        codes[row, inside(place, j)] = code
        overflows += outside
    return low, high, overflows


@inline
def cast_fast(totals, line, runs, task, how, bias, codes, row, found):
    """Cast the runs of a line in vectors, bias added; found: (3, VECTOR), smallest, largest and overflows."""
    plus = bias[row % len(bias)] if task.by_row else bias.dtype.type(0)
    for each in range(runs.shape[0]):
        lane, output, length = runs[each, 0], runs[each, 1], runs[each, 2]
        first = -1 if task.by_row else output
        at, to = line * totals.shape[1] + lane, row * codes.shape[1] + output
        cast_run(totals, at, length, how, plus, bias, first, codes, to, found)


@inline
def inside(start, j):
    """Return start + j as an index that cannot be negative: without a look for wrap-around, loops vectorise."""
    return np.uint64(start + j)


@inline
def pair(first, second):
    """Return two codes of 16 bits as they stand side by side in memory."""
    return (np.int64(second) << 16) | (np.int64(first) & 0xFFFF)


@kernel
def pack_rows(matrix, parts, packed):
    """Pack rows in tiles, whole or in halves. matrix: (n, K) int8 or int16 · packed: (tiles, pairs, HEIGHT) int32."""
    coupled = np.empty((HEIGHT, packed.shape[1]), dtype=np.int32)
    for t in range(packed.shape[0]):
        for r in range(HEIGHT):
            couple(matrix, t * (HEIGHT // parts) + r // parts, parts, r % parts, coupled, r)
        for p in range(packed.shape[1]):
            for r in range(HEIGHT):
                packed[t, p, r] = coupled[r, p]


@kernel
def pack_panels(matrix, packed):
    """Pack rows of a matrix as lanes. matrix: (n, K) int8 or int16 · packed: (panels, pairs, WIDTH) int32."""
    coupled = np.empty((WIDTH, packed.shape[1]), dtype=np.int32)
    for t in range(packed.shape[0]):
        for lane in range(WIDTH):
            couple(matrix, t * WIDTH + lane, 1, 0, coupled, lane)
        for p in range(packed.shape[1]):
            for lane in range(WIDTH):
                packed[t, p, lane] = coupled[lane, p]


@inline
def couple(matrix, i, parts, part, coupled, r):
    """Write row i, or its high (part 0) or low bytes, to coupled[r] in pairs; zeros where there is no such row."""
    pairs = coupled.shape[1]
    if i >= matrix.shape[0]:
        for p in range(pairs):
            coupled[r, p] = 0
        return
    whole = matrix.shape[1] // 2
    if parts == 1:
        for p in range(whole):
            coupled[r, p] = pair(matrix[i, 2 * p], matrix[i, 2 * p + 1])
    elif part == 0:
        for p in range(whole):
            coupled[r, p] = pair(high_half(matrix[i, 2 * p]), high_half(matrix[i, 2 * p + 1]))
    else:
        for p in range(whole):
            coupled[r, p] = pair(low_half(matrix[i, 2 * p]), low_half(matrix[i, 2 * p + 1]))
    if whole < pairs:
        last = matrix[i, 2 * whole]
        coupled[r, whole] = pair(last if parts == 1 else high_half(last) if part == 0 else low_half(last), 0)


@inline
def high_half(code):
    """Return what counts 256 times, -128..128."""
    return (np.int64(code) + 128) >> 8


@inline
def low_half(code):
    """Return the rest, -128..127."""
    return np.int64(code) - (high_half(code) << 8)
