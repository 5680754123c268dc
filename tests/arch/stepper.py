"""Systolic arrays stepped register by register: what the closed forms of `accel.arch.dataflows` must equal.

Each array is fed at its edges only and looked at where sums leave; a value moves one register a cycle. A controller
starts every fold as early as the wires allow: it tries start after start until no port or register is needed twice.
The time of one run is counted from the first operand that enters to the last sum that leaves, inclusive.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


class Conflict(Exception):
    """Two values need one wire or register in the same cycle."""


class Tile(NamedTuple):
    """One fold. OS: a: (r, K) inputs, b: (K, c) weights. WS: a: (r, c) weights, b: (M, r) inputs."""

    a: Codes
    b: Codes


class Trace(NamedTuple):
    """leaving[f]: (cycle, column, value) of the sums of fold f as they leave; cycles: first in to last out."""

    leaving: list[list[tuple[int, int, int]]]
    cycles: int


class Edge:
    """What enters at the ports of one edge: (cycle, port) -> value. A port takes one value a cycle."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, int], tuple] = {}

    def feed(self, cycle: int, port: int, value: tuple) -> None:
        if (cycle, port) in self.values:
            raise Conflict(f"port {port} is fed twice in cycle {cycle}")
        self.values[cycle, port] = value

    def at(self, cycle: int, port: int) -> tuple | None:
        return self.values.get((cycle, port))

    @property
    def first(self) -> int:
        return min(cycle for cycle, _ in self.values)

    @property
    def last(self) -> int:
        return max(cycle for cycle, _ in self.values)


def grid(rows: int, columns: int) -> list[list]:
    return [[None] * columns for _ in range(rows)]


def step_output_stationary(tiles: list[Tile], starts: list[int], rows: int, columns: int) -> Trace:
    """Step the array that keeps its outputs; a tile lies on the lowest rows and the leftmost columns."""
    left, top = Edge(), Edge()
    for fold, (start, (a, b)) in enumerate(zip(starts, tiles, strict=True)):
        (r, K), c = a.shape, b.shape[1]
        for k in range(K):
            for i in range(r):
                row = rows - r + i
                left.feed(start + row + k, row, (fold, k == 0, k == K - 1, int(a[i, k])))
            for j in range(c):
                top.feed(start + j + k, j, (fold, k == 0, k == K - 1, int(b[k, j])))
    x, w = grid(rows, columns), grid(rows, columns)
    sums = grid(rows, columns)
    upper, lower = grid(rows, columns), grid(rows, columns)  # the two drain registers of every PE
    leaving: list[list[tuple[int, int, int]]] = [[] for _ in tiles]
    begin = min(left.first, top.first)
    for cycle in range(begin, max(left.last, top.last) + 3 * (rows + columns)):
        # Wires first: every PE sees the registers of its neighbours as they stood at the end of the last cycle.
        x_in = [[x[i][j - 1] if j else left.at(cycle, i) for j in range(columns)] for i in range(rows)]
        w_in = [[w[i - 1][j] if i else top.at(cycle, j) for j in range(columns)] for i in range(rows)]
        drained = grid(rows, columns)
        for i in range(rows):
            for j in range(columns):
                drained[i][j] = lower[i][j]
                a, b = x_in[i][j], w_in[i][j]
                if a is None or b is None:
                    continue
                assert a[:3] == b[:3], "operands of different products met"
                fold, is_first, is_last, value = a
                sums[i][j] = (0 if is_first else sums[i][j]) + value * b[3]
                if is_last:
                    if drained[i][j] is not None:
                        raise Conflict(f"PE {i}, {j} finishes while another sum passes")
                    drained[i][j] = (fold, sums[i][j])
        for j, out in enumerate(drained[rows - 1]):
            if out is not None:
                leaving[out[0]].append((cycle, j, out[1]))
        # Clock edge: all registers take their wires at once.
        x, w = x_in, w_in
        lower = upper
        upper = [[drained[i - 1][j] if i else None for j in range(columns)] for i in range(rows)]
    return Trace(leaving, max(cycle for fold in leaving for cycle, _, _ in fold) - begin + 1)


def step_weight_stationary(tiles: list[Tile], loads: list[int], starts: list[int], rows: int, columns: int) -> Trace:
    """Step the array that keeps weights; a tile lies on the top rows and the leftmost columns."""
    left, top, tokens = Edge(), Edge(), Edge()
    for fold, (load, start, (a, b)) in enumerate(zip(loads, starts, tiles, strict=True)):
        (r, c), M = a.shape, len(b)
        for j in range(c):
            tokens.feed(load + j, j, (fold,))
            for i in range(r):
                top.feed(load + i + j, j, (fold, i, int(a[i, j])))
        for i in range(r):
            for m in range(M):
                left.feed(start + i + m, i, (fold, m, int(b[m, i])))
    x, moving, early, late = (grid(rows, columns) for _ in range(4))
    waiting, active = grid(rows, columns), grid(rows, columns)  # the next weight, and the one in use
    sums = grid(rows, columns)
    leaving: list[list[tuple[int, int, int]]] = [[] for _ in tiles]
    begin = min(left.first, top.first)
    for cycle in range(begin, max(left.last, top.last) + 3 * (rows + columns)):
        x_in = [[x[i][j - 1] if j else left.at(cycle, i) for j in range(columns)] for i in range(rows)]
        moving_in = [[moving[i - 1][j] if i else top.at(cycle, j) for j in range(columns)] for i in range(rows)]
        token_in = [[late[i - 1][j] if i else tokens.at(cycle, j) for j in range(columns)] for i in range(rows)]
        sums_out = grid(rows, columns)
        for i in range(rows):
            for j in range(columns):
                above = sums[i - 1][j] if i else None
                sums_out[i][j] = above
                if x_in[i][j] is None:
                    continue
                fold, m, value = x_in[i][j]
                if m == 0:
                    active[i][j] = waiting[i][j]
                if j >= tiles[fold].a.shape[1]:
                    continue  # an idle column multiplies whatever it holds; nobody looks at it
                if active[i][j] is None or active[i][j][:2] != (fold, i):
                    raise Conflict(f"PE {i}, {j} holds the weight of another fold")
                assert above is None or above[:2] == (fold, m), "sums of different positions met"
                sums_out[i][j] = (fold, m, (above[2] if above else 0) + value * active[i][j][2])
        for j, out in enumerate(sums_out[rows - 1]):
            if out is not None:
                leaving[out[0]].append((cycle, j, out[2]))
        for i in range(rows):
            for j in range(columns):
                if token_in[i][j] is not None:
                    waiting[i][j] = moving_in[i][j]
        x, moving, sums = x_in, moving_in, sums_out
        early, late = token_in, early
    return Trace(leaving, max(cycle for fold in leaving for cycle, _, _ in fold) - begin + 1)


NEIGHBOURS = 3
"""A fold's start is searched beside the two folds before it; the whole run, stepped once more, has the last word."""


def earliest_output_stationary(tiles: list[Tile], rows: int, columns: int) -> Trace:
    """Start every fold in the first cycle that causes no conflict with the folds before it."""
    starts: list[int] = []
    for number in range(1, len(tiles) + 1):
        near = slice(max(0, number - NEIGHBOURS), number)
        for start in count(starts[-1] + 1 if starts else 0):
            try:
                step_output_stationary(tiles[near], [*starts, start][near], rows, columns)
                break
            except Conflict:
                continue
        starts.append(start)
    return step_output_stationary(tiles, starts, rows, columns)


def earliest_weight_stationary(tiles: list[Tile], rows: int, columns: int) -> Trace:
    """Start every stream in the first cycle that causes no conflict, whenever its weights are loaded.

    A load is tried at every cycle since the load before it began; the first one begins in cycle 0.
    """
    loads: list[int] = []
    starts: list[int] = []
    for number in range(1, len(tiles) + 1):
        near = slice(max(0, number - NEIGHBOURS), number)
        tried = (
            (load, start)
            for start in count(starts[-1] + 1 if starts else 1)
            for load in (range(loads[-1] + 1, start) if loads else [0])
        )
        for load, start in tried:
            try:
                step_weight_stationary(tiles[near], [*loads, load][near], [*starts, start][near], rows, columns)
                break
            except Conflict:
                continue
        loads.append(load)
        starts.append(start)
    return step_weight_stationary(tiles, loads, starts, rows, columns)
