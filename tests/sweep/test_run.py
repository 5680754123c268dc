"""Sweeps from SPEC to document: figures are those of single runs and estimates, failures are rows, a store goes on."""

from __future__ import annotations

import math

import pytest

from accel import estimate, load_accelerator, run
from accel.errors import ConfigError
from accel.sweep.engine import InProcess, Interrupts, Local
from accel.sweep.points import Contexts, planned, size
from accel.sweep.run import check_directory
from accel.workload import load_workload
from tests.sweep.examples import BITS, CYCLES, here, spec, table


def test_cycles_are_those_of_estimates(tmp_path):
    """Every row says what `accel.estimate` says of that machine, in the order of the grid."""
    rows = table(here(spec(CYCLES), tmp_path))
    assert [(row["array.rows"], row["array.dataflow"]) for row in rows] == [
        (size, flow) for size in (4, 8, 16) for flow in ("os", "ws")
    ]
    for row in rows:
        machine = load_accelerator(
            "gupta2015", [f"array.rows={row['array.rows']}", f"array.dataflow={row['array.dataflow']}"]
        )
        report = estimate("softmax-regression", machine)
        assert (row["latency_cycles"], row["interval_cycles"]) == (report.latency_cycles, report.interval_cycles)
        assert row["pes"] == report.pes == row["array.rows"] * 28
        assert math.isclose(
            row["utilization"], sum(layer.macs for layer in report.layers) / report.pes / report.latency_cycles
        )
        assert row["status"] == "done"
        assert "accuracy" not in row


def test_bits_are_those_of_runs(tmp_path):
    """Accuracy, agreement and SQNR are what `accel.run` finds for that machine; arrays that add alike share them."""
    outcome = here(spec(BITS), tmp_path)
    rows = table(outcome)
    work = load_workload("softmax-regression", "digits", 20, None, 1)
    for row in rows[:2]:
        formats = {8: ("Q4.4", "Q2.6"), 12: ("Q4.8", "Q2.10")}[row["word"]]
        machine = load_accelerator(
            "gupta2015", [f"numerics.activation={formats[0]}", f"numerics.weight={formats[1]}", "array.rows=4"]
        )
        result = run(work.model, machine, work.inputs, work.labels)
        assert (row["accuracy"], row["agreement"]) == (result.accuracy["fixed"], result.agreement)
        assert math.isclose(row["sqnr_db"], result.layers[-1].deviation.sqnr_db)
        assert row["needed_bits"] == max(layer.sums.needed_bits for layer in result.layers if layer.sums)
    assert [rows[0][name] for name in ("accuracy", "sqnr_db")] == [rows[2][name] for name in ("accuracy", "sqnr_db")]


def test_bits_are_computed_once_for_each_kind(tmp_path, monkeypatch):
    """Four points, two kinds of bits: two computations; going on with other sizes computes none."""
    from accel.sweep import measure

    calls = []
    compute = measure.bit_figures
    monkeypatch.setattr(measure, "bit_figures", lambda *args: calls.append(1) or compute(*args))
    here(spec(BITS), tmp_path)
    assert len(calls) == 2
    more = spec({**BITS, "axes": {**BITS["axes"], "array.rows": [8, 2, 64]}})
    outcome = here(more, tmp_path)
    assert (len(calls), outcome.measured) == (2, 4)
    assert outcome.document["rows"] == here(more, tmp_path).document["rows"]


def test_processes_find_the_same(tmp_path):
    """Two worker processes give the table of one."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    alone = here(spec(BITS), one)
    together = here(spec(BITS), two, engine=lambda: Local(2))
    assert alone.document == together.document


def test_a_failing_point_is_a_row(tmp_path):
    """What a machine cannot do is told in its row; the others are measured, and the front is among them."""
    wanted = spec({**BITS, "axes": {"numerics.rounding": ["RND", "STOCHASTIC"], "numerics.accumulator.width": [8, 40]}})
    outcome = here(wanted, tmp_path)
    assert outcome.document["counts"] == {"done": 1, "outside": 0, "failed": 3}
    for row in table(outcome):
        is_sound = row["numerics.rounding"] == "RND" and row["numerics.accumulator.width"] == 40
        assert (row["status"] == "done") == is_sound
        assert bool(row["error"]) != is_sound
    assert "STOCHASTIC rounding draws random bits" in table(outcome)[2]["error"]
    assert "widen numerics.accumulator" in table(outcome)[0]["error"]
    assert outcome.document["front"] == [1]
    assert here(wanted, tmp_path).measured == 0


def test_our_own_faults_are_rows_too(tmp_path, monkeypatch):
    """An internal error of one point does not stop the sweep, and says that it is one."""
    from accel.sweep import measure

    def broken(*args):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(measure, "cycle_figures", broken)
    rows = table(here(spec(CYCLES), tmp_path))
    assert {row["error"] for row in rows} == {"internal error (ZeroDivisionError: oh)"}


def test_constraints(tmp_path, monkeypatch):
    """Points beyond a constraint stand outside the front; those beyond one of cycles are not computed bit by bit."""
    from accel.sweep import measure

    calls = []
    compute = measure.bit_figures
    monkeypatch.setattr(measure, "bit_figures", lambda *args: calls.append(1) or compute(*args))
    outcome = here(spec(BITS, constraints=["pes <= 100"]), tmp_path)
    assert outcome.document["counts"] == {"done": 0, "outside": 4, "failed": 0}
    assert (calls, outcome.document["front"]) == ([], [])
    eased = here(spec(BITS, constraints=["pes <= 200", "agreement >= 2"]), tmp_path)
    assert eased.document["counts"]["outside"] == 4
    assert len(calls) == 2
    assert {row["accuracy"] is None for row in table(eased)} == {True, False}
    assert here(spec(BITS, constraints=["pes <= 200"]), tmp_path).document["counts"]["done"] == 2


def test_random_and_list(tmp_path):
    """A random search takes that many points of the grid, the same for one seed; a list takes what it names."""
    wanted = spec(CYCLES, search="random", samples=4)
    contexts = Contexts(wanted, {})
    points = planned(wanted, contexts)
    assert len(points) == len({point.hash for point in points}) == 4
    assert points == planned(wanted, contexts)
    others = [spec(CYCLES, search="random", samples=4, seed=seed) for seed in range(2, 8)]
    assert any(points != planned(other, contexts) for other in others)
    grid = planned(spec(CYCLES), Contexts(spec(CYCLES), {}))
    assert {point.hash for point in points} < {point.hash for point in grid}
    assert len(planned(spec(CYCLES, search="random", samples=99), contexts)) == 6
    listed = spec(
        {
            "sweep": {"search": "list", "networks": ["mlp", "softmax-regression"]},
            "objectives": {"pes": "min"},
            "points": [{"array.rows": 3}, {"network": "lenet5", "array.columns": 5}],
        }
    )
    rows = table(here(listed, tmp_path))
    assert [(row["network"], row["pes"]) for row in rows] == [
        ("mlp", 84),
        ("softmax-regression", 84),
        ("lenet5", 140),
    ]
    assert [row.get("array.columns") for row in rows] == [None, None, 5]


def test_hashes_tell_what_decides():
    """Other values, networks, base machines, batches or weights are other points; prose and order of keys are not."""

    def hashes(document, digests=None):
        wanted = spec(document)
        return [point.hash for point in planned(wanted, Contexts(wanted, digests or {}))]

    first = hashes(CYCLES)
    assert len(set(first)) == 6
    assert set(first) == set(hashes({**CYCLES, "axes": dict(reversed(CYCLES["axes"].items()))}))
    assert first == hashes({**CYCLES, "set": {"description": "other words"}})
    others = (
        {**CYCLES, "set": {"clock_hz": 5.0}},
        {**CYCLES, "sweep": {"networks": ["mlp"]}},
        {**CYCLES, "sweep": {"networks": ["softmax-regression"], "batch": 2}},
    )
    for other in others:
        assert not set(first) & set(hashes(other))
    assert not set(first) & set(hashes(CYCLES, {"softmax-regression": {"weights": "other"}}))


def test_a_grid_can_be_too_large():
    """Ten million points are refused with what to do instead, before any is made."""
    numbers = {"from": 1, "to": 3200}
    wanted = spec({**CYCLES, "axes": {"array.rows": numbers, "array.columns": numbers}})
    assert size(wanted) == 3200 * 3200
    with pytest.raises(ConfigError, match=r'10,240,000 points.*search = "random"'):
        planned(wanted, Contexts(wanted, {}))


def test_directories(tmp_path):
    """A sweep is not begun over another one, nor gone on with where there is none."""
    with pytest.raises(ConfigError, match="no sweep to go on with"):
        check_directory(tmp_path / "none", resume=True)
    check_directory(tmp_path / "new", resume=False)
    here(spec(CYCLES), tmp_path / "new")
    with pytest.raises(ConfigError, match=r"holds a sweep already.*--resume"):
        check_directory(tmp_path / "new", resume=False)
    check_directory(tmp_path / "new", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        check_directory(tmp_path / "file" / "in", resume=False)


def test_stopping_after_a_point(tmp_path):
    """A stop between jobs keeps what is finished; going on gives the table of an uninterrupted sweep."""
    interrupts = Interrupts(lambda words: None)

    class Stops(InProcess):
        def submit(self, job):
            interrupts.stopping = True
            return super().submit(job)

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stopped = here(spec(BITS), tmp_path / "a", engine=Stops, interrupts=interrupts)
    assert (stopped.interrupted, stopped.measured) == (True, 2)
    resumed = here(spec(BITS), tmp_path / "a")
    assert (resumed.interrupted, resumed.measured) == (False, 2)
    assert resumed.document == here(spec(BITS), tmp_path / "b").document
