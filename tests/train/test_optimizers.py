"""`Sgd` against its formulas, one number at a time in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.train.optimizers import Sgd


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_steps_follow_the_formulas(momentum: float, decay: float) -> None:
    """Five steps of weights and biases with changing rates equal the recurrence; biases are not decayed."""
    optimizer = Sgd(0.1, momentum, decay)
    generator = np.random.default_rng(5)
    values = {"n": {"weight": generator.normal(size=(2, 3)), "bias": generator.normal(size=2)}}
    state = optimizer.start(values)
    w, b = float(values["n"]["weight"][1, 2]), float(values["n"]["bias"][0])
    v, u = 0.0, 0.0
    for rate in (0.1, 0.1, 0.05, 0.05, 0.01):
        gradients = {"n": {"weight": generator.normal(size=(2, 3)), "bias": generator.normal(size=2)}}
        values, state = optimizer.step(values, gradients, state, rate)
        v = momentum * v - rate * (float(gradients["n"]["weight"][1, 2]) + decay * w)
        u = momentum * u - rate * float(gradients["n"]["bias"][0])
        w, b = w + v, b + u
        assert values["n"]["weight"][1, 2] == pytest.approx(w, rel=1e-14)
        assert values["n"]["bias"][0] == pytest.approx(b, rel=1e-14)


def test_a_step_leaves_its_arguments_alone() -> None:
    """Parameters and state are values: a step makes new ones."""
    values = {"n": {"weight": np.ones((1, 1))}}
    optimizer = Sgd(0.5, 0.9, 0.1)
    state = optimizer.start(values)
    optimizer.step(values, {"n": {"weight": np.ones((1, 1))}}, state, 0.5)
    assert values["n"]["weight"] == 1
    assert state["n"]["weight"] == 0


def test_a_limit_clips_weights_only() -> None:
    """Weights that would step past the limit stand on it; biases may go anywhere."""
    optimizer = Sgd(1.0, limit=2.0)
    values = {"n": {"weight": np.array([[1.5, -1.5, 0.5]]), "bias": np.array([1.5])}}
    gradients = {"n": {"weight": np.array([[-1.0, 1.0, -1.0]]), "bias": np.array([-1.0])}}
    stepped, _ = optimizer.step(values, gradients, optimizer.start(values), 1.0)
    assert stepped["n"]["weight"].tolist() == [[2.0, -2.0, 1.5]]
    assert stepped["n"]["bias"].tolist() == [2.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "learning rate 0.0"),
        ((float("nan"),), "learning rate nan"),
        ((float("inf"),), "learning rate inf"),
        ((0.1, 1.0), "momentum 1.0"),
        ((0.1, -0.1), "momentum -0.1"),
        ((0.1, 0.9, -1e-4), "weight decay -0.0001"),
        ((0.1, 0.9, float("nan")), "weight decay nan"),
        ((0.1, 0.9, 0.0, 0.0), "weight limit 0.0"),
    ],
)
def test_settings_that_cannot_work(arguments: tuple[float, ...], message: str) -> None:
    """Rates, momenta and decays outside their range are refused."""
    with pytest.raises(ConfigError, match=message):
        Sgd(*arguments)
