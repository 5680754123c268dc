"""A training's run directory: checkpoint, weights, train.json, history.csv and report.html, each written whole.

`learn_in` is `accel.train.loop.learn` with all of that around it: it takes up a checkpoint when told to, keeps new ones
on the way, and writes the record at the end. Whatever fails on the way, the last checkpoint stands.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import accel
from accel.data.dataset import Dataset
from accel.errors import ConfigError
from accel.files import write_file
from accel.network.graph import Model
from accel.network.weights import digest, rounded, save_model
from accel.report.training_page import SCHEMA, history_csv, render_training
from accel.train.checkpoint import load_checkpoint, save_checkpoint
from accel.train.fixed import FixedLearner
from accel.train.learner import Learner
from accel.train.loop import Hooks, Plan, learn

CHECKPOINT, WEIGHTS = "checkpoint.npz", "weights.npz"

_TOLD = ("training", "units")
"""Of a learner's identity: what the record tells as formats, and by the accelerator's digest."""


def learn_in(
    directory: Path,
    learner: Learner[Any],
    plan: Plan,
    train_set: Dataset,
    test_set: Dataset | None,
    *,
    command: str,
    resume: bool = False,
    hooks: Hooks | None = None,
) -> dict[str, Any]:
    """Train into `directory` and return the document of train.json.

    Raises ConfigError when something else lies there or cannot be written, ModelError for a checkpoint of another
    training, and what `learn` raises.
    """
    path = directory / CHECKPOINT
    identity = identity_of(learner, plan, train_set)
    if resume:
        snapshot = load_checkpoint(path, identity)
    else:
        _check_place(directory)
        snapshot = None
    chosen = hooks or Hooks()
    keep = replace(chosen, keep=lambda taken: save_checkpoint(path, taken, identity))
    result = learn(learner, plan, train_set, test_set, snapshot=snapshot, hooks=keep)
    machine = learner.machine if isinstance(learner, FixedLearner) else None
    document = {
        "schema": SCHEMA,
        "network": learner.network.name,
        "arithmetic": identity["learner"]["arithmetic"],
        "accelerator": None if machine is None else machine.name,
        "recipe": {**_plain(plan), **{key: value for key, value in identity["learner"].items() if key not in _TOLD}},
        "formats": formats_of(learner),
        "dataset": identity["dataset"],
        "epochs": [asdict(epoch) for epoch in result.history],
        "curve": [asdict(point) for point in result.curve],
        "provenance": {
            "command": command,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "accelerator digest": None if machine is None else machine.digest,
            "versions": {
                "bitcycle": accel.__version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "machine": platform.machine(),
            },
        },
    }
    document = json.loads(json.dumps(document))
    values = rounded(result.parameters)
    about = {
        "schema": "bitcycle-weights-1",
        "network": learner.network.name,
        "trained": True,
        "command": command,
        "seed": plan.seed,
        "digest": digest(values),
    }
    save_model(directory / WEIGHTS, Model(learner.network, values, about))
    write_file(directory / "history.csv", history_csv(document).encode())
    write_file(directory / "report.html", render_training(document).encode())
    write_file(directory / "train.json", (json.dumps(document, indent=1) + "\n").encode())
    return dict(document)


def identity_of(learner: Learner[Any], plan: Plan, train_set: Dataset) -> dict[str, Any]:
    """Return what decides every bit of a training; how long it goes on is not part of it."""
    settings = {key: value for key, value in _plain(plan).items() if key not in ("epochs", "patience")}
    return {
        "network": learner.network.name,
        "learner": dict(learner.identity),
        "plan": settings,
        "dataset": {
            "name": train_set.name,
            "examples": len(train_set),
            "digests": dict(train_set.digests),
        },
    }


def formats_of(learner: Learner[Any]) -> dict[str, str]:
    """Return how each kind of tensor is kept, {} in float64."""
    if not isinstance(learner, FixedLearner):
        return {}
    numbers = learner.program.numbers
    defaults = numbers.forward.defaults
    casts = {
        "input": numbers.forward.input,
        "activation": defaults.output,
        "weight": defaults.weight,
        "bias": defaults.bias,
        "error": numbers.error,
        "gradient": numbers.gradient,
        "update": numbers.update_of("weight"),
        "momentum": numbers.momentum,
    }
    told = {name: f"{cast.format} {cast.rounding.name}" for name, cast in casts.items()}
    return {
        **told,
        "master": str(numbers.master) if numbers.master else "none",
        "rate": str(numbers.rate) if numbers.rate else "shift",
        "loss scale": f"2^{numbers.loss_scale}"
        + (f", doubled after {numbers.loss_scale_steps} clean steps" if numbers.loss_scale_steps else ""),
    }


def _plain(plan: Plan) -> dict[str, Any]:
    schedule: Any = plan.schedule
    return {**asdict(plan), "schedule": {"name": type(schedule).__name__, **asdict(schedule)}}


def _check_place(directory: Path) -> None:
    """Raise ConfigError unless training may write here: a new or empty folder, or an earlier training."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        found = sorted(directory.iterdir())
    except OSError as error:
        raise ConfigError(f"{directory} cannot be made ({error.strerror}); choose another place with -o") from None
    ours = (directory / CHECKPOINT).exists() or (directory / "train.json").exists()
    if found and not ours:
        raise ConfigError(
            f"{directory} holds {found[0].name} and no training of ours; choose a new or an empty directory with -o"
        )
