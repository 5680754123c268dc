"""Sums that leave the tiles of `kernels.amx` as codes: bias, rounding and clipping on the way, sums never in memory."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.amx import LENGTH, SIDE, joined_couple, line_of, sum_tiles, tiles_of_outputs
from kernels.vector_cast import (
    MASK,
    NARROW,
    WIDE,
    Arrays,
    Found,
    cast_plainly,
    cast_vector,
    filled,
    lanes_below,
    masked_load,
    masked_store,
    numbers_in_vectors,
)

CODE = ir.IntType(16)
CODES = ir.VectorType(CODE, SIDE)


def cast_tiles(rows, i, lanes, j, couples, limbs, height, held, how, bias, by_row, codes, line, at, count, found):
    """Cast the sums over all blocks of couple i of rows and `couples` of lanes from j on to codes[line + r, at + l].

    rows, lanes, limbs, height: as for `kernels.amx.sum_tiles` · held: rows of the couple that exist · how: VectorCast ·
    bias: (n,) from the first row's (by_row 1) or the first lane's (0) on · codes: (m, outputs) int16 · count: lanes
    that exist · found: (3, SIDE), like bias int64 or int32, as for `kernels.vector_cast.cast_run` · all C-contiguous.
    """
    span, width = 2 * SIDE // limbs[0], couples * 2 * SIDE // limbs[1]
    totals = np.empty((span, width), dtype=np.int64)
    sum_tiles(rows, i, lanes, j, couples, limbs, height, 0, rows.shape[1], totals, 0, 0)
    held, count = min(held, span), min(count, width)
    v = (totals[:held, :count] << how.up) + (bias[:held, None] if by_row else bias[:count])
    codes[line : line + held, at : at + count] = cast_plainly(v, how, found)


@overload(cast_tiles)
def _compiled_cast_tiles(
    rows, i, lanes, j, couples, limbs, height, held, how, bias, by_row, codes, line, at, count, found
):
    def run(rows, i, lanes, j, couples, limbs, height, held, how, bias, by_row, codes, line, at, count, found):
        by = tuple(how)
        _cast_tiles(rows, i, lanes, j, couples, limbs, height, held, by, bias, by_row, codes, line, at, count, found)

    return run


@intrinsic
def _cast_tiles(_, rows, i, lanes, j, couples, limbs, height, held, how, bias, by_row, codes, line, at, count, found):
    """Build `cast_tiles`: sums in tile registers, then row by row through vector registers."""
    assert codes.dtype == types.int16
    assert bias.dtype == found.dtype
    kind = WIDE if found.dtype == types.int64 else NARROW
    whole = types.int64

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        couples, limbs, height, held, how, _, by_row, _, line, at, count, _ = arguments[4:]
        by = numbers_in_vectors(builder, how, kind)
        state = Found(builder, arrays.at(15, LENGTH(0), kind), kind)
        stride = arrays.shape(11)[1]
        _, wide = tiles_of_outputs(builder, limbs)
        is_by_row = builder.icmp_signed("!=", by_row, LENGTH(0))
        state.load()
        with cgutils.for_range(builder, couples) as couple:
            blocks = arrays.shape(0)[1]
            joined = joined_couple(arrays, builder, arguments[:6], couple.index, height, LENGTH(0), blocks, kind)
            with cgutils.for_range(builder, wide) as t:
                lane = builder.mul(builder.add(builder.mul(couple.index, wide), t.index), LENGTH(SIDE))
                exists = lanes_below(builder, builder.sub(count, lane))
                wanted = builder.select(is_by_row, ir.Constant(MASK, None), exists)  # behind the last lane is no bias
                of_lanes = masked_load(builder, arrays.at(9, lane, kind.element), wanted)
                with cgutils.for_range(builder, held) as loop:
                    row = loop.index
                    of_row = builder.load(arrays.at(9, builder.select(is_by_row, row, LENGTH(0)), kind.element))
                    value = builder.select(is_by_row, filled(builder, of_row, kind), of_lanes)
                    total = builder.load(line_of(builder, joined, row, t.index))
                    v = builder.add(builder.shl(total, by.up), value)
                    place = builder.add(builder.mul(builder.add(line, row), stride), builder.add(at, lane))
                    made = builder.trunc(cast_vector(builder, v, by, exists, state), CODES)
                    masked_store(builder, made, arrays.at(11, place, CODE), exists)
        state.store()
        return context.get_dummy_value()

    return types.void(
        rows, whole, lanes, whole, whole, limbs, whole, whole, how, bias, whole, codes, whole, whole, whole, found
    ), generate
