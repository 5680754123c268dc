"""Matrix products of codes: exact ones, and ones whose accumulator overflows addition by addition.

x: (M, K), one input per row. `matmul` and `matmul_wide` take w: (N, K), one filter per row; `matmul_stepwise` takes its
transpose. Every array is C-contiguous. What is exact and in which order a machine adds: see `accel.numeric.accumulator`
and `accel.loopnest.AccumulationOrder`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.quantize import TRN, floor_shift, round_shift
from kernels.tile import LANES, ROWS, multiply, pack, tiles

BLOCK_BYTES = 1 << 18  # what a block of operands may take: it stays in a second-level cache
BLOCK_SUMS = 512  # sums stepped side by side: they stay in a first-level cache


class Steps(NamedTuple):
    """How one accumulator adds, in plain integers.

    shift: product fraction bits minus accumulator fraction bits (negative: exact left shift); rounding: how products
    are cut. group, fold, bias_first: the order (`accel.loopnest.AccumulationOrder`). low, high: the accumulator's
    range; wrap: 1 keeps the low bits (then the range is a power of two), 0 clips.
    """

    shift: int
    rounding: int
    group: int
    fold: int
    bias_first: int
    low: int
    high: int
    wrap: int


@kernel
def matmul(x, w, chunk, out):
    """Write the exact sums over k of x[m, k] * w[n, k].

    x: (M, K) int16 · w: (N, K) int16 · out: (M, N) int64 · chunk: `accel.numeric.proof.chunk_terms` of both operands.
    """
    M, K = x.shape
    N = w.shape[0]
    pairs = (K + 1) // 2
    lanes = np.empty((tiles(N, LANES), pairs, LANES, 2), dtype=np.int16)
    pack(w, lanes)
    block = ROWS * max(1, BLOCK_BYTES // (4 * ROWS * max(pairs, 1)))
    rows = np.empty((tiles(min(block, M), ROWS), pairs, ROWS, 2), dtype=np.int16)
    for first in range(0, M, block):
        last = min(first + block, M)
        packed = rows[: tiles(last - first, ROWS)]
        pack(x[first:last], packed)
        multiply(packed, lanes, chunk, out[first:last])


@kernel
def matmul_wide(x, w, out):
    """Write the exact sums over k of x[m, k] * w[n, k]; the caller proved that every partial sum fits 63 bits.

    x: (M, K) int64 · w: (N, K) int64 · out: (M, N) int64.
    """
    for m in range(x.shape[0]):
        row = x[m]
        for n in range(w.shape[0]):
            column = w[n]
            total = np.int64(0)
            for k in range(len(row)):
                total += row[k] * column[k]
            out[m, n] = total


@kernel
def matmul_stepwise(x, w_t, bias, steps, out):
    """Write the sums over k of x[m, k] * w_t[k, n], and the bias, added as the machine adds; return the overflows.

    x: (M, K) · w_t: (K, N), both int32 or int64 · bias: (N,) int64 at the accumulator's point and within its range ·
    out: (M, N) int64. The caller proved that a group of products on top of the accumulator fits 64 bits. An overflow
    is an addition whose sum was out of range.
    """
    M = x.shape[0]
    N = w_t.shape[1]
    scratch = np.empty((2, BLOCK_SUMS), dtype=np.int64)
    overflows = 0
    for first in range(0, N, BLOCK_SUMS):
        last = min(first + BLOCK_SUMS, N)
        for m in range(M):
            overflows += accumulate(x[m], w_t, first, bias[first:last], steps, scratch, out[m, first:last])
    return overflows


@inline
def accumulate(factors, columns, first, bias, steps, scratch, total):
    """Step through neighbouring sums side by side and return how many additions overflowed.

    factors: (K,) · columns: (K, N), of which the columns from `first` on are read · bias, total: (n,) int64 ·
    scratch: (2, at least n) int64. total[j] becomes the sum of factors[k] * columns[k, first + j], in machine order.
    """
    n = len(total)
    K = len(factors)
    group_sum = scratch[0, :n]
    seed_total = steps.bias_first == 1
    for j in range(n):
        total[j] = bias[j] if seed_total else 0
    overflows = 0
    # Without folds the total is the running sum itself; with folds it is the partial-sum buffer.
    running = scratch[1, :n] if steps.fold > 0 else total
    length = steps.fold if steps.fold > 0 else max(K, 1)
    for begin in range(0, K, length):
        end = min(begin + length, K)
        if steps.fold > 0:
            running[:] = 0
        if steps.group == 1 and steps.shift == 0:
            for k in range(begin, end):
                overflows += _add_product(running, factors[k], columns[k, first : first + n], steps)
        else:
            for k in range(begin, end, steps.group):
                group_sum[:] = 0
                for member in range(k, min(k + steps.group, end)):
                    _gather(group_sum, factors[member], columns[member, first : first + n], steps)
                overflows += _add(running, group_sum, steps)
        if steps.fold > 0:
            overflows += _add(total, running, steps)
    if not seed_total:
        overflows += _add(total, bias, steps)
    return overflows


@inline
def _hold(v, steps):
    """Return what the accumulator keeps of a sum. Wrapping never leaves 64 bits, whatever v is."""
    if steps.wrap == 1:
        return ((v & (steps.high - steps.low)) ^ -steps.low) + steps.low
    return min(max(v, steps.low), steps.high)


@inline
def _add(total, addend, steps):
    """Add in place and return how many sums overflowed."""
    overflows = 0
    for j in range(len(total)):
        v = total[j] + addend[j]
        kept = _hold(v, steps)
        overflows += kept != v
        total[j] = kept
    return overflows


@inline
def _add_product(total, factor, column, steps):
    """Add factor * column in place, the plain chain's step, and return how many sums overflowed."""
    overflows = 0
    for j in range(len(total)):
        v = total[j] + np.int64(factor) * np.int64(column[j])
        kept = _hold(v, steps)
        overflows += kept != v
        total[j] = kept
    return overflows


@inline
def _gather(group_sum, factor, column, steps):
    """Add factor * column, cut to the accumulator's point, to the sums of a group."""
    if steps.rounding == TRN:  # the common cut; the other modes look up a table and are several times slower
        for j in range(len(group_sum)):
            group_sum[j] += floor_shift(np.int64(factor) * np.int64(column[j]), steps.shift)
    else:
        for j in range(len(group_sum)):
            group_sum[j] += round_shift(np.int64(factor) * np.int64(column[j]), steps.shift, steps.rounding)
