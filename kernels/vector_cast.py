"""Casts in vectors: what `kernels.quantize` defines, for clipping casts, without a branch and sixteen at a time.

A nearest rounding is an addend and a floor: round(v * 2^-s) = (v + addend) >> s, where the addend is half of 2^s, less
one where ties go down; "negative" and "odd" ties get their one back from the sign and from the lsb of v >> s. So every
deterministic mode is a few numbers (`ADDENDS`). `cast_run` is what the instructions mean and what runs without a
compiler; they are LLVM's generic vectors, so every processor has them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels._jit import inline, kernel, shared
from kernels.modes import Overflow
from kernels.quantize import ones
from kernels.tile import SUMS as NARROW
from kernels.tile import VECTOR, constant
from kernels.tile import WIDE_SUMS as WIDE

SAT, SAT_SYM = int(Overflow.SAT), int(Overflow.SAT_SYM)
WIDEST_SOURCE, LARGEST_SHIFT = 62, 61  # v within 63 bits and an addend up to 2^61 stay within 64
NO_BIAS = np.empty(0, dtype=np.int64)
WIDEST_TARGET = 30  # below the ends of the vectors in which codes are clipped, which tells what they had to cut

# By mode, where an addend is all it takes: (halves, ones) of it; what a negative v adds (times 2^s, plain); what an odd
# v >> s adds.
ADDENDS = (
    (0, 0, 0, 0, 0),  # TRN
    (0, 0, 1, -1, 0),  # TRN_ZERO
    (1, 0, 0, 0, 0),  # RND
    (1, -1, 0, 1, 0),  # RND_ZERO
    (1, -1, 0, 0, 0),  # RND_MIN_INF
    (1, 0, 0, -1, 0),  # RND_INF
    (1, -1, 0, 0, 1),  # RND_CONV
)


class VectorCast(NamedTuple):
    """A cast by addends: v = (sum << up) + bias, code = clip(((v << left) + addend) >> right).

    base, negative, odd: the addend, and what it gets for a negative v and for an odd floor.
    """

    up: int
    left: int
    right: int
    base: int
    negative: int
    odd: int
    low: int
    high: int


@shared
def is_vector_cast(rq):
    """Tell whether vectors know this cast; the caller proved that v << left stays within 63 bits."""
    clips = rq.overflow == SAT or rq.overflow == SAT_SYM
    return clips and rq.rounding < len(ADDENDS) and rq.shift <= LARGEST_SHIFT and rq.width <= WIDEST_TARGET


def fits_narrow(rq, up, bound, bias):
    """Tell whether a cast of sums up to `bound` in magnitude, which `is_vector_cast`, stays within 32 bits."""
    right, left = max(rq.shift, 0), max(-rq.shift, 0)
    if max(up, left, right) > WIDEST_TARGET:
        return False
    largest = (bound << up) + max(int(bias.max(initial=0)), -int(bias.min(initial=0)))
    return (largest << left) + (1 << right) < 1 << 31  # an addend is at most 2^right


@inline
def vector_cast(rq, up):
    """Return a cast, which `is_vector_cast`, by its addends."""
    halves, one, scaled, plain, odd = ADDENDS[min(rq.rounding, len(ADDENDS) - 1)]
    right = min(max(rq.shift, 0), LARGEST_SHIFT)
    is_exact = right == 0
    base = 0 if is_exact else (halves << max(right - 1, 0)) + one
    negative = 0 if is_exact else (scaled << right) + plain
    high = ones(min(rq.width, WIDEST_TARGET) - rq.signed)
    low = 0 if rq.signed == 0 else -high if rq.overflow == SAT_SYM else -high - 1
    return VectorCast(up, min(max(-rq.shift, 0), 63), right, base, negative, 0 if is_exact else odd, low, high)


def cast_run(source, at, count, how, plus, bias, first, codes, to, found):
    """Cast `count` integers source[at..] to codes[to..], both by flat index, as `how` says.

    how: VectorCast, its bias being plus, and bias[first..] on top where first >= 0 · codes: int8, int16 or int32 ·
    found: (3, VECTOR), smallest and largest v and how many were clipped, by place in a vector, which this updates ·
    source: int32 or int64 · bias: (n,) and found: int64, or both int32 where `fits_narrow` and source has 32 bits ·
    all C-contiguous.
    """
    v = (source.reshape(-1)[at : at + count].astype(np.int64) << how.up) + plus
    if first >= 0:
        v += bias[first : first + count]
    codes.reshape(-1)[to : to + count] = cast_plainly(v, how, found)


def cast_plainly(v, how, found):
    """Return the codes of v, any shape, and keep smallest, largest and how many were clipped."""
    if not v.size:
        return v
    scaled = v << how.left
    addend = how.base + (how.negative & (v >> 63)) + (how.odd & (scaled >> how.right))
    rounded = (scaled + addend) >> how.right
    clipped = np.clip(rounded, how.low, how.high)
    found[0, 0], found[1, 0] = min(found[0, 0], v.min()), max(found[1, 0], v.max())
    found[2, 0] += np.count_nonzero(clipped != rounded)
    return clipped


@overload(cast_run)
def _compiled_cast_run(source, at, count, how, plus, bias, first, codes, to, found):
    return lambda source, at, count, how, plus, bias, first, codes, to, found: _cast_run(
        source, at, count, tuple(how), plus, bias, first, codes, to, found
    )


# The same in instructions.
LENGTH = WIDE.element
WORD = NARROW.element
MASK = ir.VectorType(ir.IntType(1), VECTOR)
LANE_NUMBERS = ir.Constant(NARROW, list(range(VECTOR)))


class Arrays:
    """Array arguments of an intrinsic as pointers."""

    def __init__(self, context, builder, signature, arguments):
        self._builder = builder
        self._open = lambda n: context.make_array(signature.args[n])(context, builder, arguments[n])

    def shape(self, argument):
        """Return the extents."""
        return cgutils.unpack_tuple(self._builder, self._open(argument).shape)

    def at(self, argument, index, kind):
        """Return where flat element `index` of `kind` stands."""
        return self._builder.gep(self._builder.bitcast(self._open(argument).data, kind.as_pointer()), [index])


def filled(builder, value, kind):
    """Return a vector of that kind, WIDE or NARROW, of one value, which it holds."""
    value = value if value.type == kind.element else builder.trunc(value, kind.element)
    undefined = ir.Constant(kind, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(undefined, value, WORD(0)), undefined, constant(NARROW, 0))


def lanes_below(builder, count):
    """Return which lanes exist where `count` remain."""
    many = builder.icmp_signed(">", count, LENGTH(VECTOR))
    left = builder.trunc(builder.select(many, LENGTH(VECTOR), count), WORD)
    return builder.icmp_signed("<", LANE_NUMBERS, filled(builder, left, NARROW))


def masked_load(builder, pointer, exists):
    """Return a vector of the pointer's integers, zeros for lanes that do not exist."""
    element = pointer.type.pointee
    kind = ir.VectorType(element, VECTOR)
    function = ir.FunctionType(kind, [kind.as_pointer(), WORD, MASK, kind])
    load = cgutils.get_or_insert_function(builder.module, function, f"llvm.masked.load.v{VECTOR}i{element.width}.p0")
    place = builder.bitcast(pointer, kind.as_pointer())
    return builder.call(load, [place, WORD(element.width // 8), exists, ir.Constant(kind, None)])


def masked_store(builder, values, pointer, exists):
    """Write the lanes that exist; not known when this is compiled, or LLVM 22 writes a single lane too wide."""
    kind, element = values.type, values.type.element
    function = ir.FunctionType(ir.VoidType(), [kind, kind.as_pointer(), WORD, MASK])
    store = cgutils.get_or_insert_function(builder.module, function, f"llvm.masked.store.v{VECTOR}i{element.width}.p0")
    builder.call(store, [values, builder.bitcast(pointer, kind.as_pointer()), WORD(element.width // 8), exists])


class Found:
    """Smallest, largest and clipped, in registers while a loop runs. kind: WIDE or NARROW, of the sums."""

    def __init__(self, builder, pointer, kind):
        self._builder, self._pointer, self.kind = builder, pointer, kind
        self.registers = [cgutils.alloca_once(builder, kind) for _ in range(3)]  # registers, once optimised

    def load(self):
        """Take up what was found before."""
        for row, register in enumerate(self.registers):
            place = self._builder.gep(self._pointer, [LENGTH(row)])
            self._builder.store(self._builder.load(place, align=4), register)

    def store(self):
        """Keep what was found."""
        for row, register in enumerate(self.registers):
            place = self._builder.gep(self._pointer, [LENGTH(row)])
            self._builder.store(self._builder.load(register), place, align=4)


def numbers_in_vectors(builder, how, kind):
    """Return a VectorCast, a tuple of integers, as one of vectors of that kind."""
    return VectorCast(*(filled(builder, each, kind) for each in cgutils.unpack_tuple(builder, how)))


def cast_vector(builder, v, by, exists, found):
    """Return the codes of a vector of sums, 32 bits wide. by: VectorCast of vectors like v, WIDE or NARROW."""
    low, high, outside = found.registers
    kind, bits = v.type, v.type.element.width
    worst = constant(kind, (1 << bits - 1) - 1), constant(kind, -(1 << bits - 1))
    for register, name, none in ((low, "smin", worst[0]), (high, "smax", worst[1])):
        builder.store(_extreme(builder, name, builder.load(register), builder.select(exists, v, none)), register)
    scaled = builder.shl(v, by.left)
    negative = builder.and_(builder.ashr(v, constant(kind, bits - 1)), by.negative)
    odd = builder.and_(builder.ashr(scaled, by.right), by.odd)
    addend = builder.add(by.base, builder.add(negative, odd))
    rounded = builder.ashr(builder.add(scaled, addend), by.right)
    bounds = by.low, by.high
    if kind == WIDE:
        # What 32 bits cannot hold is out of range of 30 too; narrow vectors are clipped in half the time.
        ends = [constant(WIDE, end) for end in (-(1 << 31), (1 << 31) - 1)]
        rounded = builder.trunc(_extreme(builder, "smin", _extreme(builder, "smax", rounded, ends[0]), ends[1]), NARROW)
        bounds = [builder.trunc(end, NARROW) for end in bounds]
    clipped = _extreme(builder, "smin", _extreme(builder, "smax", rounded, bounds[0]), bounds[1])
    is_outside = builder.and_(builder.icmp_signed("!=", clipped, rounded), exists)
    builder.store(builder.add(builder.load(outside), builder.zext(is_outside, kind)), outside)
    return clipped


def _extreme(builder, name, a, b):
    """Return the smaller (smin) or larger (smax) of two vectors, element by element."""
    kind = ir.FunctionType(a.type, [a.type, a.type])
    full = f"llvm.{name}.v{VECTOR}i{a.type.element.width}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, full), [a, b])


@intrinsic
def _cast_run(_, source, at, count, how, plus, bias, first, codes, to, found):
    """Build `cast_run`: a loop over vectors, the last one masked."""
    assert all(array.layout == "C" for array in (source, bias, codes, found))
    assert bias.dtype == found.dtype
    kind = WIDE if found.dtype == types.int64 else NARROW
    assert kind == WIDE or source.dtype == types.int32
    whole = types.int64
    read, narrow = ir.IntType(source.dtype.bitwidth), ir.IntType(codes.dtype.bitwidth)

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        _, at, count, how, plus, _, first, _, to, _ = arguments
        by = numbers_in_vectors(builder, how, kind)
        offset = filled(builder, plus, kind)
        has_own = builder.icmp_signed(">=", first, LENGTH(0))
        state = Found(builder, arrays.at(9, LENGTH(0), kind), kind)
        state.load()
        steps = builder.sdiv(builder.add(count, LENGTH(VECTOR - 1)), LENGTH(VECTOR))
        with cgutils.for_range(builder, steps) as loop:
            lane = builder.mul(loop.index, LENGTH(VECTOR))
            exists = lanes_below(builder, builder.sub(count, lane))
            held = masked_load(builder, arrays.at(0, builder.add(at, lane), read), exists)
            held = held if held.type == kind else builder.sext(held, kind)
            wanted = builder.select(has_own, exists, ir.Constant(MASK, None))  # where there is no bias none is read
            own = masked_load(builder, arrays.at(5, builder.add(first, lane), kind.element), wanted)
            v = builder.add(builder.shl(held, by.up), builder.add(offset, own))
            clipped = cast_vector(builder, v, by, exists, state)
            made = clipped if narrow.width == 32 else builder.trunc(clipped, ir.VectorType(narrow, VECTOR))
            masked_store(builder, made, arrays.at(7, builder.add(to, lane), narrow), exists)
        state.store()
        return context.get_dummy_value()

    return types.void(source, whole, whole, how, whole, bias, whole, codes, whole, found), generate


@kernel
def requantize(codes, rq, out):
    """Do what `kernels.quantize.requantize` does, for a cast that `is_vector_cast`; codes: (n,), C-contiguous."""
    found = np.zeros((3, VECTOR), dtype=np.int64)
    cast_run(codes, 0, codes.size, vector_cast(rq, 0), 0, NO_BIAS, -1, out, 0, found)
    return found[2].sum()
