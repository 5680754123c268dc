"""How the shipped weights were trained: one fixed recipe for every network and data set.

`accel train NETWORK -d SET` takes its defaults from here, so its command line and seed alone reproduce a weights file
(bit for bit on one machine with one BLAS thread; elsewhere sums may round differently). Weight decay, or a limit, keeps
every weight inside Q2.14, [-2, 2). No setting and no epoch was picked by a test accuracy: the MNIST recipes are
customary ones; those for the digits were compared by cross-validation within the 797 training digits. Where a customary
decay let values come near the end of Q6.10, a larger one took its place.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import accel
from accel.data.dataset import Dataset, load
from accel.errors import ConfigError, suggestion
from accel.network.graph import Model
from accel.network.weights import digest, rounded, save_model, trained_path
from accel.network.zoo import build
from accel.train.augment import Augment
from accel.train.checkpoint import Epoch
from accel.train.loop import TrainResult, accuracy, train
from accel.train.optimizers import Sgd
from accel.train.schedules import Exponential, Schedule

PLAIN = Augment()
BENT = Augment(shift=2, warp=0.2)
"""For the 797 digits, which are few and by few writers."""


@dataclass(frozen=True)
class Recipe:
    """Everything `train` needs besides the network and the data; seed is the default one."""

    epochs: int
    batch: int
    optimizer: Sgd
    schedule: Schedule
    loss: str = "cross-entropy"
    augment: Augment = PLAIN
    seed: int = 1


RECIPES: Mapping[tuple[str, str], Recipe] = {
    ("mlp", "mnist"): Recipe(20, 64, Sgd(0.05, 0.9, 3e-4), Exponential(0.85)),
    ("mlp-sigmoid", "mnist"): Recipe(20, 64, Sgd(0.1, 0.9, 2e-4, limit=1.95), Exponential(0.9)),
    ("softmax-regression", "mnist"): Recipe(20, 64, Sgd(0.02, 0.9, 1e-4), Exponential(0.85)),
    ("lenet5", "mnist"): Recipe(12, 64, Sgd(0.02, 0.9, 5e-4), Exponential(0.75)),
    ("lenet5-table", "mnist"): Recipe(10, 64, Sgd(0.02, 0.9, 5e-4), Exponential(0.7)),
    ("lenet5-relu", "mnist"): Recipe(10, 64, Sgd(0.02, 0.9, 2e-3), Exponential(0.7)),
    ("mlp", "digits"): Recipe(60, 16, Sgd(0.02, 0.9, 5e-4), Exponential(0.95), augment=BENT),
    ("mlp-sigmoid", "digits"): Recipe(60, 16, Sgd(0.05, 0.9, 1e-4), Exponential(0.95), augment=BENT),
    ("softmax-regression", "digits"): Recipe(60, 16, Sgd(0.02, 0.9, 5e-4), Exponential(0.95)),
    ("lenet5", "digits"): Recipe(50, 16, Sgd(0.05, 0.9, 5e-4), Exponential(0.94), augment=BENT),
    ("lenet5-table", "digits"): Recipe(50, 16, Sgd(0.05, 0.9, 5e-4), Exponential(0.94), augment=BENT),
    ("lenet5-relu", "digits"): Recipe(40, 16, Sgd(0.02, 0.9, 4e-3), Exponential(0.93), augment=BENT),
}


def recipe_for(network_name: str, dataset_name: str) -> Recipe:
    """Return an entry of RECIPES. Raises ConfigError when there is none."""
    if (network_name, dataset_name) not in RECIPES:
        known = {f"{network} -d {dataset}" for network, dataset in RECIPES}
        raise ConfigError(
            f"no recipe for {network_name} on {dataset_name}."
            f"{suggestion(f'{network_name} -d {dataset_name}', known)} To train without one, give every setting"
        )
    return RECIPES[network_name, dataset_name]


def train_recipe(
    network_name: str,
    dataset_name: str,
    seed: int | None = None,
    *,
    recipe: Recipe | None = None,
    path: Path | None = None,
    callback: Callable[[Epoch], object] | None = None,
) -> tuple[Model, TrainResult]:
    """Train by a recipe and write weights and provenance to `path` (.npz; None: among the shipped ones).

    The model returned is the saved one: its values are rounded to float32, and so are those its accuracy was taken of.
    Raises what `recipe_for`, `load`, `train` and `save_model` raise.
    """
    steps = recipe or recipe_for(network_name, dataset_name)
    chosen = steps.seed if seed is None else seed
    network = build(network_name)
    train_set, test_set = load(dataset_name, "train"), load(dataset_name, "test")
    result = train(
        network,
        train_set,
        test_set,
        loss=steps.loss,
        optimizer=steps.optimizer,
        schedule=steps.schedule,
        epochs=steps.epochs,
        batch=steps.batch,
        seed=chosen,
        augment=steps.augment,
        callback=callback,
    )
    values = rounded(result.parameters)
    model = Model(
        network,
        values,
        {
            "schema": "bitcycle-weights-1",
            "network": network_name,
            "trained": True,
            "command": command(network_name, dataset_name, chosen, steps),
            "seed": chosen,
            "recipe": _document(steps),
            "accuracy": {split.split: accuracy(network, values, split) for split in (train_set, test_set)},
            "history": [asdict(epoch) for epoch in result.history],
            "dataset": _origin(train_set, test_set),
            "versions": {
                "bitcycle": accel.__version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "machine": platform.machine(),
            },
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "digest": digest(values),
        },
    )
    provenance = save_model(path or trained_path(network_name, dataset_name), model)
    return Model(network, values, provenance), result


def command(network_name: str, dataset_name: str, seed: int, recipe: Recipe) -> str:
    """Return the command line that trains by `recipe`, naming only what differs from the table."""
    usual = RECIPES.get((network_name, dataset_name))
    words = ["accel train", network_name, "-d", dataset_name, "--seed", str(seed)]
    for option, setting in _options(recipe).items():
        if usual is None or setting != _options(usual)[option]:
            words += [f"--{option}", str(setting)]
    return " ".join(words)


def _options(recipe: Recipe) -> dict[str, object]:
    """Return the settings that `accel train` has options for."""
    return {
        "epochs": recipe.epochs,
        "batch": recipe.batch,
        "rate": recipe.optimizer.rate,
        "momentum": recipe.optimizer.momentum,
        "decay": recipe.optimizer.decay,
        "loss": recipe.loss,
    }


def _document(recipe: Recipe) -> dict[str, object]:
    """Return a recipe as plain values, its schedule with its name; the seed that was used is told elsewhere."""
    settings = asdict(recipe)
    del settings["seed"]
    settings["optimizer"] = {name: value for name, value in settings["optimizer"].items() if value is not None}
    settings["schedule"] = {"name": type(recipe.schedule).__name__, **settings["schedule"]}
    return settings


def _origin(train_set: Dataset, test_set: Dataset) -> dict[str, object]:
    """Return which data set it was, its size and the SHA-256 of its files."""
    return {
        "name": train_set.name,
        "source": train_set.source,
        "examples": {"train": len(train_set), "test": len(test_set)},
        "digests": {**train_set.digests, **test_set.digests},
    }
