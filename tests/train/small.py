"""A problem that a small network learns at once: which half of a 4 x 4 picture is lit."""

from __future__ import annotations

import numpy as np

from accel.data.dataset import Dataset
from accel.layers import Activation, Dense, Flatten, Softmax
from accel.network.graph import Network, chain


def halves(count: int, seed: int) -> Dataset:
    """Pictures with a bright left (0) or right (1) half over noise."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    images = 0.4 * generator.random((count, 4, 4))
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label : 2 * label + 2] += 0.6
    return Dataset("halves", images, labels)


def perceptron() -> Network:
    """16-2 softmax."""
    return chain("perceptron", (1, 4, 4), {"flatten": Flatten(), "output": Dense(2), "softmax": Softmax()})


def linear() -> Network:
    """16-2 without an activation."""
    return chain("linear", (1, 4, 4), {"flatten": Flatten(), "output": Dense(2)})


def hidden_layer(function: str, softmax: bool = True) -> Network:
    """16-5-2 with this activation, with softmax or with the activation again at the end."""
    end = Softmax() if softmax else Activation(function)
    layers = {"flatten": Flatten(), "hidden": Dense(5), "act": Activation(function), "output": Dense(2), "end": end}
    return chain(f"hidden-{function}", (1, 4, 4), layers)
