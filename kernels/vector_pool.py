"""Rows of pooling windows in vectors: the maximum, sum or sum of squares of sixteen windows at a time.

Maps are narrow (14 windows in a row, then 5), so most of a row would be the remainder of a plain vectorised loop; here
the last vector is masked. One load brings a tap of sixteen windows side by side, two loads where every other column
begins one; windows further apart are fetched one by one. `join` is what the instructions mean and what runs
without a compiler; they are LLVM's generic vectors, so every processor has them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels.vector_cast import (
    LENGTH,
    NARROW,
    VECTOR,
    WORD,
    Arrays,
    constant,
    lanes_below,
    masked_load,
    masked_store,
)


class Taps(NamedTuple):
    """Windows on a flat ground: R x S taps, `down` and `across` apart; how far the next map, row and column are."""

    R: int
    S: int
    down: int
    across: int
    next_map: int
    next_row: int
    next_column: int


def largest_codes(x, at, taps, out, to, shape):
    """Write the largest code of every window, the first one beginning at x[at], to out[to..]; both by flat index.

    x: integers · shape: (maps, P, Q), windows · out: integers that hold all results · both arrays C-contiguous.
    """
    join(np.maximum, np.iinfo(out.dtype).min, x, at, taps, out, to, shape)


def sums(x, at, taps, out, to, shape):
    """Write the sum of every window; arguments as for `largest_codes`."""
    join(np.add, 0, x, at, taps, out, to, shape)


def square_sums(x, at, taps, out, to, shape):
    """Write the sum of squares of every window; arguments as for `largest_codes`."""
    join(lambda total, v: total + v * v, 0, x, at, taps, out, to, shape)


def join(more, start, x, at, taps, out, to, shape):
    """Write what every window's taps make, when one after the other joins `start`."""
    maps, rows, columns = np.ix_(*(np.arange(extent) for extent in shape))
    places = at + maps * taps.next_map + rows * taps.next_row + columns * taps.next_column
    total = np.full(shape, start, out.dtype)
    for r in range(taps.R):
        for s in range(taps.S):
            codes = x.reshape(-1)[places + r * taps.down + s * taps.across]
            total = more(total, codes.astype(out.dtype))
    out.reshape(-1)[to : to + total.size] = total.reshape(-1)


@overload(largest_codes)
def _compiled_largest_codes(x, at, taps, out, to, shape):
    return lambda x, at, taps, out, to, shape: _largest_codes(x, at, tuple(taps), out, to, shape)


@overload(sums)
def _compiled_sums(x, at, taps, out, to, shape):
    return lambda x, at, taps, out, to, shape: _sums(x, at, tuple(taps), out, to, shape)


@overload(square_sums)
def _compiled_square_sums(x, at, taps, out, to, shape):
    return lambda x, at, taps, out, to, shape: _square_sums(x, at, tuple(taps), out, to, shape)


EVEN = ir.Constant(NARROW, list(range(0, 2 * VECTOR, 2)))


class Lanes:
    """The windows of one vector: how many of them there are; every method loads one tap of all of them."""

    def __init__(self, builder, remaining):
        self._builder = builder
        self._last = builder.sub(remaining, LENGTH(1))
        self.exist = lanes_below(builder, remaining)
        columns = builder.add(builder.shl(self._last, LENGTH(1)), LENGTH(1))
        self._columns = lanes_below(builder, columns), lanes_below(builder, builder.sub(columns, LENGTH(VECTOR)))

    def side_by_side(self, pointer, _):
        """Of windows that begin at neighbouring columns."""
        return masked_load(self._builder, pointer, self.exist)

    def every_other(self, pointer, _):
        """Of windows two columns apart: the even ones of the columns, which end where the last window's tap is."""
        beyond = self._builder.gep(pointer, [LENGTH(VECTOR)])
        halves = [
            masked_load(self._builder, place, exist)
            for place, exist in zip((pointer, beyond), self._columns, strict=True)
        ]
        return self._builder.shuffle_vector(*halves, EVEN)

    def apart(self, pointer, step):
        """One by one; lanes beyond the last window repeat it."""
        builder = self._builder
        loaded = ir.Constant(ir.VectorType(pointer.type.pointee, VECTOR), ir.Undefined)
        for lane in range(VECTOR):
            window = builder.select(builder.icmp_signed("<", LENGTH(lane), self._last), LENGTH(lane), self._last)
            each = builder.load(builder.gep(pointer, [builder.mul(window, step)]))
            loaded = builder.insert_element(loaded, each, WORD(lane))
        return loaded


def _larger(builder, total, v):
    return builder.select(builder.icmp_signed(">", v, total), v, total)


def _sum(builder, total, v):
    return builder.add(total, v)


def _square_sum(builder, total, v):
    return builder.add(total, builder.mul(v, v))


def _build(x, taps, out, shape, more, is_least):
    """Return signature and instructions: map by map, by sixteen columns of windows, the last ones masked, by row."""
    assert x.layout == out.layout == "C"
    whole = types.int64
    source = ir.IntType(x.dtype.bitwidth)
    kind = ir.VectorType(ir.IntType(out.dtype.bitwidth), VECTOR)
    start = constant(kind, -(1 << (kind.element.width - 1)) if is_least else 0)

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        _, at, taps, _, to, shape = arguments
        taps = Taps(*cgutils.unpack_tuple(builder, taps))
        maps, P, Q = cgutils.unpack_tuple(builder, shape)
        total = cgutils.alloca_once(builder, kind)  # a register, once optimised

        def place(begin, *steps):
            for index, step in steps:
                begin = builder.add(begin, builder.mul(index, step))
            return begin

        def every_window(load):
            vectors = builder.sdiv(builder.add(Q, LENGTH(VECTOR - 1)), LENGTH(VECTOR))
            with cgutils.for_range(builder, maps) as each, cgutils.for_range(builder, vectors) as vector:
                lane = builder.mul(vector.index, LENGTH(VECTOR))
                lanes = Lanes(builder, builder.sub(Q, lane))
                with cgutils.for_range(builder, P) as row:
                    window = place(
                        at, (each.index, taps.next_map), (row.index, taps.next_row), (lane, taps.next_column)
                    )
                    builder.store(start, total)
                    with cgutils.for_range(builder, taps.R) as r, cgutils.for_range(builder, taps.S) as s:
                        tap = place(window, (r.index, taps.down), (s.index, taps.across))
                        v = load(lanes, arrays.at(0, tap, source), taps.next_column)
                        v = v if source.width == kind.element.width else builder.sext(v, kind)
                        builder.store(more(builder, builder.load(total), v), total)
                    made = place(builder.add(to, lane), (each.index, builder.mul(P, Q)), (row.index, Q))
                    masked_store(builder, builder.load(total), arrays.at(3, made, kind.element), lanes.exist)

        with builder.if_else(builder.icmp_signed("==", taps.next_column, LENGTH(1))) as (near, other):
            with near:
                every_window(Lanes.side_by_side)
            with other, builder.if_else(builder.icmp_signed("==", taps.next_column, LENGTH(2))) as (pairs, far):
                with pairs:
                    every_window(Lanes.every_other)
                with far:
                    every_window(Lanes.apart)
        return context.get_dummy_value()

    return types.void(x, whole, taps, out, whole, shape), generate


@intrinsic
def _largest_codes(_, x, at, taps, out, to, shape):
    """Build `largest_codes`."""
    return _build(x, taps, out, shape, _larger, True)


@intrinsic
def _sums(_, x, at, taps, out, to, shape):
    """Build `sums`."""
    return _build(x, taps, out, shape, _sum, False)


@intrinsic
def _square_sums(_, x, at, taps, out, to, shape):
    """Build `square_sums`."""
    return _build(x, taps, out, shape, _square_sum, False)
