"""Shapes, parameters, loop nests: the element counts are the tensors' own."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.ops.golden import GoldenOps

TABLE = ((True, True, False), (False, True, True))

LAYERS = {
    "dense": (Dense(7), ((12,),), (7,)),
    "dense without bias": (Dense(7, bias=False), ((12,),), (7,)),
    "conv": (Conv2d(4, 3), ((3, 8, 9),), (4, 6, 7)),
    "conv uneven": (
        Conv2d(4, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1)),
        ((3, 8, 9),),
        (4, 6, 4),
    ),
    "conv that skips pixels": (Conv2d(2, 2, stride=3), ((3, 8, 9),), (2, 3, 3)),
    "conv grouped": (Conv2d(6, 3, groups=2), ((4, 8, 9),), (6, 6, 7)),
    "conv depthwise": (Conv2d(4, 3, padding=1, groups=4, bias=False), ((4, 8, 9),), (4, 8, 9)),
    "conv table": (Conv2d(2, 3, connections=TABLE), ((3, 8, 9),), (2, 6, 7)),
    "max": (Pool2d("max", 2), ((3, 8, 9),), (3, 4, 4)),
    "overlapping": (Pool2d("max", 3, stride=2), ((3, 9, 9),), (3, 4, 4)),
    "average": (Pool2d("average", (2, 3), (2, 3), (1, 0)), ((3, 8, 9),), (3, 5, 3)),
    "max that skips pixels": (Pool2d("max", 1, stride=2), ((3, 8, 9),), (3, 4, 5)),
    "l2": (Pool2d("l2", 3, 1), ((3, 8, 9),), (3, 6, 7)),
    "activation of maps": (Activation("tanh"), ((3, 8, 9),), (3, 8, 9)),
    "activation of a vector": (Activation("relu"), ((12,),), (12,)),
    "softmax": (Softmax(), ((10,),), (10,)),
    "flatten": (Flatten(), ((3, 8, 9),), (216,)),
    "add of maps": (Add(), ((3, 8, 9), (3, 8, 9)), (3, 8, 9)),
    "add of vectors": (Add(), ((12,), (12,)), (12,)),
}


def run(layer, inputs):
    """Forward ones through the layer."""
    parameters = {name: np.ones(spec.shape) for name, spec in layer.parameters(*inputs).items()}
    return layer.forward(GoldenOps(), parameters, *(np.ones((2, *shape)) for shape in inputs))


@pytest.mark.parametrize("name", LAYERS)
def test_output_shape_is_what_forward_makes(name):
    """The declared shape, the hand-computed one and the shape of a real output are one."""
    layer, inputs, output = LAYERS[name]
    assert layer.output_shape(*inputs) == output
    assert run(layer, inputs).shape == (2, *output)


@pytest.mark.parametrize("name", LAYERS)
def test_loop_nest_counts_the_tensors(name):
    """Outputs, weights and biases of the nest are the sizes of the tensors themselves; N is 1."""
    layer, inputs, output = LAYERS[name]
    nest = layer.loop_nest(*inputs)
    specs = layer.parameters(*inputs)
    assert nest.N == 1
    assert nest.outputs == prod(output)
    assert nest.weights == (prod(specs["weight"].shape) if "weight" in specs else 0)
    assert nest.biases == (prod(specs["bias"].shape) if "bias" in specs else 0)


@pytest.mark.parametrize("name", LAYERS)
def test_loop_nest_counts_the_inputs_that_matter(rng, name):
    """Inputs of the nest are as many as change some output when they alone are moved."""
    layer, inputs, _ = LAYERS[name]
    parameters = {k: rng.uniform(1, 2, size=s.shape) for k, s in layer.parameters(*inputs).items()}
    matter = 0
    for which, shape in enumerate(inputs):
        count = prod(shape)
        # one image per element: the base with that element raised above everything, so that a maximum shows it
        images = [np.repeat(rng.uniform(1, 2, size=(1, *other)), count, axis=0) for other in inputs]
        base = layer.forward(GoldenOps(), parameters, *images)
        images[which] = images[which] + 5.0 * np.eye(count).reshape(count, *shape)
        moved = layer.forward(GoldenOps(), parameters, *images)
        matter += int(np.count_nonzero((moved != base).reshape(count, -1).any(axis=1)))
    assert layer.loop_nest(*inputs).inputs == matter


@pytest.mark.parametrize("name", LAYERS)
def test_macs_are_the_products_of_the_sum(name):
    """MACs are outputs times the products of each, and 0 for whatever the array does not do."""
    layer, inputs, output = LAYERS[name]
    nest = layer.loop_nest(*inputs)
    if nest.engine != "array":
        assert nest.macs == 0
        return
    weight = layer.parameters(*inputs)["weight"].shape
    assert nest.macs == prod(output) * prod(weight[1:])
    assert nest.gemm.groups * nest.gemm.m * nest.gemm.k * nest.gemm.n == nest.macs


@pytest.mark.parametrize(
    ("layer", "inputs", "engine", "function"),
    [
        (Dense(7), ((12,),), "array", ""),
        (Conv2d(4, 3), ((3, 8, 9),), "array", ""),
        (Pool2d("l2", 3), ((3, 9, 9),), "pooling", "l2"),
        (Activation("sigmoid"), ((12,),), "activation", "sigmoid"),
        (Softmax(), ((10,),), "softmax", "softmax"),
        (Add(), ((12,), (12,)), "elementwise", "add"),
        (Flatten(), ((3, 8, 9),), "none", ""),
    ],
)
def test_every_layer_names_what_executes_it(layer, inputs, engine, function):
    """Engine and function of the nest name the hardware that a machine must have."""
    nest = layer.loop_nest(*inputs)
    assert (nest.engine, nest.function) == (engine, function)


def test_fan_in():
    """Fan-in counts the products of one output; biases start at zero; a table counts the filter that reads most."""
    assert Dense(7).parameters((12,))["weight"].fan_in == 12
    assert Dense(7).parameters((12,))["bias"].fan_in == 0
    assert Conv2d(6, (3, 2), groups=2).parameters((4, 8, 9))["weight"].fan_in == 2 * 3 * 2
    uneven = ((True, True, True), (False, False, True))
    assert Conv2d(2, 3, connections=uneven).parameters((3, 8, 9))["weight"].fan_in == 3 * 9
