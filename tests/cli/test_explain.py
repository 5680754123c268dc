"""`accel explain`, end to end on small work."""

import json
from pathlib import Path

import pytest

WORK = "softmax-regression -n 150 -j 1"
COARSE = "-s numerics.layers.output.weight=Q2.0"


def test_what_lacks_bits_is_said(accel):
    """The waterfall has every layer, changed inputs are told, and the last line names format, bits and agreement."""
    outcome = accel(f"explain {WORK} {COARSE}")
    assert (outcome.code, outcome.errors) == (0, [])
    for word in ("input", "flatten", "softmax", "inherited", "accumulator", "leaves at output", "accuracy"):
        assert word in outcome.out
    last = outcome.out.splitlines()[-1]
    assert last.startswith("lacks bits output weight Q2.0 lacks ")
    assert " fraction bits: agreement " in last
    assert not Path("runs").exists()
    fine = accel(f"explain {WORK}")
    assert fine.out.splitlines()[-1].endswith("99.5 % wanted: no format lacks bits")
    assert accel(f"explain {WORK} {COARSE} -q").out == ""


def test_tables_fit_eighty_columns(accel, monkeypatch):
    """No line of the tables is cut at 80 columns, with the longest names that are shown."""
    monkeypatch.setattr("accel.cli.terminal.UNLIMITED_COLUMNS", 80)
    monkeypatch.setenv("COLUMNS", "80")
    out = accel(f"explain {WORK} {COARSE}").out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "…" not in out


def test_ranges_that_are_too_narrow_are_said(accel):
    """A format that lacks integer bits is told with what golden values need."""
    out = accel(f"explain {WORK} -s numerics.layers.output.activation=Q2.14").out
    assert "range output output Q2.14 has 2 integer bits, golden values need 5" in out
    assert "lacks bits output output Q2.14 lacks " in out


def test_the_document_is_part_of_run_json(accel):
    """--json prints names and the record; with -o it is all of run.json, and the directory can be reported again."""
    alone = accel(f"explain {WORK} {COARSE} --json").json
    assert list(alone) == ["network", "accelerator", "dataset", "explain"]
    assert alone["explain"]["diagnosis"][0]["layer"] == "output"
    both = accel(f"explain {WORK} {COARSE} --json -o kept")
    assert both.json["explain"] == alone["explain"]
    assert both.json == json.loads(Path("kept/run.json").read_text(encoding="utf-8"))
    assert sorted(file.name for file in Path("kept").iterdir()) == ["layers.csv", "report.html", "run.json"]
    bits = alone["explain"]["diagnosis"][0]["lacks_fraction_bits"]
    assert f"lacks {bits} fraction bits" in Path("kept/report.html").read_text(encoding="utf-8")
    assert accel("report kept").code == 0
    assert accel(f"explain {WORK} -o kept").out.splitlines()[-1] == "kept: report.html, run.json, layers.csv"


def test_goals_are_options(accel):
    """A lower agreement leaves a coarse machine undiagnosed; a ratio at the output asks for more than classes."""
    assert accel(f"explain {WORK} {COARSE} --min-agreement 0.1 --json").json["explain"]["diagnosis"] == []
    strict = accel(f"explain {WORK} -s numerics.layers.output.weight=Q2.6 --min-sqnr 50 --json").json["explain"]
    assert strict["threshold_sqnr_db"] == 50
    assert strict["diagnosis"][0]["kind"] == "weight"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("explain lenet6", 3, "there is no network called 'lenet6'. Did you mean 'lenet5'?"),
        ("explain --min-agreement 2", 2, "2.0 is not in the range"),
        ("explain --weights seeded -s numerics.layers.C8.weight=Q2.2", 2, "lenet5 has no layer 'C8'"),
        ("explain --weights seeded -s numerics.accumulator.width=12", 2, "cannot hold a single product"),
        ("explain --weights seeded -o mine", 2, "mine is a file"),
    ],
)
def test_what_cannot_be_explained(accel, arguments, code, expected):
    """Each unusable request has its exit code and names what is wrong."""
    Path("mine").write_text("kept", encoding="utf-8")
    outcome = accel(f"{arguments} -n 2")
    assert (outcome.code, outcome.out) == (code, "")
    assert expected in " ".join(outcome.errors)
    assert [path.name for path in Path().iterdir()] == ["mine"]
