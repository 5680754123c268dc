"""Recipes: complete, and `train_recipe` writes what `load_model` reads back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from accel.data.dataset import NAMES, load
from accel.errors import ConfigError
from accel.network.weights import digest, load_model
from accel.network.zoo import ZOO, build
from accel.train.loop import accuracy
from accel.train.losses import loss_named
from accel.train.optimizers import Sgd
from accel.train.recipes import RECIPES, Recipe, command, recipe_for, train_recipe
from accel.train.schedules import Step

SHORT = Recipe(2, 50, Sgd(0.05, 0.9, 1e-4), Step(1, 0.5), seed=3)


def test_every_trainable_network_has_a_recipe_for_every_set() -> None:
    """The table is what the zoo has for grey images (the rest has no data here) times the data sets; losses suit."""
    trainable = [network for network in ZOO if build(network).input_shape[0] == 1]
    assert len(trainable) == 6
    assert set(RECIPES) == {(network, dataset) for network in trainable for dataset in NAMES}
    for (network, _), recipe in RECIPES.items():
        assert loss_named(recipe.loss).start(build(network))


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    """The suggestion is what one would type."""
    with pytest.raises(ConfigError, match="Did you mean 'lenet5 -d mnist'"):
        recipe_for("lenet-5", "mnist")


def test_what_is_written_is_what_was_measured(tmp_path: Path) -> None:
    """The saved weights, loaded again, have the digest and the accuracies that the provenance records."""
    path = tmp_path / "mine.npz"
    model, result = train_recipe("softmax-regression", "digits", recipe=SHORT, path=path)
    again = load_model("softmax-regression", path)
    document = json.loads(path.with_suffix(".json").read_text())
    assert dict(again.provenance) == {"weights": "mine.npz", **document}
    assert document == json.loads(json.dumps(dict(model.provenance)))
    assert document["digest"] == digest(again.parameters) == digest(model.parameters)
    for split in ("train", "test"):
        assert accuracy(again.network, again.parameters, load("digits", split)) == document["accuracy"][split]
    assert document["command"] == command("softmax-regression", "digits", 3, SHORT)
    assert document["recipe"]["schedule"] == {"name": "Step", "every": 1, "factor": 0.5}
    assert len(document["history"]) == len(result.history) == 2
    assert document["dataset"]["examples"] == {"train": 797, "test": 1000}


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    """Weights files of two runs are equal byte for byte; another seed's differ."""
    files = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train_recipe("softmax-regression", "digits", seed, recipe=SHORT, path=tmp_path / f"{name}.npz")
        files.append((tmp_path / f"{name}.npz").read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_command_names_what_differs_from_the_table() -> None:
    """A recipe of the table needs no options; changed settings, and all without a table entry, are spelled out."""
    usual = RECIPES["mlp", "digits"]
    assert command("mlp", "digits", 1, usual) == "accel train mlp -d digits --seed 1"
    changed = replace(usual, epochs=7, optimizer=replace(usual.optimizer, momentum=0.5))
    assert command("mlp", "digits", 2, changed) == "accel train mlp -d digits --seed 2 --epochs 7 --momentum 0.5"
    assert command("mlp", "mine", 3, SHORT) == (
        "accel train mlp -d mine --seed 3 --epochs 2 --batch 50 --rate 0.05 --momentum 0.9 --decay 0.0001 "
        "--loss cross-entropy"
    )
