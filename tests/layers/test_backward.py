"""Every layer's backward against finite differences of its forward: at each input and at each parameter."""

from __future__ import annotations

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
from accel.ops.activations import ACTIVATIONS
from accel.ops.golden import GoldenOps
from tests.gradients import assert_gradient, spread

TABLE = ((True, True, False), (False, True, True), (True, False, True), (True, True, True))
MAPS = ((3, 6, 5),)

CASES = {
    "dense": (Dense(4), ((7,),)),
    "dense without bias": (Dense(4, bias=False), ((7,),)),
    "conv": (Conv2d(4, 3), MAPS),
    "conv without bias": (Conv2d(2, (2, 3), bias=False), MAPS),
    "conv slid": (Conv2d(2, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), MAPS),
    "conv grouped": (Conv2d(4, 3, stride=2, padding=1, groups=2), ((4, 6, 5),)),
    "conv depthwise": (Conv2d(3, 3, padding=1, groups=3), MAPS),
    "conv table": (Conv2d(4, 3, connections=TABLE), MAPS),
    "dense rows": (Dense(4), ((3, 5),)),
    "flatten": (Flatten(), MAPS),
    "split heads": (SplitHeads(3), ((4, 6),)),
    "merge heads": (MergeHeads(), ((3, 4, 2),)),
    "matmul": (MatMul(), ((2, 3, 4), (2, 4, 5))),
    "matmul transposed": (MatMul(transposed=True), ((2, 3, 4), (2, 5, 4))),
    "matmul of single matrices": (MatMul(transposed=True), ((3, 4), (2, 4))),
    "scale": (Scale(0.3), ((3, 4),)),
    "layer norm": (LayerNorm(), ((3, 7),)),
    "layer norm of a vector": (LayerNorm(0.5), ((9,),)),
    "softmax": (Softmax(), ((7,),)),
    "softmax rows": (Softmax(rows=True), ((2, 3, 4),)),
    "add": (Add(), ((3, 2, 2), (3, 2, 2))),
    **{f"activation {function}": (Activation(function), MAPS) for function in ACTIVATIONS},
    **{f"pool {mode}": (Pool2d(mode, 2), MAPS) for mode in ("max", "average", "l2")},
    **{f"pool {mode} slid": (Pool2d(mode, (3, 2), (1, 2), (1, 1)), MAPS) for mode in ("max", "average", "l2")},
}


@pytest.mark.parametrize("name", CASES)
def test_backward_is_the_finite_difference_of_forward(rng, name):
    """Errors at all inputs and gradients of all parameters are the derivatives of a random linear loss."""
    layer, shapes = CASES[name]
    ops = GoldenOps()
    inputs = tuple(spread(rng, (2, *shape)) for shape in shapes)
    parameters = {tensor: rng.normal(size=spec.shape) for tensor, spec in layer.parameters(*shapes).items()}
    output = layer.forward(ops, parameters, *inputs)
    delta = rng.uniform(-1.5, 1.5, size=output.shape)
    errors, gradients = layer.backward(ops, parameters, inputs, output, delta)
    assert len(errors) == len(inputs)
    assert set(gradients) == set(parameters)
    for index, x in enumerate(inputs):

        def at_input(v, index=index):
            moved = (*inputs[:index], v, *inputs[index + 1 :])
            return float((layer.forward(ops, parameters, *moved) * delta).sum())

        assert_gradient(errors[index], at_input, x)
    for tensor, values in parameters.items():

        def at_parameter(v, tensor=tensor):
            return float((layer.forward(ops, parameters | {tensor: v}, *inputs) * delta).sum())

        assert_gradient(gradients[tensor], at_parameter, values)


def test_unconnected_weights_do_not_count(rng):
    """Whatever value stands where the table has no connection, the output is the same and its gradient is zero."""
    layer, shapes = CASES["conv table"]
    x = rng.normal(size=(2, *shapes[0]))
    parameters = {tensor: rng.normal(size=spec.shape) for tensor, spec in layer.parameters(*shapes).items()}
    free = ~np.array(TABLE)
    other = parameters["weight"].copy()
    other[free] = 1e3
    output = layer.forward(GoldenOps(), parameters, x)
    assert np.array_equal(layer.forward(GoldenOps(), parameters | {"weight": other}, x), output)
    _, gradients = layer.backward(GoldenOps(), parameters, (x,), output, np.ones_like(output))
    assert not gradients["weight"][free].any()
    assert gradients["weight"][~free].all()
