"""How long sweeps take: `python benchmarks/bench_sweep.py`.

Bounds: 100 000 machines for ResNet-50 through `model = "bound"` on one core, from SPEC to document, with the growth of
memory. Precision: 200 machines for LeNet-5 on 1 000 digits, every one with bits of its own, with one process and with
two; each in a fresh `accel sweep`, page included. Resume: the same command on the finished sweep.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import growth_bytes, options, publish, seconds, spread

from accel.config import dump
from accel.sweep.engine import InProcess, Interrupts
from accel.sweep.run import run_sweep
from accel.sweep.spec import spec_of

WORDS = (8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_CONV", "RND_INF")
FRACTIONS = (8, 10, 12, 14)
"""Fraction bits of the weights; 10 x 5 x 4 machines."""


def bounds(steps: int) -> dict[str, Any]:
    """Return the SPEC of `steps` x `steps` x 10 machines."""
    return {
        "sweep": {"networks": ["resnet50"], "model": "bound"},
        "objectives": {"latency_cycles": "min", "pes": "min"},
        "axes": {
            "array.rows": {"from": 4, "to": 3 + steps},
            "array.columns": {"from": 4, "to": 3 + steps},
            "memory.dram_bytes_per_cycle": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
        },
    }


def precision(is_look: bool) -> dict[str, Any]:
    """Return the SPEC of the precision sweep."""
    words, roundings, fractions = (
        (WORDS[:2], ROUNDINGS[:1], FRACTIONS[:1]) if is_look else (WORDS, ROUNDINGS, FRACTIONS)
    )
    return {
        "sweep": {"networks": ["lenet5"], "inputs": 20 if is_look else 1000},
        "objectives": {"accuracy": "max", "latency_us": "min"},
        "axes": {
            "numerics.activation": [f"Q6.{word - 6}" for word in words],
            "numerics.rounding": list(roundings),
            "numerics.weight": [f"Q2.{fraction}" for fraction in fractions],
        },
    }


def in_process(document: Mapping[str, Any]) -> None:
    """Run a sweep here, in a directory that is thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        found = run_sweep(spec_of(document), Path(scratch), InProcess, interrupts=Interrupts(print))
        counts = found.document["counts"]
        assert counts["failed"] == 0, counts


def command(file: Path, out: Path, *words: str) -> None:
    """Run `accel sweep` in a process of its own."""
    line = [sys.executable, "-m", "accel", "sweep", str(file), "-o", str(out), "-q", *words]
    subprocess.run(line, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> None:
    """Measure and write benchmarks/results/bench_sweep.json (not with --quick)."""
    is_look = options("Time sweeps.").parse_args().quick
    runs = 1 if is_look else 3
    many = bounds(10 if is_look else 100)
    figures: dict[str, Any] = {
        "resnet50, bounds of 100000 machines": {
            "seconds": spread([seconds(lambda: in_process(many)) for _ in range(runs)]),
            "runs": runs,
            "mebibytes": growth_bytes(lambda: in_process(many)) / 2**20,
        }
    }
    with tempfile.TemporaryDirectory() as scratch:
        file, out = Path(scratch) / "precision.toml", Path(scratch) / "out"
        file.write_text(dump(precision(is_look)))
        ratios: list[float] = []
        taken: dict[str, list[float]] = {"1": [], "2": []}
        for _ in range(runs):
            for jobs, found in taken.items():
                shutil.rmtree(out, ignore_errors=True)
                found.append(seconds(lambda jobs=jobs: command(file, out, "-j", jobs)))  # type: ignore[misc]
            ratios.append(taken["1"][-1] / taken["2"][-1])
        for jobs, found in taken.items():
            figures[f"lenet5, 200 precisions, -j {jobs}"] = {"seconds": spread(found), "runs": runs}
        figures["lenet5, 200 precisions, -j 1 / -j 2"] = {"ratio": spread(ratios), "runs": runs}
        again = [seconds(lambda: command(file, out, "--resume")) for _ in range(runs)]
        figures["lenet5, 200 precisions, --resume when finished"] = {"seconds": spread(again), "runs": runs}
    publish("bench_sweep", figures, is_look)


if __name__ == "__main__":
    main()
