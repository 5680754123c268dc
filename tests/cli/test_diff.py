"""`accel diff` and `accel report A B`: two machines, two runs, one comparison."""

import json
from pathlib import Path

SMALL = "softmax-regression --weights seeded -n 5"


def test_diff_holds_two_machines_against_each_other(accel):
    """What the files say differently, totals and layers of both, in words, as a page and as one document."""
    outcome = accel(f"diff gupta2015 tpuv1 {SMALL} -j 1 -o pages/diff.html")
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.out.startswith("tpuv1 against gupta2015: ")
    for words in ("array.rows", "numerics.weight", "Latency", "output", "softmax", "Q6.10", "Q5.3"):
        assert words in outcome.out
    assert Path("pages/diff.html").read_text().count("<svg") == 1
    document = accel(f"diff gupta2015 tpuv1 {SMALL} -j 1 --json").json
    assert document["schema"] == "bitcycle-comparison-1"
    run = accel(f"run {SMALL} -a tpuv1 --json").json
    assert [layer["second"]["cycles"] for layer in document["layers"]] == [
        layer["cycles"]["total"] for layer in run["layers"]
    ]
    assert {total["name"]: total["second"] for total in document["totals"]}["latency_cycles"] == run["latency_cycles"]


def test_report_compares_two_runs(accel):
    """The page goes beside the second run unless -o says otherwise; each run is left as it was."""
    assert accel(f"run {SMALL} -q -o a").code == accel(f"run {SMALL} -q -o b -s array.rows=4").code == 0
    before = Path("b/run.json").read_bytes()
    outcome = accel("report a b")
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.out.splitlines()[-1] == "b/comparison.html"
    assert "1 key of the accelerator file differs." in outcome.out
    assert Path("b/run.json").read_bytes() == before
    changed = accel("report a/run.json b --json -o c.html").json["changes"]
    assert changed == [{"key": "array.rows", "first": 28, "second": 4}]
    assert Path("c.html").exists()
    assert accel("report a").code == 0
    missing = accel("report a none")
    assert (missing.code, "no such file" in missing.errors[0]) == (3, True)


def test_report_makes_the_page_of_a_sweep_again(accel, tmp_path):
    """From sweep.json alone, the same bytes."""
    (tmp_path / "s.toml").write_text(
        '[sweep]\nnetworks = ["mlp"]\n[objectives]\npes = "min"\nlatency_us = "min"\n[axes]\n"array.rows" = [4, 8]\n'
    )
    assert accel("sweep s.toml -q -j 1 -o d").code == 0
    files = {name: Path("d", name).read_bytes() for name in ("sweep.html", "sweep.json", "points.csv")}
    Path("d/sweep.html").unlink()
    outcome = accel("report d")
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "d: sweep.html, sweep.json, points.csv"
    assert {name: Path("d", name).read_bytes() for name in files} == files
    Path("d/sweep.json").write_text(json.dumps({"schema": "other"}))
    assert accel("report d").code == 3
