"""Formats of tensors by node."""

from accel.formats import node_formats
from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import chain
from accel.numeric.plan import Numerics
from tests.machines import layer_numerics, quantizer

NETWORK = chain(
    "formats",
    (1, 8, 8),
    {
        "first": Pool2d("max", 2),
        "conv": Conv2d(2, 3),
        "tanh": Activation("tanh"),
        "maximum": Pool2d("max", 1),
        "flatten": Flatten(),
        "dense": Dense(3),
        "softmax": Softmax(),
    },
)


def test_formats_follow_the_nodes():
    """Max pooling and flatten keep what they read, softmax has its own, everything else is cast to its output."""
    overrides = {"tanh": layer_numerics("Q2.14"), "flatten": layer_numerics("Q9.9"), "maximum": layer_numerics("Q8.8")}
    formats = node_formats(NETWORK, Numerics(quantizer("Q1.7"), layer_numerics("Q6.10"), overrides))
    assert {name: str(spec) for name, spec in formats.items()} == {
        "input": "Q1.7",
        "first": "Q1.7",
        "conv": "Q6.10",
        "tanh": "Q2.14",
        "maximum": "Q2.14",
        "flatten": "Q2.14",
        "dense": "Q6.10",
        "softmax": "UQ0.16",
    }


def test_average_pooling_is_a_cast():
    """An average has new values, so it is cast like any other layer."""
    network = chain("average", (1, 4, 4), {"average": Pool2d("average", 2), "l2": Pool2d("l2", 2)})
    formats = node_formats(network, Numerics(quantizer("Q1.7"), layer_numerics("Q6.10")))
    assert str(formats["average"]) == str(formats["l2"]) == "Q6.10"
