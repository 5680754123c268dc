"""Sentences and tables about where bits get lost."""

from __future__ import annotations

import pytest

from accel.report import lost
from tests.report.examples import explained_run


@pytest.fixture
def explain():
    """What was found out about a run."""
    return explained_run()["explain"]


def test_outcome(explain):
    """The agreement of the whole network stands against what was asked for; a verdict is repeated instead."""
    words = "Fixed point agrees with float64 on 81.0 % of 200 inputs; 99.5 % were asked for."
    assert lost.outcome(explain) == words
    assert lost.outcome({**explain, "layers": []}) == ""
    explain["verdict"] = "agreement 81 %, 99.5 % wanted: 1 format lacks bits, with it agreement 99.6 %"
    assert lost.outcome(explain) == f"Traced with 200 inputs. A{explain['verdict'][1:]}."


def test_departures(explain):
    """Changed inputs are counted by the layer in which they leave golden, the most frequent first."""
    assert lost.departures(explain) == (
        "38 inputs change their class; they leave golden: 31 at C3, 5 at F6, 1 at output, 1 at softmax."
    )
    explain["changed"] = explain["changed"][:1]
    assert lost.departures(explain) == "1 input changes its class; it leaves golden at C3."
    explain["changed"][0]["left_at"] = "input"
    assert lost.departures(explain).endswith("at encoding.")
    explain["changed"] = [{"left_at": f"L{index}"} for index in range(6)]
    assert lost.departures(explain).endswith("1 at L3, 2 elsewhere.")
    assert lost.departures({"changed": []}) == "No input changes its class."


def test_changes_are_limited(explain):
    """A page lists the first inputs and counts the others."""
    shown, more = lost.changes(explain)
    assert len(shown) == 20
    assert len(shown) + more == len(explain["changed"])
    assert lost.changes(None) == ([], 0)


def test_kinds(explain):
    """One row per layer that has tensor kinds, one cell per kind; what is too narrow or diagnosed is marked."""
    names, rows = lost.tensor_kinds(explain)
    assert names == ["input", "weight", "bias", "accumulator", "output"]
    assert [name for name, _ in rows] == ["C1", "C3", "C5", "F6", "output"]
    marked = [
        (layer, kind, cell.too_narrow, cell.diagnosed)
        for layer, cells in rows
        for kind, cell in zip(names, cells, strict=True)
        if cell.too_narrow or cell.diagnosed
    ]
    assert marked == [("C3", "weight", False, True), ("F6", "output", True, False)]
    del explain["layers"][0]["kinds"]["bias"]
    assert lost.tensor_kinds(explain).rows[0][1][-1] is None  # now the last kind that any layer has
    explain["input"] = explain["layers"][0]["kinds"]["input"]
    assert lost.tensor_kinds(explain).rows[0][0] == "input"
    assert lost.tensor_kinds(None) == ([], [])


def test_diagnoses(explain):
    """Sentences are repeated as they came, with a proper arrow."""
    assert lost.diagnoses(explain) == ["C3 weight Q2.2 lacks 4 fraction bits: agreement 81 % → 99.6 %."]
    assert lost.diagnoses(None) == []
