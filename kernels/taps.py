"""The gradient of a convolution: delta times what each weight of a filter met, without patches.

    out[k, c, r, s] = sum over n, p, q of delta[n, k, p, q] * x[n, c, p stride + r dilation - pad, q + s dilation - pad]

The reduction runs over the pixels of a batch, so lanes are filters, and pairs of neighbouring pixels of delta, packed
once for all taps, meet pairs of neighbouring codes of x as they lie: a tap only moves the place where they are read.
That wants windows one column apart; for others patches are packed (`accel.ops.fixed_training`). HEIGHT taps are summed
at once in registers, in int32 as long as the largest magnitudes allow, as in `kernels.tile`. A vector of lanes is used
HEIGHT times, but a pair of codes once: that is enough for LLVM to find the instruction for a pair of products itself.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels._jit import inline, kernel
from kernels.small import pair, peak
from kernels.tile import CODES, LENGTH, PAIR, SUMS, VECTOR, WIDE_SUMS, broadcast, constant, pair_sums, tiles

HEIGHT = 8
"""Taps whose sums are held in registers at once."""


@kernel
def conv_gradient(delta, x, geometry, out):
    """Add the exact gradient to out. Windows are one column apart.

    delta: (N, K, P, Q) · x: (N, C, H, W), int16 · out: (K, C/groups, R, S) int64, all C-contiguous · geometry:
    `kernels.conv.Geometry`.
    """
    N, K, P, Q = delta.shape
    C, H, W = x.shape[1:]
    channels, filters = C // geometry.groups, K // geometry.groups
    pairs = (Q + 1) // 2
    high, wide = H + 2 * geometry.pad_h, W + 2 * geometry.pad_w
    framed = np.zeros(C * high * wide + 1, np.int16)  # an odd row's last pair reads one code further, times zero
    taps = tap_places(channels, high * wide, wide, geometry)
    places = np.empty(P * pairs, np.int64)
    for p in range(P):
        for j in range(pairs):
            places[p * pairs + j] = p * geometry.stride_h * wide + 2 * j
    count = channels * geometry.R * geometry.S
    blocks = tiles(filters, VECTOR)
    totals = np.zeros((geometry.groups * blocks, taps.size, VECTOR), np.int64)
    lanes = np.zeros((P * pairs, VECTOR), np.int32)
    step = max(1, ((1 << 31) - 1) // max(1, peak(delta) * peak(x)) // 2)
    for n in range(N):
        frame(x[n], geometry, high, wide, framed)
        for group in range(geometry.groups):
            codes = framed[group * channels * high * wide :]
            for block in range(blocks):
                first = group * filters + block * VECTOR
                lay_filters(delta[n], first, min(VECTOR, filters - block * VECTOR), lanes)
                at = totals[group * blocks + block]
                for start in range(0, P * pairs, step):
                    sum_taps(codes, places, taps, lanes, start, min(start + step, P * pairs), at)
    for k in range(K):
        group, own = k // filters, k % filters
        sums = totals[group * blocks + own // VECTOR]
        flat = out[k].reshape(count)
        for tap in range(count):
            flat[tap] += sums[tap, own % VECTOR]


@inline
def tap_places(channels, size, wide, geometry):
    """Return where the first window's taps stand in a framed map, as many as whole tiles have: (n,) int64."""
    count = channels * geometry.R * geometry.S
    taps = np.zeros(tiles(count, HEIGHT) * HEIGHT, np.int64)
    for tap in range(count):
        c, r, s = tap // (geometry.R * geometry.S), tap // geometry.S % geometry.R, tap % geometry.S
        taps[tap] = c * size + r * geometry.dilation_h * wide + s * geometry.dilation_w
    return taps


@inline
def frame(maps, geometry, high, wide, framed):
    """Write maps (C, H, W) with their padding, whose zeros are there already, row after row."""
    for c in range(maps.shape[0]):
        for h in range(maps.shape[1]):
            start = (c * high + h + geometry.pad_h) * wide + geometry.pad_w
            for w in range(maps.shape[2]):
                framed[start + w] = maps[c, h, w]


@inline
def lay_filters(delta, first, count, lanes):
    """Write pairs of pixels of `count` filters side by side. delta: (K, P, Q) · lanes: (P * pairs, VECTOR) int32."""
    _, P, Q = delta.shape
    pairs = (Q + 1) // 2
    for lane in range(count):
        for p in range(P):
            row = delta[first + lane, p]
            for j in range(Q // 2):
                lanes[p * pairs + j, lane] = pair(row[2 * j], row[2 * j + 1])
            if Q % 2:
                lanes[p * pairs + pairs - 1, lane] = pair(row[Q - 1], 0)


def sum_taps(codes, places, taps, lanes, first, last, totals):
    """Add to totals[t, l] the sum over p = first..last - 1 of lanes[p, l] times the pair at places[p] + taps[t].

    codes: (size,) int16 · places: (pairs,) and taps: (a multiple of HEIGHT,) int64 · lanes: (pairs, VECTOR) int32, two
    codes each · totals: (taps, VECTOR) int64, all C-contiguous. The caller proved that each sum fits 32 bits.
    """
    factors = lanes[first:last].view(np.int16).reshape(-1, VECTOR, 2).astype(np.int64)
    where = places[first:last, None] + taps
    pairs = np.stack([codes[where], codes[where + 1]], axis=-1).astype(np.int64)
    sums = np.einsum("ptx,plx->tl", pairs, factors)
    assert sums.size == 0 or (sums.min() > -(1 << 31) and sums.max() <= 1 << 31), "a sum left 32 bits"
    totals += sums


@overload(sum_taps)
def _compiled_sum_taps(codes, places, taps, lanes, first, last, totals):
    return lambda codes, places, taps, lanes, first, last, totals: _sum_taps(
        codes, places, taps, lanes, first, last, totals
    )


@intrinsic
def _sum_taps(_, codes, places, taps, lanes, first, last, totals):
    """Build `sum_taps`, HEIGHT sums in registers at a time."""
    assert codes.dtype == types.int16
    assert lanes.dtype == types.int32
    assert places.dtype == taps.dtype == totals.dtype == types.int64
    assert all(array.layout == "C" for array in (codes, places, taps, lanes, totals))
    whole = types.int64

    def generate(context, builder, signature, arguments):
        def pointer(argument, kind):
            array = context.make_array(signature.args[argument])(context, builder, arguments[argument])
            return builder.bitcast(array.data, kind.as_pointer()), array

        codes_pointer, places_pointer, taps_pointer = (
            pointer(argument, kind)[0] for argument, kind in ((0, CODES.element), (1, LENGTH), (2, LENGTH))
        )
        lanes_pointer, totals_pointer = (pointer(argument, kind)[0] for argument, kind in ((3, SUMS), (6, WIDE_SUMS)))
        count = builder.sdiv(cgutils.unpack_tuple(builder, pointer(2, LENGTH)[1].shape)[0], LENGTH(HEIGHT))
        begin, end = arguments[4], arguments[5]

        held = [cgutils.alloca_once(builder, SUMS) for _ in range(HEIGHT)]
        with cgutils.for_range(builder, count) as down:
            top = builder.mul(down.index, LENGTH(HEIGHT))
            rows = [builder.add(top, LENGTH(r)) for r in range(HEIGHT)]
            moves = [builder.load(builder.gep(taps_pointer, [row])) for row in rows]
            for total in held:
                builder.store(constant(SUMS, -1), total)
            with cgutils.for_range(builder, builder.sub(end, begin)) as loop:
                p = builder.add(begin, loop.index)
                column = builder.bitcast(builder.load(builder.gep(lanes_pointer, [p]), align=4), CODES)
                place = builder.load(builder.gep(places_pointer, [p]))
                for total, move in zip(held, moves, strict=True):
                    source = builder.gep(codes_pointer, [builder.add(place, move)])
                    there = builder.load(builder.bitcast(source, PAIR.as_pointer()), align=2)
                    addend = pair_sums(builder, builder.bitcast(broadcast(builder, there), CODES), column)
                    builder.store(builder.add(builder.load(total), addend), total)
            for total, row in zip(held, rows, strict=True):
                target = builder.gep(totals_pointer, [row])
                wide = builder.add(builder.sext(builder.load(total), WIDE_SUMS), constant(WIDE_SUMS, 1))
                builder.store(builder.add(builder.load(target, align=8), wide), target, align=8)
        return context.get_dummy_value()

    return types.void(codes, places, taps, lanes, whole, whole, totals), generate
