"""One output, stepped alone.

A block of terms whose positive products alone stay below the upper limit, and its negative ones above the lower, is
added at once: every sum on the way, in whatever groups, lies between the two. Only blocks closer to a limit are
stepped, addition by addition, which is also the plainest statement of what `kernels.chain` does to many outputs.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline
from kernels.chain import wrapped
from kernels.quantize import TRN, floor_shift, round_shift

TERMS = 64  # of a block, about
BLOCK_BITS = 61  # what products of a block may sum up to, so that they fit beside the accumulator in 64 bits


@inline
def may_look_ahead(x, w, steps, layout):
    """Tell whether the products of a block surely fit 64 bits beside the accumulator. x, w: C-contiguous codes."""
    largest, other = np.int64(1), np.int64(1)
    for code in x.reshape(-1):
        largest = max(largest, abs(np.int64(code)))
    for code in w.reshape(-1):
        other = max(other, abs(np.int64(code)))
    return largest <= ((1 << BLOCK_BITS) >> max(-steps.shift, 0)) // layout.block // other


@inline
def step_output(fields, m, filters, n, bias, steps, layout, count, ahead, products):
    """Return the sum of products of two rows of terms and the bias as the machine adds it, and its overflows.

    Overflows: how many additions were out of range, and which of them was the first, from 0 (-1: none).
    fields, filters: (rows, blocks, terms of a block), laid out by `kernels.lookahead.lay_out` · count: terms without
    what fills the blocks up · ahead: `may_look_ahead` · products: (blocks, terms of a block) int64 of scratch.
    """
    _write_products(fields, m, filters, n, steps, products)
    blocks = len(products)
    fold = layout.fold if layout.fold > 0 else max(blocks, 1)
    fold_terms = steps.fold * steps.group if layout.fold > 0 else count
    total, total_lost = (np.int64(bias) if steps.bias_first == 1 else np.int64(0)), False
    running, lost = (np.int64(0) if layout.fold > 0 else total), False
    additions, overflows, first = 0, 0, -1
    for b in range(blocks):
        f = b // fold
        terms = min(layout.block, min(fold_terms, count - f * fold_terms) - (b - f * fold) * layout.block)
        up, down = np.int64(0), np.int64(0)
        if ahead:
            for i in range(layout.block):
                up += max(products[b, i], 0)
                down += min(products[b, i], 0)
        if ahead and not lost and up <= steps.high - running and down >= steps.low - running:
            running += up + down
            additions += terms // steps.group
        else:
            for i in range(0, terms, steps.group):
                addend = products[b, i]
                for k in range(i + 1, i + steps.group):
                    addend += products[b, k]
                v = running if lost else running + addend
                running = _held(v, steps)
                if running != v:
                    first = additions if overflows == 0 else first
                    overflows += 1
                lost = steps.late == 1 and running != v
                additions += 1
        if layout.fold > 0 and (b + 1 == blocks or (b + 1) % fold == 0):
            v = total if total_lost else total + running
            total = _held(v, steps)
            if total != v:
                first = additions if overflows == 0 else first
                overflows += 1
            total_lost = steps.late == 1 and total != v
            additions += 1
            running, lost = np.int64(0), False
    if layout.fold == 0:
        total, total_lost = running, lost
    if steps.bias_first == 0:
        v = total if total_lost else total + np.int64(bias)
        total = _held(v, steps)
        if total != v:
            first = additions if overflows == 0 else first
            overflows += 1
    return total, overflows, first


@inline
def _write_products(fields, m, filters, n, steps, products):
    """Write the products, cut to the accumulator's point."""
    for b in range(len(products)):
        if steps.shift <= 0 or steps.rounding == TRN:
            for i in range(products.shape[1]):
                product = np.int64(fields[m, b, i]) * np.int64(filters[n, b, i])
                products[b, i] = floor_shift(product, steps.shift)
        else:
            for i in range(products.shape[1]):
                product = np.int64(fields[m, b, i]) * np.int64(filters[n, b, i])
                products[b, i] = round_shift(product, steps.shift, steps.rounding)


@inline
def _held(v, steps):
    """Return what the accumulator keeps of a sum."""
    return wrapped(v, steps) if steps.wrap == 1 else min(max(v, steps.low), steps.high)
