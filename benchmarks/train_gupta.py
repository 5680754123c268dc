"""Nearest against stochastic rounding, as Gupta et al. (ICML 2015, fig. 1 to 3): `python benchmarks/train_gupta.py`.

Words of 16 bits, FL of them fraction bits, on MNIST: weights, biases, errors, gradients and velocities; every cast
rounds the same way. DNN: 784-1000-1000-10 ReLU, batch 100. CNN: 8@5x5, pool 2, 16@5x5, pool 2, 128, 10; rate 0.1 *
0.95^epoch, momentum 0.9, weight decay 5e-4. Layer outputs are Q6.10 throughout, as the paper has them for the CNN: with
FL = 14 logits would end at 2, and the study would be one of range. Errors carry no loss scale. The record also holds
how large updates are, in lsb, at the start and at the end: why nearest rounding stops.

`--quick` takes small layers, a slice of the data and one epoch, and writes nothing.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from harness import write
from threadpoolctl import threadpool_limits

from accel.config import load_accelerator
from accel.data.dataset import Dataset, load
from accel.data.fit import fit
from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import Network, chain
from accel.network.initial import initial_parameters
from accel.ops.golden import GoldenArithmetic
from accel.train.augment import Augment
from accel.train.fixed import fixed_learner
from accel.train.golden import GoldenLearner
from accel.train.learner import Counts
from accel.train.losses import loss_named
from accel.train.optimizers import Sgd
from accel.train.schedules import Constant, Exponential, Schedule

FRACTION_BITS = (14, 12, 10, 8)
BATCH = 100
BINS = 64
MACHINE = "gupta2015"
SOURCE = "S. Gupta, A. Agrawal, K. Gopalakrishnan, P. Narayanan, ICML 2015, sec. 4"


def dnn(width: int) -> Network:
    """784-width-width-10 with ReLU."""
    layers = {
        "flatten": Flatten(),
        "first": Dense(width),
        "first.relu": Activation("relu"),
        "second": Dense(width),
        "second.relu": Activation("relu"),
        "output": Dense(10),
        "softmax": Softmax(),
    }
    return chain("gupta-dnn", (1, 28, 28), layers, SOURCE)


def cnn() -> Network:
    """Two convolutions of 5 x 5 with pooling, a dense layer of 128."""
    layers = {
        "C1": Conv2d(8, 5),
        "C1.relu": Activation("relu"),
        "S2": Pool2d("max", 2),
        "C3": Conv2d(16, 5),
        "C3.relu": Activation("relu"),
        "S4": Pool2d("max", 2),
        "flatten": Flatten(),
        "F5": Dense(128),
        "F5.relu": Activation("relu"),
        "output": Dense(10),
        "softmax": Softmax(),
    }
    return chain("gupta-cnn", (1, 28, 28), layers, SOURCE)


def settings(kind: str, quick: bool) -> tuple[Network, Sgd, Schedule]:
    """Return network, optimizer and schedule of one study."""
    if kind == "dnn":
        return dnn(50 if quick else 1000), Sgd(0.1), Constant()
    return cnn(), Sgd(0.1, 0.9, 5e-4), Exponential(0.95)


def overrides(fraction_bits: int, rounding: str) -> list[str]:
    """Return the formats of a run: 16 bits each, FL of them below the point."""
    word = f"Q{16 - fraction_bits}.{fraction_bits}"
    kinds = dict.fromkeys(("weight", "bias", "error", "gradient", "momentum"), word)
    formats = {**kinds, "activation": "Q6.10", "input": "Q2.14"}
    roundings = ("activation", "error", "gradient", "update", "momentum")
    return [
        *(f"training.{key}={value}" for key, value in formats.items()),
        *(f"training.rounding.{key}={rounding}" for key in roundings),
    ]


def train(kind: str, arithmetic: str, epochs: int, seed: int, quick: bool) -> dict[str, Any]:
    """Train once; arithmetic: "golden", or rounding and fraction bits ("RND_CONV 10")."""
    network, optimizer, schedule = settings(kind, quick)
    train_set, test_set = (load("mnist", split, 500 if quick else None) for split in ("train", "test"))
    learner: Any = GoldenLearner(network, loss_named("cross-entropy"), optimizer, GoldenArithmetic())
    if arithmetic != "golden":
        rounding, bits = arithmetic.split()
        machine = load_accelerator(MACHINE, overrides(int(bits), rounding))
        # The study is about what happens when updates vanish, so a rate that nothing survives is not refused here.
        learner = fixed_learner(network, machine, loss="cross-entropy", optimizer=optimizer, batch=BATCH, checked=False)
    take = learner.examples(train_set, Augment())
    state = learner.start(initial_parameters(network, seed))
    generator = np.random.default_rng([seed, 1])
    history: list[dict[str, Any]] = []
    histograms: dict[str, list[int]] = {}
    started = perf_counter()
    for epoch in range(epochs):
        rate, total = schedule.rate(optimizer.rate, epoch), Counts()
        order = generator.permutation(len(train_set))
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            x = take(chosen, generator)
            looked = arithmetic != "golden" and first == 0 and epoch in (0, epochs - 1)
            if looked:
                bins = np.zeros((len(learner.program.slots), BINS), np.int64)
                state, counts = learner.step(state, x, train_set.labels[chosen], rate, bins)
                histograms["first epoch" if epoch == 0 else "last epoch"] = bins.sum(axis=0).tolist()
            else:
                state, counts = learner.step(state, x, train_set.labels[chosen], rate)
            total += counts
        history.append(
            {
                "epoch": epoch + 1,
                "loss": total.mean_loss,
                "train_accuracy": total.accuracy,
                "test_error": 1 - tested(learner, state, test_set),
                "dead_share": total.dead_share,
                "saturated_share": total.saturated_share,
            }
        )
    return {
        "kind": kind,
        "arithmetic": arithmetic,
        "seed": seed,
        "history": history,
        "histograms": histograms,
        "seconds": perf_counter() - started,
    }


def tested(learner: Any, state: Any, dataset: Dataset) -> float:
    """Return the test accuracy."""
    if isinstance(learner, GoldenLearner):
        return learner.accuracy(state, dataset)
    correct = 0
    for first in range(0, len(dataset), 1000):
        part = slice(first, first + 1000)
        x = learner.encode(fit(dataset.images[part], learner.network.input_shape))
        correct += learner.correct(state, x, dataset.labels[part])
    return correct / len(dataset)


def _job(task: tuple[str, str, int, int, bool]) -> dict[str, Any]:
    with threadpool_limits(1):  # processes take whole runs
        return train(*task)


def main() -> None:
    """Run the study, tell and write it."""
    parser = argparse.ArgumentParser(description="Nearest against stochastic rounding at 16 bits.")
    parser.add_argument("--epochs", type=int, nargs=2, default=(10, 10), metavar=("DNN", "CNN"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("dnn", "cnn"), help="one of the two networks")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="small, one epoch, no result file")
    options = parser.parse_args()
    epochs = dict(zip(("dnn", "cnn"), (1, 1) if options.quick else options.epochs, strict=True))
    bits = FRACTION_BITS[::2] if options.quick else FRACTION_BITS
    kinds = [options.only] if options.only else list(epochs)
    runs = ["golden", *(f"{rounding} {n}" for n in bits for rounding in ("STOCHASTIC", "RND_CONV"))]
    tasks = [(kind, run, epochs[kind], options.seed, options.quick) for kind in kinds for run in runs]
    with ProcessPoolExecutor(options.jobs) as pool:
        made = list(pool.map(_job, tasks))
    for each in made:
        last = each["history"][-1]
        dead = "" if last["dead_share"] is None else f"  dead updates {last['dead_share']:.1%}"
        print(f"{each['kind']}  {each['arithmetic']:14}  test error {last['test_error']:.2%}{dead}")
    if not options.quick:
        figures = {"epochs": epochs, "seed": options.seed, "bins_lowest": _lowest(), "runs": made}
        print(write("train_gupta", figures))


def _lowest() -> int:
    from kernels.update import LOWEST_BIN

    return -LOWEST_BIN


if __name__ == "__main__":
    main()
