"""Pooling of codes: the maximum, the sum, the sum of squares or the average of every window of every map.

All but the average are exact integers: an l2 pool is the root of a sum of squares (`accel.units`), an average a sum
times a constant (`accel.units.average`), each cast once. Where `kernels.vector_cast` knows the cast of an average, it
is made here, block by block while the sums are in the cache. Padding counts as zeros in sums and never wins a maximum;
every window holds at least one code of the map, which the layer sees to.

Maps are numbered through the batch, n * C + c. Windows lie on a flat ground: the maps themselves, or where there is
padding the framed maps of one block.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline, kernel
from kernels.vector_cast import VECTOR, cast_run, vector_cast
from kernels.vector_pool import Taps, largest_codes, square_sums, sums

BLOCK = 4096  # results that are made together, or one map's where it has more


@kernel
def max_pool(x, geometry, out):
    """Write the largest code of every window. x: (N, C, H, W) signed integers · out: (N, C, P, Q) of the same."""
    N, C, P, Q = out.shape
    taps, block = windows(x, geometry, Q), maps_of_a_block(P * Q)
    ground = ground_of(x, geometry, block, np.iinfo(x.dtype).min)
    for first in range(0, N * C, block):
        maps = min(block, N * C - first)
        at = lay(x, first, maps, geometry, ground)
        largest_codes(ground, at, taps, out, first * P * Q, (maps, P, Q))


@kernel
def sum_pool(x, geometry, squared, out):
    """Write the sum of every window, or of its squares; the caller proved that it fits 63 bits.

    x: (N, C, H, W) integers · squared: 0 or 1 · out: (N, C, P, Q) int64.
    """
    N, C, P, Q = out.shape
    taps, block = windows(x, geometry, Q), maps_of_a_block(P * Q)
    ground = ground_of(x, geometry, block, 0)
    for first in range(0, N * C, block):
        maps = min(block, N * C - first)
        at = lay(x, first, maps, geometry, ground)
        if squared:
            square_sums(ground, at, taps, out, first * P * Q, (maps, P, Q))
        else:
            sums(ground, at, taps, out, first * P * Q, (maps, P, Q))


@kernel
def average_pool(x, geometry, multiplier, rq, no_bias, out):
    """Write the average of every window, its sum times `multiplier` cast as rq says; return how many were clipped.

    x: (N, C, H, W) integers · rq: `is_vector_cast` · no_bias: (0,) of what sums are held in: int64, or int32 where
    multiplier is 1 and the cast `fits_narrow` · out: (N, C, P, Q) int8, int16 or int32.
    """
    N, C, P, Q = out.shape
    taps, block = windows(x, geometry, Q), maps_of_a_block(P * Q)
    ground = ground_of(x, geometry, block, 0)
    held = np.empty(block * P * Q, dtype=no_bias.dtype)
    how = vector_cast(rq, 0)
    found = np.zeros((3, VECTOR), dtype=no_bias.dtype)
    for first in range(0, N * C, block):
        maps = min(block, N * C - first)
        at = lay(x, first, maps, geometry, ground)
        sums(ground, at, taps, held, 0, (maps, P, Q))
        if multiplier != 1:
            for i in range(maps * P * Q):
                held[i] *= multiplier
        cast_run(held, 0, maps * P * Q, how, 0, no_bias, -1, out, first * P * Q, found)
    return found[2].sum()


@inline
def maps_of_a_block(pixels):
    return max(1, BLOCK // max(pixels, 1))


@inline
def windows(x, geometry, Q):
    """Return where windows and their taps are. x: (N, C, H, W) · Q: how many windows stand in a row."""
    H, W = x.shape[2] + 2 * geometry.pad_h, x.shape[3] + 2 * geometry.pad_w
    next_column = geometry.stride_w if Q > 1 else 1
    down = geometry.dilation_h * W
    return Taps(geometry.R, geometry.S, down, geometry.dilation_w, H * W, geometry.stride_h * W, next_column)


@inline
def ground_of(x, geometry, block, fill):
    """Return what windows lie on, flat: all maps, or where there is padding as many frames as a block has maps."""
    if geometry.pad_h == 0 and geometry.pad_w == 0:
        return x.reshape(-1)
    N, C, H, W = x.shape
    frame = (H + 2 * geometry.pad_h) * (W + 2 * geometry.pad_w)
    return np.full(min(block, N * C) * frame, fill, dtype=x.dtype)


@inline
def lay(x, first, maps, geometry, ground):
    """Return where map `first` begins on the ground, once it and those after it are there."""
    _, _, H, W = x.shape
    if geometry.pad_h == 0 and geometry.pad_w == 0:
        return first * H * W
    codes = x.reshape(-1)
    high, wide = H + 2 * geometry.pad_h, W + 2 * geometry.pad_w
    for number in range(maps):
        for h in range(H):
            source = codes[((first + number) * H + h) * W :]
            target = ground[(number * high + geometry.pad_h + h) * wide + geometry.pad_w :]
            for w in range(W):
                target[w] = source[w]
    return 0
