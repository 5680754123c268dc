"""The Pareto front: which points no other point beats in every objective at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from accel.sweep.measures import MAX

Figures = Mapping[str, float | None]


def front(rows: Sequence[Figures | None], objectives: Mapping[str, str]) -> list[int]:
    """Return the indices of rows that no other row dominates, in their order; equal rows stand or fall together.

    rows: figures by name; None for a point that does not count (failed, outside the constraints). A row that lacks an
    objective is left out. objectives: name to "max" or "min".
    """
    costs = [_cost(row, objectives) for row in rows]
    counted = [index for index, cost in enumerate(costs) if cost is not None]
    if not counted or not objectives:
        return []
    table = np.array([costs[index] for index in counted], np.float64)
    return [counted[place] for place in np.flatnonzero(_undominated(table))]


def _cost(row: Figures | None, objectives: Mapping[str, str]) -> list[float] | None:
    """Return what is to be small of a row, None when something is missing."""
    if row is None:
        return None
    found = [(row.get(name), direction) for name, direction in objectives.items()]
    costs = [-value if direction == MAX else value for value, direction in found if value is not None]
    return costs if len(costs) == len(found) else None


def _undominated(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of (N, objectives) no row dominates.

    Ranks stand for values, which orders objectives of any scale, and equal rows are looked at once. Two objectives are
    a staircase: in the order of the first, what is on the front is below everything before it. With more, from the best
    sum of ranks down, each survivor strikes out what it dominates; nothing later can dominate it.
    """
    ranks = np.stack([np.unique(column, return_inverse=True)[1].ravel() for column in costs.T], axis=1)
    unique, inverse = np.unique(ranks, axis=0, return_inverse=True)
    if unique.shape[1] <= 2:
        last = unique[:, -1]
        before = np.minimum.accumulate(last)
        alive = np.ones(len(unique), np.bool_)
        alive[1:] = last[1:] < before[:-1]
        return alive[inverse.ravel()]
    left = np.argsort(unique.sum(axis=1), kind="stable")
    kept = []
    while left.size:
        best, rest = left[0], left[1:]
        kept.append(best)
        left = rest[(unique[rest] < unique[best]).any(axis=1)]
    alive = np.zeros(len(unique), np.bool_)
    alive[kept] = True
    return alive[inverse.ravel()]
