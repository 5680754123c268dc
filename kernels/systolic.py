"""The output-stationary systolic array stepped: every register of every processing element (PE) at every cycle.

What moves where is the microarchitecture of `accel.arch.dataflows.output_stationary`. Operands enter at the ports of
the left and of the top edge only, sums are looked at where they leave, and a value moves one register a cycle. A
controller starts the folds (`kernels.step_folds`); from there on every port counts for itself. A cycle is a clock edge
(lines move, ports feed), then what all PEs do at once, then what leaves. The array that keeps its weights, or its
inputs, is in `kernels.step_weights`.

Accumulators are those of `kernels.chain.Steps`, whose order is not read: the array is the order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import inline, kernel
from kernels.step_folds import (
    FIRST_COLUMN,
    FIRST_ROW,
    GROUP,
    HEIGHT,
    START,
    WIDTH,
    count_leaving,
    fold_entering,
    fold_leaving,
    output_stationary_folds,
)
from kernels.step_registers import (
    EMPTY,
    SLACK,
    accumulate,
    accumulate_late,
    add,
    choose,
    cut,
    empty_lines,
    multiply,
    record,
    rewind,
    rule_of,
    settle,
)


class Stepped(NamedTuple):
    """What an array did, in cycles since its first operand entered.

    cycles: until the last output had left, inclusive. first_output: the cycle in which the first output left.
    overflows: additions out of range. conflicts: values that met in a register or never came out, 0 unless the
    controller is wrong.
    """

    cycles: int
    first_output: int
    overflows: int
    conflicts: int


# Lines of registers. LAST comes with the last input of a sum, SEED, what a sum starts from, with its first weight. A
# finished sum moves down every second cycle: DRAIN + (cycle & 1) are those that move now, the other those between.
X, LAST, W, SEED, PRODUCT, SUM, DRAIN, _, LINES = range(9)


@kernel
def step_output_stationary(x, w, bias, steps, rows, columns, out, recordings):
    """Step the array that keeps its outputs, m over rows and n over columns, and return `Stepped`.

    x: (G, M, K) · w: (G, N, K), both int32 or int64 · bias: (G, N) int64 at the accumulator's point · out: (G, M, N)
    int64, becomes what the accumulators hold · recordings: (cycles, LINES * rows * columns + columns) int64, becomes
    all lines and what left, cycle by cycle; (0, 0) for none.
    """
    G, M, K = x.shape
    N = w.shape[1]
    cells, ports = rows * columns, max(rows, columns)
    folds = output_stationary_folds(G, M, K, N, rows, columns)
    lines, places = empty_lines(LINES, cells)
    skew, skew_places = empty_lines(1, ports)
    products, sums = places[PRODUCT], places[SUM]
    reached, exits = np.zeros(folds.shape[1], dtype=np.int64), np.zeros((2, columns), dtype=np.int64)
    rule, leaving = rule_of(steps), np.empty(columns, dtype=np.int64)
    awaited, cycle, first_output, overflows, conflicts = G * M * N, 0, -1, 0, 0
    end = folds[-1, START] + K + 2 * (rows + columns)  # a right controller never gets there
    while awaited > 0 and cycle < end:
        if cycle % (SLACK * rows) == 0:
            rewind(lines, places, cells)
            rewind(skew, skew_places, ports)
        places[X] -= 1
        places[LAST] -= 1
        places[W] -= columns
        places[SEED] -= columns
        places[DRAIN + (cycle & 1)] -= columns
        skew_places[0] -= 1
        xs, lasts, ws, seeds, drains = places[X], places[LAST], places[W], places[SEED], places[DRAIN + (cycle & 1)]
        streams = skew_places[0]
        skew[streams] = fold_entering(folds, START, K, cycle, reached)
        for i in range(rows):
            entering, last = EMPTY, EMPTY
            f = skew[streams + i]
            if f != EMPTY and i >= rows - folds[f, HEIGHT]:  # a fold lies on the lowest rows
                m, k = folds[f, FIRST_ROW] + i - (rows - folds[f, HEIGHT]), cycle - i - folds[f, START]
                entering = np.int64(x[folds[f, GROUP], m, k])
                last = 1 if k == K - 1 else EMPTY
            lines[xs + i * columns] = entering
            lines[lasts + i * columns] = last
        for j in range(columns):
            entering, seed = EMPTY, EMPTY
            f = skew[streams + j]
            if f != EMPTY and j < folds[f, WIDTH]:
                g, n, k = folds[f, GROUP], folds[f, FIRST_COLUMN] + j, cycle - j - folds[f, START]
                entering = np.int64(w[g, n, k])
                if k == 0:
                    seed = bias[g, n] if steps.bias_first == 1 else 0
            lines[ws + j] = entering
            lines[seeds + j] = seed
            lines[drains + j] = EMPTY

        choose(lines, seeds, seeds, sums, cells)
        multiply(lines, xs, ws, ws, products, cells)
        if steps.shift != 0:
            cut(lines, products, steps, cells)
        if steps.late == 1:
            overflows += accumulate_late(lines, sums, products, steps, cells)
        else:
            overflows += accumulate(lines, sums, products, rule, cells)
        conflicts += _drain(lines, lasts, products, sums, drains, cells)

        for j in range(columns):
            leaving[j] = EMPTY
            total = lines[drains + cells - columns + j]
            if total != EMPTY:
                f = fold_leaving(folds, exits, j)
                g, n = folds[f, GROUP], folds[f, FIRST_COLUMN] + j
                m = folds[f, FIRST_ROW] + folds[f, HEIGHT] - 1 - exits[1, j]  # the lowest row comes out first
                if steps.bias_first == 0:
                    total, overflowed = add(total, bias[g, n], steps, rule)
                    overflows += overflowed
                leaving[j] = settle(total, steps)
                out[g, m, n] = leaving[j]
                count_leaving(exits, j, folds[f, HEIGHT])
                first_output = cycle if first_output < 0 else first_output
                awaited -= 1
        if len(recordings) > 0:
            record(lines, places, cells, leaving, recordings, cycle)
        cycle += 1
    return Stepped(cycle, first_output, overflows, conflicts + awaited)


@inline
def _drain(lines, lasts, products, sums, drains, cells):
    """Hand finished sums to the drain and return how many others they met there."""
    lasts, products, sums, drains = np.uint64(lasts), np.uint64(products), np.uint64(sums), np.uint64(drains)
    conflicts = 0
    for p in range(np.uint64(cells)):
        total, passing = lines[sums + p], lines[drains + p]
        finishes = (lines[lasts + p] != EMPTY) & (lines[products + p] != EMPTY)  # no product: an idle column
        conflicts += finishes & (passing != EMPTY)
        lines[drains + p] = total if finishes else passing
    return conflicts
