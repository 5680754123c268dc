"""`accel train --arithmetic fixed` and `accel estimate --training`: run directories, resuming, what is refused."""

import json
from pathlib import Path

import pytest

SMALL = "train softmax-regression --arithmetic fixed --epochs 2 --batch 100"
FOLDER = Path("runs/softmax-regression-digits-gupta2015-training")


def test_training_in_fixed_point_writes_a_directory(accel):
    """Epochs are lines with saturation and dead updates; the weights run; the document says it all."""
    outcome = accel(SMALL)
    assert (outcome.code, outcome.errors) == (0, [])
    lines = outcome.out.splitlines()
    assert all("saturated " in line and "dead " in line for line in lines[:2])
    assert {path.name for path in FOLDER.iterdir()} == {
        "checkpoint.npz",
        "history.csv",
        "report.html",
        "train.json",
        "weights.json",
        "weights.npz",
    }
    document = json.loads((FOLDER / "train.json").read_text(encoding="utf-8"))
    assert (document["arithmetic"], document["accelerator"]) == ("fixed", "gupta2015")
    assert accel(f"run softmax-regression -n 20 --weights {FOLDER / 'weights.npz'} --json").code == 0


def test_resuming_is_the_same_training(accel):
    """Two epochs, then one more, are three; threads do not matter."""
    accel(f"{SMALL} -o a -q -j 1")
    assert accel(f"{SMALL.replace('epochs 2', 'epochs 3')} -o a --resume -q -j 2").code == 0
    accel(f"{SMALL.replace('epochs 2', 'epochs 3')} -o b -q")
    assert Path("a/weights.npz").read_bytes() == Path("b/weights.npz").read_bytes()


def test_float64_has_directories_too(accel):
    """A directory, early stopping and checkpoints work in float64."""
    outcome = accel("train softmax-regression --epochs 2 -o run --patience 5 --checkpoint-every 7")
    assert outcome.code == 0
    document = json.loads(Path("run/train.json").read_text(encoding="utf-8"))
    assert (document["arithmetic"], document["accelerator"], document["formats"]) == ("golden", None, {})


@pytest.mark.parametrize("rule", ["adagrad", "rmsprop", "adadelta", "adam"])
def test_other_rules_and_dropout_are_recorded(accel, rule):
    """Each trains in float64, with dropout where asked for, and the record names both."""
    rate = "1" if rule == "adadelta" else "0.01"
    outcome = accel(f"train mlp --epochs 1 --rate {rate} --optimizer {rule} --dropout 0.2 -o run")
    assert outcome.code == 0
    recipe = json.loads(Path("run/train.json").read_text(encoding="utf-8"))["recipe"]
    assert recipe["optimizer"]["name"].lower() == rule
    assert recipe["dropout"]["share"] == 0.2


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (f"{SMALL} --optimizer adam", 2, "only sgd without dropout is a datapath"),
        (f"{SMALL} -o weights.npz", 2, "need a run directory"),
        (f"{SMALL} --resume", 3, "no checkpoint can be read"),
        (f"{SMALL} --rate 0.9 -s training.rate=UQ-4.16", 2, "does not hold; use a rate of"),
        (f"{SMALL} -s training.gradient=Q-20.24 -s training.rounding.update=RND", 2, "the smallest rate that works"),
        (f"{SMALL} -s training.errro=Q1.15", 2, "Did you mean 'error'?"),
        (f"{SMALL} -s numerics.accumulator.width=32", 2, "gradient sums need up to"),
        ("train transformer --arithmetic fixed --epochs 1 --batch 4 --rate 0.1 --loss mse", 2, "layer normalisation"),
    ],
)
def test_what_cannot_be_trained(accel, arguments, code, expected):
    """Each has its exit code, before anything is computed or written."""
    outcome = accel(arguments)
    assert outcome.code == code
    assert expected in "\n".join(outcome.errors)
    assert list(Path().rglob("*.npz")) == []


def test_a_checkpoint_of_another_network_is_refused(accel):
    """What differs is named and nothing is overwritten."""
    accel(f"{SMALL} -o a -q")
    before = Path("a/checkpoint.npz").read_bytes()
    outcome = accel("train mlp --arithmetic fixed --epochs 2 --batch 100 -o a --resume")
    assert outcome.code == 3
    assert "network = softmax-regression, now it is mlp" in "\n".join(outcome.errors)
    assert Path("a/checkpoint.npz").read_bytes() == before


def test_the_cost_of_training_is_told(accel):
    """A table with a column per phase and totals; the same figures as JSON."""
    shown = accel("estimate lenet5 --training -b 64 --examples 60000").out
    for word in ("forward", "error", "gradient", "update", "examples/s", "stored activations", "epoch"):
        assert word in shown
    document = accel("estimate lenet5 --training -b 64 --json").json
    assert document["step_cycles"] == sum(document["cycles"].values())
    assert document["epoch"] is None
