"""Shapes, parameters, loop nests: the element counts are the tensors' own."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from accel.layers import (
    Activation,
    Add,
    Conv2d,
    Dense,
    Flatten,
    LayerNorm,
    MatMul,
    MergeHeads,
    Pool2d,
    Scale,
    Softmax,
    SplitHeads,
)
from accel.ops.golden import GoldenOps

TABLE = ((True, True, False), (False, True, True))

LAYERS = {
    "dense": (Dense(7), ((12,),), (7,)),
    "dense without bias": (Dense(7, bias=False), ((12,),), (7,)),
    "dense rows": (Dense(7), ((5, 12),), (5, 7)),
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
    "softmax rows": (Softmax(rows=True), ((2, 3, 10),), (2, 3, 10)),
    "layer norm": (LayerNorm(), ((4, 6),), (4, 6)),
    "layer norm of a vector": (LayerNorm(), ((6,),), (6,)),
    "scale": (Scale(0.5), ((4, 6),), (4, 6)),
    "split heads": (SplitHeads(3), ((4, 6),), (3, 4, 2)),
    "merge heads": (MergeHeads(), ((3, 4, 2),), (4, 6)),
    "matmul": (MatMul(), ((2, 3, 4), (2, 4, 5)), (2, 3, 5)),
    "matmul transposed": (MatMul(transposed=True), ((2, 3, 4), (2, 5, 4)), (2, 3, 5)),
    "matmul of single matrices": (MatMul(), ((3, 4), (4, 2)), (3, 2)),
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
    second = prod(inputs[1]) if nest.is_product else 0
    assert nest.weights == (prod(specs["weight"].shape) if "weight" in specs else second)
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
    nest = layer.loop_nest(*inputs)
    assert nest.inputs + (nest.weights if nest.is_product else 0) == matter


@pytest.mark.parametrize("name", LAYERS)
def test_macs_are_the_products_of_the_sum(name):
    """MACs are outputs times the products of each, and 0 for whatever the array does not do."""
    layer, inputs, output = LAYERS[name]
    nest = layer.loop_nest(*inputs)
    if nest.engine != "array":
        assert nest.macs == 0
        return
    terms = inputs[0][-1:] if nest.is_product else layer.parameters(*inputs)["weight"].shape[1:]
    assert nest.macs == prod(output) * prod(terms)
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
        (Scale(0.3), ((12,),), "elementwise", "scale"),
        (Scale(0.125), ((12,),), "elementwise", "shift"),
        (Scale(4.0), ((12,),), "elementwise", "shift"),
        (LayerNorm(), ((3, 12),), "normalisation", "layer"),
        (MatMul(), ((3, 12), (12, 5)), "array", ""),
        (SplitHeads(4), ((3, 12),), "none", ""),
        (MergeHeads(), ((4, 3, 3),), "none", ""),
        (Flatten(), ((3, 8, 9),), "none", ""),
    ],
)
def test_every_layer_names_what_executes_it(layer, inputs, engine, function):
    """Engine and function of the nest name the hardware that a machine must have."""
    nest = layer.loop_nest(*inputs)
    assert (nest.engine, nest.function) == (engine, function)


def test_a_batch_of_products_has_weights_of_its_own():
    """Batched, a layer's weights stay and its outputs multiply; a product of two activations multiplies both."""
    dense = Dense(7).loop_nest((5, 12))
    product = MatMul().loop_nest((2, 3, 4), (2, 4, 5))
    assert (dense.batched(6).weights, dense.batched(6).outputs) == (dense.weights, 6 * dense.outputs)
    assert (product.batched(6).weights, product.batched(6).outputs) == (6 * product.weights, 6 * product.outputs)
    assert product.batched(6).macs == 6 * product.macs
    assert product.batched(6).gemm == (12, 3, 4, 5)


def test_heads_are_neighbouring_features():
    """Head h of a row holds its features h d to (h + 1) d - 1, position by position; merging undoes splitting."""
    x = np.arange(2 * 4 * 6).reshape(2, 4, 6)
    heads = SplitHeads(3).forward(GoldenOps(), {}, x)
    assert all(np.array_equal(heads[:, h], x[:, :, 2 * h : 2 * h + 2]) for h in range(3))
    assert np.array_equal(MergeHeads().forward(GoldenOps(), {}, heads), x)


def test_normalisation_starts_as_itself():
    """Weights of a LayerNorm start at one, its biases at zero."""
    specs = LayerNorm().parameters((3, 12))
    assert [(specs[name].shape, specs[name].fan_in, specs[name].start) for name in ("weight", "bias")] == [
        ((12,), 0, 1.0),
        ((12,), 0, 0.0),
    ]


def test_fan_in():
    """Fan-in counts the products of one output; biases start at zero; a table counts the filter that reads most."""
    assert Dense(7).parameters((12,))["weight"].fan_in == 12
    assert Dense(7).parameters((12,))["bias"].fan_in == 0
    assert Conv2d(6, (3, 2), groups=2).parameters((4, 8, 9))["weight"].fan_in == 2 * 3 * 2
    uneven = ((True, True, True), (False, False, True))
    assert Conv2d(2, 3, connections=uneven).parameters((3, 8, 9))["weight"].fan_in == 3 * 9
