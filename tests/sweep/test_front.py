"""The Pareto front against its definition, word by word."""

from __future__ import annotations

import numpy as np
import pytest

from accel.sweep.front import front


def naive(rows, objectives):
    """Indices that no other row beats: nowhere worse and somewhere better."""

    def beats(one, other):
        signs = [1 if way == "max" else -1 for way in objectives.values()]
        gains = [sign * (one[name] - other[name]) for sign, name in zip(signs, objectives, strict=True)]
        return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)

    known = [i for i, row in enumerate(rows) if row and all(row.get(name) is not None for name in objectives)]
    return [i for i in known if not any(beats(rows[j], rows[i]) for j in known)]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
@pytest.mark.parametrize("objectives", [{"a": "max"}, {"a": "max", "b": "min"}, {"a": "min", "b": "min", "c": "max"}])
def test_is_what_nothing_beats(rng, count, objectives):
    """Small integers, so that ties and equal rows are many; some rows failed, some lack a figure."""
    rows = [{name: int(rng.integers(0, 5)) for name in "abc"} for _ in range(count)]
    for row in rows:
        if rng.random() < 0.1:
            row["a"] = None
    rows = [None if rng.random() < 0.1 else row for row in rows]
    assert front(rows, objectives) == naive(rows, objectives)


def test_equal_rows_stand_together():
    """Two equal best points are both on the front; infinities order like numbers."""
    rows = [{"a": 1.0}, {"a": 2.0}, {"a": 2.0}, {"a": float("-inf")}]
    assert front(rows, {"a": "max"}) == [1, 2]
    assert front(rows, {"a": "min"}) == [3]


def test_many_points_are_quick():
    """A hundred thousand points, one on the front per hundred or so, take no quadratic time."""
    draws = np.random.default_rng(1).random((100_000, 2))
    rows = [{"a": float(a), "b": float(b)} for a, b in draws]
    found = front(rows, {"a": "max", "b": "min"})
    assert 3 < len(found) < 60
