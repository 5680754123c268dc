"""First values: variance by fan-in and activation, zeros for biases, bits by seed."""

from __future__ import annotations

import numpy as np
import pytest

from accel.network.initial import initial_parameters
from accel.network.weights import digest
from accel.network.zoo import build


@pytest.mark.parametrize(
    ("name", "node", "variance"),
    [
        ("mlp", "hidden", 2 / 784),
        ("mlp", "output", 1 / 100),
        ("mlp-sigmoid", "hidden", 1 / 784),
        ("lenet5", "C5", 1 / 400),
        ("lenet5-relu", "C5", 2 / 400),
        ("resnet18", "conv2_1.conv1", 2 / (64 * 9)),
        ("resnet18", "conv2_1.conv2", 1 / (64 * 9) / 5),
        ("resnet18", "conv3_1.conv2", 1 / (128 * 9)),
        ("resnet18", "conv3_1.shortcut", 1 / 64),
    ],
)
def test_variance_follows_fan_in_and_reader(name: str, node: str, variance: float) -> None:
    """2 / fan_in before a ReLU, 1 / fan_in elsewhere, a fifth of that at the ends of ResNet-18's 5 plain branches.

    Within five standard errors of a normal sample's variance.
    """
    weight = initial_parameters(build(name), 1)[node]["weight"]
    assert abs(weight.var() / variance - 1) < 5 * np.sqrt(2 / weight.size)
    assert abs(weight.mean()) < 5 * np.sqrt(variance / weight.size)


def test_biases_start_at_zero() -> None:
    """No bias is drawn."""
    for tensors in initial_parameters(build("lenet5"), 1).values():
        assert not tensors["bias"].any()


def test_normalisations_start_as_themselves() -> None:
    """A LayerNorm's weights are ones: what the specification names, not drawn."""
    parameters = initial_parameters(build("transformer"), 1)
    assert (parameters["norm1"]["weight"] == 1.0).all()
    assert not parameters["norm2"]["bias"].any()


def test_the_seed_decides_every_bit() -> None:
    """Same seed, same values; another seed, others."""
    digests = [digest(initial_parameters(build("mlp"), seed)) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
