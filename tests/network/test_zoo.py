"""The zoo against the figures its papers print; networks of today are in `test_zoo_large`."""

from __future__ import annotations

import re
from math import prod

import numpy as np
import pytest

from accel.errors import ModelError
from accel.layers import Conv2d, Pool2d
from accel.network.zoo import ZOO, build
from accel.ops.golden import GoldenArithmetic, GoldenOps
from accel.walk import forward

SHAPES = {
    "mlp": {"flatten": (784,), "hidden": (100,), "hidden.relu": (100,), "output": (10,), "softmax": (10,)},
    "mlp-sigmoid": {
        "flatten": (784,),
        "hidden": (50,),
        "hidden.sigmoid": (50,),
        "output": (10,),
        "softmax": (10,),
    },
    "softmax-regression": {"flatten": (784,), "output": (10,), "softmax": (10,)},
    "alexnet": {
        "conv1": (96, 55, 55),
        "conv1.relu": (96, 55, 55),
        "pool1": (96, 27, 27),
        "conv2": (256, 27, 27),
        "conv2.relu": (256, 27, 27),
        "pool2": (256, 13, 13),
        "conv3": (384, 13, 13),
        "conv3.relu": (384, 13, 13),
        "conv4": (384, 13, 13),
        "conv4.relu": (384, 13, 13),
        "conv5": (256, 13, 13),
        "conv5.relu": (256, 13, 13),
        "pool5": (256, 6, 6),
        "flatten": (9216,),
        "fc6": (4096,),
        "fc6.relu": (4096,),
        "fc7": (4096,),
        "fc7.relu": (4096,),
        "fc8": (1000,),
        "softmax": (1000,),
    },
}
for _name, _function in (("lenet5", "tanh"), ("lenet5-table", "tanh"), ("lenet5-relu", "relu")):
    SHAPES[_name] = {
        "C1": (6, 28, 28),
        f"C1.{_function}": (6, 28, 28),
        "S2": (6, 14, 14),
        "C3": (16, 10, 10),
        f"C3.{_function}": (16, 10, 10),
        "S4": (16, 5, 5),
        "C5": (120, 1, 1),
        f"C5.{_function}": (120, 1, 1),
        "flatten": (120,),
        "F6": (84,),
        f"F6.{_function}": (84,),
        "output": (10,),
        "softmax": (10,),
    }

PARAMETERS = {
    "mlp": 784 * 100 + 100 + 100 * 10 + 10,
    "mlp-sigmoid": 784 * 50 + 50 + 50 * 10 + 10,
    "softmax-regression": 7850,
    "lenet5": 61_706,
    "lenet5-table": 60_806,
    "lenet5-relu": 61_706,
    "alexnet": 60_965_224,
}

MACS = {
    "conv1": 105_415_200,
    "conv2": 223_948_800,
    "conv3": 149_520_384,
    "conv4": 112_140_288,
    "conv5": 74_760_192,
    "fc6": 37_748_736,
    "fc7": 16_777_216,
    "fc8": 4_096_000,
}
"""AlexNet, one image."""

TABLE_I = """
    X . . . X X X . . X X X X . X X
    X X . . . X X X . . X X X X . X
    X X X . . . X X X . . X . X X X
    . X X X . . X X X X . . X . X X
    . . X X X . . X X X X . X X . X
    . . . X X X . . X X X X . X X X
"""
"""LeCun et al. 1998, Table I: a row per map of S2, a column per map of C3."""


def trainable(network, node):
    """Return how many parameters of `node` are trained: all but the weights that a table leaves unconnected."""
    layer = next(candidate.layer for candidate in network.nodes if candidate.name == node)
    count = 0
    for tensor, spec in network.parameter_specs()[node].items():
        if tensor == "weight" and isinstance(layer, Conv2d) and layer.connections is not None:
            count += int(GoldenOps().connect(np.ones(spec.shape), layer.connections).sum())
        else:
            count += prod(spec.shape)
    return count


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    """Every node has the shape its paper draws, under the name it has there."""
    network = build(name)
    shapes = dict(network.shapes)
    assert shapes.pop("input") == network.input_shape
    assert shapes == SHAPES[name]
    assert network.name == name


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts(name):
    """Trainable parameters are as many as the literature counts."""
    network = build(name)
    assert sum(trainable(network, node) for node in network.parameter_specs()) == PARAMETERS[name]


@pytest.mark.parametrize("name", ZOO)
def test_every_network_cites_its_source(name):
    """A network says where it comes from, with a year or a medium to find it by."""
    assert re.search(r"\d{4}|tutorial", build(name).source)


def test_lenet5_counts_of_the_paper():
    """LeNet-5's trainable parameters and connections are those printed in section II-B."""
    network = build("lenet5-table")
    assert [trainable(network, node) for node in ("C1", "C3", "C5", "F6")] == [156, 1516, 48_120, 10_164]
    connections = {node: trainable(network, node) * prod(network.shapes[node][1:]) for node in ("C1", "C3", "C5")}
    assert connections == {"C1": 122_304, "C3": 151_600, "C5": 48_120}


def test_lenet5_connection_table_is_table_i():
    """C3 reads the maps that the paper's Table I marks: 60 pairs."""
    rows = [line.split() for line in TABLE_I.split("\n") if line.strip()]
    c3 = next(node.layer for node in build("lenet5-table").nodes if node.name == "C3")
    assert [[rows[c][k] == "X" for c in range(6)] for k in range(16)] == [list(row) for row in c3.connections]
    assert sum(map(sum, c3.connections)) == 60


@pytest.mark.parametrize(("name", "mode"), [("lenet5", "average"), ("lenet5-table", "average"), ("lenet5-relu", "max")])
def test_lenet5_pooling(name, mode):
    """The networks of 1998 average over 2 x 2, the modern one takes the maximum."""
    layers = [node.layer for node in build(name).nodes]
    assert [layer for layer in layers if isinstance(layer, Pool2d)] == [Pool2d(mode, 2), Pool2d(mode, 2)]


def test_alexnet_macs():
    """Multiply-accumulates per layer of AlexNet, with the two groups of conv2, conv4 and conv5."""
    macs = {node.name: nest.macs for node, nest in build("alexnet").loop_nests() if nest.macs}
    assert macs == MACS
    assert sum(macs.values()) == 724_406_816


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "alexnet"])
def test_networks_run_and_repeat(rng, name):
    """A forward walk makes the declared shapes, rows of shares, and the same bits a second time."""
    network = build(name)
    parameters = {
        node: {tensor: rng.normal(scale=0.1, size=spec.shape) for tensor, spec in specs.items()}
        for node, specs in network.parameter_specs().items()
    }
    x = rng.uniform(size=(3, *network.input_shape))
    first, second = (forward(network, parameters, GoldenArithmetic(), x) for _ in range(2))
    assert {node: y.shape[1:] for node, y in first.items()} == dict(network.shapes)
    np.testing.assert_allclose(first["softmax"].sum(axis=-1), 1.0, rtol=1e-12)
    assert all(np.array_equal(first[node], second[node]) for node in first)


def test_zoo_makes_the_same_value_every_time():
    """Making a network twice gives equal ones, so that `build` may hand out one of them to everybody."""
    assert all(make() == make() == build(name) for name, make in ZOO.items())


@pytest.mark.parametrize(
    ("name", "message"),
    [("lenet", "no network called 'lenet'. Did you mean 'lenet5'?"), ("zzz", "Known: alexnet, lenet5,")],
)
def test_an_unknown_network_is_refused_with_a_suggestion(name, message):
    """A name that is not in the zoo gets the closest one, or all."""
    with pytest.raises(ModelError, match=re.escape(message)):
        build(name)
