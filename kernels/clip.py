"""The saturating twin of `kernels.tile`: the same packed operands, one product after the other, clipped at every step.

The sums of a tile stay in vector registers across the products of a block. `clip_products` says what is meant and runs
without a compiler; the same stands below in LLVM's vectors, in two widths. Sums of 64 bits always do. Where all
products of the block together stay below 2^31, a sum moves less than that, so 32 bits hold how far it moved, and the
limits, seen from where it started, are cut to 32 bits as well: what they lose cannot be reached. That is twice as fast.

A step costs five vector operations: a multiplication, an addition, a minimum, a maximum, and the comparison that tells
whether the sum was clipped. The surprise: counting goes through memory. The comparisons of a block are stored as bits
and counted afterwards, 64 at a time, because adding them up in registers would cost as much as the minimum and the
maximum together.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.tile import CODES, LANES, ROWS, pair_sums, place

MOST_PAIRS = 64  # pairs of products that one call may take: the bits of their comparisons are kept on the stack
QUAD = 16  # lanes of one vector of operands, a pair of codes each: 512 bits, which LLVM splits where registers are less


def clip_products(rows, i, lanes, j, first, last, sums, row, low, high, narrow, extremes):
    """Add products one by one to the sums of a tile, each sum clipped; return how many sums were.

    Sum r * LANES + l of sums[row] takes the products of rows[i, p, r] and lanes[j, p, l], p = first..last - 1, at most
    MOST_PAIRS. rows: (tiles, pairs, ROWS, 2) int16 · lanes: (tiles, pairs, LANES, 2) int16 · sums: (rows, ROWS * LANES)
    int64, all C-contiguous. low, high: limits that leave room for a product in 64 bits. narrow: the caller proved that
    no sum of magnitudes of these products reaches 2^31. extremes: (2,) int64, the smallest and the largest sum before
    clipping, kept up to date, or (0,) where nobody asks.
    """
    clipped = 0
    for r in range(ROWS):
        for lane in range(LANES):
            total = sums[row, r * LANES + lane]
            for p in range(first, last):
                for half in range(2):
                    v = total + np.int64(rows[i, p, r, half]) * np.int64(lanes[j, p, lane, half])
                    total = min(max(v, low), high)
                    clipped += total != v
                    if len(extremes) == 2:
                        extremes[0] = min(extremes[0], v)
                        extremes[1] = max(extremes[1], v)
            sums[row, r * LANES + lane] = total
    return clipped


@overload(clip_products)
def _compiled_clip_products(rows, i, lanes, j, first, last, sums, row, low, high, narrow, extremes):
    def choose(rows, i, lanes, j, first, last, sums, row, low, high, narrow, extremes):
        if len(extremes) == 2:
            return _watch(rows, i, lanes, j, first, last, sums, row, low, high, extremes)
        if narrow:
            return _clip_narrow(rows, i, lanes, j, first, last, sums, row, low, high, extremes)
        return _clip_wide(rows, i, lanes, j, first, last, sums, row, low, high, extremes)

    return choose


# The same in LLVM's vectors. An element of 64 bits holds the pairs of an even and of an odd lane, one of 32 bits a
# single pair, so lanes are taken apart by parity in the first case and stay as they are in the second.
CODE = ir.IntType(16)
INDEX = ir.IntType(32)
LENGTH = ir.IntType(64)
QUAD_SUMS = ir.VectorType(LENGTH, QUAD)
QUADS = LANES // QUAD
WORDS = 2 * ROWS * QUAD // LENGTH.width  # of comparison bits, per pair and quad


def _places(indices):
    indices = list(indices)
    return ir.Constant(ir.VectorType(INDEX, len(indices)), indices)


def _fill(vector, value):
    return ir.Constant(vector, [value] * vector.count)


def _undefined(vector):
    return ir.Constant(vector, ir.Undefined)


def _load(builder, pointer, index, align):
    return builder.load(builder.gep(pointer, [index]), align=align)


def _index(builder, pair, per_pair, offset):
    return builder.add(builder.mul(pair, LENGTH(per_pair)), LENGTH(offset))


def _broadcast(builder, scalar, vector):
    first = builder.insert_element(_undefined(vector), scalar, INDEX(0))
    return builder.shuffle_vector(first, _undefined(vector), _places([0] * vector.count))


def _smaller(builder, a, b):
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _larger(builder, a, b):
    return builder.select(builder.icmp_signed(">", a, b), a, b)


class _Wide:
    """Sums of 64 bits, even lanes and odd lanes apart."""

    vector = ir.VectorType(LENGTH, QUAD // 2)
    parities = (0, 1)

    @classmethod
    def start(cls, builder, sums, low, high):
        """Return (sum, low, high) for every parity."""
        limits = [_broadcast(builder, limit, cls.vector) for limit in (low, high)]
        apart = [_places(range(parity, QUAD, 2)) for parity in cls.parities]
        return [(builder.shuffle_vector(sums, _undefined(QUAD_SUMS), places), *limits) for places in apart]

    @classmethod
    def factor(cls, builder, rows, pair, half):
        """Return the code at rows[pair][half] in every lane."""
        code = _load(builder, rows, _index(builder, pair, 2, half), align=2)
        return _broadcast(builder, builder.sext(code, LENGTH), cls.vector)

    @classmethod
    def column(cls, builder, codes, half, parity):
        """Return the codes of every lane of that parity."""
        up, down = (_fill(cls.vector, bits) for bits in (48 - 16 * half - 32 * parity, 48))
        return builder.ashr(builder.shl(codes, up), down)

    @classmethod
    def product(cls, builder, factor, column):
        """Return the products; of the 64 bits of each operand LLVM knows that 32 matter."""
        return builder.mul(factor, column)

    @classmethod
    def finish(cls, builder, _, totals):
        """Return the sums that the totals of every parity make."""
        return builder.shuffle_vector(*totals, _places(lane // 2 + lane % 2 * QUAD // 2 for lane in range(QUAD)))


class _Narrow:
    """How far sums have moved, in 32 bits."""

    vector = ir.VectorType(INDEX, QUAD)
    parities = (0,)

    @classmethod
    def start(cls, builder, sums, low, high):
        """Return (0, low, high): the limits as seen from the sums."""
        low, high = (builder.sub(_broadcast(builder, limit, QUAD_SUMS), sums) for limit in (low, high))
        low = _larger(builder, low, _fill(QUAD_SUMS, -(1 << 31)))
        high = _smaller(builder, high, _fill(QUAD_SUMS, (1 << 31) - 1))
        return [(_fill(cls.vector, 0), *(builder.trunc(limit, cls.vector) for limit in (low, high)))]

    @classmethod
    def factor(cls, builder, rows, pair, _):
        """Return the pair of codes in every lane."""
        pairs = builder.bitcast(rows, INDEX.as_pointer())
        return builder.bitcast(_broadcast(builder, _load(builder, pairs, pair, align=2), cls.vector), CODES)

    @classmethod
    def column(cls, builder, codes, half, _):
        """Return the pairs of every lane, zeros in place of the other half."""
        mask = builder.asm(ir.FunctionType(INDEX, [INDEX]), "", "=r,0", [INDEX(0xFFFF << 16 * half)], False)
        return builder.bitcast(builder.and_(codes, _broadcast(builder, mask, cls.vector)), CODES)

    @classmethod
    def product(cls, builder, factor, column):
        """Return the sums of two products, one of them zero: one instruction where there is one, unlike a product."""
        return pair_sums(builder, factor, column)

    @classmethod
    def finish(cls, builder, sums, totals):
        """Return the moved sums."""
        return builder.add(sums, builder.sext(totals[0], QUAD_SUMS))


def _build(width, watched=False):
    """Return the builder of `clip_products`; watched: keep the extremes too, which costs two operations a step."""

    def generate(context, builder, signature, arguments):
        def pointer(argument, index, kind):
            return place(context, builder, signature, arguments, argument, index, kind)

        _, i, _, j, first, last, _, row, low, high, _ = arguments
        pairs = builder.sub(last, first)
        rows = builder.gep(pointer(0, i, CODE), [builder.mul(first, LENGTH(2 * ROWS))])
        lanes = builder.gep(pointer(2, j, width.vector), [builder.mul(first, LENGTH(QUADS))])
        sums = pointer(6, row, QUAD_SUMS)
        marks_type = ir.IntType(width.vector.count)
        words = cgutils.alloca_once(builder, ir.ArrayType(LENGTH, MOST_PAIRS * WORDS))
        words = builder.bitcast(words, LENGTH.as_pointer())
        marks = builder.bitcast(words, marks_type.as_pointer())
        ones = builder.module.declare_intrinsic("llvm.ctpop", [LENGTH])
        clipped = cgutils.alloca_once_value(builder, LENGTH(0))
        extremes, choices = pointer(10, LENGTH(0), LENGTH), (_smaller, _larger) if watched else ()
        seen = [_load(builder, extremes, LENGTH(side), align=8) for side in range(len(choices))]
        seen = [cgutils.alloca_once_value(builder, _broadcast(builder, extreme, width.vector)) for extreme in seen]
        tile = [(r, parity) for r in range(ROWS) for parity in width.parities]

        for quad in range(QUADS):
            before = [_load(builder, sums, LENGTH(r * QUADS + quad), align=8) for r in range(ROWS)]
            starts = [start for r in range(ROWS) for start in width.start(builder, before[r], low, high)]
            totals = [cgutils.alloca_once_value(builder, start[0]) for start in starts]
            with cgutils.for_range(builder, pairs) as loop:
                codes = _load(builder, lanes, _index(builder, loop.index, QUADS, quad), align=2)
                for half in (0, 1):
                    columns = [width.column(builder, codes, half, parity) for parity in width.parities]
                    for number, (r, parity) in enumerate(tile):
                        factor = width.factor(builder, rows, _index(builder, loop.index, ROWS, r), half)
                        product = width.product(builder, factor, columns[parity])
                        v = builder.add(builder.load(totals[number]), product)
                        _, floor, ceiling = starts[number]
                        kept = _larger(builder, _smaller(builder, v, ceiling), floor)
                        builder.store(kept, totals[number])
                        mark = builder.bitcast(builder.icmp_signed("!=", kept, v), marks_type)
                        at = _index(builder, loop.index, 2 * len(tile), half * len(tile) + number)
                        builder.store(mark, builder.gep(marks, [at]))
                        for extreme, choice in zip(seen, choices, strict=True):
                            builder.store(choice(builder, builder.load(extreme), v), extreme)
            with cgutils.for_range(builder, builder.mul(pairs, LENGTH(WORDS))) as loop:
                word = _load(builder, words, loop.index, align=8)
                builder.store(builder.add(builder.load(clipped), builder.call(ones, [word])), clipped)
            for r in range(ROWS):
                held = [builder.load(total) for total, (at, _) in zip(totals, tile, strict=True) if at == r]
                target = builder.gep(sums, [LENGTH(r * QUADS + quad)])
                builder.store(width.finish(builder, before[r], held), target, align=8)
        for side, choice in enumerate(choices):
            extreme = builder.load(seen[side])
            elements = [builder.extract_element(extreme, INDEX(lane)) for lane in range(width.vector.count)]
            most = functools.reduce(lambda a, b, choice=choice: choice(builder, a, b), elements)
            builder.store(most, builder.gep(extremes, [LENGTH(side)]), align=8)
        return builder.load(clipped)

    return generate


def _signature(rows, lanes, sums, extremes):
    assert rows.dtype == lanes.dtype == types.int16
    assert sums.dtype == extremes.dtype == types.int64
    assert all(array.layout == "C" for array in (rows, lanes, sums, extremes))
    whole = types.int64
    return whole(rows, whole, lanes, whole, whole, whole, sums, whole, whole, whole, extremes)


@intrinsic
def _clip_wide(_, rows, i, lanes, j, first, last, sums, row, low, high, extremes):
    """Build `clip_products` in 64 bits."""
    return _signature(rows, lanes, sums, extremes), _build(_Wide)


@intrinsic
def _clip_narrow(_, rows, i, lanes, j, first, last, sums, row, low, high, extremes):
    """Build `clip_products` in 32 bits."""
    return _signature(rows, lanes, sums, extremes), _build(_Narrow)


@intrinsic
def _watch(_, rows, i, lanes, j, first, last, sums, row, low, high, extremes):
    """Build `clip_products` in 64 bits with extremes."""
    return _signature(rows, lanes, sums, extremes), _build(_Wide, watched=True)
