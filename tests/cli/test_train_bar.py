"""The progress bar of `accel train`: it stands where training stands, also where it is taken up."""

from __future__ import annotations

import io

from rich.console import Console

from accel.cli.terminal import Terminal
from accel.cli.train import _SHOWN_STEPS, _bar
from accel.ops.golden import GoldenArithmetic
from accel.train.golden import GoldenLearner
from accel.train.learner import Counts
from accel.train.loop import Hooks, Plan, learn
from accel.train.losses import LOSSES
from accel.train.optimizers import Sgd
from tests.train.small import halves, perceptron


def drawn(monkeypatch, done: int) -> str:
    """What a bar of 3 epochs of 50 steps has drawn after `done` steps of earlier runs and a few of this one."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=160, color_system=None)
    monkeypatch.setattr(Terminal, "console", lambda self, stderr=False: console)
    with _bar(Terminal(), 3, 50) as (begin, show):
        begin(done)
        for _ in range(_SHOWN_STEPS):
            show(Counts(examples=10, loss=5.0, correct=7))
    return file.getvalue()


def test_a_new_training_begins_at_nothing(monkeypatch):
    """Steps, epoch and figures of the first look."""
    text = drawn(monkeypatch, 0)
    assert "epoch 1 of 3" in text
    assert f"{_SHOWN_STEPS}/150" in text
    assert "loss 0.5000  right 70.0%" in text


def test_a_training_that_is_taken_up_goes_on_where_it_was(monkeypatch):
    """70 of 150 steps are done: the second epoch, and 90 after twenty more; no time is told from the 70."""
    text = drawn(monkeypatch, 70)
    assert "epoch 2 of 3" in text
    assert "90/150" in text
    assert f" {_SHOWN_STEPS}/150" not in text


def test_the_loop_tells_how_many_steps_are_done():
    """`start` hears 0 for a new training, and the snapshot's step for one that is taken up."""
    network, dataset = perceptron(), halves(30, 1)
    learner = GoldenLearner(network, LOSSES["cross-entropy"], Sgd(0.1), GoldenArithmetic())
    plan, heard, snapshots = Plan(2, 10, 1, 0.1), [], []
    learn(learner, plan, dataset, hooks=Hooks(start=heard.append, keep=snapshots.append, keep_every=1))
    learn(learner, plan, dataset, snapshot=snapshots[1], hooks=Hooks(start=heard.append))
    assert heard == [0, snapshots[1].step]
    assert snapshots[1].step > 0
