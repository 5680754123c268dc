"""`accel train`: recipes, their overrides, the weights file and what cannot be trained; end to end on small work."""

import json
from pathlib import Path

import numpy as np
import pytest

SMALL = "train softmax-regression --epochs 2"


def test_training_writes_weights_that_run(accel):
    """Every epoch is a line; weights and provenance are written; the command it prints runs them."""
    outcome = accel(f"{SMALL} --seed 3")
    assert (outcome.code, outcome.errors) == (0, [])
    lines = outcome.out.splitlines()
    assert [line.split("  rate ")[0] for line in lines[:2]] == ["epoch   1 of 2", "epoch   2 of 2"]
    assert all("loss " in line and "train " in line and "test " in line for line in lines[:2])
    file = Path("runs/softmax-regression-digits.npz")
    assert lines[-2:] == [f"{file}: weights", f"accel run softmax-regression -d digits --weights {file}"]
    provenance = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert (provenance["seed"], provenance["recipe"]["epochs"]) == (3, 2)
    document = accel(f"run softmax-regression -d digits --weights {file} -n 50 --json").json
    assert document["accuracy"]["golden"] > 0.5


def test_a_seed_decides_every_bit(accel):
    """The same seed gives the same file, another one another."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert accel(f"{SMALL} --seed {seed} -o {name}.npz -q").out == ""
    a, b, c = (Path(f"{name}.npz").read_bytes() for name in "abc")
    assert a == b != c


def test_settings_replace_those_of_the_recipe(accel):
    """Each option reaches the recipe that the provenance records, the rest stays as it was."""
    accel("train softmax-regression --epochs 1 -o plain.npz")
    settings = "--epochs 1 --batch 50 --rate 0.2 --momentum 0 --decay 0.01 --loss mse"
    document = accel(f"train softmax-regression {settings} -o own.npz --json").json
    recipe = document["recipe"]
    assert (recipe["epochs"], recipe["batch"], recipe["loss"]) == (1, 50, "mse")
    assert recipe["optimizer"] == {"rate": 0.2, "momentum": 0.0, "decay": 0.01}
    plain = json.loads(Path("plain.json").read_text(encoding="utf-8"))["recipe"]
    assert recipe["schedule"] == plain["schedule"]
    with np.load("plain.npz") as one, np.load("own.npz") as other:
        assert not np.array_equal(one["output/weight"], other["output/weight"])


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("train lenet6", 3, "Did you mean 'lenet5'?"),
        ("train alexnet", 2, "no recipe for alexnet on digits"),
        ("train alexnet --epochs 1 --batch 8 --rate 0.1", 3, "do not fit an input of shape"),
        ("train softmax-regression -d none --epochs 1", 3, "none"),
        (f"{SMALL} --loss l1", 2, "'l1' is not a loss"),
        (f"{SMALL} --rate 0", 2, "--rate"),
        (f"{SMALL} --momentum 1", 2, "--momentum"),
        (f"{SMALL} --rate 1e300", 2, "training diverged in epoch 1"),
        (f"{SMALL} -o weights.json", 2, "must end in .npz"),
    ],
)
def test_what_cannot_be_trained(accel, arguments, code, expected):
    """Each unusable request has its exit code and leaves no weights behind."""
    outcome = accel(arguments)
    assert outcome.code == code
    assert expected in "\n".join(outcome.errors)
    assert list(Path().rglob("*.npz")) == []


def test_a_place_that_cannot_be_written_is_refused_before_training(accel):
    """A folder that is a file is refused at once."""
    Path("taken").write_text("", encoding="utf-8")
    outcome = accel(f"{SMALL} -o taken/weights.npz")
    assert (outcome.code, outcome.out) == (2, "")
    assert "taken cannot be made" in outcome.errors[-1]
