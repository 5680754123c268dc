"""The two sweep scripts of benchmarks/: what they print is a SPEC, what they write is a page and its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from accel.sweep.spec import load_spec

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def script(name, *options):
    """Run a script and return what it prints."""
    line = [sys.executable, str(BENCHMARKS / name), *options]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_parallelism_is_a_spec_and_makes_a_page(tmp_path):
    """Its SPEC has every size from 1 to 4 096 elements; a quick run writes page and figures, and names the knees."""
    file = tmp_path / "parallelism.toml"
    file.write_text(script("sweep_parallelism.py", "--spec"))
    sizes = next(axis for axis in load_spec(file).axes if axis.name == "elements")
    assert [choice.label for choice in sizes.choices] == [2**n for n in range(13)]
    for choice in sizes.choices:
        settings = dict(choice.settings)
        assert settings["array.rows"] * settings["array.columns"] == choice.label
    told = script("sweep_parallelism.py", "--quick", "-j", "1", "--out", str(tmp_path))
    assert "Knee of the machine as it is (os, 77 DRAM bytes per cycle): " in told
    assert "Knees of all 12 curves: from " in told
    document = json.loads((tmp_path / "parallelism.json").read_text())
    assert document["counts"] == {"done": 48, "outside": 0, "failed": 0}
    assert "Speed-up and efficiency" in (tmp_path / "parallelism.html").read_text()


def test_precision_is_a_spec(tmp_path):
    """Its SPEC varies word lengths of 4 to 16 bits, and every format of a word length has as many bits."""
    file = tmp_path / "precision.toml"
    file.write_text(script("sweep_precision.py", "--spec"))
    axes = {axis.name: axis for axis in load_spec(file).axes}
    words, roundings, sums = (axes[name] for name in ("word_bits", "numerics.rounding", "accumulator"))
    assert [choice.label for choice in words.choices] == list(range(4, 17))
    for choice in words.choices:
        for _, text in choice.settings:
            whole, _, fraction = text.removeprefix("Q").partition(".")
            assert int(whole) + int(fraction) == choice.label
    assert (len(roundings.choices), len(sums.choices)) == (3, 5)
