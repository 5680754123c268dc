"""Does the comparison of result files find what became worse, and refuse what cannot be compared?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def compare(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "compare", raising=False)
    import compare

    return compare


@pytest.fixture
def result(tmp_path):
    """Write a result file whose figures have these (least, median, largest) ratios."""

    def write(name: str, figures: dict[str, tuple[float, float, float]], **changes: object) -> str:
        spreads = {key: dict(zip(("min", "median", "max"), values, strict=True)) for key, values in figures.items()}
        document = {
            "benchmark": "bench_x",
            "commit": name,
            "machine": {"processor": "P", "cores": 2, "threads": {}},
            "figures": {key: {"ratio": spread, "seconds": spread, "peer": "p"} for key, spread in spreads.items()},
        } | changes
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    return write


def test_what_became_worse(compare, result, capsys):
    """A median beyond the threshold counts only when the spread does not explain it."""
    old = result("old", {"steady": (1, 1, 1.2), "worse": (1, 1, 1.1), "noisy": (1, 1, 1.1), "gone": (1, 1, 1)})
    new = result("new", {"steady": (1, 1.05, 1.2), "worse": (1.2, 1.3, 1.4), "noisy": (0.9, 1.3, 1.9)})
    assert compare.main([old, new]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("worse")] == ["worse"]
    assert "+30.0%" in next(line for line in lines if line.startswith("worse"))
    assert lines[-1] == "no longer measured: gone"


def test_the_threshold_and_better_figures(compare, result):
    """Nothing is worse below the threshold, nor when it is faster."""
    old, slower = result("old", {"a": (1, 1, 1)}), result("slower", {"a": (1.3, 1.3, 1.3)})
    assert compare.main([old, slower, "--threshold", "0.5"]) == 0
    assert compare.main([slower, old]) == 0


def test_two_machines(compare, result, capsys):
    """They are refused with what differs, unless forced."""
    other = {"machine": {"processor": "Q", "cores": 2, "threads": {}}}
    old, new = result("old", {"a": (1, 1, 1)}), result("new", {"a": (1, 1, 1)}, **other)
    assert compare.main([old, new]) == 2
    assert "measured on two machines (processor: P and Q)" in capsys.readouterr().err
    assert compare.main([old, new, "--force"]) == 0


def test_files_that_say_nothing(compare, result, tmp_path, capsys):
    """A missing file, something else, another benchmark, no figure in common: one error each."""
    good = result("good", {"a": (1, 1, 1)})
    (tmp_path / "text.json").write_text("{", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    cases = {
        str(tmp_path / "none.json"): "cannot be read",
        str(tmp_path / "text.json"): "not JSON",
        str(tmp_path / "list.json"): "not a result file",
        result("other", {"a": (1, 1, 1)}, benchmark="bench_y"): "results of bench_x and of bench_y",
        result("apart", {"b": (1, 1, 1)}): "no figure in common",
    }
    for path, expected in cases.items():
        assert compare.main([good, path]) == 2
        assert expected in capsys.readouterr().err
