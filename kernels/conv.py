"""Convolutions of codes as matrix products of filters and receptive fields, block by block of output pixels.

x: (N, C, H, W) · out: (N, K, P, Q) · filters flat in reduction order k = (c, r, s) · every array C-contiguous. Pixels
are numbered through the batch, (n * P + p) * Q + q, so that a block is full even where a map is a single pixel; the
receptive fields of all pixels ("im2col") never exist at once. A depthwise convolution is one group per channel and
needs no other code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.chain import BIAS, BLOCK_SUMS, REGISTERS, TOTAL, accumulate, place_columns, place_rows
from kernels.lookahead import BLOCK, UNFLAGGED, UNWATCHED, fits_int16, lay_out, multiply_stepwise, weigh
from kernels.maps import Filters
from kernels.matmul import BLOCK_BYTES
from kernels.products import convolve
from kernels.tile import LANES, ROWS, pack, pack_columns, tiles


class Geometry(NamedTuple):
    """A window over maps: stride, padding on both sides, dilation (rows, columns), groups, window size R x S."""

    stride_h: int
    stride_w: int
    pad_h: int
    pad_w: int
    dilation_h: int
    dilation_w: int
    groups: int
    R: int
    S: int


def conv2d(x, w, geometry, chunk, out):
    """Write the exact sums over k of every receptive field and filter.

    x: (N, C, H, W) int8 or int16 · w: (K, C/groups * R * S) likewise · out: (N, K, P, Q) int64 · chunk:
    `accel.numeric.proof.chunk_terms` of both operands.
    """
    convolve(x, Filters(w, geometry), geometry, chunk, out)


@kernel
def conv2d_wide(x, w, geometry, out):
    """Write the exact sums over k of every receptive field and filter; the caller proved that each fits 63 bits.

    x: (N, C, H, W) int64 · w: (K, C/groups * R * S) int64 · out: (N, K, P, Q) int64.
    """
    N, K, P, Q = out.shape
    terms = w.shape[1]
    filters = K // geometry.groups
    maps = out.reshape(N, K, P * Q)
    padded = with_padding(x, geometry, 0)
    block = block_pixels(N * P * Q, 8 * (terms + filters))
    columns = np.zeros((terms, block), dtype=np.int64)
    sums = np.empty((filters, block), dtype=np.int64)
    for group in range(geometry.groups):
        for first in range(0, N * P * Q, block):
            count = min(block, N * P * Q - first)
            patches(padded, geometry, group, P, Q, first, count, columns)
            for f in range(filters):
                total = sums[f]
                total[:] = 0
                for k in range(terms):
                    factor = w[group * filters + f, k]
                    column = columns[k]
                    for m in range(block):
                        total[m] += factor * column[m]
            scatter(sums, first, count, group * filters, maps)


def conv2d_stepwise(x, w_t, bias, geometry, steps, order, out):
    """Write the sums over k, and the bias, added as the machine adds; return how many additions overflowed.

    x: (N, C, H, W) · w_t: (C/groups * R * S, K), both of any integers up to int64 · bias: (K,) int64 at the
    accumulator's point and within its range · steps, order: as for `kernels.matmul.matmul_stepwise` · out: (N, K, P, Q)
    int64.
    """
    return step_conv2d(x, w_t, bias, geometry, steps, order, UNWATCHED, UNFLAGGED, out)


def step_conv2d(x, w_t, bias, geometry, steps, order, extremes, flags, out):
    """Do what `conv2d_stepwise` does, by the faster of two kernels; extremes: as for `kernels.chain.add`.

    flags: (groups * tiles of a group's filters, tiles of all pixels) int64, overflows per tile, or (0, 0) where nobody
    asks.
    """
    if steps.shift <= 0 and fits_int16(x) and fits_int16(w_t):
        return _step_tiles(x.astype(np.int16), w_t.astype(np.int16), bias, geometry, steps, order, extremes, flags, out)
    return _step_plainly(x, w_t, bias, geometry, steps, order, extremes, flags, out)


@kernel
def _step_plainly(x, w_t, bias, geometry, steps, order, extremes, flags, out):
    """Step through everything: x, w_t: both int32 or int64."""
    N, K, P, Q = out.shape
    terms = len(w_t)
    L = len(order)
    filters = K // geometry.groups
    factors = np.empty((L, K), dtype=w_t.dtype)
    place_rows(w_t, order, factors)
    maps = out.reshape(N, K, P * Q)
    padded = with_padding(x, geometry, 0)
    block = min(BLOCK_SUMS, block_pixels(N * P * Q, 2 * x.itemsize * L + 8 * filters))
    columns = np.zeros((terms, block), dtype=x.dtype)
    fields = np.zeros((L, block), dtype=x.dtype)
    sums = np.empty((filters, block), dtype=np.int64)
    registers = np.empty((REGISTERS, block), dtype=np.int64)
    overflows = 0
    for group in range(geometry.groups):
        for first in range(0, N * P * Q, block):
            count = min(block, N * P * Q - first)
            patches(padded, geometry, group, P, Q, first, count, columns)
            place_rows(columns, order, fields)
            for f in range(filters):
                registers[BIAS] = bias[group * filters + f]
                mine = factors[:, group * filters + f].copy()
                found = accumulate(mine, fields, count, steps, registers, extremes)
                sums[f, :count] = registers[TOTAL, :count]
                overflows += found
                if flags.size > 0:
                    row = group * tiles(filters, ROWS) + f // ROWS
                    flags[row, first // LANES : tiles(first + count, LANES)] += found
            scatter(sums, first, count, group * filters, maps)
    return overflows


@kernel
def _step_tiles(x, w_t, bias, geometry, steps, order, extremes, flags, out):
    """Look ahead: x, w_t: int16; products are not cut."""
    N, K, P, Q = out.shape
    terms = len(w_t)
    filters = K // geometry.groups
    layout = lay_out(order, steps, BLOCK)
    L = len(layout.order)
    maps = out.reshape(N, K, P * Q)
    padded = with_padding(x, geometry, 0)
    block = block_pixels(N * P * Q, 6 * L + 8 * filters)
    factors = np.empty((filters, L), dtype=np.int16)
    packed_rows = np.empty((tiles(filters, ROWS), L // 2, ROWS, 2), dtype=np.int16)
    columns = np.zeros((terms, block), dtype=np.int16)
    fields = np.zeros((L, block), dtype=np.int16)
    packed_lanes = np.empty((block // LANES, L // 2, LANES, 2), dtype=np.int16)
    sums = np.empty((filters, block), dtype=np.int64)
    lane_bias = np.zeros(block, dtype=np.int64)
    overflows = 0
    for group in range(geometry.groups):
        mine = slice(group * filters, (group + 1) * filters)
        place_columns(w_t[:, mine].T, layout.order, factors)
        pack(factors, packed_rows)
        rows = weigh(packed_rows, layout)
        for first in range(0, N * P * Q, block):
            count = min(block, N * P * Q - first)
            patches(padded, geometry, group, P, Q, first, count, columns)
            columns[:, count:] = 0  # lanes without a pixel must not overflow
            place_rows(columns, layout.order, fields)
            pack_columns(fields, packed_lanes)
            lanes = weigh(packed_lanes[: tiles(count, LANES)], layout)
            part = flags[
                group * len(packed_rows) : (group + 1) * len(packed_rows),
                first // LANES : tiles(first + count, LANES),
            ]
            overflows += multiply_stepwise(rows, lanes, bias[mine], lane_bias, steps, layout, extremes, part, sums)
            scatter(sums, first, count, group * filters, maps)
    return overflows


@inline
def block_pixels(pixels, bytes_per_pixel):
    """Return how many pixels make a block: whole tiles, few enough for the cache, not more than there are."""
    held = max(1, BLOCK_BYTES // (LANES * max(bytes_per_pixel, 1)))
    return LANES * max(1, min(held, tiles(pixels, LANES)))


@inline
def with_padding(x, geometry, fill):
    """Return the maps framed by their padding, so that every window lies inside."""
    if geometry.pad_h == 0 and geometry.pad_w == 0:
        return x
    N, C, H, W = x.shape
    framed = np.full((N, C, H + 2 * geometry.pad_h, W + 2 * geometry.pad_w), fill, dtype=x.dtype)
    for n in range(N):
        for c in range(C):
            for h in range(H):
                for v in range(W):
                    framed[n, c, geometry.pad_h + h, geometry.pad_w + v] = x[n, c, h, v]
    return framed


@inline
def patches(x, geometry, group, P, Q, first, count, columns):
    """Write the receptive fields of the pixels first..first + count - 1 as columns.

    x: (N, C, H, W), padding included · columns: (at least C/groups * R * S, at least count) of the same integers.
    """
    channels = x.shape[1] // geometry.groups
    step = geometry.stride_w
    m = 0
    while m < count:
        pixel = first + m
        n = pixel // (P * Q)
        p = pixel // Q % P
        q = pixel % Q
        run = min(Q - q, count - m)  # pixels of one row of one output map
        for k in range(channels * geometry.R):
            h = p * geometry.stride_h + k % geometry.R * geometry.dilation_h
            row = x[n, group * channels + k // geometry.R, h]
            for s in range(geometry.S):
                source = row[q * step + s * geometry.dilation_w :]
                column = columns[k * geometry.S + s, m : m + run]
                if step == 1:
                    for j in range(run):
                        column[j] = source[j]
                else:
                    for j in range(run):
                        column[j] = source[j * step]
        m += run


@inline
def scatter(sums, first, count, first_filter, maps):
    """Write the sums of the pixels from `first` on. sums: (filters, at least count) · maps: (N, K, P * Q)."""
    pixels = maps.shape[2]
    m = 0
    while m < count:
        n = (first + m) // pixels
        place = (first + m) % pixels
        run = min(pixels - place, count - m)
        for f in range(sums.shape[0]):
            source = sums[f, m : m + run]
            target = maps[n, first_filter + f, place : place + run]
            for j in range(run):
                target[j] = source[j]
        m += run
