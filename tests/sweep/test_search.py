"""The Pareto search: seeded, resumable, the same for any number of workers, within its budget."""

from __future__ import annotations

import pytest

from accel.errors import ConfigError, ToolError
from accel.sweep.engine import Interrupts
from accel.sweep.run import Listener
from tests.sweep.examples import CYCLES, here, spec, table

pytest.importorskip("optuna", reason="optuna is in the extra `sweep`")

WIDE = {
    **CYCLES,
    "sweep": {"networks": ["softmax-regression", "mlp"], "search": "pareto", "trials": 60},
    "axes": {
        "array.rows": {"from": 1, "to": 64},
        "array.columns": {"from": 1, "to": 64},
        "array.dataflow": ["os", "ws", "is"],
    },
}


def test_finds_a_front_and_stops_at_its_budget(tmp_path):
    """At most so many points are measured, all of the grid, and later generations are better than the first."""
    outcome = here(spec(WIDE), tmp_path)
    rows = table(outcome)
    assert 40 < len(rows) <= 60
    assert all(1 <= row["array.rows"] <= 64 for row in rows)
    front = set(outcome.document["front"])
    assert front
    assert len([index for index in front if index >= 24]) >= len(front) / 3


def test_is_seeded_and_goes_on(tmp_path):
    """One seed, one table; a search that was stopped goes on to the same table, measuring only what is left."""
    for name in ("whole", "stopped", "other"):
        (tmp_path / name).mkdir()
    whole = here(spec(WIDE), tmp_path / "whole")
    interrupts = Interrupts(lambda words: None)

    def stop(rows):
        interrupts.stopping = interrupts.stopping or len(rows) > 0

    stopped = here(spec(WIDE), tmp_path / "stopped", interrupts=interrupts, listener=Listener(finish=stop))
    assert stopped.interrupted
    assert 0 < stopped.measured < whole.measured
    resumed = here(spec(WIDE), tmp_path / "stopped")
    assert resumed.document == whole.document
    assert resumed.measured == whole.measured - stopped.measured
    assert here(spec(WIDE, seed=2), tmp_path / "other").document["rows"] != whole.document["rows"]


def test_keeps_to_constraints_and_survives_failures(tmp_path):
    """Points beyond a constraint and points that fail are told to the search; the front holds neither."""
    wanted = {
        **WIDE,
        "axes": {**WIDE["axes"], "memory.input_bytes": [1, 100_000]},
        "sweep": {**WIDE["sweep"], "constraints": ["pes <= 512"]},
    }
    outcome = here(spec(wanted), tmp_path)
    rows = table(outcome)
    assert outcome.document["counts"]["failed"] > 0
    assert outcome.document["counts"]["outside"] > 0
    assert outcome.document["front"]
    assert all(rows[index]["pes"] <= 512 for index in outcome.document["front"])


def test_budgets_of_time_and_small_grids(tmp_path):
    """A budget of time ends it; so does a grid of which every point is known."""
    (tmp_path / "time").mkdir()
    (tmp_path / "small").mkdir()
    timed = here(spec({**WIDE, "sweep": {"search": "pareto", "seconds": 0.01, "networks": ["mlp"]}}), tmp_path / "time")
    assert len(timed.document["rows"]) <= 24
    small = here(spec(CYCLES, search="pareto", trials=5000), tmp_path / "small")
    assert len(small.document["rows"]) == 6
    with pytest.raises(ConfigError, match="single point"):
        here(spec({**CYCLES, "axes": {"array.rows": [4]}}, search="pareto"), tmp_path)


def test_without_optuna(tmp_path, monkeypatch):
    """One sentence says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ToolError, match=r"wants optuna: pip install 'bitcycle\[sweep\]'"):
        here(spec(WIDE), tmp_path)
