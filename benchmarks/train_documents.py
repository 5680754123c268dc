"""The documents' networks on MNIST, in float64 and in 16 bits: `python benchmarks/train_documents.py`.

The four rows of the founding tutorial, then 784-100-10 with ReLU and LeNet-5 in both variants, which the documents give
no figures for, by the recipes of `accel train`.

Recipe of the rows: every pixel minus its mean over the split, all divided by one standard deviation; first weights N(0,
0.1); learning rate 0.3; full batches, or batches of 20 in the order of the files. `--quick` trains on a slice for a few
iterations and writes nothing. `--keep FOLDER` keeps finished runs, so that the study can be stopped and taken up again.
The two rows of 784-50-10 with full batches are one run, looked at twice. Variants of the last row follow, one change
each, because its float64 ends a point below the document's (the one with full batches from a single seed).
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from harness import write
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from accel.config import load_accelerator
from accel.data.dataset import load
from accel.files import write_file
from accel.network.zoo import build
from accel.ops.golden import GoldenArithmetic
from accel.train.fixed import fixed_learner
from accel.train.golden import GoldenLearner
from accel.train.learner import Counts
from accel.train.loop import Plan, learn
from accel.train.losses import loss_named
from accel.train.optimizers import Sgd
from accel.train.recipes import recipe_for

RATE = 0.3
MACHINE = ("gupta2015", ("training.input=Q4.12", "training.activation=Q6.10"))
POINTS = 200
NETWORKS = ("mlp", "lenet5", "lenet5-relu")
"""Trained by their recipes."""


@dataclass(frozen=True)
class Row:
    """One run: batch 0 is the whole set. documents: test accuracy there, by iteration, None for what they lack.

    shuffled: batches in a new order every epoch. divided: inputs divided by their standard deviation.
    """

    name: str
    network: str
    batch: int
    documents: dict[int, float | None]
    shuffled: bool = False
    divided: bool = True

    @property
    def iterations(self) -> int:
        """Iterations of the longest row."""
        return max(self.documents)


ROWS = (
    Row("784-10 softmax, full batch", "softmax-regression", 0, {100: 0.9052}),
    Row("784-50-10 sigmoid, full batch", "mlp-sigmoid", 0, {500: 0.928, 1000: 0.9401}),
    Row("784-50-10 sigmoid, batch 20", "mlp-sigmoid", 20, {30_000: 0.9655}),
)

VARIANTS = (
    Row("784-50-10 sigmoid, batch 20, shuffled", "mlp-sigmoid", 20, {30_000: None}, shuffled=True),
    Row("784-50-10 sigmoid, batch 20, not divided", "mlp-sigmoid", 20, {30_000: None}, divided=False),
    Row("784-50-10 sigmoid, full batch, not divided", "mlp-sigmoid", 0, {500: None}, divided=False),
)
"""What might explain that the document's last row is a point above ours: one change each."""


@dataclass(frozen=True)
class Split:
    """x: (N, 1, 28, 28) float64, standardised; labels: (N,)."""

    x: NDArray[np.float64]
    labels: NDArray[np.int64]


def standardised(name: str, limit: int | None, divided: bool = True) -> Split:
    """Read a split of MNIST and standardise it by its own figures, as the tutorial does, or only centre its pixels."""
    dataset = load("mnist", name, limit)
    centred = dataset.images - dataset.images.mean(axis=0)
    if divided:
        centred /= centred.std()
    return Split(centred[:, None], dataset.labels)


def first_values(network: str, seed: int) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Draw weights N(0, 0.1); the bias is a column of them, as in the tutorial."""
    generator = np.random.default_rng([seed, 0])
    return {
        node: {name: generator.normal(0, 0.1, spec.shape) for name, spec in tensors.items()}
        for node, tensors in build(network).parameter_specs().items()
    }


def batches(row: Row, count: int, seed: int) -> Iterator[NDArray[np.int64] | slice]:
    """Yield which examples each iteration takes: consecutive ones, the files' order rotated by the seed or shuffled."""
    if not row.batch:
        yield from (slice(None) for _ in range(row.iterations))
        return
    generator = np.random.default_rng([seed, 1])
    order, start = np.arange(count), generator.integers(count)
    for i in range(row.iterations):
        if row.shuffled and i % (count // row.batch) == 0:
            order = generator.permutation(count)
        yield order[(start + row.batch * i + np.arange(row.batch)) % count]


def run(row: Row, arithmetic: str, seed: int, train: Split, test: Split, jobs: int = 1) -> dict[str, Any]:
    """Train one row and return its test accuracies and curve."""
    batch = row.batch or len(train.labels)
    loss = loss_named("cross-entropy")
    learner: Any
    if arithmetic == "fixed":
        machine = load_accelerator(*MACHINE)
        seeded = replace(machine.training, update=_seeded(machine.training.update, seed))
        learner = fixed_learner(
            build(row.network),
            replace(machine, training=seeded),
            loss=loss.name,
            optimizer=Sgd(RATE),
            batch=batch,
            jobs=jobs,
        )
        x, seen = learner.encode(train.x), learner.encode(test.x)
        take = lambda chosen: type(x).trusted(x.codes[chosen], x.format)  # noqa: E731 - one expression of this run
    else:
        learner = GoldenLearner(build(row.network), loss, Sgd(RATE), GoldenArithmetic())
        x, seen = train.x, test.x
        take = lambda chosen: x[chosen]  # noqa: E731
    state = learner.start(first_values(row.network, seed))
    every = max(1, row.iterations // POINTS)
    lately, curve, accuracies = Counts(), [], {}
    started = perf_counter()
    for i, chosen in enumerate(batches(row, len(train.labels), seed), start=1):
        state, counts = learner.step(state, take(chosen), train.labels[chosen], RATE)
        lately += counts
        if i % every == 0:
            curve.append([i, lately.mean_loss, lately.saturated_share, lately.dead_share])
            lately = Counts()
        if i in row.documents:
            accuracies[i] = evaluate(learner, state, seen, test.labels)
    return {"accuracy": accuracies, "curve": curve, "seconds": perf_counter() - started}


def evaluate(learner: Any, state: Any, x: Any, labels: NDArray[np.int64]) -> float:
    """Return the test accuracy."""
    if isinstance(learner, GoldenLearner):
        from accel.walk import forward

        network, values = learner.network, learner.parameters(state)
        outputs = forward(network, values, learner.arithmetic, x)[network.output.name]
        return float((outputs.argmax(axis=1) == labels).mean())
    return float(learner.correct(state, x, labels) / len(labels))


def by_recipe(network: str, arithmetic: str, seed: int, limit: int | None, epochs: int | None) -> dict[str, Any]:
    """Train a network by its recipe and return its test accuracy and curve."""
    recipe = recipe_for(network, "mnist")
    epochs = epochs or recipe.epochs
    train_set, test_set = (load("mnist", split, limit) for split in ("train", "test"))
    structure, loss = build(network), loss_named(recipe.loss)
    learner: Any = GoldenLearner(structure, loss, recipe.optimizer, GoldenArithmetic())
    if arithmetic == "fixed":
        machine = load_accelerator(MACHINE[0])
        seeded = replace(machine.training, update=_seeded(machine.training.update, seed))
        learner = fixed_learner(
            structure,
            replace(machine, training=seeded),
            loss=recipe.loss,
            optimizer=recipe.optimizer,
            batch=recipe.batch,
            schedule=recipe.schedule,
            epochs=epochs,
        )
    plan = Plan(epochs, recipe.batch, seed, recipe.optimizer.rate, recipe.schedule, recipe.augment)
    started = perf_counter()
    result = learn(learner, plan, train_set, test_set)
    curve = [[point.step, point.loss, point.saturated_share, point.dead_share] for point in result.curve]
    accuracies = {epochs: result.history[-1].test_accuracy}
    return {"accuracy": accuracies, "curve": curve, "seconds": perf_counter() - started}


def _seeded(cast: Any, seed: int) -> Any:
    return replace(cast, random=replace(cast.random, seed=cast.random.seed + seed))


def _job(task: tuple[str, str, int, bool, Path | None]) -> dict[str, Any]:
    """Make one run, or read it where it was kept; quick: on a slice, a hundredth of the iterations."""
    name, arithmetic, seed, quick, folder = task
    kept = None if folder is None else folder / f"{re.sub('[^a-z0-9]+', '-', name)}-{arithmetic}-{seed}.json"
    if kept is not None and kept.is_file():
        made = json.loads(kept.read_text(encoding="utf-8"))
        return {**made, "accuracy": {int(at): reached for at, reached in made["accuracy"].items()}}
    limit = 500 if quick else None
    with threadpool_limits(1):  # processes take whole runs
        row = next((each for each in (*ROWS, *VARIANTS) if each.name == name), None)
        if row is None:
            made = by_recipe(name, arithmetic, seed, limit, 1 if quick else None)
        else:
            row = replace(row, documents=shortened(row, quick))
            train, test = (standardised(split, limit, row.divided) for split in ("train", "test"))
            made = run(row, arithmetic, seed, train, test)
    made = {"name": name, "arithmetic": arithmetic, "seed": seed, **made}
    if kept is not None:
        write_file(kept, json.dumps(made).encode())
    return made


def shortened(row: Row, quick: bool) -> dict[int, float | None]:
    """Return the iterations at which a row is looked at, with the documents' figures."""
    return {max(1, i // 100) if quick else i: figure for i, figure in row.documents.items()}


def side_by_side(runs: list[dict[str, Any]], name: str, at: int) -> dict[str, Any]:
    """Return the figures of one row: both arithmetics over the seeds."""
    figures: dict[str, Any] = {}
    for arithmetic in ("golden", "fixed"):
        own = [each for each in runs if (each["name"], each["arithmetic"]) == (name, arithmetic)]
        reached = [each["accuracy"][at] for each in own]
        figures[arithmetic] = {
            "accuracy": reached,
            "mean": float(np.mean(reached)),
            "spread": float(np.ptp(reached)),
            "seconds": [each["seconds"] for each in own],
            "curve": own[0]["curve"],
        }
    return figures


def main() -> None:
    """Run all rows and networks with all seeds, tell and write the figures."""
    parser = argparse.ArgumentParser(description="The documents' networks, float64 and fixed point side by side.")
    parser.add_argument("--seeds", type=int, nargs=2, default=(3, 1), metavar=("ROWS", "NETWORKS"), help="how many")
    parser.add_argument("--only", choices=("rows", "networks"), help="one of the two parts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep finished runs there, and read those kept")
    parser.add_argument("--quick", action="store_true", help="a slice of the data, few iterations, no result file")
    options = parser.parse_args()
    row_seeds, network_seeds = (1, 1) if options.quick else options.seeds
    rows = [] if options.only == "networks" else [ROWS[1], ROWS[2], ROWS[0], *VARIANTS]  # the longest first
    networks = [] if options.only == "rows" else list(NETWORKS)
    seeds = {**{row.name: row_seeds for row in rows}, **dict.fromkeys(networks, network_seeds)}
    seeds |= {row.name: 1 for row in rows if row in VARIANTS and not row.batch}
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    tasks = [
        (n, a, s, options.quick, options.keep)
        for n in seeds
        for a in ("fixed", "golden")
        for s in range(1, seeds[n] + 1)
    ]
    with ProcessPoolExecutor(options.jobs) as pool:
        runs = list(pool.map(_job, tasks))
    figures: dict[str, Any] = {}
    for row in (each for each in (*ROWS, *VARIANTS) if each in rows):
        looks = zip(row.documents.items(), shortened(row, options.quick), strict=True)
        for (iterations, there), at in looks:
            made = side_by_side(runs, row.name, at)
            figures[f"{row.name}, {iterations} iterations"] = {"document": there, **made}
    for network in networks:
        epochs = next(iter(next(each for each in runs if each["name"] == network)["accuracy"]))
        figures[f"{network}, {epochs} epochs"] = {"document": None, **side_by_side(runs, network, epochs)}
    for name, row in figures.items():
        golden, fixed, there = row["golden"]["mean"], row["fixed"]["mean"], row["document"]
        document = "       " if there is None else f"{there:.4f} "
        print(f"{name:46} document {document} float64 {golden:.4f}  fixed {fixed:.4f}  {fixed - golden:+.4f}")
    if not options.quick:
        named = {row.name for row in ROWS}
        in_rows = [each["seconds"] for each in runs if each["arithmetic"] == "fixed" and each["name"] in named]
        whole = {"seconds": sum(each["seconds"] for each in runs), "seconds_of_fixed_rows": sum(in_rows)}
        figures["all runs"] = {**whole, "seeds": seeds, "machine": list(MACHINE)}
        print(write("train_documents", figures))


if __name__ == "__main__":
    main()
