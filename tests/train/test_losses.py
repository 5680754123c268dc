"""Losses: values against scikit-learn, deltas against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss, mean_squared_error

from accel.errors import ConfigError, ModelError
from accel.train.losses import LOSSES, loss_named
from tests.train.small import hidden_layer, perceptron

GENERATOR = np.random.default_rng(20)
SCORES = GENERATOR.normal(0, 2, (6, 4))
LABELS = GENERATOR.integers(0, 4, 6)
TARGETS = np.eye(4)[LABELS]
STEP = 1e-6


def test_cross_entropy_is_the_log_loss() -> None:
    """The batch mean agrees with scikit-learn's."""
    outputs = softmax(SCORES, axis=1)
    expected = log_loss(LABELS, outputs, labels=range(4))
    assert LOSSES["cross-entropy"].value(outputs, TARGETS) == pytest.approx(expected, rel=1e-12)


def test_mse_is_half_the_summed_squares() -> None:
    """1/2 sum over K outputs, averaged over the batch: K/2 times scikit-learn's mean."""
    expected = mean_squared_error(TARGETS, SCORES) * 4 / 2
    assert LOSSES["mse"].value(SCORES, TARGETS) == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_survives_an_underflow() -> None:
    """A right answer given probability 0 costs much, not infinity."""
    value = LOSSES["cross-entropy"].value(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]))
    assert 700 < value < 750


@pytest.mark.parametrize("name", LOSSES)
def test_delta_is_the_derivative(name: str) -> None:
    """Delta over m is the derivative of the mean loss, taken at the softmax's input or at the output."""
    loss = LOSSES[name]

    def value(scores: np.ndarray) -> float:
        return loss.value(softmax(scores, axis=1) if loss.at_softmax_input else scores, TARGETS)

    outputs = softmax(SCORES, axis=1) if loss.at_softmax_input else SCORES
    delta = loss.delta(outputs, TARGETS) / len(SCORES)
    for index in np.ndindex(*SCORES.shape):
        shift = np.zeros_like(SCORES)
        shift[index] = STEP
        slope = (value(SCORES + shift) - value(SCORES - shift)) / (2 * STEP)
        assert delta[index] == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_start_is_where_delta_belongs() -> None:
    """Cross-entropy goes back from before the softmax, squared error from the end."""
    assert LOSSES["cross-entropy"].start(perceptron()) == "output"
    assert LOSSES["mse"].start(perceptron()) == "softmax"


def test_cross_entropy_needs_a_softmax() -> None:
    """A network that ends otherwise is told what to do."""
    with pytest.raises(ModelError, match="ends in a softmax; hidden-tanh ends in activation: use the mse loss"):
        LOSSES["cross-entropy"].start(hidden_layer("tanh", softmax=False))


def test_unknown_loss() -> None:
    """A misspelt loss is answered with the nearest."""
    with pytest.raises(ConfigError, match="Did you mean 'cross-entropy'"):
        loss_named("crossentropy")
