"""One accumulator's additions in the machine's order, many outputs side by side: any operands, any accumulator.

Operands come in machine order already (`place_rows`): `steps.group` neighbours are one step, `steps.fold` steps one
fold, and zeros fill steps of fewer channels. What a machine does: `accel.loopnest.AccumulationOrder`, and
`accel.numeric.accumulator` for what happens out of range. `kernels.lookahead` does the same faster where it may.

The surprise: a late-saturating register needs no wrapped value. What it holds under a standing flag is never added to
and never leaves: the next step or the end of the chain replaces it by the limit. So it takes the limit at once and only
loses the addend of the next step, which is what the hardware does, seen one step earlier.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline
from kernels.quantize import TRN, floor_shift, round_shift

BLOCK_SUMS = 512  # sums stepped side by side: they stay in a first-level cache

# Rows of the registers of neighbouring outputs, (REGISTERS, n) int64. Rows of one array, not arrays, because creating
# a view costs as much as stepping a few dozen sums. LOST rows tell which addends a late accumulator loses.
TOTAL, BIAS, RUNNING, TOTAL_LOST, RUNNING_LOST, ADDEND = (np.int64(row) for row in range(6))
REGISTERS = 6


class Steps(NamedTuple):
    """How one accumulator adds, in plain integers.

    shift: product fraction bits minus accumulator fraction bits (negative: exact left shift); rounding: how products
    are cut. group, fold, bias_first: the order (`accel.loopnest.AccumulationOrder`). low, high: the accumulator's
    range; wrap: 1 keeps the low bits (then the range is a power of two), 0 clips; late: 1 clips one addition late.
    """

    shift: int
    rounding: int
    group: int
    fold: int
    bias_first: int
    low: int
    high: int
    wrap: int
    late: int


@inline
def place_columns(matrix, order, placed):
    """Write column order[j] of the matrix to column j. matrix: (n, K) · placed: (at least n, L), zeros at order -1."""
    for i in range(matrix.shape[0]):
        source, target = matrix[i], placed[i]
        for j in range(len(order)):
            k = order[j]
            target[j] = source[max(k, 0)] if k >= 0 else 0


@inline
def place_rows(matrix, order, placed):
    """Write row order[j] of the matrix to row j. matrix: (K, n) · placed: (L, at least n), zeros at order -1."""
    n = matrix.shape[1]
    for j in range(len(order)):
        target = placed[j]
        if order[j] >= 0:
            source = matrix[order[j]]
            for i in range(n):
                target[i] = source[i]
        else:
            target[:n] = 0


@inline
def accumulate(factors, columns, count, steps, registers, extremes):
    """Step through `count` neighbouring sums side by side and return how many additions overflowed.

    factors: (L,) · columns: (L, N), of which the columns from `first` on are read, both in machine order · registers:
    (REGISTERS, at least count) int64, BIAS filled in; TOTAL becomes the sums of factors[i] * columns[i, j] ·
    extremes: as for `add`, but left alone by sums that stay in range.
    """
    watched = extremes[:0]
    while True:
        overflows = _run_through(factors, columns, count, steps, registers, watched)
        if overflows == 0 or len(watched) == len(extremes):
            return overflows
        watched = extremes  # sums that stay in range need no watching, and watching costs as much as adding


@inline
def _run_through(factors, columns, count, steps, registers, extremes):
    """Do what `accumulate` does, watched all the way where extremes are asked for."""
    L = len(factors)
    # Without folds the total is the running sum itself; with folds it is the partial-sum buffer.
    running, lost = (RUNNING, RUNNING_LOST) if steps.fold > 0 else (TOTAL, TOTAL_LOST)
    length = steps.fold * steps.group if steps.fold > 0 else max(L, 1)
    seed(registers, count, steps)
    overflows = 0
    for begin in range(0, L, length):
        end = min(begin + length, L)
        if steps.fold > 0:
            clear(registers, running, count)
            clear(registers, lost, count)
        if steps.group == 1 and steps.late == 0 and len(extremes) == 0:
            for i in range(begin, end):
                overflows += add_products(registers, running, count, factors[i], columns, i, steps)
        else:
            for i in range(begin, end, steps.group):
                clear(registers, ADDEND, count)
                for member in range(i, min(i + steps.group, end)):
                    gather(registers, count, factors[member], columns, member, steps)
                overflows += add(registers, running, ADDEND, lost, count, steps, extremes)
        if steps.fold > 0:
            overflows += add(registers, TOTAL, RUNNING, TOTAL_LOST, count, steps, extremes)
    if steps.bias_first == 0:
        overflows += add(registers, TOTAL, BIAS, TOTAL_LOST, count, steps, extremes)
    return overflows


@inline
def seed(registers, count, steps):
    """Start the totals: with the bias, where it comes first."""
    for j in range(count):
        registers[TOTAL, j] = registers[BIAS, j] if steps.bias_first == 1 else 0
        registers[TOTAL_LOST, j] = 0


@inline
def clear(registers, row, count):
    """Set a row to zero."""
    for j in range(count):
        registers[row, j] = 0


@inline
def add_products(registers, row, count, factor, columns, i, steps):
    """Add factor * columns[i, j], cut to the accumulator's point, to a row; return how many sums overflowed.

    What `gather` and `add` do, in one pass over memory, for steps of one product.
    """
    overflows = 0
    if steps.rounding == TRN and steps.wrap == 0:
        for j in range(count):
            product = np.int64(factor) * np.int64(columns[i, j])
            v = registers[row, j] + floor_shift(product, steps.shift)
            kept = min(max(v, steps.low), steps.high)
            registers[row, j] = kept
            overflows += kept != v
    elif steps.rounding == TRN:
        for j in range(count):
            product = np.int64(factor) * np.int64(columns[i, j])
            v = registers[row, j] + floor_shift(product, steps.shift)
            kept = wrapped(v, steps)
            registers[row, j] = kept
            overflows += kept != v
    elif steps.wrap == 0:
        for j in range(count):
            product = np.int64(factor) * np.int64(columns[i, j])
            v = registers[row, j] + round_shift(product, steps.shift, steps.rounding)
            kept = min(max(v, steps.low), steps.high)
            registers[row, j] = kept
            overflows += kept != v
    else:
        for j in range(count):
            product = np.int64(factor) * np.int64(columns[i, j])
            v = registers[row, j] + round_shift(product, steps.shift, steps.rounding)
            kept = wrapped(v, steps)
            registers[row, j] = kept
            overflows += kept != v
    return overflows


@inline
def gather(registers, count, factor, columns, i, steps):
    """Add factor * columns[i, j], cut to the accumulator's point, to the addends of one step."""
    if steps.rounding == TRN:  # the common cut; the other modes look up a table and are several times slower
        for j in range(count):
            registers[ADDEND, j] += floor_shift(np.int64(factor) * np.int64(columns[i, j]), steps.shift)
    else:
        for j in range(count):
            product = np.int64(factor) * np.int64(columns[i, j])
            registers[ADDEND, j] += round_shift(product, steps.shift, steps.rounding)


@inline
def add(registers, total, addend, lost, count, steps, extremes):
    """Add one row of registers to another and return how many sums overflowed.

    extremes: (2,) int64, the smallest and the largest sum before overflow acts, kept up to date, or (0,) where nobody
    asks.
    """
    if len(extremes) == 2:
        for j in range(count):
            v = registers[total, j] + (0 if registers[lost, j] == 1 else registers[addend, j])
            extremes[0] = min(extremes[0], v)
            extremes[1] = max(extremes[1], v)
    overflows = 0
    if steps.late == 1:
        for j in range(count):
            v = registers[total, j] + (0 if registers[lost, j] == 1 else registers[addend, j])
            kept = min(max(v, steps.low), steps.high)
            registers[total, j] = kept
            registers[lost, j] = kept != v
            overflows += kept != v
    elif steps.wrap == 1:
        for j in range(count):
            v = registers[total, j] + registers[addend, j]
            kept = wrapped(v, steps)
            registers[total, j] = kept
            overflows += kept != v
    else:
        for j in range(count):
            v = registers[total, j] + registers[addend, j]
            kept = min(max(v, steps.low), steps.high)
            registers[total, j] = kept
            overflows += kept != v
    return overflows


@inline
def wrapped(v, steps):
    """Return the low bits of a sum, which never leaves 64 bits, whatever v is."""
    return ((v & (steps.high - steps.low)) ^ -steps.low) + steps.low
