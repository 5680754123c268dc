"""Update rules on problems whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from accel.golden.sgd import momentum, sgd, weight_decay
from tests.gradients import assert_gradient


def test_sgd_contracts_a_quadratic_as_computed(rng):
    """On |w|^2 / 2 every step multiplies the weight by 1 - rate."""
    start = rng.normal(size=(3, 4))
    weight = start
    for _ in range(10):
        weight = sgd(weight, weight, 0.25)
    np.testing.assert_allclose(weight, start * 0.75**10, rtol=1e-14)


def test_momentum_sums_past_gradients_geometrically():
    """Under a constant gradient the velocity is -rate * gradient * (1 + mu + mu^2 + ...), the weight their sum."""
    weight, velocity = np.zeros(1), np.zeros(1)
    for _ in range(3):
        weight, velocity = momentum(weight, velocity, np.array([2.0]), rate=0.5, coefficient=0.5)
    assert velocity.tolist() == [-(1 + 0.5 + 0.25)]
    assert weight.tolist() == [-(1 + 1.5 + 1.75)]


def test_momentum_of_zero_is_sgd(rng):
    """Without memory both rules take the same step, bit for bit."""
    weight, gradient, velocity = rng.normal(size=(3, 5))
    moved, _ = momentum(weight, velocity, gradient, rate=0.1, coefficient=0.0)
    assert np.array_equal(moved, sgd(weight, gradient, 0.1))


def test_weight_decay_is_the_gradient_of_its_penalty(rng):
    """The decayed gradient is the finite difference of loss + decay/2 |w|^2."""
    weight, slope = rng.normal(size=6), rng.normal(size=6)
    assert_gradient(weight_decay(slope, weight, 0.3), lambda w: float(slope @ w + 0.15 * (w @ w)), weight)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "weight_decay"])
def test_rules_leave_their_arguments_alone(rng, rule):
    """Updates are new arrays: what was given is unchanged."""
    given = rng.normal(size=(3, 4))
    kept = given.copy()
    if rule == "momentum":
        momentum(given[0], given[1], given[2], 0.1, 0.9)
    else:
        {"sgd": sgd, "weight_decay": weight_decay}[rule](given[0], given[1], 0.1)
    assert np.array_equal(given, kept)
