"""Matrix products of codes: exact ones, and ones whose accumulator overflows addition by addition.

x: (M, K), one input per row. `matmul` and `matmul_wide` take w: (N, K), one filter per row; `matmul_stepwise` takes its
transpose. Every array is C-contiguous. What is exact and in which order a machine adds: see `accel.numeric.accumulator`
and `accel.loopnest.AccumulationOrder`.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import kernel
from kernels.chain import BIAS, BLOCK_SUMS, REGISTERS, TOTAL, accumulate, place_columns, place_rows
from kernels.chain import Steps as Steps
from kernels.lookahead import BLOCK, UNFLAGGED, UNWATCHED, fits_int16, lay_out, multiply_stepwise, weigh
from kernels.packed import Panels
from kernels.products import multiply
from kernels.tile import LANES, ROWS, pack, pack_columns, tiles

BLOCK_BYTES = 1 << 18  # what a block of operands may take: it stays in a second-level cache


def matmul(x, w, chunk, out):
    """Write the exact sums over k of x[m, k] * w[n, k].

    x: (M, K) int8 or int16 · w: (N, K) likewise · out: (M, N) int64 · chunk: `accel.numeric.proof.chunk_terms` of both
    operands.
    """
    multiply(x, Panels(w), chunk, out)


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


def matmul_stepwise(x, w_t, bias, steps, order, out):
    """Write the sums over k of x[m, k] * w_t[k, n], and the bias, added as the machine adds; return the overflows.

    x: (M, K) · w_t: (K, N), both of any integers up to int64 · bias: (N,) int64 at the accumulator's point and within
    its range · steps: `kernels.chain.Steps` · order: (L,) int64, every k once and -1 where a step has fewer channels ·
    out: (M, N) int64. The caller proved that a group of products on top of the accumulator fits 64 bits. An overflow is
    an addition whose sum was out of range.
    """
    return step_matmul(x, w_t, bias, steps, order, UNWATCHED, UNFLAGGED, out)


def step_matmul(x, w_t, bias, steps, order, extremes, flags, out):
    """Do what `matmul_stepwise` does, by the faster of two kernels; extremes, flags: see `multiply_stepwise`."""
    if steps.shift <= 0 and fits_int16(x) and fits_int16(w_t):
        return _step_tiles(x.astype(np.int16), w_t.astype(np.int16), bias, steps, order, extremes, flags, out)
    return _step_plainly(x, w_t, bias, steps, order, extremes, flags, out)


@kernel
def _step_plainly(x, w_t, bias, steps, order, extremes, flags, out):
    """Step through everything: x, w_t: both int32 or int64."""
    M, N = out.shape
    L = len(order)
    fields = np.empty((M, L), dtype=x.dtype)
    columns = np.empty((L, BLOCK_SUMS), dtype=w_t.dtype)
    registers = np.empty((REGISTERS, BLOCK_SUMS), dtype=np.int64)
    place_columns(x, order, fields)
    overflows = 0
    for first in range(0, N, BLOCK_SUMS):
        last = min(first + BLOCK_SUMS, N)
        place_rows(w_t[:, first:last], order, columns)
        registers[BIAS, : last - first] = bias[first:last]
        for m in range(M):
            found = accumulate(fields[m], columns, last - first, steps, registers, extremes)
            out[m, first:last] = registers[TOTAL, : last - first]
            overflows += found
            if flags.size > 0:
                flags[m // ROWS, first // LANES : tiles(last, LANES)] += found
    return overflows


@kernel
def _step_tiles(x, w_t, bias, steps, order, extremes, flags, out):
    """Look ahead: x, w_t: int16; products are not cut."""
    M, N = out.shape
    layout = lay_out(order, steps, BLOCK)
    L = len(layout.order)
    columns = np.zeros((L, tiles(N, LANES) * LANES), dtype=np.int16)
    place_rows(w_t, layout.order, columns)
    packed_lanes = np.empty((tiles(N, LANES), L // 2, LANES, 2), dtype=np.int16)
    pack_columns(columns, packed_lanes)
    lanes = weigh(packed_lanes, layout)
    block = ROWS * max(1, BLOCK_BYTES // (4 * ROWS * max(L, 1)))
    fields = np.empty((min(block, M), L), dtype=np.int16)
    packed = np.empty((tiles(min(block, M), ROWS), L // 2, ROWS, 2), dtype=np.int16)
    row_bias = np.zeros(M, dtype=np.int64)
    overflows = 0
    for first in range(0, M, block):
        last = min(first + block, M)
        place_columns(x[first:last], layout.order, fields)
        packed_rows = packed[: tiles(last - first, ROWS)]
        pack(fields[: last - first], packed_rows)
        rows = weigh(packed_rows, layout)
        part = flags[first // ROWS : tiles(last, ROWS)]
        overflows += multiply_stepwise(
            rows, lanes, row_bias[first:last], bias, steps, layout, extremes, part, out[first:last]
        )
    return overflows
