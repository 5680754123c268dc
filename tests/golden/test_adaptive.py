"""Adaptive update rules against PyTorch-free recurrences written one number at a time."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.train.adaptive import AdaDelta, AdaGrad, Adam, RmsProp


def run(optimizer, gradients):
    """Return a weight after these gradients, from 1."""
    values = {"n": {"weight": np.full((1, 1), 1.0)}}
    state = optimizer.start(values)
    for gradient in gradients:
        values, state = optimizer.step(values, {"n": {"weight": np.full((1, 1), gradient)}}, state, optimizer.rate)
    return float(values["n"]["weight"][0, 0])


def adagrad(gradients, rate, epsilon):
    w, total = 1.0, 0.0
    for g in gradients:
        total += g * g
        w -= rate * g / (sqrt(total) + epsilon)
    return w


def rmsprop(gradients, rate, epsilon, kept):
    w, mean = 1.0, 0.0
    for g in gradients:
        mean = kept * mean + (1 - kept) * g * g
        w -= rate * g / (sqrt(mean) + epsilon)
    return w


def adadelta(gradients, rate, epsilon, kept):
    w, squares, steps = 1.0, 0.0, 0.0
    for g in gradients:
        squares = kept * squares + (1 - kept) * g * g
        step = sqrt((steps + epsilon) / (squares + epsilon)) * g
        steps = kept * steps + (1 - kept) * step * step
        w -= rate * step
    return w


def adam(gradients, rate, epsilon, a, b):
    w, m, v = 1.0, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = a * m + (1 - a) * g, b * v + (1 - b) * g * g
        w -= rate * (m / (1 - a**t)) / (sqrt(v / (1 - b**t)) + epsilon)
    return w


def test_rules_are_their_recurrences(rng):
    """Twenty steps of each rule, to the last digits."""
    gradients = rng.normal(size=20).tolist()
    assert run(AdaGrad(0.1), gradients) == pytest.approx(adagrad(gradients, 0.1, 1e-8), rel=1e-12)
    assert run(RmsProp(0.01, kept=0.9), gradients) == pytest.approx(rmsprop(gradients, 0.01, 1e-8, 0.9), rel=1e-12)
    made = run(AdaDelta(1.0, epsilon=1e-6, kept=0.95), gradients)
    assert made == pytest.approx(adadelta(gradients, 1.0, 1e-6, 0.95), rel=1e-12)
    made = run(Adam(0.01, betas=(0.9, 0.99)), gradients)
    assert made == pytest.approx(adam(gradients, 0.01, 1e-8, 0.9, 0.99), rel=1e-12)


def test_the_first_step_of_adam_is_the_rate(rng):
    """Whatever the gradient's size, the first step goes `rate` against its sign."""
    assert run(Adam(0.05), [1e-3]) == pytest.approx(0.95, abs=1e-5)
    assert run(Adam(0.05), [-1e3]) == pytest.approx(1.05, abs=1e-9)


@pytest.mark.parametrize("make", [AdaGrad, RmsProp, AdaDelta, Adam])
def test_all_descend_a_bowl_and_decay_weights_only(make):
    """On w^2 / 2 the weight shrinks; with decay alone a weight moves and a bias does not."""
    optimizer = make(0.05)
    values = {"n": {"weight": np.ones((2, 2))}}
    state = optimizer.start(values)
    for _ in range(50):
        values, state = optimizer.step(values, values, state, optimizer.rate)
    assert np.abs(values["n"]["weight"]).max() < 1
    both = {"n": {"weight": np.ones((1, 1)), "bias": np.ones(1)}}
    still = {"n": {"weight": np.zeros((1, 1)), "bias": np.zeros(1)}}
    decayed = make(0.05, decay=0.1)
    moved, _ = decayed.step(both, still, decayed.start(both), 0.05)
    assert moved["n"]["weight"][0, 0] < 1
    assert moved["n"]["bias"][0] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdaGrad(0.0), "AdaGrad: learning rate 0.0"),
        (lambda: Adam(0.1, decay=-1.0), "Adam: weight decay -1.0"),
        (lambda: RmsProp(0.1, epsilon=0.0), "RmsProp: epsilon 0.0"),
        (lambda: AdaDelta(1.0, kept=1.0), "AdaDelta: the share of a running mean"),
        (lambda: Adam(0.1, betas=(0.9, 1.0)), "Adam: the share of a running mean"),
    ],
)
def test_settings_that_cannot_work(make, message):
    """Each is named with its value."""
    with pytest.raises(ConfigError, match=message):
        make()
