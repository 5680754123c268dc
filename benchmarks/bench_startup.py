"""Start-up: `python benchmarks/bench_startup.py [--quick]`.

Whole processes, as a user starts them: imports, `accel --help`, `accel run` cold (nothing compiled) and warm,
`accel doctor --warm` from an empty cache. Then where the time of a warm run goes: one process runs its steps one after
another on one thread and tells each. The real run computes on all processors and draws in a second process while it
computes, so its whole is less than this sum.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import alone, options, publish, seconds, spread

ACCEL = str(Path(sys.executable).with_name("accel"))
IMPORTS = ("accel", "accel.estimator", "accel.config", "accel.runner", "kernels.quantize")
"""Modules whose import a user waits for; the time includes starting Python."""

STEPS = """
import json, sys, time
taken, last = {}, time.perf_counter()
def lap(name):
    global last
    now = time.perf_counter()
    taken[name], last = taken.get(name, 0) + now - last, time.perf_counter()
from accel.cli import _settle
_settle()
import numpy
lap("import NumPy")
from accel.config import load_accelerator
from accel.workload import load_workload
lap("import configuration")
machine = load_accelerator("gupta2015")
work = load_workload("lenet5", "digits", COUNT, None, 1)
lap("load machine, weights, digits")
import accel.runner, accel.ops.fixed
lap("import runner and Numba")
from accel.runner.execute import run_fixed
from accel.runner.inputs import batch_size, batch_starts
from accel.runner.program import lower
from accel.runner.statistics import Deviation
from accel.numeric.ledger import Ledger
from accel.ops.golden import GoldenArithmetic
from accel.walk import forward
program = lower(work.model, machine)
run_fixed(program, work.inputs[:1], Ledger())
lap("load kernels")
starts = batch_starts(len(work.inputs), batch_size(work.model))
for start in starts:
    batch = work.inputs[start : start + starts.step]
    fixed = run_fixed(program, batch, Ledger(), start)
    lap("fixed forward")
    golden = forward(work.model.network, work.model.parameters, GoldenArithmetic(), batch)
    lap("golden forward")
    for name in golden:
        if name != "input":
            Deviation.of(golden[name], fixed[name])
    lap("comparison")
document = accel.runner.run(work.model, machine, work.inputs[:2], work.labels[:2]).to_dict()
last = time.perf_counter()
from accel.report.background import load_drawing
load_drawing()
lap("load drawing")
from accel.report import render
from accel.report.export import plain
render(plain(document))
lap("draw and render the report")
print(json.dumps(taken))
"""


def process(words: Sequence[str], runs: int, folder: str) -> dict[str, Any]:
    """Time a whole process in `folder`, output thrown away."""

    def once() -> None:
        subprocess.run(words, check=True, capture_output=True, cwd=folder, env=users_environment())

    return alone(once, runs)


def cold(words: Sequence[str], folder: str) -> dict[str, Any]:
    """Time one process with an empty kernel cache."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        environment = {**users_environment(), "XDG_CACHE_HOME": cache}
        taken = seconds(lambda: subprocess.run(words, check=True, capture_output=True, cwd=folder, env=environment))
    return {"seconds": spread([taken]), "runs": 1}


def users_environment() -> dict[str, str]:
    """Return the environment without what a build machine sets."""
    unusual = ("OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "NUMBA_CACHE_DIR")
    return {name: value for name, value in os.environ.items() if name not in unusual}


def steps(count: int, runs: int, folder: str) -> dict[str, dict[str, Any]]:
    """Return the steps of a warm run, each with its spread over processes."""
    code = STEPS.replace("COUNT", str(count))
    taken: dict[str, list[float]] = {}
    for _ in range(runs):
        told = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, cwd=folder, env=users_environment()
        )
        for name, spent in json.loads(told.stdout).items():
            taken.setdefault(name, []).append(spent)
    return {f"step: {name}": {"seconds": spread(each), "runs": runs} for name, each in taken.items()}


def main() -> None:
    """Measure and write benchmarks/results/bench_startup.json (not with --quick)."""
    is_look = options("Time the start of everything.").parse_args().quick
    runs, limit = (1, ["-n", "20"]) if is_look else (7, [])
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for module in IMPORTS[:1] if is_look else IMPORTS:
            figures[f"import {module}"] = process([sys.executable, "-c", f"import {module}"], runs, folder)
        figures["accel --help"] = process([ACCEL, "--help"], runs, folder)
        figures["accel run, warm"] = process([ACCEL, "run", *limit], runs, folder)
        figures |= steps(20 if is_look else 1000, runs, folder)
        if not is_look:
            figures["accel run, cold"] = cold([ACCEL, "run"], folder)
            figures["accel doctor --warm, cold"] = cold([ACCEL, "doctor", "--warm"], folder)
    publish("bench_startup", figures, is_look)


if __name__ == "__main__":
    main()
