"""Moves of tiles of bytes that compilers do not find in loops: each is a handful of vector instructions.

`split_codes`, `turn_tile` and `move_lanes` are what they mean and what runs without a compiler.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.amx import BLOCK, BYTE, LENGTH, QUAD, SIDE, TILE_BYTES
from kernels.tile import constant
from kernels.vector_cast import NARROW as LANE_WORDS
from kernels.vector_cast import Arrays, lanes_below, masked_load, masked_store


def split_codes(matrix, at, limbs, packed, to):
    """Write BLOCK codes matrix[at..] as limbs: the only one to packed[to..], or the high one, and the low a tile on.

    matrix: (n,) int8 or int16 · packed: (m,) int8, both C-contiguous.
    """
    codes = matrix[at : at + BLOCK].astype(np.int16)
    low = codes.astype(np.uint8).view(np.int8)
    if limbs == 1:
        packed[to : to + BLOCK] = low
    else:
        packed[to : to + BLOCK] = codes >> 8
        packed[to + TILE_BYTES : to + TILE_BYTES + BLOCK] = low


def turn_tile(packed, at):
    """Transpose the SIDE x SIDE words packed[at..]: a tile of rows becomes one of lanes. packed: (n,) uint32."""
    tile = packed[at : at + SIDE * SIDE].reshape(SIDE, SIDE)
    tile[:] = tile.T.copy()


def move_lanes(source, at, target, to):
    """Copy SIDE words from source[at..] to target[to..]: one row of a tile. Both (n,) of 32 bits, C-contiguous."""
    target[to : to + SIDE] = source[at : at + SIDE]


def unite_channels(x, at, stride, channels, limbs, lanes, to, plane, count):
    """Write `count` codes of each of up to four channels side by side, limb by limb: words of four bytes.

    x: int8 or int16, channel k from flat index at + k * stride on, zeros for those from `channels` on · lanes: uint32,
    the words of limb t (0: the high one, or the only one) from flat index to + t * plane on · both C-contiguous.
    """
    codes = [x.reshape(-1)[at + k * stride :][:count].astype(np.int64) for k in range(channels)]
    for t in range(limbs):
        shift = 8 if limbs == 2 and t == 0 else 0
        words = sum(((code >> shift) & 255) << 8 * k for k, code in enumerate(codes))
        lanes.reshape(-1)[to + t * plane :][:count] = words


@overload(split_codes)
def _compiled_split_codes(matrix, at, limbs, packed, to):
    return lambda matrix, at, limbs, packed, to: _split_codes(matrix, at, limbs, packed, to)


@overload(turn_tile)
def _compiled_turn_tile(packed, at):
    return lambda packed, at: _turn_tile(packed, at)


@overload(move_lanes)
def _compiled_move_lanes(source, at, target, to):
    return lambda source, at, target, to: _move_lanes(source, at, target, to)


@overload(unite_channels)
def _compiled_unite_channels(x, at, stride, channels, limbs, lanes, to, plane, count):
    return lambda x, at, stride, channels, limbs, lanes, to, plane, count: _unite_channels(
        x, at, stride, channels, limbs, lanes, to, plane, count
    )


@intrinsic
def _split_codes(_, matrix, at, limbs, packed, to):
    """Build `split_codes`: a load, a shift and truncations."""
    assert packed.dtype == types.int8
    width = matrix.dtype.bitwidth
    codes, limb = ir.VectorType(ir.IntType(width), BLOCK), ir.VectorType(BYTE, BLOCK)

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        _, start, count, _, target = arguments

        def write(bytes_of, offset):
            place = arrays.at(3, builder.add(target, LENGTH(offset)), BYTE)
            builder.store(bytes_of, builder.bitcast(place, limb.as_pointer()), align=1)

        source = builder.bitcast(arrays.at(0, start, codes.element), codes.as_pointer())
        held = builder.load(source, align=width // 8)
        low = held if width == 8 else builder.trunc(held, limb)
        high = builder.ashr(held, ir.Constant(codes, [min(8, width - 1)] * BLOCK))
        with builder.if_else(builder.icmp_signed("==", count, LENGTH(1))) as (one, two):
            with one:
                write(low, 0)
            with two:
                write(high if width == 8 else builder.trunc(high, limb), 0)
                write(low, TILE_BYTES)
        return context.get_dummy_value()

    return types.void(matrix, types.int64, types.int64, packed, types.int64), generate


@intrinsic
def _turn_tile(_, packed, at):
    """Build `turn_tile`: four times every row is interleaved with the one half a tile further (a perfect shuffle)."""
    assert packed.dtype.bitwidth == 32

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)

        def row(r):
            place = arrays.at(0, builder.add(arguments[1], LENGTH(r * SIDE)), LANE_WORDS.element)
            return builder.bitcast(place, LANE_WORDS.as_pointer())

        halves = [
            ir.Constant(LANE_WORDS, [half * SIDE // 2 + lane // 2 + lane % 2 * SIDE for lane in range(SIDE)])
            for half in range(2)
        ]
        tile = [builder.load(row(r), align=4) for r in range(SIDE)]
        for _ in range(SIDE.bit_length() - 1):
            couples = zip(tile[: SIDE // 2], tile[SIDE // 2 :], strict=True)
            tile = [builder.shuffle_vector(a, b, half) for a, b in couples for half in halves]
        for r, turned in enumerate(tile):
            builder.store(turned, row(r), align=4)
        return context.get_dummy_value()

    return types.void(packed, types.int64), generate


@intrinsic
def _move_lanes(_, source, at, target, to):
    """Build `move_lanes`: a load and a store, which a loop is not while both arrays may be one."""
    assert source.dtype.bitwidth == target.dtype.bitwidth == 32

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        source, target = (
            builder.bitcast(arrays.at(n, arguments[n + 1], LANE_WORDS.element), LANE_WORDS.as_pointer()) for n in (0, 2)
        )
        builder.store(builder.load(source, align=4), target, align=4)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), generate


@intrinsic
def _unite_channels(_, x, at, stride, channels, limbs, lanes, to, plane, count):
    """Build `unite_channels`: masked loads of four channels, shifts and unions of both limbs."""
    assert x.layout == lanes.layout == "C"
    whole = types.int64
    element = ir.IntType(x.dtype.bitwidth)
    byte_of = [constant(LANE_WORDS, 255 << 8 * k) for k in range(QUAD)]

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        _, at, stride, channels, limbs, _, to, plane, count = arguments
        has_two = builder.icmp_signed("==", limbs, LENGTH(2))
        steps = builder.sdiv(builder.add(count, LENGTH(SIDE - 1)), LENGTH(SIDE))
        with cgutils.for_range(builder, steps) as loop:
            lane = builder.mul(loop.index, LENGTH(SIDE))
            exists = lanes_below(builder, builder.sub(count, lane))
            low = high = constant(LANE_WORDS, 0)
            for k in range(QUAD):
                is_there = builder.icmp_signed("<", LENGTH(k), channels)
                wanted = builder.select(is_there, exists, ir.Constant(exists.type, None))
                start = builder.add(builder.add(at, lane), builder.mul(LENGTH(k), stride))
                held = builder.sext(masked_load(builder, arrays.at(0, start, element), wanted), LANE_WORDS)
                low = builder.or_(low, builder.and_(_moved(builder, held, 8 * k), byte_of[k]))
                high = builder.or_(high, builder.and_(_moved(builder, held, 8 * k - 8), byte_of[k]))
            place = builder.add(to, lane)
            masked_store(builder, builder.select(has_two, high, low), arrays.at(5, place, LANE_WORDS.element), exists)
            with builder.if_then(has_two):
                masked_store(builder, low, arrays.at(5, builder.add(place, plane), LANE_WORDS.element), exists)
        return context.get_dummy_value()

    return types.void(x, whole, whole, whole, whole, lanes, whole, whole, whole), generate


def _moved(builder, words, bits):
    """Shift words left, or right where bits are negative."""
    if bits < 0:
        return builder.lshr(words, constant(LANE_WORDS, -bits))
    return builder.shl(words, constant(LANE_WORDS, bits))
