"""Folds of a systolic array: which tile comes when, decided by a controller that looks at its own edges only.

A table of folds has one row a fold and the columns named below; FIRST_ROW and FIRST_COLUMN are places of the product
that lie on the first used row and column of the array. The order of the folds, and which edges a fold holds for how
long, is the microarchitecture of `accel.arch.dataflows.output_stationary` and `weight_stationary`.
"""

from __future__ import annotations

import numpy as np

from kernels._jit import inline
from kernels.step_registers import EMPTY

GROUP, FIRST_ROW, FIRST_COLUMN, HEIGHT, WIDTH, LOAD, START = range(7)
"""Which product; places; rows and columns in use; cycles in which its weights and its stream begin to enter."""


@inline
def output_stationary_folds(G, M, K, N, rows, columns):
    """Return the table of folds with m over rows and n over columns: along the columns, then down, then the groups.

    A fold feeds the edges for K cycles. Its sums leave a column one a cycle, and the first of them the same time after
    its start in every fold; so the exits are free for the next fold as many cycles after the start as it has rows.
    """
    folds = np.empty((G * -(-M // rows) * -(-N // columns), 7), dtype=np.int64)
    f = edges_free = exits_free = 0
    for g in range(G):
        for m in range(0, M, rows):
            for n in range(0, N, columns):
                start = max(edges_free, exits_free)
                height = min(rows, M - m)
                _write(folds[f], g, m, n, height, min(columns, N - n), start, start)
                edges_free = start + K
                exits_free = start + height
                f += 1
    return folds


@inline
def weight_stationary_folds(G, M, K, N, rows, columns):
    """Return the table of folds with k over rows and n over columns: down K, then along the columns, then the groups.

    The second weight registers are free for the next fold when a stream begins, because its first inputs take the
    weights into use; a stream holds the left edge for M cycles and waits for its weights, one a row.
    """
    folds = np.empty((G * -(-K // rows) * -(-N // columns), 7), dtype=np.int64)
    f = edge_free = registers_free = 0
    for g in range(G):
        for n in range(0, N, columns):
            for k in range(0, K, rows):
                height = min(rows, K - k)
                load = registers_free
                start = max(edge_free, load + height)
                _write(folds[f], g, k, n, height, min(columns, N - n), load, start)
                edge_free = start + M
                registers_free = start
                f += 1
    return folds


@inline
def _write(fold, group, first_row, first_column, height, width, load, start):
    fold[GROUP] = group
    fold[FIRST_ROW] = first_row
    fold[FIRST_COLUMN] = first_column
    fold[HEIGHT] = height
    fold[WIDTH] = width
    fold[LOAD] = load
    fold[START] = start


@inline
def fold_entering(folds, begin, length, cycle, reached):
    """Return the fold that port 0 works on in this cycle, EMPTY for none. Every port follows the one before it a cycle
    later.

    begin: LOAD or START · length: for how many cycles a fold is fed, 0: one for each of its rows · reached: (7,), at
    `begin` the latest fold, kept up to date.
    """
    f = reached[begin]
    if f + 1 < len(folds) and folds[f + 1, begin] <= cycle:
        f += 1
        reached[begin] = f
    fed = length if length > 0 else folds[f, HEIGHT]
    return f if 0 <= cycle - folds[f, begin] < fed else EMPTY


@inline
def fold_leaving(folds, exits, j):
    """Return which fold the next sum of column j belongs to.

    exits: (2, columns), that fold and how many of its sums have left there, kept up to date; folds that do not use the
    column are passed over.
    """
    while j >= folds[exits[0, j], WIDTH]:
        exits[0, j] += 1
    return exits[0, j]


@inline
def count_leaving(exits, j, sums):
    """Count a sum that has left column j, of so many that a fold has there."""
    exits[1, j] += 1
    if exits[1, j] == sums:
        exits[0, j] += 1
        exits[1, j] = 0
