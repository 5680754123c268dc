"""The tile of exact matrix products in AMX: 16 x 16 int32 sums of byte products, 64 per sum and instruction.

A 16-bit code is two limbs, 256 * high + low with high in [-128, 127] and low in [0, 255]; a code of at most 8 bits is
one. Operands come in couples of byte tiles: the two limbs of 16 rows, or 32 rows of one limb. So every step multiplies
two tiles of rows by two of lanes, whatever the limbs, and all eight tile registers are in use: four of sums, two and
two of operands (Intel SDM vol. 2, "TDPBSSD/TDPBSUD/TDPBUSD/TDPBUUD").

No sum leaves 32 bits: a product of limbs is at most 255 * 255 in magnitude, so BLOCKS blocks of 64 products stay below
2^31. `sum_tiles` is what the instructions mean and what runs without a compiler.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import numba.core.config
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.tile import constant
from kernels.vector_cast import LENGTH, NARROW, WIDE, Arrays

SIDE = 16  # rows of a tile and lanes of a tile
BLOCK = 64  # codes that one instruction multiplies per sum: a row of a tile of rows, 16 quads of one of lanes
QUAD = 4  # codes of a lane that stand side by side
QUADS = BLOCK // QUAD
TILE_BYTES = SIDE * BLOCK
BLOCKS = ((1 << 31) - 1) // (255 * 255) // BLOCK
AMX = 2  # beside the engines of `kernels.vnni`
HIGH, LOW = 8, 0  # left shift of a product by each limb of a code

ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # Linux x86-64: arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)


@cache
def has_amx():
    """Tell whether code is compiled for a processor with AMX of bytes, and the system lets this process use it."""
    return is_compiled() and _is_permitted()


def is_compiled():
    """Tell whether code is compiled for a processor with AMX of bytes."""
    chosen = numba.core.config.CPU_FEATURES
    if chosen is not None:
        return {"+amx-tile", "+amx-int8"} <= set(chosen.split(","))
    features = binding.get_host_cpu_features()
    return bool(features.get("amx-tile") and features.get("amx-int8"))


def _is_permitted():
    """Ask Linux for the tile registers, which are too large to be everybody's; it grants them to the whole process."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0


def configure(height):
    """Lay out the tile registers of this thread for tiles of `height` rows, 1..SIDE; `release` ends that."""


def release():
    """Give the tile registers back, so that switching threads need not save them."""


def sum_tiles(rows, i, lanes, j, couples, limbs, height, first, last, totals, line, at):
    """Add to totals[line + r, at + l] the sums over blocks first..last - 1 of couple i of rows and `couples` of lanes.

    rows: (couples, blocks, 2, SIDE, BLOCK) int8, [.., t, r, k] a limb of code k of row r: tile t is limb t (0: high) of
    the codes where they have two limbs, rows 16t.. where they have one · lanes: (couples, blocks, 2, SIDE, BLOCK) int8,
    likewise with [.., t, q, 4l + k] for code 4q + k of lane l, side by side from couple j on · limbs: of rows and of
    lanes · height: rows of a tile that count · totals: (n, m) int64, written instead of added to where first is 0 · all
    C-contiguous; at most BLOCKS blocks, after `configure(height)`.
    """
    row_limbs, lane_limbs = limbs
    a = [_limb(rows[i, first:last, t], row_limbs == 2 and t == 1) for t in range(2)]
    for c, t in np.ndindex(couples, 2):
        b = _limb(lanes[j + c, first:last, t], lane_limbs == 2 and t == 1)
        b = b.reshape(-1, SIDE, SIDE, 4).swapaxes(2, 3).reshape(-1, BLOCK, SIDE)
        for s in range(2):
            sums = np.cumsum(np.einsum("brk,bkl->brl", a[s][:, :height], b), axis=0)
            assert not sums.size or (sums.min() >= -(1 << 31) and sums.max() < 1 << 31), "a partial sum left 32 bits"
            r = line + (SIDE * s if row_limbs == 1 else 0)
            lane = at + c * 2 * SIDE // lane_limbs + (SIDE * t if lane_limbs == 1 else 0)
            target = totals[r : r + height, lane : lane + SIDE]
            if first == 0 and (s == 0 or row_limbs == 1) and (t == 0 or lane_limbs == 1):
                target[:] = 0
            if len(sums):
                target += sums[-1] << (_shift(row_limbs, s) + _shift(lane_limbs, t))


def _limb(tile, is_low):
    """Return the numbers that the bytes of a tile are."""
    return (tile.view(np.uint8) if is_low else tile).astype(np.int64)


def _shift(limbs, tile):
    return (HIGH, LOW)[tile] if limbs == 2 else 0


# The same in instructions.
BYTE = ir.IntType(8)
POINTER = BYTE.as_pointer()
SUMS = (0, 1, 2, 3)  # tile registers: rows s by lanes t in 2s + t
ROWS = (4, 5)
LANES = (6, 7)
PALETTE = ((0, 1), *((16 + 2 * tile, BLOCK) for tile in range(8)))  # (offset, byte) of a configuration; then rows at 48


@overload(configure)
def _compiled_configure(height):
    return lambda height: _configure(height)


@overload(release)
def _compiled_release():
    return lambda: _release()


@overload(sum_tiles)
def _compiled_sum_tiles(rows, i, lanes, j, couples, limbs, height, first, last, totals, line, at):
    return lambda rows, i, lanes, j, couples, limbs, height, first, last, totals, line, at: _sum_tiles(
        rows, i, lanes, j, couples, limbs, height, first, last, totals, line, at
    )


def _call(builder, name, *arguments):
    """Call an instruction by its LLVM name; registers are numbers of 8 bits."""
    values = [BYTE(each) if isinstance(each, int) else each for each in arguments]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), values)


@intrinsic
def _configure(_, height):
    """Build `configure`: 64 bytes with the bytes per row and the rows of every register."""

    def generate(context, builder, signature, arguments):
        if is_compiled():
            held = cgutils.alloca_once_value(builder, ir.Constant(ir.ArrayType(BYTE, 64), None))
            pointer = builder.bitcast(held, POINTER)
            wanted = {offset: BYTE(value) for offset, value in PALETTE}
            count = builder.trunc(arguments[0], BYTE)
            wanted |= {48 + tile: count for tile in (*SUMS, *ROWS)} | {48 + tile: BYTE(SIDE) for tile in LANES}
            for offset, value in wanted.items():
                builder.store(value, builder.gep(pointer, [LENGTH(offset)]))
            _call(builder, "ldtilecfg", pointer)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _release(_):
    """Build `release`."""

    def generate(context, builder, signature, arguments):
        if is_compiled():
            _call(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _sum_tiles(_, rows, i, lanes, j, couples, limbs, height, first, last, totals, line, at):
    """Build `sum_tiles`: one loop per combination of limbs."""
    assert totals.dtype == types.int64
    assert totals.layout == "C"
    whole = types.int64

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        couples, limbs, height, first, last, _, line, at = arguments[4:]
        tall, wide = tiles_of_outputs(builder, limbs)
        stride = arrays.shape(9)[1]
        is_fresh = builder.icmp_signed("==", first, LENGTH(0))
        with cgutils.for_range(builder, couples) as couple:
            joined = joined_couple(arrays, builder, arguments[:6], couple.index, height, first, last, WIDE)
            start = builder.add(at, builder.mul(couple.index, builder.mul(wide, LENGTH(SIDE))))
            with cgutils.for_range(builder, tall) as s, cgutils.for_range(builder, height) as r:
                row = builder.add(builder.mul(s.index, LENGTH(SIDE)), r.index)
                flat = builder.add(builder.mul(builder.add(line, row), stride), start)
                with cgutils.for_range(builder, wide) as t:
                    place = arrays.at(9, builder.add(flat, builder.mul(t.index, LENGTH(SIDE))), LENGTH)
                    target = builder.bitcast(place, WIDE.as_pointer())
                    total = builder.load(line_of(builder, joined, row, t.index))
                    # Written sums are not read first: they may be far away.
                    with builder.if_else(is_fresh) as (written, added):
                        with written:
                            builder.store(total, target, align=8)
                        with added:
                            builder.store(builder.add(builder.load(target, align=8), total), target, align=8)
        return context.get_dummy_value()

    return types.void(rows, whole, lanes, whole, whole, limbs, whole, whole, whole, totals, whole, whole), generate


def tiles_of_outputs(builder, limbs):
    """Return how many tiles of outputs the four tiles of sums make, down and across."""
    return [builder.sub(LENGTH(3), count) for count in cgutils.unpack_tuple(builder, limbs)]


def line_of(builder, joined, row, tile):
    """Return where SIDE sums of a row of `joined_couple` stand, those of one tile across."""
    return builder.gep(joined, [builder.add(builder.mul(row, LENGTH(2)), tile)])


def joined_couple(arrays, builder, operands, index, height, first, last, kind):
    """Sum a couple of rows and one of lanes in the tile registers; return where its sums stand, 2 SIDE lanes to a row.

    operands: values of rows, i, lanes, j, couples, limbs, the first arguments of the intrinsic. index: of the couple.
    kind: WIDE for sums of 64 bits, NARROW for 32 where the caller proved that each fits: limbs put together may leave
    them on the way, which addition modulo 2^32 forgives.
    """
    _, i, _, j, _, limbs = operands

    def couple(argument, number):
        blocks = builder.add(builder.mul(number, arrays.shape(argument)[1]), first)
        return arrays.at(argument, builder.mul(blocks, LENGTH(2 * TILE_BYTES)), BYTE)

    scratch = cgutils.alloca_once(builder, ir.ArrayType(NARROW, SIDE * len(SUMS)))
    put = cgutils.alloca_once(builder, ir.ArrayType(kind, 2 * 2 * SIDE))
    scratch.align = put.align = BLOCK
    sums, joined = builder.bitcast(scratch, POINTER), builder.bitcast(put, kind.as_pointer())
    wanted = cgutils.unpack_tuple(builder, limbs)
    for a in (1, 2) if is_compiled() else ():
        for b in (1, 2):
            is_row, is_lane = (builder.icmp_signed("==", w, LENGTH(n)) for w, n in zip(wanted, (a, b), strict=True))
            with builder.if_then(builder.and_(is_row, is_lane)):
                lanes = couple(2, builder.add(j, index))
                _sum(builder, couple(0, i), a, lanes, b, builder.sub(last, first), sums)
                with cgutils.for_range(builder, height) as loop:
                    for s in range(3 - a):
                        row = builder.add(loop.index, LENGTH(SIDE * s))
                        for t in range(3 - b):
                            total = _joined(builder, sums, loop.index, s, t, a, b, kind)
                            builder.store(total, line_of(builder, joined, row, LENGTH(t)))
    return joined


def _sum(builder, rows, row_limbs, lanes, lane_limbs, blocks, sums):
    """Sum blocks and write the four tiles of sums side by side."""
    for tile in SUMS:
        _call(builder, "tilezero", tile)
    with cgutils.for_range(builder, blocks) as loop:
        for t in range(2):
            offset = builder.add(builder.mul(loop.index, LENGTH(2 * TILE_BYTES)), LENGTH(t * TILE_BYTES))
            for register, pointer in ((ROWS[t], rows), (LANES[t], lanes)):
                _call(builder, "tileloadd64", register, builder.gep(pointer, [offset]), LENGTH(BLOCK))
        for s in range(2):
            for t in range(2):
                signs = "u" if s == 1 and row_limbs == 2 else "s", "u" if t == 1 and lane_limbs == 2 else "s"
                _call(builder, f"tdpb{''.join(signs)}d", SUMS[2 * s + t], ROWS[s], LANES[t])
    for tile in SUMS:
        _call(builder, "tilestored64", tile, builder.gep(sums, [LENGTH(tile * TILE_BYTES)]), LENGTH(BLOCK))


def _joined(builder, sums, r, s, t, row_limbs, lane_limbs, kind):
    """Return row r of output tile (s, t) as sums of that kind, its limbs put together."""
    total = None
    for a in (s,) if row_limbs == 1 else (0, 1):
        for b in (t,) if lane_limbs == 1 else (0, 1):
            offset = builder.add(builder.mul(r, LENGTH(BLOCK)), LENGTH((2 * a + b) * TILE_BYTES))
            held = builder.load(builder.bitcast(builder.gep(sums, [offset]), NARROW.as_pointer()), align=BLOCK)
            shift = _shift(row_limbs, a) + _shift(lane_limbs, b)
            held = builder.sext(held, WIDE) if kind == WIDE else held
            part = builder.shl(held, constant(kind, shift))
            total = part if total is None else builder.add(total, part)
    return total
