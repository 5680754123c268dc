"""The main job against its targets: `python benchmarks/bench_run.py [--quick]`.

Figures: bit-accurate LeNet-5 on 1 000 digits against the float64 golden run; MLP on 10 000 MNIST images (needs
ACCEL_DATA); whole processes: `accel --help`, `accel run` first (empty kernel cache) and warm; peak memory of the warm
run. Everything in this process runs on one thread; whole processes run as users run them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: one thread on both sides of every ratio

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from harness import alone, options, paired, publish, seconds, spread

import accel
from accel.data.dataset import load
from accel.data.fit import fit
from accel.errors import DataError
from accel.numeric.ledger import Ledger
from accel.ops.golden import GoldenArithmetic
from accel.runner.execute import run_fixed
from accel.runner.inputs import batch_size
from accel.runner.program import lower
from accel.walk import forward

ACCEL = str(Path(sys.executable).with_name("accel"))


def forward_ratio(network: str, weights: str, runs: int) -> dict[str, object]:
    """Time the fixed-point forward pass against the float64 one on the same inputs, in the same batches."""
    model = accel.load_network(network, weights)
    data = load(weights)
    images = fit(data.images, model.network.input_shape)
    program = lower(model, accel.load_accelerator("gupta2015"))
    size = batch_size(model)
    batches = [images[start : start + size] for start in range(0, len(images), size)]

    def fixed() -> list[object]:
        return [run_fixed(program, batch, Ledger())[model.network.output.name] for batch in batches]

    def golden() -> list[object]:
        return [forward(model.network, model.parameters, GoldenArithmetic(), batch) for batch in batches]

    return {"inputs": len(images), "peer": "float64 NumPy golden, one thread", **paired(fixed, golden, runs)}


def process(words: Sequence[str], runs: int, folder: str) -> dict[str, object]:
    """Time a whole process in `folder`, output thrown away."""

    def once() -> None:
        subprocess.run([ACCEL, *words], check=True, capture_output=True, cwd=folder, env=_as_users_have_it())

    return {"command": " ".join(["accel", *words]), **alone(once, runs)}


def _as_users_have_it() -> dict[str, str]:
    """Return the environment without what this benchmark or a build machine sets."""
    unusual = ("OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in unusual}


def first_run(folder: str) -> dict[str, object]:
    """Time `accel run` with an empty kernel cache: everything is compiled."""
    environment = {**_as_users_have_it(), "XDG_CACHE_HOME": f"{folder}/cache"}
    duration = seconds(
        lambda: subprocess.run([ACCEL, "run"], check=True, capture_output=True, cwd=folder, env=environment)
    )
    return {"command": "accel run, kernels not compiled yet", "seconds": spread([duration]), "runs": 1}


def main() -> None:
    """Measure, print a table, write results/bench_run.json."""
    is_look = options("Time the main job.").parse_args().quick
    runs = 1 if is_look else 9
    figures: dict[str, object] = {}
    figures["lenet5 1000 digits, fixed / golden"] = forward_ratio("lenet5", "digits", runs)
    figures["lenet5-relu 1000 digits, fixed / golden"] = forward_ratio("lenet5-relu", "digits", runs)
    try:
        figures["mlp 10000 MNIST, fixed / golden"] = forward_ratio("mlp", "mnist", runs)
    except DataError as error:
        print(f"mlp on MNIST left out: {error}")
    with tempfile.TemporaryDirectory() as folder:
        figures["first run"] = first_run(folder)
        figures["warm run"] = process(["run"], runs, folder)
        peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        figures["peak memory of accel run"] = {"mebibytes": peak_kib / 1024}
        figures["help"] = process(["--help"], runs, folder)
        figures["estimate"] = process(["estimate", "lenet5"], runs, folder)
    publish("bench_run", figures, is_look)


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
