"""Every benchmark runs: a quick look at each, which writes no result file, in a process as the command starts it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
NEEDED = {
    "bench_gemm": ("apytypes", "fxpmath", "threadpoolctl"),
    "bench_network": ("onnx", "onnxruntime"),
    "bench_casts": ("apytypes", "fxpmath"),
}
SLOW = ("bench_startup", "bench_run", "bench_fidelity", "bench_stepwise", "bench_stepper", "bench_estimate")
"""Quick looks that take ten seconds and more, or whose parts other tests run."""


@pytest.mark.parametrize("name", [*NEEDED, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_quick_look(name):
    """The script ends well, prints figures, and leaves the committed results alone."""
    missing = [package for package in NEEDED.get(name, ()) if importlib.util.find_spec(package) is None]
    if missing:
        pytest.skip(f"needs the bench extra: {', '.join(missing)}")
    results = {path: path.stat().st_mtime_ns for path in (BENCHMARKS / "results").iterdir()}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), "--quick"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "seconds" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (BENCHMARKS / "results").iterdir()} == results


def test_every_script_is_in_the_readme():
    """README.md has a row for every command of the folder."""
    words = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    commands = [path.name for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
    assert [name for name in commands if f"`{name}`" not in words] == []
