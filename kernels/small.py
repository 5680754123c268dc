"""Exact products of operands that are new in every step: peaks, packing, tiles and the cast in one call.

`kernels.packed` packs weights once for many inputs. In a step of training both operands change, and where they are
small the looks at them and the calls between them cost more than the products. Here either operand may lie turned,
(K, M) for (M, K): then neighbours along the reduction axis are neighbouring rows, and packing them is an interleaving
of two rows, which vectorises; so the products of backpropagation, W^T delta and delta^T x, copy no transposed matrix.

An int32 sum takes as many products as the largest magnitudes allow, found here, and is then widened to int64; one pair
always fits (`kernels.vnni`). So no caller has to prove anything but that the sums fit int64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.gemm import inside, pair
from kernels.quantize import STOCHASTIC, bit_above, confine, round_drawn, round_shift
from kernels.tile import VECTOR, tiles
from kernels.vnni import HEIGHT, VECTORS, WIDTH, sum_tile


class Sides(NamedTuple):
    """How the operands lie: x_turned: x is (K, M) · w_turned: w is (K, N), each 0 or 1. engine: VNNI or TILE."""

    engine: int
    x_turned: int
    w_turned: int


@kernel
def products(x, w, sides, sums):
    """Write the exact sums over K. x: (M, K) · w: (N, K), int16, C-contiguous as they lie · sums: (M, N)."""
    rows, lanes, offsets, step = packed(x, w, sides)
    totals = np.empty((HEIGHT, lanes.shape[0] * WIDTH), np.int64)
    for i in range(rows.shape[0]):
        sum_line(rows, i, lanes, offsets, step, sides.engine, sums.shape[1], totals)
        for r in range(min(HEIGHT, sums.shape[0] - i * HEIGHT)):
            for j in range(sums.shape[1]):
                sums[inside(i * HEIGHT, r), j] = totals[r, j]


@kernel
def cast_products(x, w, sides, bias, rq, draws, codes):
    """Write the sums plus a bias, cast; return how many overflowed.

    x, w: as for `products` · bias: (N,) int64 at the sums' point, or (0,) · rq: Requant · draws: (M, N) int64, or
    (0, N) unless rounding is STOCHASTIC · codes: (M, N) in the target's container.
    """
    rows, lanes, offsets, step = packed(x, w, sides)
    M, N = codes.shape
    totals = np.empty((HEIGHT, lanes.shape[0] * WIDTH), np.int64)
    overflowed = np.int64(0)
    for i in range(rows.shape[0]):
        sum_line(rows, i, lanes, offsets, step, sides.engine, N, totals)
        for r in range(min(HEIGHT, M - i * HEIGHT)):
            row = i * HEIGHT + r
            if bias.size > 0:
                for j in range(N):
                    totals[r, j] += bias[j]
            if rq.rounding == STOCHASTIC:
                for j in range(N):
                    v = totals[r, j]
                    rounded = round_drawn(v, rq.shift, rq, draws[row, j])
                    codes[row, j], outside = confine(rounded, bit_above(v, rq.shift, rq), rq)
                    overflowed += outside
            else:
                for j in range(N):
                    v = totals[r, j]
                    rounded = round_shift(v, rq.shift, rq.rounding)
                    codes[row, j], outside = confine(rounded, bit_above(v, rq.shift, rq), rq)
                    overflowed += outside
    return overflowed


@inline
def packed(x, w, sides):
    """Return both operands packed, where the lanes of a pair stand, and how many pairs an int32 sum takes."""
    M, K = x.shape
    N = w.shape[0]
    if sides.x_turned:
        K, M = x.shape
    if sides.w_turned:
        N = w.shape[1]
    pairs = (K + 1) // 2
    rows = np.empty((tiles(M, HEIGHT), pairs, HEIGHT), np.int32)
    lanes = np.empty((tiles(N, WIDTH), pairs, WIDTH), np.int32)
    if sides.x_turned:
        interleave(x, rows)
    else:
        couple(x, rows)
    if sides.w_turned:
        interleave(w, lanes)
    else:
        couple(w, lanes)
    offsets = np.empty(pairs, np.int64)
    for p in range(pairs):
        offsets[p] = p * WIDTH
    largest = max(1, peak(x) * peak(w))
    return rows, lanes, offsets, max(1, ((1 << 31) - 1) // largest // 2)


@inline
def sum_line(rows, i, lanes, offsets, step, engine, N, totals):
    """Write to totals the exact sums of tile i of the rows and of all lanes."""
    pairs = lanes.shape[1]
    factors = rows.view(np.int16).reshape((rows.shape[0], pairs, HEIGHT, 2))
    places = lanes.view(np.int16).reshape((lanes.shape[0] * pairs * WIDTH, 2))
    for tile in range(lanes.shape[0]):
        at = tile * WIDTH
        vectors = min(VECTORS, tiles(N - at, VECTOR))
        for first in range(0, max(pairs, 1), step):
            last = min(first + step, pairs)
            sum_tile(engine, factors, i, places, tile * pairs * WIDTH, offsets, first, last, vectors, totals, at)


@inline
def peak(codes):
    """Return the largest magnitude. codes: C-contiguous; comparing in their own container is several times faster."""
    flat = codes.reshape(codes.size)
    low = high = codes.dtype.type(0)
    for i in range(flat.size):
        low = min(low, flat[i])
        high = max(high, flat[i])
    return max(np.int64(high), -np.int64(low))


@inline
def couple(matrix, tiled):
    """Pack rows in tiles, zeros around them. matrix: (n, K) · tiled: (tiles, pairs, height) int32."""
    n, K = matrix.shape
    height = tiled.shape[2]
    if K % 2 == 0:
        move(matrix.view(np.int32), tiled)
    else:
        for i in range(n):
            line = tiled[i // height]
            for p in range(K // 2):
                line[p, i % height] = pair(matrix[i, 2 * p], matrix[i, 2 * p + 1])
            if K % 2:
                line[K // 2, i % height] = pair(matrix[i, K - 1], 0)
    for t in range(n // height, tiled.shape[0]):
        for p in range(tiled.shape[1]):
            for r in range(n - t * height, height):
                tiled[t, p, r] = 0


@inline
def move(pairs, tiled):
    """Pack rows whose neighbours already stand together as pairs. pairs: (n, K / 2) int32."""
    height = tiled.shape[2]
    for i in range(pairs.shape[0]):
        line = tiled[i // height]
        r = i % height
        for p in range(pairs.shape[1]):
            line[p, r] = pairs[i, p]


@inline
def interleave(matrix, tiled):
    """Pack columns in tiles, zeros around them. matrix: (K, n) · tiled: (tiles, pairs, height) int32."""
    K, n = matrix.shape
    count, pairs, height = tiled.shape
    for p in range(pairs):
        first = matrix[2 * p]
        for t in range(count):
            line = tiled[t, p]
            start = t * height
            held = min(height, n - start)
            if 2 * p + 1 < K:
                second = matrix[2 * p + 1]
                for r in range(held):
                    line[r] = pair(first[inside(start, r)], second[inside(start, r)])
            else:
                for r in range(held):
                    line[r] = pair(first[inside(start, r)], 0)
            for r in range(held, height):
                line[r] = 0
