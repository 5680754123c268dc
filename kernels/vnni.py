"""The register tile of exact matrix products: HEIGHT x WIDTH sums of int16 products, two products per int32 and step.

rows[i, p, r] is a pair of neighbours along the reduction axis, one tile of HEIGHT rows side by side; the pairs of the
lanes stand wherever an offset says, WIDTH of them in a row. So lanes may be a packed matrix or the maps of a
convolution as they are: a window moves the offset, nothing is copied.

The tile is written once and compiled twice: with the instruction for two products and an addition (`vpdpwssd` of
AVX-512 VNNI; Intel SDM vol. 2, "VPDPWSSD"), which does not saturate, and in LLVM's generic vectors for every other
processor, in smaller parts because it has fewer registers. `sum_tile` is what both mean and what runs without a
compiler. An int32 sum starts at -1; see `kernels.tile` for why.
"""

from __future__ import annotations

from functools import cache

import numba.core.config
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.tile import CODES, LENGTH, PAIR, SUMS, VECTOR, WIDE_SUMS, broadcast, constant, pair_sums

HEIGHT = 8
VECTORS = 3
WIDTH = VECTORS * VECTOR
VNNI, TILE = 0, 1  # engines
PART_ROWS = 4  # of the generic tile, one vector wide: its sums and a column fit sixteen registers of 256 bits


@cache
def has_vnni():
    """Tell whether code is compiled for a processor with AVX-512 VNNI (Numba can be told to leave features out)."""
    chosen = numba.core.config.CPU_FEATURES
    if chosen is not None:
        return "+avx512vnni" in chosen.split(",")
    return bool(binding.get_host_cpu_features().get("avx512vnni"))


def sum_tile(engine, rows, i, lanes, start, offsets, first, last, vectors, totals, at):
    """Add to totals[r, at + l] the sum over p = first..last - 1 of rows[i, p, r] times lanes[start + offsets[p] + l].

    rows: (tiles, pairs, HEIGHT, 2) int16 · lanes: (size, 2) int16 · offsets: (pairs,) int64 · vectors: how many times
    VECTOR lanes, 1..VECTORS · totals: (at least HEIGHT, n) int64, written, not added to, where first is 0, or int32,
    always written · all C-contiguous. The caller proved that each sum fits 32 bits once it is one less, or, for int32,
    as it is.
    """
    width = vectors * VECTOR
    places = start + offsets[first:last, None] + np.arange(width)
    factors = rows[i, first:last].astype(np.int64)
    sums = np.cumsum(np.einsum("prx,plx->prl", factors, lanes[places].astype(np.int64)), axis=0)
    assert sums.size == 0 or (sums.min() > -(1 << 31) and sums.max() <= 1 << 31), "a partial sum left 32 bits"
    target = totals[:HEIGHT, at : at + width]
    if first == 0 or totals.dtype == np.int32:
        target[:] = 0
    if len(sums):
        target += sums[-1]


@overload(sum_tile)
def _compiled_sum_tile(engine, rows, i, lanes, start, offsets, first, last, vectors, totals, at):
    return lambda engine, rows, i, lanes, start, offsets, first, last, vectors, totals, at: _sum_tile(
        engine, rows, i, lanes, start, offsets, first, last, vectors, totals, at
    )


def _by_instruction(builder, total, pair, column):
    kind = ir.FunctionType(SUMS, [SUMS, SUMS, SUMS])
    instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpwssd.512")
    return builder.call(instruction, [total, pair, column])


def _by_vectors(builder, total, pair, column):
    return builder.add(total, pair_sums(builder, builder.bitcast(pair, CODES), builder.bitcast(column, CODES)))


def _sum_part(builder, multiply_add, pointers, pairs, stride, fresh, rows, vectors):
    """Sum one part of a tile in registers: as many rows and vectors, from where the pointers stand."""
    rows_pointer, lanes_pointer, offsets_pointer, totals_pointer = pointers
    kind = WIDE_SUMS if totals_pointer.type == LENGTH.as_pointer() else SUMS
    totals = {(r, v): cgutils.alloca_once(builder, SUMS) for r in range(rows) for v in range(vectors)}
    for total in totals.values():
        builder.store(constant(SUMS, -1), total)
    with cgutils.for_range(builder, pairs) as loop:
        lane = builder.gep(lanes_pointer, [builder.load(builder.gep(offsets_pointer, [loop.index]))])
        columns = [builder.load(_vectors(builder, lane, v * VECTOR, SUMS), align=4) for v in range(vectors)]
        row = builder.gep(rows_pointer, [builder.mul(loop.index, LENGTH(HEIGHT))])
        for r in range(rows):
            pair = broadcast(builder, builder.load(builder.gep(row, [LENGTH(r)]), align=4))
            for v in range(vectors):
                total = totals[r, v]
                builder.store(multiply_add(builder, builder.load(total), pair, columns[v]), total)
    for (r, v), total in totals.items():
        line = builder.gep(totals_pointer, [builder.mul(stride, LENGTH(r))])
        target = _vectors(builder, line, v * VECTOR, kind)
        one, held = constant(kind, 1), builder.load(total)
        if kind == SUMS:
            builder.store(builder.add(held, one), target, align=4)
            continue
        before = builder.select(fresh, one, builder.add(builder.load(target, align=8), one))
        builder.store(builder.add(before, builder.sext(held, WIDE_SUMS)), target, align=8)


def _vectors(builder, pointer, offset, kind):
    return builder.bitcast(builder.gep(pointer, [LENGTH(offset)]), kind.as_pointer())


@intrinsic
def _sum_tile(_, engine, rows, i, lanes, start, offsets, first, last, vectors, totals, at):
    """Build `sum_tile`: for VNNI one loop per number of vectors, for other processors one per part."""
    assert rows.dtype == lanes.dtype == types.int16
    assert offsets.dtype == types.int64
    assert totals.dtype in (types.int32, types.int64)
    assert all(array.layout == "C" for array in (rows, lanes, offsets, totals))
    whole = types.int64

    def generate(context, builder, signature, arguments):
        def pointer(argument, kind, offset):
            array = context.make_array(signature.args[argument])(context, builder, arguments[argument])
            return builder.gep(builder.bitcast(array.data, kind.as_pointer()), [offset]), array

        engine, _, i, _, start, _, first, last, wanted, _, target = arguments
        pairs_of_a_tile = cgutils.unpack_tuple(builder, pointer(1, PAIR, LENGTH(0))[1].shape)[1]
        source = builder.mul(builder.add(builder.mul(i, pairs_of_a_tile), first), LENGTH(HEIGHT))
        sums = ir.IntType(totals.dtype.bitwidth)
        places = ((1, PAIR, source), (3, PAIR, start), (5, LENGTH, first), (9, sums, target))
        pointers = [pointer(*place)[0] for place in places]
        stride = cgutils.unpack_tuple(builder, pointer(9, sums, LENGTH(0))[1].shape)[1]
        fresh = builder.icmp_signed("==", first, LENGTH(0))
        pairs = builder.sub(last, first)
        with builder.if_else(builder.icmp_signed("==", engine, LENGTH(VNNI))) as (instruction, generic):
            with instruction:
                # Without the instruction nothing is built, and `accel.ops.engine` never asks for it.
                for count in range(1, VECTORS + 1) if has_vnni() else ():
                    with builder.if_then(builder.icmp_signed("==", wanted, LENGTH(count))):
                        _sum_part(builder, _by_instruction, pointers, pairs, stride, fresh, HEIGHT, count)
            with generic:
                height = LENGTH(PART_ROWS)
                with cgutils.for_range(builder, LENGTH(HEIGHT // PART_ROWS)) as down:
                    r = builder.mul(down.index, height)
                    with cgutils.for_range(builder, wanted) as across:
                        lane = builder.mul(across.index, LENGTH(VECTOR))
                        moves = (r, lane, LENGTH(0), builder.add(builder.mul(r, stride), lane))
                        moved = [builder.gep(pointer, [move]) for pointer, move in zip(pointers, moves, strict=True)]
                        _sum_part(builder, _by_vectors, moved, pairs, stride, fresh, PART_ROWS, 1)
        return context.get_dummy_value()

    return types.void(whole, rows, whole, lanes, whole, offsets, whole, whole, whole, totals, whole), generate
