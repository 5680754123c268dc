"""Every fixed-point primitive of training against its float64 twin at the same codes.

Sums of small codes are exact in float64, so a gradient equals its twin and an error is its twin rounded once: within
half an lsb, or at the end of the format. What a unit or a divider adds is stated with the case.
"""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ModelError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, LayerNorm, MatMul, Pool2d, Scale, Softmax
from accel.numeric.array import FxArray
from accel.numeric.cast import quantize
from accel.numeric.format import QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.ops.activations import ACTIVATIONS
from accel.ops.datapath import Datapath
from accel.ops.fixed_training import FixedTrainingArithmetic
from accel.ops.golden import GoldenOps
from tests.machines import UNITS

ACTIVATION, ERROR, WEIGHT = (QFormat.parse(text) for text in ("Q6.10", "Q2.14", "Q2.12"))
MAPS = ((3, 6, 5),)
TABLE = ((True, True, False), (False, True, True), (True, False, True), (True, True, True))

CASES = {
    "dense": (Dense(4), ((7,),)),
    "dense rows": (Dense(4), ((3, 5),)),
    "conv": (Conv2d(4, 3), MAPS),
    "conv that sees all": (Conv2d(4, (6, 5)), MAPS),
    "conv slid": (Conv2d(2, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), MAPS),
    "conv with a rest": (Conv2d(2, 2, stride=3), ((2, 7, 6),)),
    "conv padded past its reach": (Conv2d(2, 1, padding=1), MAPS),
    "conv grouped": (Conv2d(4, 3, stride=2, padding=1, groups=2), ((4, 6, 5),)),
    "conv depthwise": (Conv2d(3, 3, padding=1, groups=3), MAPS),
    "conv table": (Conv2d(4, 3, connections=TABLE), MAPS),
    "matmul": (MatMul(), ((2, 3, 4), (2, 4, 5))),
    "matmul transposed": (MatMul(transposed=True), ((2, 3, 4), (2, 5, 4))),
    "flatten": (Flatten(), MAPS),
    "scale": (Scale(0.25), ((3, 4),)),
    "softmax": (Softmax(), ((7,),)),
    "add": (Add(), ((3, 2, 2), (3, 2, 2))),
    **{f"activation {function}": (Activation(function), MAPS) for function in ACTIVATIONS},
    **{f"pool {mode}": (Pool2d(mode, 2), MAPS) for mode in ("max", "average", "l2")},
    **{f"pool {mode} slid": (Pool2d(mode, (3, 2), (1, 2), (1, 1)), MAPS) for mode in ("max", "average", "l2")},
}
SLACK = {"pool average slid": 0.1, "pool l2": 0.2, "pool l2 slid": 1.0}
"""Beyond half an lsb: a reciprocal of 18 bits, and quotients cut after 16 more bits, times x of up to 2 a window."""


def values(rng, shape, top):
    """Values of both signs up to `top`."""
    return rng.uniform(-top, top, shape)


def ops(format_, carries=True):
    """Primitives of a node whose output has that format."""
    node = Datapath("n", ACTIVATION, format_, {}, None, Quantizer(format_), UNITS, None)
    return FixedTrainingArithmetic({"n": node}, Ledger(), 0, () if carries else ("n",)).at("n")


@pytest.mark.parametrize("name", CASES)
def test_backward_is_the_reference_cast_once(rng, name):
    """Gradients are exact; errors lie within half an lsb of the reference, or where the format ends."""
    layer, shapes = CASES[name]
    inputs = tuple(quantize(values(rng, (2, *shape), 2), ACTIVATION) for shape in shapes)
    parameters = {
        tensor: quantize(values(rng, spec.shape, 1), WEIGHT) for tensor, spec in layer.parameters(*shapes).items()
    }
    floats = {tensor: fx.to_float() for tensor, fx in parameters.items()}
    golden = layer.forward(GoldenOps(), floats, *(x.to_float() for x in inputs))
    output = quantize(golden, ACTIVATION)
    delta = quantize(values(rng, golden.shape, 0.2), ERROR)
    errors, gradients = layer.backward(ops(ERROR), parameters, inputs, output, delta)
    wanted_errors, wanted = layer.backward(
        GoldenOps(), floats, tuple(x.to_float() for x in inputs), output.to_float(), delta.to_float()
    )
    for error, reference in zip(errors, wanted_errors, strict=True):
        assert error.format == ERROR
        bounded = reference.clip(ERROR.min_value, ERROR.max_value)
        within = (0.5 + SLACK.get(name, 0)) * float(ERROR.lsb)
        np.testing.assert_allclose(error.to_float(), bounded, rtol=0, atol=within * (1 + 1e-9))
    assert set(gradients) == set(wanted)
    for tensor, reference in wanted.items():
        np.testing.assert_allclose(gradients[tensor].to_float(), reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["dense", "dense rows", "conv", "conv that sees all", "conv slid", "matmul"])
def test_forward_is_the_reference_cast_once(rng, name):
    """Exact sums, the bias at their point, one rounding."""
    layer, shapes = CASES[name]
    inputs = tuple(quantize(values(rng, (2, *shape), 1), ACTIVATION) for shape in shapes)
    parameters = {
        tensor: quantize(values(rng, spec.shape, 1), WEIGHT) for tensor, spec in layer.parameters(*shapes).items()
    }
    made = layer.forward(ops(ACTIVATION), parameters, *inputs)
    floats = {tensor: fx.to_float() for tensor, fx in parameters.items()}
    golden = layer.forward(GoldenOps(), floats, *(x.to_float() for x in inputs))
    np.testing.assert_allclose(made.to_float(), golden, rtol=0, atol=0.5 * float(ACTIVATION.lsb) * (1 + 1e-9))


def test_extreme_codes_are_summed_exactly():
    """-32768 times -32768, in rows and columns of them, needs 63 bits and gets them."""
    lowest = FxArray(np.full((5, 6), -32768), "Q1.15")
    weight, bias = ops(ERROR).dense_gradient(lowest, lowest)
    assert np.all(weight.codes == 5 << 30)
    assert np.all(bias.codes == -5 << 15)


def test_an_error_nobody_needs_is_not_computed(rng):
    """Below the first parameters errors are zeros of the right shape."""
    x, w = quantize(values(rng, (2, 3), 1), ERROR), quantize(values(rng, (3, 5), 1), WEIGHT)
    made = ops(ERROR, carries=False).dense_error(x, w)
    assert made.shape == (2, 5)
    assert not made.codes.any()


def test_layer_normalisation_says_that_it_cannot(rng):
    """The one layer without a backward pass is refused by name."""
    layer, shape = LayerNorm(), ((4,))
    x = quantize(values(rng, (2, *shape), 1), ACTIVATION)
    weights = {name: quantize(np.ones(4), WEIGHT) for name in ("weight", "bias")}
    with pytest.raises(ModelError, match="n: layer normalisation has no backward pass"):
        layer.backward(ops(ERROR), weights, (x,), x, x)
