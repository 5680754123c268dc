"""`accel sweep` as a user meets it: files, words, exit codes."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.sweep.examples import BITS, CYCLES
from tests.sweep.processes import written

FILES = ["points.csv", "sweep.html", "sweep.json", "sweep.sqlite"]


@pytest.fixture
def cycles(tmp_path):
    """A SPEC of six points without bits."""
    return written(CYCLES, tmp_path / "cycles.toml")


def test_writes_a_directory_and_prints_the_front(accel, cycles):
    """The front is printed, the directory named; its files are there and say the same."""
    outcome = accel("sweep cycles.toml -j 1")
    assert (outcome.code, outcome.errors[:-1]) == (0, [])
    assert outcome.errors[-1].startswith("sweep points=6/6 failed=0 per_second=")
    assert outcome.out.startswith("6 points, ")
    assert outcome.out.splitlines()[-1] == "runs/sweep-cycles: sweep.html, sweep.json, points.csv"
    directory = Path("runs/sweep-cycles")
    assert sorted(file.name for file in directory.iterdir()) == FILES
    document = json.loads((directory / "sweep.json").read_text())
    with (directory / "points.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == document["columns"]
    assert len(rows) == 7
    assert document["provenance"]["command"] == "accel sweep cycles.toml -j 1"


def test_goes_on_and_refuses_to_begin_twice(accel, cycles):
    """A second call wants --resume; going on with a finished sweep measures nothing and leaves the files alone."""
    assert accel("sweep cycles.toml -q -j 1").code == 0
    page = Path("runs/sweep-cycles/sweep.html")
    before = page.stat().st_mtime_ns
    again = accel("sweep cycles.toml")
    assert (again.code, len(again.errors)) == (2, 1)
    assert "holds a sweep already; go on with it (--resume)" in again.errors[0]
    assert accel("sweep cycles.toml --resume").code == 0
    assert page.stat().st_mtime_ns == before
    page.unlink()
    assert accel("sweep cycles.toml --resume -q").code == 0
    assert page.exists()
    assert accel("sweep cycles.toml --resume -o none").code == 2


def test_json_is_one_document(accel, cycles):
    """--json prints the content of sweep.json and nothing else."""
    outcome = accel("sweep cycles.toml --json -q -j 1 -o kept -s array.columns=4")
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.json == json.loads(Path("kept/sweep.json").read_text())
    assert outcome.json["accelerator_document"]["array"]["columns"] == 4


def test_failing_points_give_exit_code_1(accel, tmp_path):
    """The errors are told, the other points are there."""
    document = {**BITS, "axes": {"numerics.accumulator.width": [8, 40]}}
    written(document, tmp_path / "s.toml")
    outcome = accel("sweep s.toml -j 1 -o d -n 5")
    assert outcome.code == 1
    assert outcome.errors[-1].startswith("failed (1 point): output: a bias of magnitude")
    assert outcome.out.startswith("2 points, 1 on the front")
    assert accel("sweep s.toml -j 1 -o d -n 5 --resume").code == 1


def test_searches_and_exports(accel, cycles, monkeypatch):
    """--search changes how points are chosen; --export writes the table once more; Parquet says what it wants."""
    assert accel("sweep cycles.toml -q -j 1 --search random --samples 2 -o r --export more/table.csv").code == 0
    assert Path("more/table.csv").read_text() == Path("r/points.csv").read_text()
    assert accel("sweep cycles.toml -q -j 1 --export t.xls -o x").code == 2
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    outcome = accel("sweep cycles.toml -q -j 1 --export t.parquet -o x")
    assert (outcome.code, outcome.errors) == (
        4,
        ["error: Parquet wants pyarrow: pip install 'bitcycle[parquet]', or export to a .csv"],
    )
    assert not Path("x").exists()


def test_parquet_holds_the_table(accel, tmp_path):
    """Every column with its type: whole numbers, real numbers, texts and absent figures; mixed labels are texts."""
    written({**CYCLES, "axes": {"array.rows": [4, 8], "memory.dram_bytes_per_cycle": [4, "none"]}}, tmp_path / "s.toml")
    assert accel("sweep s.toml -q -j 1 -o d --export more/t.parquet").code == 0
    found = parquet.read_table("more/t.parquet")
    kept = json.loads(Path("d/sweep.json").read_text())
    assert found.column_names == kept["columns"]
    types = {field.name: str(field.type) for field in found.schema}
    assert (types["hash"], types["pes"], types["latency_us"]) == ("string", "int64", "double")
    assert types["memory.dram_bytes_per_cycle"] == "string"
    as_text = kept["columns"].index("memory.dram_bytes_per_cycle")
    for row, wanted in zip(found.to_pylist(), kept["rows"], strict=True):
        wanted[as_text] = str(wanted[as_text])
        assert list(row.values()) == wanted


def test_files_that_cannot_be_written(accel, cycles):
    """A page or an export that finds no room costs no point: the error says how to go on, and it does."""
    Path("d/sweep.json").mkdir(parents=True)
    outcome = accel("sweep cycles.toml -q -j 1 -o d")
    assert outcome.code == 2
    assert "sweep.json" in outcome.errors[0]
    assert outcome.errors[0].endswith("every point is kept: make room and go on with --resume")
    Path("d/sweep.json").rmdir()
    assert accel("sweep cycles.toml -q -j 1 -o d --resume").code == 0
    assert sorted(file.name for file in Path("d").iterdir()) == FILES


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[axes]\n'array.rowz' = [1]\n", 2, "unknown key 'rowz' s.toml:2 [axes]. Did you mean 'rows'?"),
        ("[axes]\n'array.rows' = []\n", 2, "the grid is empty"),
        ("[sweep\n", 2, "s.toml:1: not TOML"),
        ("", 2, "s.toml: empty"),
        ("[sweep]\nweights = 'mnist'\nnetworks = ['alexnet']\n", 3, "alexnet has no trained weights for mnist"),
        ("[sweep]\ndata = 'nowhere'\n", 3, "'nowhere' is neither a data set nor a folder"),
    ],
)
def test_mistakes(accel, tmp_path, text, code, words):
    """One clear error, the right exit code, no directory left behind that holds anything."""
    (tmp_path / "s.toml").write_text(text)
    outcome = accel("sweep s.toml")
    assert outcome.code == code
    assert words in outcome.errors[0]
    assert not list(Path("runs").glob("*/sweep.json"))


def test_a_full_disk_is_told(accel, cycles, monkeypatch):
    """What SQLite refuses is one error with what to do, exit code 2."""
    import sqlite3

    from accel.sweep.store import Store

    def full(self, rows, bits=None):
        with self._refusals():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    monkeypatch.setattr(Store, "add", full)
    outcome = accel("sweep cycles.toml -q -j 1")
    assert outcome.code == 2
    assert outcome.errors == [
        "error: runs/sweep-cycles/sweep.sqlite: the disk is full; what was finished before is kept: free space and "
        "go on with --resume"
    ]
