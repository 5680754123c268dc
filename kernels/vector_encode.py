"""Values to codes in vectors: what `kernels.quantize.encode` does for casts that clip or wrap, sixteen at a time.

The one kernel that computes with floats, and every operation on them is exact: a value times 2^frac_bits (frac_bits
not negative) only changes its exponent; what its whole part leaves has no more bits than the value (a fraction above
the floor would: that of -2^-60); and the whole part plus one matters only below 2^30. So rounding compares the rest's
magnitude with a threshold that mode and sign choose (`THRESHOLDS`); half to even is what processors round to.
What wraps is an integer below 2^62 in between; larger values are told and left to others. `encode_run` is what the
instructions mean and what runs without a compiler.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kernels._jit import inline, kernel, shared
from kernels.modes import Overflow, Rounding
from kernels.vector_cast import (
    LENGTH,
    NARROW,
    VECTOR,
    WIDE,
    WIDEST_TARGET,
    Arrays,
    constant,
    filled,
    is_vector_cast,
    lanes_below,
    masked_load,
    masked_store,
    vector_cast,
)

NEVER, TIES, ABOVE, ANY = 2.0, 0.5 - 2.0**-54, 0.5, 0.0  # away from zero where the rest is larger

# By mode, for values that are not negative and for those that are.
THRESHOLDS = (
    (NEVER, ANY),  # TRN
    (NEVER, NEVER),  # TRN_ZERO
    (TIES, ABOVE),  # RND
    (ABOVE, ABOVE),  # RND_ZERO
    (ABOVE, TIES),  # RND_MIN_INF
    (TIES, TIES),  # RND_INF
)
TO_EVEN, WRAP = int(Rounding.RND_CONV), int(Overflow.WRAP)
BELOW = 2.0**62


@shared
def is_vector_encode(rq, frac_bits):
    """Tell whether vectors know this cast of values."""
    is_plain_wrap = rq.overflow == WRAP and rq.saturation_bits == 0 and rq.rounding <= TO_EVEN
    knows = is_vector_cast(rq) or (is_plain_wrap and rq.width <= WIDEST_TARGET)
    return knows and 0 <= frac_bits <= 1000


@inline
def bounds_and_thresholds(rq):
    """Return smallest code, largest code and the thresholds of a mode, unless it is half to even, as floats."""
    by = vector_cast(rq, 0)
    above, below = THRESHOLDS[min(rq.rounding, len(THRESHOLDS) - 1)]
    return float(by.low), float(by.high), above, below


def encode_run(values, scale, how, is_to_even, unused, is_signed, codes):
    """Cast values * scale to codes; return how many were out of range, and 1 if all values were in order, else 0.

    values: (n,) float64, of which infinities are clipped and NaN makes no sense; if they wrap, those not below BELOW,
    scaled, make none either · scale: a power of two, at least 1 · how: `bounds_and_thresholds`, its thresholds for
    modes that are not half to even · unused: bits of 64 beyond a code that wraps, 0 for casts that clip · codes: (n,)
    int8, int16 or int32 · both C-contiguous.
    """
    low, high, above, below = how
    with np.errstate(invalid="ignore", over="ignore"):
        v = values * scale
        whole = np.trunc(v)
        rounded = whole + np.copysign(np.abs(v - whole) > np.where(v < 0, below, above), v)
        rounded = np.rint(v) if is_to_even else rounded
        if unused:
            in_order = np.abs(v) < BELOW
            whole = np.where(in_order, rounded, 0).astype(np.int64)
            wrapped = (whole << unused) >> unused if is_signed else whole & ((1 << (64 - unused)) - 1)
            codes[:] = wrapped
            return np.int64(np.count_nonzero(wrapped != whole)), np.int64(in_order.all())
        clipped = np.minimum(np.where(rounded >= low, rounded, low), high)
    codes[:] = clipped
    return np.int64(np.count_nonzero(clipped != rounded)), np.int64(np.isfinite(values).all())


@overload(encode_run)
def _compiled_encode_run(values, scale, how, is_to_even, unused, is_signed, codes):
    return lambda values, scale, how, is_to_even, unused, is_signed, codes: _encode_run(
        values, scale, how, is_to_even, unused, is_signed, codes
    )


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


def _to_even(builder, v, *_):
    """Round a vector half to even."""
    return _apply(builder, "roundeven", v)


def _by_threshold(builder, v, above, below):
    """Round a vector away from zero where the rest is beyond a threshold, else to zero."""
    one, zero = constant(REALS, 1.0), constant(REALS, 0.0)
    whole = _apply(builder, "trunc", v)
    threshold = builder.select(builder.fcmp_ordered("<", v, zero), below, above)
    rest = _apply(builder, "fabs", builder.fsub(v, whole))
    step = builder.select(builder.fcmp_ordered(">", rest, threshold), one, zero)
    return builder.fadd(whole, _apply(builder, "copysign", step, v))


@intrinsic
def _encode_run(_, values, scale, how, is_to_even, unused, is_signed, codes):
    """Build `encode_run`: a loop over vectors, the last one masked, for each of two ways to round and to confine."""
    assert values.dtype == types.float64
    assert values.layout == codes.layout == "C"
    narrow = ir.IntType(codes.dtype.bitwidth)

    def generate(context, builder, signature, arguments):
        arrays = Arrays(context, builder, signature, arguments)
        (size,) = arrays.shape(0)
        factor = _everywhere(builder, arguments[1])
        low, high, *thresholds = (_everywhere(builder, each) for each in cgutils.unpack_tuple(builder, arguments[2]))
        beyond = filled(builder, arguments[4], WIDE)
        has_sign = builder.icmp_signed("!=", arguments[5], LENGTH(0))
        clipped_lanes = cgutils.alloca_once_value(builder, ir.Constant(NARROW, None))
        endless_lanes = cgutils.alloca_once_value(builder, ir.Constant(NARROW, None))
        steps = builder.sdiv(builder.add(size, LENGTH(VECTOR - 1)), LENGTH(VECTOR))

        def clip(rounded):
            least = builder.select(builder.fcmp_ordered(">=", rounded, low), rounded, low)
            clipped = builder.select(builder.fcmp_ordered("<", least, high), least, high)
            return builder.fptosi(clipped, NARROW), builder.fcmp_unordered("!=", clipped, rounded)

        def wrap(rounded):
            whole = builder.fptosi(rounded, WIDE)
            lifted = builder.shl(whole, beyond)
            wrapped = builder.select(has_sign, builder.ashr(lifted, beyond), builder.lshr(lifted, beyond))
            return builder.trunc(wrapped, NARROW), builder.icmp_signed("!=", wrapped, whole)

        def run(rounding, confine, end):
            with cgutils.for_range(builder, steps) as loop:
                lane = builder.mul(loop.index, LENGTH(VECTOR))
                exists = lanes_below(builder, builder.sub(size, lane))
                value = builder.bitcast(masked_load(builder, arrays.at(0, lane, LENGTH), exists), REALS)
                v = builder.fmul(value, factor)
                seen = _apply(builder, "fabs", value if confine is clip else v)
                is_endless = builder.fcmp_unordered(">=", seen, constant(REALS, end))  # NaN is, too
                endless = builder.or_(builder.load(endless_lanes), builder.zext(is_endless, NARROW))
                builder.store(endless, endless_lanes)
                made, differs = confine(rounding(builder, v, *thresholds))
                is_outside = builder.and_(differs, exists)
                count = builder.add(builder.load(clipped_lanes), builder.zext(is_outside, NARROW))
                builder.store(count, clipped_lanes)
                made = made if narrow.width == 32 else builder.trunc(made, ir.VectorType(narrow, VECTOR))
                masked_store(builder, made, arrays.at(6, lane, narrow), exists)

        wraps = builder.icmp_signed("!=", arguments[4], LENGTH(0))
        with builder.if_else(wraps) as (by_wrapping, by_clipping):
            for case, confine, end in ((by_wrapping, wrap, BELOW), (by_clipping, clip, float("inf"))):
                with case, builder.if_else(arguments[3]) as (to_even, otherwise):
                    with to_even:
                        run(_to_even, confine, end)
                    with otherwise:
                        run(_by_threshold, confine, end)
        total, any_endless = LENGTH(0), LENGTH(0)
        for place in range(VECTOR):
            at = NARROW.element(place)
            clipped = builder.extract_element(builder.load(clipped_lanes), at)
            endless = builder.extract_element(builder.load(endless_lanes), at)
            total = builder.add(total, builder.zext(clipped, LENGTH))
            any_endless = builder.or_(any_endless, builder.zext(endless, LENGTH))
        all_finite = builder.sub(LENGTH(1), any_endless)
        return context.make_tuple(builder, signature.return_type, (total, all_finite))

    whole = types.int64
    return types.UniTuple(whole, 2)(values, scale, how, is_to_even, whole, whole, codes), generate


@kernel
def encode(values, scale, rq, codes):
    """Do what `kernels.quantize.encode` does, where `is_vector_encode`, and tell whether all values were in order.

    values: (n,) float64, C-contiguous. In order: finite, and below BELOW for a cast that wraps, whose codes of other
    values mean nothing.
    """
    unused = 64 - rq.width if rq.overflow == WRAP else 0
    how = bounds_and_thresholds(rq)
    return encode_run(values, scale, how, rq.rounding == TO_EVEN, unused, rq.signed, codes)
