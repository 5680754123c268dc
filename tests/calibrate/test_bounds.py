"""Proved formats: nothing saturates, whatever comes; the bounds hold and, for one layer, are met."""

from dataclasses import replace

import numpy as np
import pytest

from accel.calibrate.bounds import BoundsPlacer
from accel.calibrate.observe import observe
from accel.calibrate.slots import Slot, slots
from accel.config import load_accelerator
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Model, Network, Node, chain
from accel.numeric.ledger import Ledger
from accel.runner.execute import run_fixed
from accel.runner.program import lower

CHAIN = chain(
    "chain",
    (2, 11, 9),
    {
        "conv": Conv2d(6, (3, 2), stride=(2, 1), padding=(1, 1), groups=2),
        "relu": Activation("relu"),
        "average": Pool2d("average", (2, 3), stride=(2, 2)),
        "table": Conv2d(4, (2, 2), connections=((True, False) * 3, (False, True) * 3, (True,) * 6, (True,) * 6)),
        "tanh": Activation("tanh"),
        "maximum": Pool2d("max", (2, 2), stride=(1, 1), padding=(1, 1)),
        "flatten": Flatten(),
        "hidden": Dense(7),
        "sigmoid": Activation("sigmoid"),
        "output": Dense(5, bias=False),
        "softmax": Softmax(),
    },
)
SKIP = Network(
    "skip",
    (3, 4, 4),
    (
        Node("pointwise", Conv2d(3, 1), (INPUT,)),
        Node("sum", Add(), ("pointwise", INPUT)),
        Node("norm", Pool2d("l2", 2), ("sum",)),
        Node("flatten", Flatten(), ("norm",)),
        Node("output", Dense(4), ("flatten",)),
    ),
)


def seeded(network: Network, rng: np.random.Generator) -> Model:
    parameters = {
        node: {name: rng.normal(0, 0.5, spec.shape) for name, spec in specs.items()}
        for node, specs in network.parameter_specs().items()
    }
    return Model(network, parameters, {})


def proved(model, machine, images, bits=None, per_channel=False):
    """Formats by proof, and the machine that has them."""
    tensors = slots(model.network, machine.numerics)
    observed = observe(model, images, tensors, per_channel)
    widths = {slot: bits or tensor.before.format.width for slot, tensor in tensors.items()}
    chosen = BoundsPlacer(model, machine.numerics, tensors, observed).place(widths)
    return chosen, replace(machine, numerics=chosen.numerics(machine.numerics))


def worst_inputs(model: Model, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Random inputs, random corners, and for every first-layer filter the corners that its weights want most."""
    shape = model.network.input_shape
    first = next(iter(model.parameters.values()))["weight"]
    wanted = [np.where(np.resize(signs > 0, shape), high, low) for signs in [*first, *-first]]
    corners = rng.choice([low, high], size=(60, *shape))
    return np.concatenate([rng.uniform(low, high, (30, *shape)), corners, np.stack(wanted)])


@pytest.mark.parametrize("overrides", [(), ("numerics.rounding=TRN",), ("numerics.overflow=WRAP",)])
@pytest.mark.parametrize("bits", [5, 9, 16])
@pytest.mark.parametrize("network", [CHAIN, SKIP], ids=lambda network: network.name)
def test_no_layer_saturates_whatever_comes(network, bits, overrides, rng):
    """Inputs anywhere in the range, corners included: no cast behind an array, pool, addition or ReLU overflows."""
    model = seeded(network, rng)
    machine = load_accelerator("gupta2015", overrides)
    images = rng.uniform(-1.25, 0.75, (4, *network.input_shape))
    images.flat[0], images.flat[1] = -1.25, 0.75
    chosen, calibrated = proved(model, machine, images, bits)
    ledger = Ledger()
    tape = run_fixed(lower(model, calibrated), worst_inputs(model, -1.25, 0.75, rng), ledger)
    for node, nest in network.loop_nests():
        is_curve = nest.engine == "softmax" or nest.function in ("tanh", "sigmoid")
        if not is_curve:
            assert ledger.at(node.name, "output").overflowed == 0, node.name
        slot = Slot(node.name, "softmax" if nest.engine == "softmax" else "activation")
        if slot in chosen.ranges:
            lsb = float(chosen.formats[slot].lsb)
            values = tape[node.name].to_float()
            assert chosen.ranges[slot].low - lsb <= values.min(), node.name
            assert values.max() <= chosen.ranges[slot].high + lsb, node.name


def test_the_bound_of_one_layer_is_met(rng):
    """For a dense layer some input in the range reaches the bound exactly: it could not be tighter."""
    model = seeded(chain("one", (9,), {"dense": Dense(3)}), rng)
    machine = load_accelerator("gupta2015")
    images = np.array([[-0.5] * 9, [0.75] * 9])
    chosen, calibrated = proved(model, machine, images)
    program = lower(model, calibrated)
    weight = program.parameters["dense"]["weight"].to_float()
    bias = program.parameters["dense"]["bias"].to_float()
    highest = max(
        sum(w * (0.75 if w > 0 else -0.5) for w in row) + b
        for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
    )
    assert chosen.ranges[Slot("dense", "activation")].high == highest


@pytest.mark.parametrize("accumulator", ["Q6.6", "Q3.20", "Q2.13"])
@pytest.mark.parametrize("overflow", ["WRAP", "SAT"])
def test_accumulators_that_cut_or_overflow_are_allowed_for(accumulator, overflow, rng):
    """Products cut to the accumulator's point, and sums that leave it: outputs still never saturate."""
    model = seeded(chain("one", (30,), {"dense": Dense(6), "more": Dense(4)}), rng)
    model.parameters["dense"]["bias"][:] *= 0.3
    model.parameters["more"]["bias"][:] *= 0.3
    sums = (f'numerics.accumulator={{format="{accumulator}", overflow="{overflow}", rounding="RND"}}',)
    machine = load_accelerator("gupta2015", sums)
    chosen, calibrated = proved(model, machine, rng.uniform(-1, 1, (5, 30)), bits=10)
    ledger = Ledger()
    tape = run_fixed(lower(model, calibrated), worst_inputs(model, -1.0, 1.0, rng), ledger)
    for name in ("dense", "more"):
        assert ledger.at(name, "output").overflowed == 0
        values, span = tape[name].to_float(), chosen.ranges[Slot(name, "activation")]
        lsb = float(chosen.formats[Slot(name, "activation")].lsb)
        assert span.low - lsb <= values.min()
        assert values.max() <= span.high + lsb


def test_channels_of_their_own_are_proved_too(rng):
    """With shifted weights the bounds follow what each channel really holds."""
    model = seeded(CHAIN, rng)
    for named in model.parameters.values():
        named["weight"][::2] *= 0.05
    machine = load_accelerator("gupta2015")
    images = rng.uniform(-1, 1, (4, *CHAIN.input_shape))
    chosen, calibrated = proved(model, machine, images, bits=7, per_channel=True)
    assert chosen.shifts
    ledger = Ledger()
    span = images.min(), images.max()
    run_fixed(lower(model, calibrated), worst_inputs(model, *span, rng), ledger)
    for name in ("conv", "relu", "average", "table", "hidden", "output"):
        assert ledger.at(name, "output").overflowed == 0, name
