"""Exact matrix products of codes in limbs of 8 bits: couples of tiles for `kernels.amx`, and what is done to the sums.

Rows are one operand; lanes are the other, packed like rows or gathered from the maps of a convolution, where a quad is
four channels at one pixel: offsets say where the lanes of each quad stand, and windows move them. Gathered tiles serve
all rows before the next lanes come, so that they stay in the second-level cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.amx import BLOCK, BLOCKS, QUAD, QUADS, SIDE, TILE_BYTES, configure, release, sum_tiles
from kernels.amx_cast import cast_tiles
from kernels.gemm import EXTREMES, cast, copy
from kernels.moves import move_lanes, split_codes, turn_tile
from kernels.tile import tiles
from kernels.vector_cast import is_vector_cast, vector_cast

# What the tiles of lanes may take that all rows meet before the next ones: few where rows stay in the second cache,
# as many as it holds where rows come from further away and should come seldom.
LEAST_HELD_BYTES, HELD_BYTES = 1 << 16, 1 << 20
# Couples of lanes whose sums are held in the first cache and then written row by row: tiles would write a few bytes on
# each of many pages.
SUMMED = 8


class LimbTask(NamedTuple):
    """What is multiplied, in plain integers.

    M: rows of a group. first, last: couples of rows to take. row_limbs, lane_limbs: of a code, 1 or 2. Q, pitch, shift,
    by_row: as in `kernels.gemm.Task`.
    """

    images: int
    groups: int
    M: int
    first: int
    last: int
    row_limbs: int
    lane_limbs: int
    Q: int
    pitch: int
    shift: int
    by_row: int


@kernel
def gemm_limbs(rows, lanes, maps, offsets, task, rq, bias, sums, codes):
    """Write what `kernels.gemm.gemm` writes, and return what it returns.

    rows: (groups * couples, blocks, 2, SIDE, BLOCK) int8 · lanes: (couples, blocks, 2, SIDE, BLOCK) int8, or no
    elements and maps: (images, limbs, size) uint32, four codes of a limb side by side, with offsets: (QUADS * blocks,)
    int64 · sums, codes, bias, rq: as there; bias int32 where the cast `fits_narrow` (`kernels.vector_cast`).
    """
    outputs = max(sums.shape[1], codes.shape[1])
    blocks = rows.shape[1]
    span, width = 2 * SIDE // task.row_limbs, 2 * SIDE // task.lane_limbs
    held_bytes = max(LEAST_HELD_BYTES, min(HELD_BYTES, rows.size // task.groups))
    couples = max(1, min(tiles(outputs, width), held_bytes // (2 * TILE_BYTES * max(blocks, 1))))
    is_gathered = lanes.shape[0] == 0
    # The room behind is for lanes of the last quad that the next segment would overwrite.
    gathered = np.empty((couples + 1 if is_gathered else 0, blocks, 2, SIDE, BLOCK), dtype=np.int8)
    is_fused = codes.size > 0 and blocks <= BLOCKS and is_vector_cast(rq)
    how = vector_cast(rq, task.shift)
    found = np.zeros((3, SIDE), dtype=bias.dtype)
    found[0], found[1] = np.iinfo(bias.dtype).max, np.iinfo(bias.dtype).min
    # Lines a power of two apart would share few sets of the cache.
    totals = np.empty((0 if is_fused else span, SUMMED * width + SIDE), dtype=np.int64)
    height = max(1, min(SIDE, task.M))
    limbs = task.row_limbs, task.lane_limbs
    low, high = EXTREMES
    overflows = 0
    configure(height)
    for image in range(task.images):
        group = image % task.groups
        for begin in range(0, outputs, couples * width):
            wide = min(couples * width, outputs - begin)
            count = tiles(wide, width)
            if is_gathered:
                gather(maps, image, offsets, task, begin, wide, gathered)
            source, start = (gathered, 0) if is_gathered else (lanes, begin // width)
            for i in range(task.first, task.last):
                tile = group * (rows.shape[0] // task.groups) + i
                held = min(span, task.M - i * span)
                top = image * task.M + i * span
                if is_fused:
                    own = bias[top % len(bias) :] if task.by_row else bias[begin:]
                    cast_tiles(
                        rows, tile, source, start, count, limbs, height, held, how,
                        own, task.by_row, codes, top, begin, wide, found,
                    )  # fmt: skip
                    continue
                for j in range(0, count, SUMMED):
                    lane = j * width
                    ready = min(SUMMED * width, wide - lane)
                    together = tiles(ready, width)
                    sum_couples(rows, tile, source, start + j, together, task, height, totals)
                    for r in range(held):
                        if codes.size == 0:
                            copy(totals, r, ready, sums, top + r, begin + lane)
                            continue
                        least, most, outside = cast(totals, r, ready, task, rq, bias, codes, top + r, begin + lane)
                        low = min(low, least)
                        high = max(high, most)
                        overflows += outside
    release()
    low, high = min(low, np.int64(found[0].min())), max(high, np.int64(found[1].max()))
    if low > high:
        low, high = EXTREMES
    return low, high, overflows + np.int64(found[2].sum())


@inline
def sum_couples(rows, i, lanes, j, count, task, height, totals):
    """Write the sums of couple i of rows and of couples j..j + count - 1 of lanes to totals."""
    limbs = task.row_limbs, task.lane_limbs
    for first in range(0, max(rows.shape[1], 1), BLOCKS):
        last = min(first + BLOCKS, rows.shape[1])
        sum_tiles(rows, i, lanes, j, count, limbs, height, first, last, totals, 0, 0)


@inline
def gather(maps, image, offsets, task, begin, wide, gathered):
    """Put the lanes of `wide` outputs from `begin` on into tiles, quad by quad.

    An output row ends before the next begins, so a tile is made of segments; each is moved as a whole vector, and the
    next one overwrites what was too much, in the order of memory.
    """
    _, planes, size = maps.shape
    source, target = maps.reshape(-1), gathered.view(np.uint32).reshape(-1)
    limbs, to = task.lane_limbs, 0
    lanes, places = np.empty((2, SIDE), dtype=np.int64), np.empty((2, SIDE), dtype=np.int64)
    segments = np.zeros(2, dtype=np.int64)
    for couple in range(tiles(wide, 2 * SIDE // limbs)):
        for t in range(2):
            first = begin + (couple if limbs == 2 else 2 * couple + t) * SIDE
            segments[t] = cut(first, begin + wide, task, lanes[t], places[t])
        for b in range(gathered.shape[1]):
            for t in range(2):
                base = (image * planes + (t if limbs == 2 else 0)) * size
                for q in range(QUADS):
                    quad = base + offsets[b * QUADS + q]
                    for each in range(segments[t]):
                        move_lanes(source, quad + places[t, each], target, to + lanes[t, each])
                    to += SIDE


@inline
def cut(first, end, task, lanes, places):
    """Cut the tile of outputs from `first` on into segments of output rows; return how many, 0 behind the end.

    lanes: where each begins in the tile · places: where it begins in the maps; both (SIDE,) int64, written.
    """
    count = lane = 0
    while lane < SIDE and first + lane < end:
        column = (first + lane) % task.Q
        lanes[count] = lane
        places[count] = (first + lane) // task.Q * task.pitch + column
        lane += task.Q - column
        count += 1
    return count


@kernel
def pack_limbs(matrix, limbs, turned, packed):
    """Pack rows in couples of tiles; turned: 1 for lanes. matrix: (n, K) int8 or int16, C-contiguous.

    packed: (couples, blocks, 2, SIDE, BLOCK) int8, zeros behind the last code and the last row.
    """
    n, K = matrix.shape
    count, blocks = packed.shape[:2]
    codes, bytes_of, words = matrix.reshape(-1), packed.reshape(-1), packed.reshape(-1).view(np.uint32)
    edge = np.zeros(BLOCK, dtype=matrix.dtype)
    rest = K % BLOCK
    for couple in range(count):
        for b in range(blocks):
            tile = (couple * blocks + b) * 2 * TILE_BYTES
            for line in range(2 * SIDE // limbs):
                i = couple * 2 * SIDE // limbs + line
                to = tile + line * BLOCK  # a second tile follows on the first
                if i < n and (b + 1) * BLOCK <= K:
                    split_codes(codes, i * K + b * BLOCK, limbs, bytes_of, to)
                    continue
                for k in range(BLOCK):
                    edge[k] = matrix[i, b * BLOCK + k] if i < n and k < rest else 0
                split_codes(edge, 0, limbs, bytes_of, to)
            if turned:
                turn_tile(words, tile // QUAD)
                turn_tile(words, (tile + TILE_BYTES) // QUAD)
