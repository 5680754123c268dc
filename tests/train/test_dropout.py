"""Dropout: gradients by finite differences through a fixed mask, the mean kept, and the same masks again."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.network.initial import initial_parameters
from accel.ops.golden import GoldenArithmetic
from accel.train.dropout import Dropout, DropoutArithmetic
from accel.train.golden import GoldenLearner
from accel.train.loop import Plan, learn
from accel.train.losses import LOSSES
from accel.train.optimizers import Sgd
from accel.walk import backward, forward
from tests.gradients import assert_gradient
from tests.train.small import halves, hidden_layer


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "identity"])
def test_gradients_pass_the_mask(rng, function):
    """Every weight gradient is the finite difference of the loss with the same units dropped."""
    network = hidden_layer(function)
    numbers = DropoutArithmetic.of(network, Dropout(0.5, 3), 7, 6)
    values, x = initial_parameters(network, 1), rng.random((6, *network.input_shape))
    targets = np.eye(2)[rng.integers(0, 2, 6)]
    cost = LOSSES["cross-entropy"]

    def loss(weight):
        changed = {**values, "hidden": {**values["hidden"], "weight": weight}}
        return 6 * cost.value(forward(network, changed, numbers, x)[network.output.name], targets)

    tape = forward(network, values, numbers, x)
    delta = cost.delta(tape[network.output.name], targets)
    gradients = backward(network, values, numbers, tape, delta, cost.start(network))
    assert_gradient(gradients["hidden"]["weight"], loss, values["hidden"]["weight"])
    assert list(numbers.masks) == ["act"]


def test_masks_keep_the_mean_and_follow_from_the_step():
    """A share is zero and the rest grows by as much; the same step draws the same mask, the next another."""
    network = hidden_layer("tanh")
    masks = [DropoutArithmetic.of(network, Dropout(0.25), step, 4000).masks["act"] for step in (1, 1, 2)]
    assert np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])
    assert set(np.unique(masks[0])) == {0.0, 1 / 0.75}
    assert masks[0].mean() == pytest.approx(1, abs=0.02)


def test_a_network_learns_with_dropout():
    """The halves are still separated, and evaluation drops nothing."""
    network = hidden_layer("tanh")
    learner = GoldenLearner(network, LOSSES["cross-entropy"], Sgd(0.5), GoldenArithmetic(), Dropout(0.3))
    result = learn(learner, Plan(8, 10, 1, 0.5), halves(200, 1), halves(100, 2))
    assert result.history[-1].test_accuracy == 1


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_shares_that_mean_nothing(share):
    """0 is no dropout and 1 leaves nothing."""
    with pytest.raises(ConfigError, match=r"must lie in \(0, 1\)"):
        Dropout(share)
