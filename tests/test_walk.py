"""The graph walks: whole networks against finite differences, branches included, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import DataError, ModelError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Network, Node, chain
from accel.network.zoo import build
from accel.ops.golden import GoldenArithmetic
from accel.walk import backward, forward
from tests.gradients import STEP, assert_gradient

TABLE = ((True, False), (True, True), (False, True))

NETWORKS = {
    "chain": chain(
        "chain",
        (2, 6, 6),
        {
            "conv": Conv2d(3, 3, connections=TABLE),
            "tanh": Activation("tanh"),
            "pool": Pool2d("average", 2),
            "flatten": Flatten(),
            "dense": Dense(4),
            "softmax": Softmax(),
        },
    ),
    "residual": Network(
        "residual",
        (2, 4, 4),
        (
            Node("a", Conv2d(2, 3, padding=1), (INPUT,)),
            Node("b", Conv2d(2, 3, padding=1, groups=2), ("a",)),
            Node("sigmoid", Activation("sigmoid"), ("b",)),
            Node("sum", Add(), ("a", "sigmoid")),
            Node("flatten", Flatten(), ("sum",)),
            Node("dense", Dense(3, bias=False), ("flatten",)),
            Node("softmax", Softmax(), ("dense",)),
        ),
    ),
    "fan-out": Network(
        "fan-out",
        (5,),
        (
            Node("a", Dense(4), (INPUT,)),
            Node("b", Dense(4), ("a",)),
            Node("c", Activation("tanh"), ("a",)),
            Node("d", Add(), ("b", "c")),
            Node("e", Add(), ("d", "a")),  # a is read three times
            Node("f", Add(), ("e", "e")),  # e twice by one node
            Node("unread", Dense(2), ("b",)),
            Node("out", Softmax(), ("f",)),
        ),
    ),
}


def values(network, rng):
    """Return random parameters."""
    return {
        node: {tensor: rng.normal(scale=0.5, size=spec.shape) for tensor, spec in specs.items()}
        for node, specs in network.parameter_specs().items()
    }


def cross_entropy(network, parameters, x, target):
    """Return -sum target log y, summed over the batch."""
    y = forward(network, parameters, GoldenArithmetic(), x)[network.output.name]
    return float(-(target * np.log(y)).sum())


def replaced(parameters, node, tensor, new):
    """Return the parameters with one tensor exchanged."""
    return parameters | {node: parameters[node] | {tensor: new}}


@pytest.mark.parametrize("name", NETWORKS)
def test_backward_is_the_finite_difference_of_the_loss(rng, name):
    """The gradient of every parameter is that of the cross-entropy, through branches, sums and tables."""
    network = NETWORKS[name]
    parameters = values(network, rng)
    x = rng.normal(size=(3, *network.input_shape))
    tape = forward(network, parameters, GoldenArithmetic(), x)
    y = tape[network.output.name]
    target = np.eye(y.shape[1])[rng.integers(y.shape[1], size=3)]
    gradients = backward(network, parameters, GoldenArithmetic(), tape, -target / y)
    assert set(gradients) == set(parameters) - {"unread"}
    for node, tensors in gradients.items():
        assert set(tensors) == set(parameters[node])
        for tensor, gradient in tensors.items():

            def loss(new, node=node, tensor=tensor):
                return cross_entropy(network, replaced(parameters, node, tensor, new), x, target)

            assert_gradient(gradient, loss, parameters[node][tensor])


@pytest.mark.parametrize("name", NETWORKS)
def test_start_before_softmax_with_its_folded_delta(rng, name):
    """Starting before softmax with y - target gives what the whole walk gives from -target / y."""
    network = NETWORKS[name]
    parameters = values(network, rng)
    x = rng.normal(size=(3, *network.input_shape))
    tape = forward(network, parameters, GoldenArithmetic(), x)
    y = tape[network.output.name]
    target = np.eye(y.shape[1])[rng.integers(y.shape[1], size=3)]
    whole = backward(network, parameters, GoldenArithmetic(), tape, -target / y)
    (before,) = network.output.inputs
    folded = backward(network, parameters, GoldenArithmetic(), tape, y - target, start=before)
    assert whole.keys() == folded.keys()
    for node, tensors in whole.items():
        for tensor, gradient in tensors.items():
            np.testing.assert_allclose(folded[node][tensor], gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp-sigmoid", "softmax-regression", "lenet5", "lenet5-table"])
def test_zoo_gradients_along_random_directions(rng, name):
    """In the smooth networks of the zoo the loss changes along random directions as every gradient says."""
    network = build(name)
    parameters = {
        node: {tensor: rng.normal(size=spec.shape) / np.sqrt(spec.fan_in or 1) for tensor, spec in specs.items()}
        for node, specs in network.parameter_specs().items()
    }
    x = rng.uniform(size=(2, *network.input_shape))
    target = np.eye(10)[[3, 8]]
    tape = forward(network, parameters, GoldenArithmetic(), x)
    gradients = backward(network, parameters, GoldenArithmetic(), tape, tape["softmax"] - target, start="output")
    for node, tensors in gradients.items():
        for tensor, gradient in tensors.items():
            direction = rng.choice([-1.0, 1.0], size=gradient.shape) / np.sqrt(gradient.size)
            above, below = (
                cross_entropy(
                    network,
                    replaced(parameters, node, tensor, parameters[node][tensor] + sign * STEP * direction),
                    x,
                    target,
                )
                for sign in (1, -1)
            )
            slope = float((gradient * direction).sum())
            # rounding of the loss limits what a difference can show: 1e-15 / STEP
            assert (above - below) / (2 * STEP) == pytest.approx(slope, rel=1e-6, abs=1e-9), (node, tensor)


def test_gradients_sum_over_the_batch(rng):
    """The gradient of a batch is the sum of its images' gradients."""
    network = NETWORKS["residual"]
    parameters = values(network, rng)
    x = rng.normal(size=(4, *network.input_shape))

    def gradient(images):
        tape = forward(network, parameters, GoldenArithmetic(), images)
        return backward(network, parameters, GoldenArithmetic(), tape, np.ones((len(images), 3)), start="dense")

    parts = [gradient(x[n : n + 1])["a"]["weight"] for n in range(4)]
    np.testing.assert_allclose(gradient(x)["a"]["weight"], sum(parts), rtol=1e-12, atol=1e-12)


def test_forward_keeps_every_output():
    """The tape holds the input and the output of every node."""
    network = NETWORKS["fan-out"]
    parameters = values(network, np.random.default_rng(0))
    x = np.ones((2, 5))
    tape = forward(network, parameters, GoldenArithmetic(), x)
    assert list(tape) == [INPUT, *(node.name for node in network.nodes)]
    assert tape[INPUT] is x
    assert np.array_equal(tape["f"], 2 * tape["e"])


def test_each_node_is_computed_in_its_own_arithmetic(rng):
    """Every node's primitives are asked for by its name, in order, and backward in reverse."""
    asked = []

    class Listening(GoldenArithmetic):
        def at(self, node):
            asked.append(node)
            return super().at(node)

    network = NETWORKS["chain"]
    parameters = values(network, rng)
    names = [node.name for node in network.nodes]
    tape = forward(network, parameters, Listening(), np.ones((1, 2, 6, 6)))
    assert asked == names
    asked.clear()
    backward(network, parameters, Listening(), tape, tape["softmax"])
    assert asked == names[::-1]


@pytest.mark.parametrize("shape", [(2, 5, 1), (2, 4), (5,)])
def test_inputs_of_another_shape_are_refused(shape):
    """An input that is not a batch of the network's shape is refused with both shapes."""
    network = NETWORKS["fan-out"]
    with pytest.raises(DataError, match=r"fan-out reads inputs of shape \(N, 5\), not"):
        forward(network, values(network, np.random.default_rng(0)), GoldenArithmetic(), np.ones(shape))


def test_missing_parameters_are_all_named():
    """Parameters that are not there are refused, every one of them by name."""
    network = NETWORKS["fan-out"]
    parameters = values(network, np.random.default_rng(0))
    del parameters["a"], parameters["b"]["bias"]
    with pytest.raises(ModelError, match=r"fan-out has no values for a\.weight, a\.bias, b\.bias; load"):
        forward(network, parameters, GoldenArithmetic(), np.ones((2, 5)))


@pytest.mark.parametrize("start", ["ou", INPUT])
def test_an_unknown_start_is_refused(start):
    """Backward starts at a node; any other name is refused with a suggestion."""
    network = NETWORKS["fan-out"]
    with pytest.raises(ModelError, match=f"fan-out has no node '{start}' to start from"):
        backward(network, {}, GoldenArithmetic(), {}, np.ones((2, 4)), start=start)
