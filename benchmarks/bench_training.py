"""One training step against float: `python benchmarks/bench_training.py` (`--quick`: few runs, no result file).

784-50-10, batch 20: our fixed-point step against our float64 step and against the same step in bare NumPy, without
layers or a graph. LeNet-5, batch 64: against PyTorch in float32 on one thread, where it is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from harness import paired, tell, write
from threadpoolctl import threadpool_limits

from accel.config import load_accelerator
from accel.network.initial import initial_parameters
from accel.network.zoo import build
from accel.ops.golden import GoldenArithmetic
from accel.train.fixed import fixed_learner
from accel.train.golden import GoldenLearner
from accel.train.losses import loss_named
from accel.train.optimizers import Sgd

RUNS = 200


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


def main() -> None:
    """Time, tell and write."""
    parser = argparse.ArgumentParser(description="One training step against float.")
    parser.add_argument("--quick", action="store_true", help="few runs, no result file")
    options = parser.parse_args()
    runs = 3 if options.quick else RUNS
    generator = np.random.default_rng(1)
    machine = load_accelerator("gupta2015")
    figures: dict[str, Any] = {}
    with threadpool_limits(1):
        network, rate, batch = build("mlp-sigmoid"), 0.3, 20
        x, labels = generator.random((batch, 1, 28, 28)), generator.integers(0, 10, batch)
        fixed = fixed_learner(network, machine, loss="cross-entropy", optimizer=Sgd(rate), batch=batch)
        ours = stepping(fixed, fixed.encode(x), labels, rate)
        golden = GoldenLearner(network, loss_named("cross-entropy"), Sgd(rate), GoldenArithmetic())
        figures["784-50-10, batch 20, fixed / our float64 step"] = paired(ours, stepping(golden, x, labels, rate), runs)
        bare = bare_step(x.reshape(batch, -1), labels, rate)
        figures["784-50-10, batch 20, fixed / bare NumPy float64"] = paired(ours, bare, runs)
        network, optimizer, batch = build("lenet5"), Sgd(0.02, 0.9, 5e-4), 64
        x, labels = generator.random((batch, 1, 32, 32)), generator.integers(0, 10, batch)
        fixed = fixed_learner(network, machine, loss="cross-entropy", optimizer=optimizer, batch=batch)
        ours = stepping(fixed, fixed.encode(x), labels, optimizer.rate)
        golden = GoldenLearner(network, loss_named("cross-entropy"), optimizer, GoldenArithmetic())
        peer = stepping(golden, x, labels, optimizer.rate)
        figures["LeNet-5, batch 64, fixed / our float64 step"] = paired(ours, peer, max(3, runs // 10))
        if find_spec("torch"):
            peer = torch_step(x, labels, optimizer.rate)
            figures["LeNet-5, batch 64, fixed / PyTorch float32"] = paired(ours, peer, max(3, runs // 10))
        else:
            print("PyTorch is not installed: LeNet-5 is held against our float64 step only")
    tell(figures)
    if not options.quick:
        print(write("bench_training", figures))


if __name__ == "__main__":
    main()
