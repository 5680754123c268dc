"""`Network`: what it accepts, what it refuses, what it says about itself."""

from __future__ import annotations

import pytest

from accel.errors import ModelError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten
from accel.network.graph import INPUT, Network, Node, chain


def residual():
    """A branch around one convolution."""
    return Network(
        "residual",
        (2, 4, 4),
        (
            Node("a", Conv2d(2, 3, padding=1), (INPUT,)),
            Node("b", Conv2d(2, 3, padding=1), ("a",)),
            Node("sum", Add(), ("a", "b")),
        ),
    )


def test_chain_reads_each_the_one_before():
    """In a chain the first layer reads the input and every other its predecessor."""
    network = chain("small", (1, 4, 4), {"flatten": Flatten(), "dense": Dense(3)}, "made up")
    assert [node.inputs for node in network.nodes] == [(INPUT,), ("flatten",)]
    assert dict(network.shapes) == {INPUT: (1, 4, 4), "flatten": (16,), "dense": (3,)}
    assert network.source == "made up"
    assert network.output.name == "dense"


def test_a_graph_knows_shapes_nests_and_parameters():
    """Shapes, loop nests and parameters follow the graph; nodes without parameters are left out."""
    network = residual()
    assert network.shapes["sum"] == (2, 4, 4)
    assert network.input_shapes(network.nodes[2]) == ((2, 4, 4), (2, 4, 4))
    assert [nest.engine for _, nest in network.loop_nests()] == ["array", "array", "elementwise"]
    assert set(network.parameter_specs()) == {"a", "b"}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "needs at least one layer"),
        ((Node("a", Dense(2), (INPUT,)), Node("a", Dense(2), ("a",))), "two nodes are called 'a'"),
        ((Node(INPUT, Dense(2), (INPUT,)),), "two nodes are called 'input'"),
        ((Node("a", Dense(2), ("b",)), Node("b", Dense(2), ("a",))), "'a' reads 'b', which no earlier node makes"),
        ((Node("a", Dense(2), (INPUT,)), Node("b", Conv2d(1, 3), ("a",))), "net: b: conv2d reads maps"),
        ((Node("a", Dense(2), ()),), "net: a: dense reads one input, not 0"),
    ],
)
def test_a_broken_graph_is_refused_by_name(nodes, message):
    """Duplicates, loops and shapes that do not fit are refused where the network is made, naming the node."""
    with pytest.raises(ModelError, match=message):
        Network("net", (3,), nodes)


def test_networks_are_values():
    """Two networks of the same description are equal."""
    layers = {"a": Activation("relu")}
    assert chain("n", (3,), layers) == chain("n", (3,), layers)
    assert chain("n", (3,), layers) != chain("n", (4,), layers)
