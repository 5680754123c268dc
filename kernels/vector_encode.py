"""Values to codes in vectors: what `kernels.quantize.encode` does, for clipping casts, sixteen values at a time.

The one kernel that computes with floats, and every operation on them is exact: a value times 2^frac_bits (frac_bits
not negative) only changes its exponent; what its whole part leaves has no more bits than the value (a fraction above
the floor would: that of -2^-60); and the whole part plus one matters only below 2^30. So rounding compares the rest's
magnitude with a threshold that mode, sign and parity choose (`THRESHOLDS`). `encode_run` is what the instructions mean
and what runs without a compiler.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels._jit import inline, kernel, shared
from kernels.vector_cast import (
    LENGTH,
    NARROW,
    VECTOR,
    Arrays,
    constant,
    is_vector_cast,
    lanes_below,
    masked_load,
    masked_store,
    vector_cast,
)

NEVER, TIES, ABOVE, ANY = 2.0, 0.5 - 2.0**-54, 0.5, 0.0  # away from zero where the rest is larger

# By mode, for whole parts that are (positive and even, positive and odd, negative and even, negative and odd).
THRESHOLDS = (
    (NEVER, NEVER, ANY, ANY),  # TRN
    (NEVER, NEVER, NEVER, NEVER),  # TRN_ZERO
    (TIES, TIES, ABOVE, ABOVE),  # RND
    (ABOVE, ABOVE, ABOVE, ABOVE),  # RND_ZERO
    (ABOVE, ABOVE, TIES, TIES),  # RND_MIN_INF
    (TIES, TIES, TIES, TIES),  # RND_INF
    (ABOVE, TIES, ABOVE, TIES),  # RND_CONV
)


@shared
def is_vector_encode(rq, frac_bits):
    """Tell whether vectors know this cast of values."""
    return is_vector_cast(rq) and 0 <= frac_bits <= 1000


@inline
def bounds_and_thresholds(rq):
    """Return smallest code, largest code and the thresholds of a mode, as floats."""
    by = vector_cast(rq, 0)
    even, odd, negative_even, negative_odd = THRESHOLDS[min(rq.rounding, len(THRESHOLDS) - 1)]
    return float(by.low), float(by.high), even, odd, negative_even, negative_odd


def encode_run(values, scale, how, codes):
    """Cast values * scale to codes; return how many were clipped.

    values: (n,) float64, no NaN · scale: a power of two, at least 1 · how: `bounds_and_thresholds` · codes: (n,) int8,
    int16 or int32 · both C-contiguous.
    """
    low, high, even, odd, negative_even, negative_odd = how
    with np.errstate(invalid="ignore", over="ignore"):
        v = values * scale
        whole = np.trunc(v)
        is_odd = np.abs(whole - 2 * np.trunc(whole / 2)) == 1
        threshold = np.where(v < 0, np.where(is_odd, negative_odd, negative_even), np.where(is_odd, odd, even))
        rounded = whole + np.copysign(np.abs(v - whole) > threshold, v)
    clipped = np.clip(rounded, low, high)
    codes[:] = clipped
    return np.int64(np.count_nonzero(clipped != rounded))


@overload(encode_run)
def _compiled_encode_run(values, scale, how, codes):
    return lambda values, scale, how, codes: _encode_run(values, scale, how, codes)


REAL = ir.DoubleType()
REALS = ir.VectorType(REAL, VECTOR)


def _apply(builder, name, *operands):
    """Call an LLVM function of vectors of floats."""
    function = ir.FunctionType(REALS, [REALS] * len(operands))
    full = f"llvm.{name}.v{VECTOR}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, full), list(operands))


def _everywhere(builder, value):
    undefined = ir.Constant(REALS, ir.Undefined)
    first = builder.insert_element(undefined, value, NARROW.element(0))
    return builder.shuffle_vector(first, undefined, constant(NARROW, 0))


@intrinsic
def _encode_run(_, values, scale, how, codes):
    """Build `encode_run`: a loop over vectors, the last one masked."""
    assert values.dtype == types.float64
    assert values.layout == codes.layout == "C"
    narrow = ir.IntType(codes.dtype.bitwidth)

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        (size,) = arrays.shape(0)
        factor = _everywhere(builder, arguments[1])
        unpacked = [_everywhere(builder, each) for each in cgutils.unpack_tuple(builder, arguments[2])]
        low, high, even, odd, negative_even, negative_odd = unpacked
        one, two, half, zero = (constant(REALS, number) for number in (1.0, 2.0, 0.5, 0.0))
        clipped_lanes = cgutils.alloca_once_value(builder, ir.Constant(NARROW, None))
        total = cgutils.alloca_once_value(builder, LENGTH(0))
        steps = builder.sdiv(builder.add(size, LENGTH(VECTOR - 1)), LENGTH(VECTOR))
        with cgutils.for_range(builder, steps) as loop:
            lane = builder.mul(loop.index, LENGTH(VECTOR))
            exists = lanes_below(builder, builder.sub(size, lane))
            bits = masked_load(builder, arrays.at(0, lane, LENGTH), exists)
            v = builder.fmul(builder.bitcast(bits, REALS), factor)
            whole = _apply(builder, "trunc", v)
            pairs = builder.fmul(two, _apply(builder, "trunc", builder.fmul(whole, half)))
            is_odd = builder.fcmp_ordered("!=", builder.fsub(whole, pairs), zero)
            is_negative = builder.fcmp_ordered("<", v, zero)
            below = builder.select(is_odd, negative_odd, negative_even)
            threshold = builder.select(is_negative, below, builder.select(is_odd, odd, even))
            rest = _apply(builder, "fabs", builder.fsub(v, whole))
            step = builder.select(builder.fcmp_ordered(">", rest, threshold), one, zero)
            rounded = builder.fadd(whole, _apply(builder, "copysign", step, v))
            least = builder.select(builder.fcmp_ordered("<", rounded, low), low, rounded)
            clipped = builder.select(builder.fcmp_ordered(">", least, high), high, least)
            is_outside = builder.and_(builder.fcmp_ordered("!=", clipped, rounded), exists)
            count = builder.add(builder.load(clipped_lanes), builder.zext(is_outside, NARROW))
            builder.store(count, clipped_lanes)
            made = builder.fptosi(clipped, NARROW)
            made = made if narrow.width == 32 else builder.trunc(made, ir.VectorType(narrow, VECTOR))
            masked_store(builder, made, arrays.at(3, lane, narrow), exists)
        for place in range(VECTOR):
            each = builder.extract_element(builder.load(clipped_lanes), NARROW.element(place))
            builder.store(builder.add(builder.load(total), builder.zext(each, LENGTH)), total)
        return builder.load(total)

    return types.int64(values, scale, how, codes), generate


@kernel
def encode(values, scale, rq, codes):
    """Do what `kernels.quantize.encode` does, where `is_vector_encode`; values: (n,) float64, C-contiguous."""
    return encode_run(values, scale, bounds_and_thresholds(rq), codes)
