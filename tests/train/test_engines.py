"""Every engine trains to the same bits, BLAS too."""

from __future__ import annotations

import numpy as np
import pytest

from accel.config import load_accelerator
from accel.errors import ConfigError
from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import chain
from accel.network.initial import initial_parameters
from accel.ops import blas, exact
from accel.ops.engine import VARIABLE, Multiplier, multiplier
from accel.train.fixed import fixed_learner
from accel.train.optimizers import Sgd

LAYERS = {
    "conv": Conv2d(4, 3, padding=1),
    "tanh": Activation("tanh"),
    "pool": Pool2d("average", 2),
    "strided": Conv2d(3, 2, stride=2),
    "flat": Flatten(),
    "hidden": Dense(6),
    "sigmoid": Activation("sigmoid"),
    "output": Dense(3),
    "softmax": Softmax(),
}


def trained(overrides=()):
    """All codes after two steps of a network with every kind of product, and what was counted."""
    network = chain("both", (1, 8, 8), LAYERS)
    machine = load_accelerator("gupta2015", tuple(f"training.{each}" for each in overrides))
    learner = fixed_learner(network, machine, loss="cross-entropy", optimizer=Sgd(0.25, 0.9, 1e-3), batch=6)
    generator = np.random.default_rng(4)
    x, labels = learner.encode(generator.random((6, 1, 8, 8))), generator.integers(0, 3, 6)
    state = learner.start(initial_parameters(network, 3))
    for _ in range(2):
        state, counts = learner.step(state, x, labels, 0.25)
    return learner.pack(state), counts


@pytest.mark.parametrize("overrides", [(), ("rounding.error=STOCHASTIC", "rounding.activation=STOCHASTIC")])
@pytest.mark.parametrize("engine", Multiplier)
def test_engines_train_to_the_same_bits(monkeypatch, engine, overrides):
    """Codes, velocities and counts are those of the processor's own choice; small products by one call or packed."""
    monkeypatch.delenv(VARIABLE, raising=False)
    arrays, counts = trained(overrides)
    monkeypatch.setenv(VARIABLE, engine)
    try:
        multiplier()
    except ConfigError:
        pytest.skip(f"no {engine} here")
    for small in (exact.SMALL, 0):
        monkeypatch.setattr(exact, "SMALL", small)
        found, seen = trained(overrides)
        assert seen == counts
        assert all(np.array_equal(array, found[name]) for name, array in arrays.items())


def test_forced_blas_computes(monkeypatch):
    """With ACCEL_ENGINE=blas every product of a step goes through BLAS, under its proof."""
    calls = []
    for name in ("multiply", "convolve"):
        usual = getattr(blas, name)
        monkeypatch.setattr(blas, name, lambda *a, name=name, usual=usual: calls.append(name) or usual(*a))
    monkeypatch.setenv(VARIABLE, "blas")
    monkeypatch.setattr(exact, "products", None)
    monkeypatch.setattr(exact, "multiply", None)
    trained()
    # Twice: two dense layers forward, in error and gradient, and two gradients of convolutions; the convolutions
    # forward, and the error of the second one.
    assert (calls.count("multiply"), calls.count("convolve")) == (2 * (6 + 2), 2 * (2 + 1))
