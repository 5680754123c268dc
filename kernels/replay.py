"""Single outputs stepped again, for those that no certificate clears; and what all additions did, for the ledger.

`replay` steps chosen outputs one by one. `audit` is the stepwise kernel with its eyes open: it keeps the smallest and
the largest sum before overflow acts and the overflows of every tile of outputs, and only flagged tiles are searched for
the first output. Products that lose bits are not looked at one by one: their number follows from the factors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.chain import place_columns
from kernels.conv import block_pixels, patches, step_conv2d, with_padding
from kernels.lookahead import lay_out
from kernels.matmul import step_matmul
from kernels.single import TERMS, may_look_ahead, step_output
from kernels.tile import LANES, ROWS, tiles

NONE = (-1, -1)  # no output, no step
ALL_ZERO = 64  # of int64: the zero bits that zero itself ends in


class StepEvents(NamedTuple):
    """What the additions of all outputs of a layer did.

    additions: all of them, those of folds and biases included. overflows: sums out of range. largest_excess: the
    farthest of them beyond its limit, in lsb of the accumulator. first_output: smallest flat index of an output with an
    overflow, -1 for none; first_step: which of its additions was the first to overflow, from 0, -1 for none.
    rounded_products: products that lost bits which were not zero on their way to the accumulator's point.
    """

    additions: int
    overflows: int
    largest_excess: int
    first_output: int
    first_step: int
    rounded_products: int


@kernel
def matmul_replay(x, w, bias, steps, order, outputs, out):
    """Write chosen sums over k of x[m, k] * w[n, k] as the machine adds them; return how many additions overflowed.

    x: (M, K) · w: (N, K), both int32 or int64 · outputs: (n, 2) int64, pairs (m, n) · out: (M, N) int64, of which only
    those are written · the other arguments as for `kernels.matmul.matmul_stepwise`.
    """
    layout = lay_out(order, steps, TERMS)
    filters = terms_of(w, layout)
    field = terms_of(x[:1], layout)
    ahead = may_look_ahead(x, w, steps, layout)
    products = np.empty(field.shape[1:], dtype=np.int64)
    placed = np.int64(-1)
    overflows = 0
    for i in range(outputs.shape[0]):
        m, n = outputs[i, 0], outputs[i, 1]
        if m != placed:
            place_columns(x[m : m + 1], layout.order, field.reshape(1, -1))
            placed = m
        out[m, n], found, _ = step_output(field, 0, filters, n, bias[n], steps, layout, len(order), ahead, products)
        overflows += found
    return overflows


@inline
def terms_of(matrix, layout):
    """Return the rows of (n, K), laid out: (n, blocks, terms of a block)."""
    ordered = np.empty((matrix.shape[0], len(layout.order)), dtype=matrix.dtype)
    place_columns(matrix, layout.order, ordered)
    return ordered.reshape(matrix.shape[0], len(layout.order) // layout.block, layout.block)


@kernel
def conv2d_replay(x, w, bias, geometry, steps, order, outputs, out):
    """Write chosen sums of receptive fields and filters as the machine adds them; return how many additions overflowed.

    x: (N, C, H, W) · w: (K, C/groups * R * S), both int32 or int64 · outputs: (n, 2) int64, pairs (pixel through the
    batch (n * P + p) * Q + q, filter) · out: (N, K, P, Q) int64, of which only those are written · the other arguments
    as for `kernels.conv.conv2d_stepwise`.
    """
    N, K, P, Q = out.shape
    layout = lay_out(order, steps, TERMS)
    maps = out.reshape(N, K, P * Q)
    filters = terms_of(w, layout)
    padded = with_padding(x, geometry, 0)
    column = np.zeros((w.shape[1], 1), dtype=x.dtype)
    field = terms_of(column.reshape(1, -1), layout)
    ahead = may_look_ahead(x, w, steps, layout)
    products = np.empty(field.shape[1:], dtype=np.int64)
    placed, placed_group = np.int64(-1), np.int64(-1)
    overflows = 0
    for i in range(outputs.shape[0]):
        pixel, f = outputs[i, 0], outputs[i, 1]
        group = f // (K // geometry.groups)
        if placed != pixel or placed_group != group:
            patches(padded, geometry, group, P, Q, pixel, 1, column)
            place_columns(column.reshape(1, -1), layout.order, field.reshape(1, -1))
            placed, placed_group = pixel, group
        held, found, _ = step_output(field, 0, filters, f, bias[f], steps, layout, len(order), ahead, products)
        maps[pixel // (P * Q), f, pixel % (P * Q)] = held
        overflows += found
    return overflows


def matmul_audit(x, w_t, bias, steps, order, out):
    """Write the sums of `kernels.matmul.matmul_stepwise`, whose arguments these are, and return `StepEvents`."""
    M, N = out.shape
    extremes = np.zeros(2, dtype=np.int64)
    flags = np.zeros((-(-M // ROWS), -(-N // LANES)), dtype=np.int64)
    overflows = step_matmul(x, w_t, bias, steps, order, extremes, flags, out)
    first = _first_of_matmul(x, w_t, bias, steps, order, flags) if overflows else NONE
    rounded = _rounded_in_matmul(x, w_t, steps) if steps.shift > 0 else 0
    return _events(M * N, steps, order, overflows, extremes, first, rounded)


@kernel
def _rounded_in_matmul(x, w_t, steps):
    """Count the products that lose bits."""
    left, right = _zero_bits(x.T.copy()), _zero_bits(w_t)
    rounded = 0
    for k in range(len(left)):
        rounded += _rounded(left[k], right[k], steps)
    return rounded


@kernel
def _first_of_matmul(x, w_t, bias, steps, order, flags):
    """Return the smallest flat index of an output with an overflow and which of its additions overflowed first."""
    M, N = x.shape[0], w_t.shape[1]
    layout = lay_out(order, steps, TERMS)
    filters = terms_of(w_t.T, layout)
    field = terms_of(x[:1], layout)
    ahead = may_look_ahead(x, w_t, steps, layout)
    products = np.empty(field.shape[1:], dtype=np.int64)
    for m in range(M):
        place_columns(x[m : m + 1], layout.order, field.reshape(1, -1))
        for n in range(N):
            if flags[m // ROWS, n // LANES] > 0:
                _, found, step = step_output(field, 0, filters, n, bias[n], steps, layout, len(order), ahead, products)
                if found > 0:
                    return m * N + n, step
    return -1, -1


def conv2d_audit(x, w_t, bias, geometry, steps, order, out):
    """Write the sums of `kernels.conv.conv2d_stepwise`, whose arguments these are, and return `StepEvents`."""
    N, K, P, Q = out.shape
    extremes = np.zeros(2, dtype=np.int64)
    rows = geometry.groups * -(-K // geometry.groups // ROWS)
    flags = np.zeros((rows, -(-N * P * Q // LANES)), dtype=np.int64)
    overflows = step_conv2d(x, w_t, bias, geometry, steps, order, extremes, flags, out)
    first = _first_of_conv2d(x, w_t, bias, geometry, steps, order, flags, out) if overflows else NONE
    rounded = _rounded_in_conv2d(x, w_t, geometry, steps, out) if steps.shift > 0 else 0
    return _events(out.size, steps, order, overflows, extremes, first, rounded)


@kernel
def _rounded_in_conv2d(x, w_t, geometry, steps, out):
    """Count the products that lose bits."""
    N, K, P, Q = out.shape
    filters = K // geometry.groups
    padded = with_padding(_zero_bits(x), geometry, ALL_ZERO)
    factors = _zero_bits(w_t)
    block = block_pixels(N * P * Q, len(w_t))
    columns = np.empty((len(w_t), block), dtype=np.uint8)
    rounded = 0
    for group in range(geometry.groups):
        for first in range(0, N * P * Q, block):
            count = min(block, N * P * Q - first)
            patches(padded, geometry, group, P, Q, first, count, columns)
            for k in range(len(w_t)):
                rounded += _rounded(columns[k, :count], factors[k, group * filters : (group + 1) * filters], steps)
    return rounded


@kernel
def _first_of_conv2d(x, w_t, bias, geometry, steps, order, flags, out):
    """Return the smallest flat index of an output with an overflow and which of its additions overflowed first."""
    N, K, P, Q = out.shape
    filters = K // geometry.groups
    layout = lay_out(order, steps, TERMS)
    factors = terms_of(w_t.T, layout)
    padded = with_padding(x, geometry, 0)
    column = np.zeros((len(w_t), 1), dtype=x.dtype)
    field = terms_of(column.reshape(1, -1), layout)
    ahead = may_look_ahead(x, w_t, steps, layout)
    products = np.empty(field.shape[1:], dtype=np.int64)
    for output in range(N * K * P * Q):
        n, k, place = output // (P * Q) // K, output // (P * Q) % K, output % (P * Q)
        pixel = n * (P * Q) + place
        row = k // filters * tiles(filters, ROWS) + k % filters // ROWS
        if flags[row, pixel // LANES] > 0:
            patches(padded, geometry, k // filters, P, Q, pixel, 1, column)
            place_columns(column.reshape(1, -1), layout.order, field.reshape(1, -1))
            _, found, step = step_output(field, 0, factors, k, bias[k], steps, layout, len(order), ahead, products)
            if found > 0:
                return output, step
    return -1, -1


def _events(outputs, steps, order, overflows, extremes, first, rounded):
    """Return `StepEvents`; extremes: the smallest and the largest sum before overflow acted."""
    taken = len(order) // steps.group
    additions = taken + (1 - steps.bias_first) + (-(-taken // steps.fold) if steps.fold else 0)
    excess = max(int(extremes[1]) - steps.high, steps.low - int(extremes[0]), 0)
    return StepEvents(outputs * additions, overflows, excess, *first, rounded)


@inline
def _rounded(a, b, steps):
    """Count the products with a bit set below the accumulator's point; a, b: what their factors end in (`_zero_bits`).

    The zeros that a product ends in are those of both factors together, so two histograms say it.
    """
    left, right = _histogram(a), _histogram(b)
    count = 0
    for i in range(ALL_ZERO):
        for j in range(max(min(ALL_ZERO, steps.shift - i), 0)):
            count += left[i] * right[j]
    return count


@inline
def _histogram(zeros):
    """Return how many of the numbers are 0, 1, ..., ALL_ZERO."""
    counts = np.zeros(ALL_ZERO + 1, dtype=np.int64)
    for number in zeros:
        counts[number] += 1
    return counts


@inline
def _zero_bits(codes):
    """Return in how many zero bits each code ends, as uint8 of the same shape; ALL_ZERO for zero itself."""
    counts = np.empty(codes.shape, dtype=np.uint8)
    flat, found = codes.reshape(-1), counts.reshape(-1)
    for i in range(flat.size):
        v = np.int64(flat[i])
        zeros = 0 if v != 0 else ALL_ZERO
        while v != 0 and v & 1 == 0:
            v >>= 1
            zeros += 1
        found[i] = zeros
    return counts
