"""The register tile of the exact kernels: ROWS x LANES sums of int16 products, two products per int32 lane and step.

Operands are packed so that a step reads them in a row: (tiles, pairs, height, 2), height = ROWS on one side and LANES
on the other, `pairs` pairs of neighbours along the reduction axis, zeros at the edges. The inner loop is written in
LLVM's generic vector language: in a plain loop LLVM finds the instruction for a pair of products (`vpdpwssd`,
`vpmaddwd`) only while every operand is used once, and a tile lives from using each several times. Where there is no
such instruction the same lines compile to others. `add_products` is what they mean, and what runs without a compiler.

The surprise: an int32 sum starts at -1. Sums of products lie in [-(2^31 - 1), 2^31], and the upper end, which int32
lacks, is reached by one pair of products of -32768 and -32768; one less fits, so even single pairs are exact.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels._jit import inline, shared

ROWS = 4
LANES = 32
VECTOR = 16  # int32 sums per vector register: 512 bits, which LLVM splits where registers are narrower
VECTORS = LANES // VECTOR
BAND = 128  # pairs packed of one row before the next: what is written stays in the cache until its lines are full


def add_products(rows, i, lanes, j, first, last, sums, row):
    """Add to sums[row, r * LANES + l] the products of rows[i, p, r] and lanes[j, p, l], p = first..last - 1.

    rows: (tiles, pairs, ROWS, 2) int16 · lanes: (tiles, pairs, LANES, 2) int16 · sums: (rows, ROWS * LANES) int64, all
    C-contiguous. The caller proved that each addend fits 32 bits.
    """
    for r in range(ROWS):
        for lane in range(LANES):
            total = np.int32(-1)
            for p in range(first, last):
                total += np.int32(rows[i, p, r, 0]) * np.int32(lanes[j, p, lane, 0])
                total += np.int32(rows[i, p, r, 1]) * np.int32(lanes[j, p, lane, 1])
            sums[row, r * LANES + lane] += np.int64(total) + 1


@overload(add_products)
def _compiled_add_products(rows, i, lanes, j, first, last, sums, row):
    return lambda rows, i, lanes, j, first, last, sums, row: _add_products(rows, i, lanes, j, first, last, sums, row)


# The same in LLVM's vectors.
LENGTH = ir.IntType(64)
PAIR = ir.IntType(32)  # two codes of one row
CODES = ir.VectorType(ir.IntType(16), 2 * VECTOR)
PRODUCTS = ir.VectorType(ir.IntType(32), 2 * VECTOR)
SUMS = ir.VectorType(ir.IntType(32), VECTOR)
WIDE_SUMS = ir.VectorType(ir.IntType(64), VECTOR)


def constant(vector, value):
    return ir.Constant(vector, [value] * vector.count)


def _index(builder, pair, per_pair, offset):
    return builder.add(builder.mul(pair, LENGTH(per_pair)), LENGTH(offset))


def _load(builder, pointer, index, align):
    return builder.load(builder.gep(pointer, [index]), align=align)


def broadcast(builder, pair):
    """Repeat two codes in every lane."""
    undefined = ir.Constant(SUMS, ir.Undefined)
    first = builder.insert_element(undefined, pair, PAIR(0))
    return builder.shuffle_vector(first, undefined, constant(SUMS, 0))


def pair_sums(builder, a, b):
    """Return a[2l] * b[2l] + a[2l + 1] * b[2l + 1] for every lane l: the shape that LLVM knows as one instruction."""
    products = builder.mul(builder.sext(a, PRODUCTS), builder.sext(b, PRODUCTS))
    undefined = ir.Constant(PRODUCTS, ir.Undefined)
    even, odd = (
        builder.shuffle_vector(products, undefined, ir.Constant(SUMS, list(range(first, 2 * VECTOR, 2))))
        for first in (0, 1)
    )
    return builder.add(even, odd)


def place(context, builder, signature, arguments, argument, index, kind):
    """Return a pointer to [index] along the first axis of an array argument."""
    array = context.make_array(signature.args[argument])(context, builder, arguments[argument])
    offset = builder.mul(builder.extract_value(array.strides, 0), index)
    base = builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [offset])
    return builder.bitcast(base, kind.as_pointer())


@intrinsic
def _add_products(_, rows, i, lanes, j, first, last, sums, row):
    """Build `add_products` in LLVM's vectors, all ROWS * VECTORS sums held in registers."""
    assert rows.dtype == lanes.dtype == types.int16
    assert sums.dtype == types.int64
    assert all(array.layout == "C" for array in (rows, lanes, sums))
    whole = types.int64

    def generate(context, builder, signature, arguments):
        _, i, _, j, first, last, _, row = arguments
        rows_pointer = place(context, builder, signature, arguments, 0, i, PAIR)
        rows_pointer = builder.gep(rows_pointer, [builder.mul(first, LENGTH(ROWS))])
        lanes_pointer = place(context, builder, signature, arguments, 2, j, CODES)
        lanes_pointer = builder.gep(lanes_pointer, [builder.mul(first, LENGTH(VECTORS))])
        sums_pointer = place(context, builder, signature, arguments, 6, row, WIDE_SUMS)
        pairs = builder.sub(last, first)
        tile = [(r, v) for r in range(ROWS) for v in range(VECTORS)]
        totals = {at: cgutils.alloca_once_value(builder, constant(SUMS, -1)) for at in tile}
        with cgutils.for_range(builder, pairs) as loop:
            columns = [
                _load(builder, lanes_pointer, _index(builder, loop.index, VECTORS, v), align=2) for v in range(VECTORS)
            ]
            for r, v in tile:
                pair = _load(builder, rows_pointer, _index(builder, loop.index, ROWS, r), align=2)
                addend = pair_sums(builder, builder.bitcast(broadcast(builder, pair), CODES), columns[v])
                builder.store(builder.add(builder.load(totals[r, v]), addend), totals[r, v])
        for r, v in tile:
            target = builder.gep(sums_pointer, [LENGTH(r * VECTORS + v)])
            exact = builder.add(builder.sext(builder.load(totals[r, v]), WIDE_SUMS), constant(WIDE_SUMS, 1))
            builder.store(builder.add(builder.load(target, align=8), exact), target, align=8)
        return context.get_dummy_value()

    return types.void(rows, whole, lanes, whole, whole, whole, sums, whole), generate


@shared
def tiles(extent, height):
    """Return how many tiles of that height hold `extent` rows or lanes."""
    return (extent + height - 1) // height


@inline
def pack(matrix, packed):
    """Pack the rows of a matrix. matrix: (n, K) int16 · packed: (tiles(n, height), (K + 1) // 2, height, 2) int16."""
    n = matrix.shape[0]
    count, pairs, height, _ = packed.shape
    for t in range(count):
        for first in range(0, pairs, BAND):
            band = packed[t, first : first + BAND]
            for r in range(height):
                i = t * height + r
                row = matrix[i, 2 * first : 2 * (first + BAND)] if i < n else matrix[0, :0]
                whole = len(row) // 2
                for p in range(whole):
                    band[p, r, 0] = row[2 * p]
                    band[p, r, 1] = row[2 * p + 1]
                for p in range(whole, len(band)):
                    band[p, r, 0] = row[2 * p] if 2 * p < len(row) else 0
                    band[p, r, 1] = 0


@inline
def pack_columns(columns, lanes):
    """Pack columns as lanes. columns (2 * pairs, n) int16 · lanes (n / LANES, pairs, LANES, 2)."""
    for t in range(lanes.shape[0]):
        for p in range(lanes.shape[1]):
            even = columns[2 * p, t * LANES : (t + 1) * LANES]
            odd = columns[2 * p + 1, t * LANES : (t + 1) * LANES]
            tile = lanes[t, p]
            for lane in range(LANES):
                tile[lane, 0] = even[lane]
                tile[lane, 1] = odd[lane]
