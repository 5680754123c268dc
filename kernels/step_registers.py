"""Registers of an array, stepped all at once: lines that move, products, and accumulators that saturate or wrap.

A line is one register for every processing element of an R x C array, flat in row order. In a line that moves, every
value goes to a neighbour at every clock edge: to the right (a distance of 1) or down (a distance of C). All lines live
in one buffer, each in a window over a longer stretch of it: to move a line, its window begins so many registers
earlier and the values lie still. What then stands in the column or row where the edge feeds is anything, and is
overwritten by the ports.

A line is named by the place where its window begins. That is an integer and no view of the buffer, because Numba counts
references to views with locked instructions, which cost more than a cycle of a small array.

A register may hold nothing: EMPTY, which no format of 63 bits reaches. A late-saturating accumulator whose flag stands
holds the code just beyond the limit (its wrapped value is never added to and never leaves, see `kernels.chain`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline
from kernels.quantize import TRN, floor_shift, round_shift

EMPTY = -(1 << 63)
SLACK = 8  # lengths of a line over which its window moves before it is copied back (`rewind`)


@inline
def empty_lines(number, cells):
    """Return the buffer of so many lines of `cells` registers that hold nothing, and their places, both int64."""
    length = (SLACK + 1) * cells
    return np.full(number * length, EMPTY, dtype=np.int64), length * np.arange(1, number + 1) - cells


@inline
def rewind(lines, places, cells):
    """Copy every line to the end of its stretch, from where it can move over SLACK lengths."""
    for line in range(len(places)):
        end = (line * (SLACK + 1) + SLACK) * cells
        if places[line] != end:
            for p in range(cells - 1, -1, -1):  # the two may overlap
                lines[end + p] = lines[places[line] + p]
            places[line] = end


@inline
def record(lines, places, cells, leaving, recordings, cycle):
    """Copy all lines, and after them what left the array, into the recording of a cycle."""
    for line in range(len(places)):
        for p in range(cells):
            recordings[cycle, line * cells + p] = lines[places[line] + p]
    for j in range(len(leaving)):
        recordings[cycle, len(places) * cells + j] = leaving[j]


# What all elements do. Places become unsigned, because Numba looks at the sign of every other index, and then LLVM does
# not vectorise; and everything is read whatever the question in the loop, because it vectorises no load behind one.


@inline
def choose(lines, condition, chosen, other, cells):
    """Write what is chosen over the other line where the condition holds something."""
    condition, chosen, other = np.uint64(condition), np.uint64(chosen), np.uint64(other)
    for p in range(np.uint64(cells)):
        new, old = lines[chosen + p], lines[other + p]
        lines[other + p] = new if lines[condition + p] != EMPTY else old


@inline
def multiply(lines, a, b, wanted, products, cells):
    """Write a * b, EMPTY where a or `wanted` holds nothing; the caller proved that products fit."""
    a, b, wanted, products = np.uint64(a), np.uint64(b), np.uint64(wanted), np.uint64(products)
    for p in range(np.uint64(cells)):
        factor, other = lines[a + p], lines[b + p]
        there = (factor != EMPTY) & (lines[wanted + p] != EMPTY)
        lines[products + p] = (factor if there else 0) * (other if there else 0) if there else EMPTY


@inline
def cut(lines, products, steps, cells):
    """Cut products to the accumulator's point, in place."""
    products = np.uint64(products)
    if steps.rounding == TRN:  # the common cut; the other modes look up a table and are several times slower
        for p in range(np.uint64(cells)):
            product = lines[products + p]
            shifted = floor_shift(product if product != EMPTY else 0, steps.shift)
            lines[products + p] = shifted if product != EMPTY else EMPTY
    else:
        for p in range(np.uint64(cells)):
            product = lines[products + p]
            rounded = round_shift(product if product != EMPTY else 0, steps.shift, steps.rounding)
            lines[products + p] = rounded if product != EMPTY else EMPTY


class Rule(NamedTuple):
    """What an accumulator that overflows at once keeps of a sum v, in one formula: clipped to low..high, and of that
    ((v & mask) ^ flip) - flip. A saturating one has a mask of all bits, a wrapping one the limits of int64.
    """

    low: int
    high: int
    mask: int
    flip: int


@inline
def rule_of(steps):
    """Return the rule of an accumulator."""
    if steps.wrap == 1:
        return Rule(EMPTY, -(EMPTY + 1), steps.high - steps.low, -steps.low)
    return Rule(steps.low, steps.high, -1, 0)


@inline
def held(v, rule):
    """Return what an accumulator that overflows at once keeps of a sum."""
    return ((min(max(v, rule.low), rule.high) & rule.mask) ^ rule.flip) - rule.flip


@inline
def accumulate(lines, totals, addends, rule, cells):
    """Add in place, except where addends hold nothing, and return how many sums were out of range."""
    totals, addends = np.uint64(totals), np.uint64(addends)
    overflows = 0
    for p in range(np.uint64(cells)):
        total, addend = lines[totals + p], lines[addends + p]
        there = addend != EMPTY
        v = total + (addend if there else 0)
        kept = held(v, rule) if there else v
        overflows += kept != v
        lines[totals + p] = kept
    return overflows


@inline
def accumulate_late(lines, totals, addends, steps, cells):
    """Do the same for a late-saturating accumulator: after an overflow it takes the limit instead of the addend."""
    totals, addends = np.uint64(totals), np.uint64(addends)
    overflows = 0
    for p in range(np.uint64(cells)):
        total, addend = lines[totals + p], lines[addends + p]
        there = addend != EMPTY
        kept = added_late(total, addend if there else 0, steps)
        overflows += there & ((kept < steps.low) | (kept > steps.high))
        lines[totals + p] = kept if there else total
    return overflows


@inline
def added_late(total, addend, steps):
    """Return the sum of a late-saturating accumulator."""
    limited = settle(total, steps)
    return min(max(limited + (addend if limited == total else 0), steps.low - 1), steps.high + 1)


@inline
def add(total, addend, steps, rule):
    """Return what one accumulator holds after an addition, and 1 if the sum was out of range, else 0."""
    if steps.late == 1:
        kept = added_late(total, addend, steps)
        return kept, np.int64(kept < steps.low or kept > steps.high)
    kept = held(total + addend, rule)
    return kept, np.int64(kept != total + addend)


@inline
def settle(total, steps):
    """Return what leaves at the end of a chain: the limit where the flag of a late accumulator stands."""
    return min(max(total, steps.low), steps.high)
