"""Checkpoints: what comes back is what was kept, another training is refused, and a full disk loses nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from accel.config import load_accelerator
from accel.errors import ConfigError, ModelError
from accel.train.checkpoint import load_checkpoint, save_checkpoint
from accel.train.directory import CHECKPOINT, identity_of, learn_in
from accel.train.fixed import fixed_learner
from accel.train.loop import Hooks, Plan
from accel.train.optimizers import Sgd
from tests.train.small import halves, hidden_layer, perceptron

PLAN = Plan(2, 10, 1, 0.25)


def made(network=None, *overrides, **settings):
    """A learner on the default machine."""
    machine = load_accelerator("gupta2015", overrides)
    optimizer = settings.get("optimizer", Sgd(0.25))
    return fixed_learner(network or perceptron(), machine, loss="cross-entropy", optimizer=optimizer, batch=10)


def test_a_directory_holds_everything(tmp_path):
    """Weights, record, table, page and checkpoint are written; the record tells epochs, curve and formats."""
    document = learn_in(tmp_path / "run", made(), PLAN, halves(30, 1), halves(10, 2), command="accel train")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"checkpoint.npz", "weights.npz", "weights.json", "train.json", "history.csv", "report.html"}
    assert [epoch["number"] for epoch in document["epochs"]] == [1, 2]
    assert document["formats"]["update"] == "Q2.14 STOCHASTIC"
    assert len(document["curve"]) == 6
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    assert rows[0].startswith("number,rate,loss")


def test_more_epochs_go_on_from_the_checkpoint(tmp_path):
    """Two epochs and two more are four, bit for bit."""
    train_set = halves(30, 1)
    longer = Plan(4, 10, 1, 0.25)
    learn_in(tmp_path / "a", made(), PLAN, train_set, None, command="")
    resumed = learn_in(tmp_path / "a", made(), longer, train_set, None, command="", resume=True)
    whole = learn_in(tmp_path / "b", made(), longer, train_set, None, command="")
    assert resumed["epochs"] == whole["epochs"]
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()


def test_an_interrupt_keeps_the_step(tmp_path):
    """Ctrl-C in mid-epoch leaves a checkpoint that goes on to the same bits."""
    train_set, seen = halves(30, 1), []

    def interrupt(counts):
        seen.append(counts)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_in(tmp_path / "a", made(), PLAN, train_set, None, command="", hooks=Hooks(step=interrupt))
    resumed = learn_in(tmp_path / "a", made(), PLAN, train_set, None, command="", resume=True)
    whole = learn_in(tmp_path / "b", made(), PLAN, train_set, None, command="")
    assert resumed["epochs"] == whole["epochs"]
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: (made(hidden_layer("tanh")), PLAN), "network = perceptron, now it is hidden-tanh"),
        (lambda: (made(None, "training.error=Q1.15"), PLAN), "training.error"),
        (lambda: (made(None, optimizer=Sgd(0.25, 0.9)), PLAN), "optimizer.momentum = 0.0, now it is 0.9"),
        (lambda: (made(), Plan(2, 10, 5, 0.25)), "plan.seed = 1, now it is 5"),
    ],
)
def test_another_training_is_refused(tmp_path, other, named):
    """Network, formats, optimizer and seed are compared, and what differs is named."""
    train_set = halves(30, 1)
    learn_in(tmp_path, made(), PLAN, train_set, None, command="")
    learner, plan = other()
    with pytest.raises(ModelError) as error:
        learn_in(tmp_path, learner, plan, train_set, None, command="", resume=True)
    assert named in "\n".join(error.value.problems)


@pytest.mark.parametrize("content", [b"", b"PK not a zip", None])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    """Nothing, something else and no file at all get one clear error."""
    if content is not None:
        (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint"):
        load_checkpoint(tmp_path / CHECKPOINT, {})


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    """A write that fails is an error in words, and what was kept before is still there, whole."""
    learner, train_set = made(), halves(30, 1)
    learn_in(tmp_path, learner, PLAN, train_set, None, command="")
    before = (tmp_path / CHECKPOINT).read_bytes()
    snapshot = load_checkpoint(tmp_path / CHECKPOINT, identity_of(learner, PLAN, train_set))

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        save_checkpoint(tmp_path / CHECKPOINT, snapshot, identity_of(learner, PLAN, train_set))
    monkeypatch.undo()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    again = load_checkpoint(tmp_path / CHECKPOINT, identity_of(learner, PLAN, train_set))
    assert all(np.array_equal(again.arrays[name], array) for name, array in snapshot.arrays.items())


def test_a_place_that_is_not_ours_is_refused(tmp_path):
    """A folder with other files in it is left alone."""
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match=r"holds thesis\.tex and no training of ours"):
        learn_in(tmp_path, made(), PLAN, halves(30, 1), None, command="")
