"""Weights with a binary point per output channel: every channel computes as if it were alone with its own format."""

from dataclasses import replace

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.layers.conv import Conv2d
from accel.layers.dense import Dense
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric.accumulator import Accumulator
from accel.numeric.ledger import Ledger
from accel.numeric.plan import LayerNumerics, Numerics
from accel.runner.execute import run_fixed
from accel.runner.program import lower
from kernels.modes import Overflow, Rounding
from tests.machines import machine, quantizer

SHIFTS = (3, 0, -1, 3, 5)
WIDE = Accumulator()


def one_layer(layer, shape):
    """A network of this layer alone."""
    return Network("one", shape, (Node("layer", layer, (INPUT,)),))


def run(network, weight, bias, images, weight_format, shifts=(), accumulator=WIDE):
    """Codes and output events of the layer in 12-bit output."""
    bits = LayerNumerics(
        quantizer(weight_format), quantizer("Q6.10"), accumulator, quantizer("Q6.6"), quantizer("UQ0.8"), shifts
    )
    accelerator = replace(machine(), numerics=Numerics(quantizer("Q4.8"), bits))
    ledger = Ledger(detailed=True)
    program = lower(Model(network, {"layer": {"weight": weight, "bias": bias}}, {}), accelerator, detailed=True)
    return run_fixed(program, images, ledger)["layer"].codes, ledger.at("layer", "output"), program


@pytest.mark.parametrize("accumulator", [WIDE, Accumulator(width=20, overflow=Overflow.SAT)], ids=["wide", "narrow"])
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_every_channel_is_computed_in_its_own_format(kind, accumulator):
    """Channel n with shift s equals a layer of that one filter whose weights have s more fraction bits."""
    rng = np.random.default_rng(5)
    layer, alone, shape = {
        "dense": (Dense(5), Dense(1), (12,)),
        "conv": (Conv2d(5, (3, 3)), Conv2d(1, (3, 3)), (2, 5, 5)),
    }[kind]
    network = one_layer(layer, shape)
    spec = network.parameter_specs()["layer"]["weight"].shape
    weight = rng.normal(0, 1, spec) * 2.0 ** -np.array(SHIFTS).reshape(-1, *(1,) * (len(spec) - 1))
    bias, images = rng.normal(0, 0.2, 5), rng.normal(0, 1, (6, *shape))
    codes, events, _ = run(network, weight, bias, images, "Q3.5", SHIFTS, accumulator)
    overflowed = 0
    for n, shift in enumerate(SHIFTS):
        single = one_layer(alone, shape)
        own = f"Q{3 - shift}.{5 + shift}"
        expected, own_events, _ = run(single, weight[n : n + 1], bias[n : n + 1], images, own, (), accumulator)
        assert np.array_equal(codes[:, n], expected[:, 0])
        overflowed += own_events.overflowed
    assert events.overflowed == overflowed


def test_shifted_channels_draw_the_lanes_of_their_place():
    """Stochastic rounding with equal shifts everywhere is that of the plain format one shift finer."""
    rng = np.random.default_rng(6)
    weight, bias, images = rng.normal(0, 0.3, (4, 9)), np.zeros(4), rng.normal(0, 1, (7, 9))
    network = one_layer(Dense(4), (9,))

    def stochastic(weight_format, shifts):
        from accel.numeric.random import Lfsr

        output = replace(quantizer("Q6.6"), rounding=Rounding.STOCHASTIC, random=Lfsr())
        bits = LayerNumerics(
            quantizer(weight_format), quantizer("Q6.10"), Accumulator(), output, quantizer("UQ0.8"), shifts
        )
        accelerator = replace(machine(), numerics=Numerics(quantizer("Q4.8"), bits))
        program = lower(Model(network, {"layer": {"weight": weight, "bias": bias}}, {}), accelerator)
        return run_fixed(program, images, Ledger())["layer"].codes

    assert np.array_equal(stochastic("Q2.8", (2,) * 4), stochastic("Q0.10", ()))
    mixed = stochastic("Q2.8", (2, 2, 0, 0))
    assert np.array_equal(mixed[:, :2], stochastic("Q0.10", ())[:, :2])
    assert np.array_equal(mixed[:, 2:], stochastic("Q2.8", ())[:, 2:])


def test_the_number_of_shifts_is_checked():
    """One shift per output channel, or a clear word."""
    with pytest.raises(ConfigError, match="layer: weight_shifts has 5 entries, the layer 4 output channels"):
        run(one_layer(Dense(4), (9,)), np.ones((4, 9)), np.zeros(4), np.ones((1, 9)), "Q2.8", SHIFTS)
