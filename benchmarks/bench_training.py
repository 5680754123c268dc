"""One training step against float: `python benchmarks/bench_training.py [--quick]`.

784-50-10, batch 20: our fixed-point step against our float64 step and against the same step in bare NumPy, without
layers or a graph. 784-1000-1000-10, batch 100: against our float64 step. LeNet-5, batch 64: against that and PyTorch in
float32, where it is installed. Of every step, where its time goes: forward, backward (with the loss), update (with the
copies of what it changes). Everything in this process runs on one thread.

Peak memory of whole processes, on MNIST (needs ACCEL_DATA): two iterations of each row of `train_documents.py`, data
sets included, and `accel train lenet5` for one epoch.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: one thread on both sides of every ratio

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from harness import options, paired, publish, seconds, spread
from train_documents import ROWS, run, standardised
from train_gupta import dnn

from accel.config import load_accelerator
from accel.data.dataset import load
from accel.errors import DataError
from accel.network.graph import Network
from accel.network.initial import initial_parameters
from accel.network.zoo import build
from accel.numeric.ledger import Ledger
from accel.ops.fixed_training import FixedTrainingArithmetic
from accel.ops.golden import GoldenArithmetic
from accel.train.fixed import FixedLearner, fixed_learner
from accel.train.golden import GoldenLearner
from accel.train.losses import loss_named
from accel.train.optimizers import Sgd
from accel.walk import forward

ACCEL = str(Path(sys.executable).with_name("accel"))


def stepping(learner: Any, x: Any, labels: Any, rate: float, seed: int = 1) -> Callable[[], None]:
    """Return a task that takes the next step."""
    state = [learner.start(initial_parameters(learner.network, seed))]

    def step() -> None:
        state[0], _ = learner.step(state[0], x, labels, rate)

    return step


def bare_step(x: np.ndarray, labels: np.ndarray, rate: float) -> Callable[[], None]:
    """Return the float64 step of 784-50-10 as one writes it by hand."""
    values = initial_parameters(build("mlp-sigmoid"), 1)
    (w1, b1), (w2, b2) = ((values[n]["weight"].copy(), values[n]["bias"].copy()) for n in ("hidden", "output"))
    targets, m = np.eye(10)[labels], len(x)

    def step() -> None:
        hidden = 1 / (1 + np.exp(-(x @ w1.T + b1)))
        powers = np.exp(hidden @ w2.T + b2)
        second = powers / powers.sum(axis=1, keepdims=True) - targets
        first = (second @ w2) * hidden * (1 - hidden)
        w2[:] -= rate / m * (second.T @ hidden)
        b2[:] -= rate / m * second.sum(axis=0)
        w1[:] -= rate / m * (first.T @ x)
        b1[:] -= rate / m * first.sum(axis=0)

    return step


def torch_step(x: np.ndarray, labels: np.ndarray, rate: float) -> Callable[[], None]:
    """Return PyTorch's step of LeNet-5 (tanh, average pooling) in float32."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    descent = torch.optim.SGD(model.parameters(), rate, 0.9, weight_decay=5e-4)
    images, classes = torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    loss = nn.CrossEntropyLoss()

    def step() -> None:
        descent.zero_grad()
        loss(model(images), classes).backward()
        descent.step()

    return step


def phases(learner: FixedLearner, x: Any, labels: Any, rate: float, runs: int) -> dict[str, Any]:
    """Time the phases of a step, each as the difference of what ends with it and what ends before, timed in turn."""
    state = learner.start(initial_parameters(learner.network, 1))
    values = learner.working(state)

    def ahead() -> None:
        forward(learner.network, values, FixedTrainingArithmetic(learner.program.forward, Ledger()), x)

    def there_and_back() -> None:
        learner._gradients(state, values, x, labels)

    tasks = (ahead, there_and_back, lambda: learner.step(state, x, labels, rate))
    ends = [[0.0, *(seconds(task) for task in tasks)] for _ in range(runs)]
    return {
        name: {"seconds": spread([end[at + 1] - end[at] for end in ends]), "runs": runs}
        for at, name in enumerate(("forward", "backward", "update"))
    }


def figures_of(name: str, network: Network, optimizer: Sgd, batch: int, runs: int) -> tuple[dict[str, Any], Any, Any]:
    """Return a network's figures against our float64 step and by phase, the task of a step, and the examples."""
    generator = np.random.default_rng(1)
    x, labels = generator.random((batch, *network.input_shape)), generator.integers(0, 10, batch)
    machine = load_accelerator("gupta2015")
    fixed = fixed_learner(network, machine, loss="cross-entropy", optimizer=optimizer, batch=batch)
    codes = fixed.encode(x)
    ours = stepping(fixed, codes, labels, optimizer.rate)
    golden = GoldenLearner(network, loss_named("cross-entropy"), optimizer, GoldenArithmetic())
    float64 = paired(ours, stepping(golden, x, labels, optimizer.rate), runs)
    figures = {f"{name}, fixed / our float64 step": {"threads": 1, "peer": "our float64 step", **float64}}
    for phase, figure in phases(fixed, codes, labels, optimizer.rate, runs).items():
        figures[f"{name}, {phase}"] = {"threads": 1, **figure}
    return figures, ours, (x, labels)


def peak_mebibytes(words: Sequence[str], folder: str) -> float:
    """Run a process and return its peak memory."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} failed with {process.returncode}")
    return usage.ru_maxrss / 1024


def memory() -> dict[str, Any]:
    """Measure the peak memory of training on MNIST, process by process."""
    here = str(Path(__file__).resolve())
    jobs = {row.name: [sys.executable, here, "--row", row.name] for row in ROWS}
    jobs["lenet5, one epoch"] = [
        ACCEL,
        "train",
        "lenet5",
        "-d",
        "mnist",
        "--arithmetic",
        "fixed",
        "--epochs",
        "1",
        "-q",
    ]
    with tempfile.TemporaryDirectory() as folder:
        return {f"peak memory, {name}": {"mebibytes": peak_mebibytes(words, folder)} for name, words in jobs.items()}


def train_row(name: str) -> None:
    """Take two iterations of a documents' row in fixed point, which is what its peak memory needs."""
    row = next(each for each in ROWS if each.name == name)
    run(replace(row, documents={2: 0.0}), "fixed", 1, standardised("train", None), standardised("test", None))


def main() -> None:
    """Measure, print a table, write results/bench_training.json."""
    parser = options("One training step against float, and the memory of training.")
    parser.add_argument("--row", help="train this row for a moment and measure nothing (what a memory figure runs)")
    chosen = parser.parse_args()
    if chosen.row:
        train_row(chosen.row)
        return
    runs, few = (3, 3) if chosen.quick else (200, 20)
    rate = 0.3
    figures, ours, (x, labels) = figures_of("784-50-10, batch 20", build("mlp-sigmoid"), Sgd(rate), 20, runs)
    bare = bare_step(x.reshape(len(x), -1), labels, rate)
    against = {"threads": 1, "peer": "the step by hand in NumPy float64", **paired(ours, bare, runs)}
    figures["784-50-10, batch 20, fixed / bare NumPy float64"] = against
    figures |= figures_of("784-1000-1000-10, batch 100", dnn(1000), Sgd(0.1), 100, few)[0]
    optimizer = Sgd(0.02, 0.9, 5e-4)
    more, ours, (x, labels) = figures_of("LeNet-5, batch 64", build("lenet5"), optimizer, 64, few)
    figures |= more
    if find_spec("torch"):
        against = paired(ours, torch_step(x, labels, optimizer.rate), few)
        peer = f"PyTorch {version('torch')}, float32"
        figures["LeNet-5, batch 64, fixed / PyTorch float32"] = {"threads": 1, "peer": peer, **against}
    else:
        print("PyTorch is not installed: LeNet-5 is held against our float64 step only")
    try:
        load("mnist", "test", 1)
    except DataError as error:
        print(f"memory left out: {error}")
    else:
        figures |= {} if chosen.quick else memory()
    publish("bench_training", figures, chosen.quick)


if __name__ == "__main__":
    main()
