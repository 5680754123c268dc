"""Base-2 softmax in one pass: a running whole-numbered maximum makes every correction a shift.

Slices of values: ceiling of the slice's maximum -> running maximum; 2^(x - maximum) by four lines; the slice's sum
joins a running sum, which a raised maximum has shifted down first. At the end one reciprocal of the sum, by four lines,
and each value shifts down by what the maximum has risen since its slice. The surprise: the running sum has few fraction
bits and drops some at every rise, so the result depends on the order of the values.
"""

from __future__ import annotations

from typing import NamedTuple

from kernels._jit import inline, kernel
from kernels.activation import exp_code, exponent, interpolate, saturate
from kernels.quantize import RND, round_shift


class Slices(NamedTuple):
    """Values per slice, exact left shift of the codes, and the fraction bits that they have then."""

    width: int
    lift: int
    frac_bits: int


class Sums(NamedTuple):
    """Fraction bits of a power and of the running sum, and the sum's largest code."""

    power_frac_bits: int
    frac_bits: int
    most: int


class Inverse(NamedTuple):
    """Reciprocal of a mantissa: its fraction bits, the table's, log2 of the segments, fraction bits of the result."""

    mantissa_bits: int
    table_bits: int
    segment_bits: int
    bits: int


@inline
def reciprocal_line(total, table, inverse):
    """Return 2^bits / m, rounded half up, of the mantissa m in [1, 2) of total > 0, and floor(log2(total))."""
    size = exponent(total)
    position = (total << (inverse.mantissa_bits - size)) - (1 << inverse.mantissa_bits)
    step_bits = inverse.mantissa_bits - inverse.segment_bits
    v = interpolate(table, 0, position, step_bits)
    return round_shift(v, inverse.table_bits + step_bits - inverse.bits, RND), size


@kernel
def softermax(codes, table, split, power_rq, slices, sums, inverse_table, inverse, rq, risen, out):
    """codes: (rows, k) int64, k >= 1 · table, inverse_table: int64 · out: (rows, k) int64 -> how many saturated.

    split, power_rq: 2^-u as `exp_code` takes it. rq casts power * reciprocal, counted from the sum's lsb. risen: (k,)
    int64 of scratch, the maximum that each value was taken from.
    """
    rows, k = codes.shape
    overflowed = 0
    for row in range(rows):
        total = 0
        maximum = 0
        for start in range(0, k, slices.width):
            stop = min(start + slices.width, k)
            largest = codes[row, start]
            for column in range(start + 1, stop):
                largest = max(largest, codes[row, column])
            whole = -(-(largest << slices.lift) >> slices.frac_bits)  # ceiling
            if start == 0:
                maximum = whole
            elif whole > maximum:
                total = round_shift(total, min(whole - maximum, 63), RND)
                maximum = whole
            slice_sum = 0
            for column in range(start, stop):
                u = (maximum << slices.frac_bits) - (codes[row, column] << slices.lift)
                power = min(exp_code(u, table, split, power_rq), (1 << (sums.power_frac_bits + 1)) - 1)
                out[row, column] = power
                risen[column] = maximum
                slice_sum += power
            total += round_shift(slice_sum, sums.power_frac_bits - sums.frac_bits, RND)
            total = min(total, sums.most)
        y, size = reciprocal_line(total, inverse_table, inverse)
        for column in range(k):
            shift = rq.shift + size + (maximum - risen[column])
            out[row, column] = round_shift(out[row, column] * y, shift, rq.rounding)
        overflowed += saturate(out[row], rq)
    return overflowed
