"""Each tensor kind alone, against sums in Python integers and in fractions."""

from dataclasses import replace

import numpy as np
import pytest

from accel.explain.hybrids import record
from accel.explain.kinds import KINDS, kinds_alone
from accel.layers import Activation, Conv2d, Flatten, Pool2d, Softmax
from accel.network.graph import Model, chain
from accel.numeric.accumulator import Accumulator
from accel.runner.program import lower
from kernels.modes import Overflow
from tests.explain.wires import decibels, dense, rounded
from tests.machines import layer_numerics, machine, quantizer

LAYER = replace(
    layer_numerics("Q6.3"), weight=quantizer("Q3.3"), bias=quantizer("Q4.2"), accumulator=Accumulator(width=40)
)


@pytest.fixture
def work(rng):
    """A dense layer 12 -> 5 and inputs (9, 1, 1, 12) within ±1."""
    model = dense(rng.normal(0, 0.7, (5, 12)), rng.uniform(-0.9, 0.9, 5))
    return model, rng.uniform(-0.99, 0.99, (9, 1, 1, 12))


def alone(model, images, layer=LAYER):
    """Return the kinds of the layer "D"."""
    program = lower(model, machine(overrides={"D": layer}))
    found = kinds_alone(program, record(program, images, 0))
    return {kind: made for (node, kind), made in found.items() if node == "D"}


def test_every_kind_makes_the_noise_of_its_own_rounding(work):
    """Input, weight, bias and output are rounded one at a time, in exact fractions; the wide accumulator adds none."""
    model, images = work
    weight, bias = model.parameters["D"].values()
    x = images.reshape(9, 12)
    golden = x @ weight.T + bias
    made = alone(model, images)
    expected = {
        "input": rounded(x, 7) @ weight.T + bias,
        "weight": x @ rounded(weight, 3).T + bias,
        "bias": x @ weight.T + rounded(bias, 2),
        "output": rounded(golden, 3),
    }
    assert tuple(made) == KINDS
    for kind, values in expected.items():
        assert made[kind].noise.sqnr_db == pytest.approx(decibels(golden, values - golden)), kind
    assert made["accumulator"].noise.sqnr_db is None
    assert [str(made[kind].format) for kind in KINDS] == ["Q1.7", "Q3.3", "Q4.2", "Q30.10", "Q6.3"]


@pytest.mark.parametrize(
    "rule",
    [
        Accumulator(width=12, overflow=Overflow.SAT),
        Accumulator(width=12, overflow=Overflow.WRAP),
        Accumulator(width=14, frac_bits=5, overflow=Overflow.SAT),
    ],
    ids=("saturates", "wraps", "cuts products"),
)
def test_accumulators_are_stepped_in_python(work, rule):
    """An accumulator's noise is that of adding the very codes one by one, clipped or wrapped, against their sum."""
    model, images = work
    weight, bias = model.parameters["D"].values()
    x = images.reshape(9, 12)
    xq, wq, bq = rounded(x, 7), rounded(weight, 3), rounded(bias, 2)
    shift = 0 if rule.frac_bits is None else 10 - rule.frac_bits
    half = 1 << (rule.width - 1)

    def hold(total: int) -> int:
        if rule.overflow == Overflow.WRAP:
            return (total + half) % (2 * half) - half
        return max(-half, min(half - 1, total))

    def total(row: np.ndarray, filter_: np.ndarray, addend: float) -> float:
        held = 0
        for a, b in zip(row, filter_, strict=True):
            held = hold(held + (int(a * 128) * int(b * 8) >> shift))  # TRN, the accumulator's default
        held = hold(held + int(addend * 2 ** (10 - shift)))
        return held / 2 ** (10 - shift)

    stepped = np.array([[total(row, f, b) for f, b in zip(wq, bq, strict=True)] for row in xq])
    exact = xq @ wq.T + bq
    golden = x @ weight.T + bias
    assert not np.array_equal(stepped, exact)
    made = alone(model, images, replace(LAYER, accumulator=rule))["accumulator"]
    assert made.noise.sqnr_db == pytest.approx(decibels(golden, stepped - exact))


def test_saturating_accumulators_need_room_for_partial_sums(work):
    """Wrapping ones need that of finished sums; saturating ones that of all positive products, or all negative ones."""
    model, images = work
    weight, bias = model.parameters["D"].values()
    products = images.reshape(9, 1, 12) * weight
    highest = (np.maximum(products, 0).sum(2) + np.maximum(bias, 0)).max()
    lowest = (np.minimum(products, 0).sum(2) + np.minimum(bias, 0)).min()
    finished = products.sum(2) + bias
    for overflow, low, high in (
        (Overflow.SAT, lowest, highest),
        (Overflow.WRAP, finished.min(), finished.max()),
    ):
        rule = Accumulator(width=12, overflow=overflow)
        span = alone(model, images, replace(LAYER, accumulator=rule))["accumulator"].span
        assert (span.low, span.high) == pytest.approx((low, high))


def test_what_makes_no_noise_has_enough_integer_bits(work):
    """The bound on partial sums is not held against an accumulator that clipped nothing."""
    model, images = work
    rule = Accumulator(width=40, overflow=Overflow.SAT)
    made = alone(model, images, replace(LAYER, accumulator=rule))["accumulator"]
    told = made.to_dict()
    assert told["integer_bits_needed"] <= told["integer_bits"] == 30
    narrow = alone(model, images, replace(LAYER, accumulator=Accumulator(width=12, overflow=Overflow.SAT)))
    told = narrow["accumulator"].to_dict()
    assert told["integer_bits_needed"] > told["integer_bits"] == 2


def test_channels_with_points_of_their_own(rng):
    """Weight shifts are part of the weight's noise: a channel shifted by n is rounded to n more fraction bits."""
    shifts = (0, 2, 4, -1, 3)
    scale = 2.0 ** -np.array(shifts)[:, None]
    model = dense(rng.normal(0, 0.7, (5, 12)) * scale, rng.uniform(-0.9, 0.9, 5))
    images = rng.uniform(-0.99, 0.99, (9, 1, 1, 12))
    weight, bias = model.parameters["D"].values()
    x = images.reshape(9, 12)
    golden = x @ weight.T + bias
    held = np.stack([rounded(row, 3 + shift) for row, shift in zip(weight, shifts, strict=True)])
    made = alone(model, images, replace(LAYER, weight_shifts=shifts))
    assert made["weight"].noise.sqnr_db == pytest.approx(decibels(golden, x @ held.T + bias - golden))
    assert made["accumulator"].noise.sqnr_db is None
    assert made["weight"].span.high == pytest.approx((weight / scale).max())


def test_layers_without_an_array_have_the_format_of_their_output(rng):
    """A table, a pooling and a softmax cast their output; shapes and maxima do not, and have no kinds."""
    network = chain(
        "mixed",
        (1, 6, 6),
        {
            "C": Conv2d(2, 3, bias=False),
            "tanh": Activation("tanh"),
            "mean": Pool2d("average", 2),
            "max": Pool2d("max", 2),
            "flatten": Flatten(),
            "softmax": Softmax(),
        },
    )
    model = Model(network, {"C": {"weight": rng.normal(0, 0.5, (2, 1, 3, 3))}}, {})
    images = rng.uniform(0, 0.99, (3, 1, 6, 6))
    program = lower(model, machine())
    tapes = record(program, images, 0)
    found = kinds_alone(program, tapes)
    assert [key for key in found if key[0] not in ("C", "input")] == [
        ("tanh", "output"),
        ("mean", "output"),
        ("softmax", "output"),
    ]
    assert [kind for node, kind in found if node == "C"] == ["input", "weight", "accumulator", "output"]
    golden = tapes.golden["tanh"]
    noise = decibels(golden, rounded(golden, 10) - golden)
    assert found["tanh", "output"].noise.sqnr_db == pytest.approx(noise)
    assert found["input", "input"].noise.sqnr_db == pytest.approx(decibels(images, rounded(images, 7) - images))
