"""The weight-stationary systolic array stepped; with its operands exchanged it is the input-stationary one.

What moves where is the microarchitecture of `accel.arch.dataflows.weight_stationary`; how a cycle goes is told in
`kernels.systolic`.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import kernel
from kernels.step_folds import (
    FIRST_COLUMN,
    FIRST_ROW,
    GROUP,
    HEIGHT,
    LOAD,
    START,
    WIDTH,
    count_leaving,
    fold_entering,
    fold_leaving,
    weight_stationary_folds,
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
from kernels.systolic import Stepped

# Lines of registers. FIRST comes with the first input of a stream and takes the waiting weight into use. A token moves
# down every second cycle (TOKEN + (cycle & 1) are those that move now) and makes the weight that it meets wait.
X, FIRST, LOADING, TOKEN, _, WAITING, WEIGHT, PRODUCT, SUM, LINES = range(10)


@kernel
def step_weight_stationary(x, w, bias, steps, rows, columns, out, recordings):
    """Step the array that keeps its weights, k over rows and n over columns, and return `kernels.systolic.Stepped`.

    x: (G, M, K) · w: (G, N, K), both int32 or int64 · bias: (G, M or 1, N or 1) int64 at the accumulator's point · out:
    (G, M, N) int64, the partial-sum buffer, becomes what the accumulators hold · recordings: (cycles, LINES * rows *
    columns + columns) int64, becomes all lines and what left finished, cycle by cycle; (0, 0) for none.
    """
    G, M, K = x.shape
    N = w.shape[1]
    cells, ports = rows * columns, max(rows, columns)
    folds = weight_stationary_folds(G, M, K, N, rows, columns)
    lines, places = empty_lines(LINES, cells)
    skew, skew_places = empty_lines(2, ports)
    waiting, weights, products = places[WAITING], places[WEIGHT], places[PRODUCT]
    reached, exits = np.zeros(folds.shape[1], dtype=np.int64), np.zeros((2, columns), dtype=np.int64)
    rule, leaving = rule_of(steps), np.empty(columns, dtype=np.int64)
    awaited, cycle, first_output, overflows = G * M * N, 0, -1, 0
    end = folds[-1, START] + M + 2 * (rows + columns)  # a right controller never gets there
    while awaited > 0 and cycle < end:
        if cycle % (SLACK * rows) == 0:
            rewind(lines, places, cells)
            rewind(skew, skew_places, ports)
        places[X] -= 1
        places[FIRST] -= 1
        places[LOADING] -= columns
        places[SUM] -= columns
        places[TOKEN + (cycle & 1)] -= columns
        xs, firsts, loading, sums = places[X], places[FIRST], places[LOADING], places[SUM]
        tokens = places[TOKEN + (cycle & 1)]
        skew_places[0] -= 1
        skew_places[1] -= 1
        streams, loads = skew_places[0], skew_places[1]
        skew[streams] = fold_entering(folds, START, M, cycle, reached)
        skew[loads] = fold_entering(folds, LOAD, 0, cycle, reached)
        for i in range(rows):
            entering, first = EMPTY, EMPTY
            f = skew[streams + i]
            if f != EMPTY and i < folds[f, HEIGHT]:  # a fold lies on the highest rows
                m = cycle - i - folds[f, START]
                entering = np.int64(x[folds[f, GROUP], m, folds[f, FIRST_ROW] + i])
                first = 1 if m == 0 else EMPTY
            lines[xs + i * columns] = entering
            lines[firsts + i * columns] = first
        for j in range(columns):
            total, entering, token = EMPTY, EMPTY, EMPTY
            f = skew[streams + j]
            if f != EMPTY and j < folds[f, WIDTH]:
                total = 0
            f = skew[loads + j]
            if f != EMPTY and j < folds[f, WIDTH]:
                i = cycle - j - folds[f, LOAD]
                entering = np.int64(w[folds[f, GROUP], folds[f, FIRST_COLUMN] + j, folds[f, FIRST_ROW] + i])
                token = 1 if i == 0 else EMPTY
            lines[sums + j] = total
            lines[loading + j] = entering
            lines[tokens + j] = token

        choose(lines, firsts, waiting, weights, cells)
        multiply(lines, xs, weights, sums, products, cells)
        if steps.shift != 0:
            cut(lines, products, steps, cells)
        if steps.late == 1:
            overflows += accumulate_late(lines, sums, products, steps, cells)
        else:
            overflows += accumulate(lines, sums, products, rule, cells)
        choose(lines, tokens, loading, waiting, cells)

        for j in range(columns):
            leaving[j] = EMPTY
            arriving = lines[sums + cells - columns + j]
            if arriving != EMPTY:
                f = fold_leaving(folds, exits, j)
                g, m, n = folds[f, GROUP], exits[1, j], folds[f, FIRST_COLUMN] + j
                addend = bias[g, min(m, bias.shape[1] - 1), min(n, bias.shape[2] - 1)]
                total = out[g, m, n]
                if folds[f, FIRST_ROW] == 0:
                    total = addend if steps.bias_first == 1 else 0
                total, overflowed = add(total, settle(arriving, steps), steps, rule)
                overflows += overflowed
                if folds[f, FIRST_ROW] + folds[f, HEIGHT] == K:
                    if steps.bias_first == 0:
                        total, overflowed = add(total, addend, steps, rule)
                        overflows += overflowed
                    total = settle(total, steps)
                    leaving[j] = total
                    first_output = cycle if first_output < 0 else first_output
                    awaited -= 1
                out[g, m, n] = total
                count_leaving(exits, j, M)
        if len(recordings) > 0:
            record(lines, places, cells, leaving, recordings, cycle)
        cycle += 1
    return Stepped(cycle, first_output, overflows, awaited)
