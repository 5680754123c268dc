"""How far formats are widened, and what a machine with wider ones looks like."""

from dataclasses import replace

import numpy as np
import pytest

from accel.explain.hybrids import record
from accel.explain.kinds import kinds_alone
from accel.explain.suspects import MAX_DATA_WIDTH, Bits, Suspect, suspects, widen
from accel.layers import Activation, Dense, Flatten, Softmax
from accel.network.graph import Model, chain
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.runner.program import lower
from kernels.modes import Overflow, Rounding
from tests.machines import layer_numerics, machine, quantizer

NETWORK = chain(
    "small",
    (1, 2, 4),
    {"flatten": Flatten(), "D": Dense(6), "relu": Activation("relu"), "E": Dense(3), "softmax": Softmax()},
)


@pytest.fixture
def work(rng):
    """A network with weights within ±2 and inputs within ±1."""
    parameters = {
        node: {"weight": rng.uniform(-1.9, 1.9, (rows, columns)), "bias": rng.uniform(-0.2, 0.2, rows)}
        for node, rows, columns in (("D", 6, 8), ("E", 3, 6))
    }
    return Model(NETWORK, parameters, {}), rng.uniform(-0.99, 0.99, (30, 1, 2, 4))


def found(work, accelerator, width=24):
    """Return the suspects by (layer, kind), and the program they belong to."""
    model, images = work
    program = lower(model, accelerator)
    kinds = kinds_alone(program, record(program, images, 0))
    return {(each.layer, each.kind): each for each in suspects(program, kinds, width)}


def test_every_format_of_its_own_is_suspected(work):
    """Inputs, parameters, outputs and the softmax, in network order; not accumulators that cannot lose."""
    assert list(found(work, machine())) == [
        ("input", "input"),
        ("D", "weight"),
        ("D", "bias"),
        ("D", "output"),
        ("relu", "output"),
        ("E", "weight"),
        ("E", "bias"),
        ("E", "output"),
        ("softmax", "output"),
    ]


def test_wide_formats_hold_golden_and_have_the_bits_asked_for(work):
    """Integer bits cover the golden values; values of their range then have 24 bits, biases 32, no format more."""
    layer = replace(layer_numerics("Q3.1"), weight=quantizer("Q1.7"), bias=quantizer("Q-3.9"))
    each = found(work, machine(overrides={"D": layer, "relu": layer_numerics("Q20.2")}))
    weight, bias, output = (each["D", kind] for kind in ("weight", "bias", "output"))
    assert weight.most == Bits(1, 22 - 7)
    assert str(weight.widened(weight.most)) == "Q2.22"
    assert str(bias.widened(bias.most)) == "Q-1.31"  # no more than 31 fraction bits
    wide = output.widened(output.most)
    golden = np.abs(work[1].reshape(30, 8) @ work[0].parameters["D"]["weight"].T).max()
    assert wide.max_value >= golden
    assert wide.width == 24
    assert each["relu", "output"].widened(each["relu", "output"].most).width == MAX_DATA_WIDTH
    assert each["softmax", "output"].most == Bits(0, 8)


def test_a_sign_is_an_integer_bit(work):
    """An unsigned format of values with a sign gets its first integer bit as a sign, and keeps its range."""
    narrow = found(work, machine(overrides={"D": layer_numerics("UQ3.5")}))["D", "output"]
    assert narrow.signed
    assert narrow.most.integer >= 1
    assert narrow.widened(Bits(1, 0)) == QFormat(True, 9, 4)
    assert narrow.widened(Bits(0, 2)) == QFormat(False, 10, 3)


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        (Accumulator(width=40), None),
        (Accumulator(width=19, overflow=Overflow.SAT), "proof"),
        (Accumulator(width=40, frac_bits=11), Bits(0, 17 - 11)),
        (Accumulator(width=30, mode=Mode.EXACT), None),
    ],
    ids=("wide", "narrow", "coarse", "exact"),
)
def test_accumulators_get_what_the_proof_asks_for(work, rule, most):
    """Bits up to the proved need, fraction bits up to the products'; those that cannot lose anything get none."""
    accelerator = machine(overrides={"D": replace(layer_numerics(), accumulator=rule, bias=quantizer("Q0.12"))})
    suspect = found(work, accelerator).get(("D", "accumulator"))
    if most == "proof":
        assert suspect is not None
        plan = lower(work[0], accelerator).nodes["D"].sums
        # 8 products of at most 127/128 and 2, and a bias: the bits that hold their sum
        worst = max(sum(abs(int(w)) for w in np.round(row * 1024)) * 128 for row in work[0].parameters["D"]["weight"])
        assert suspect.most == Bits(plan.needed_bits - 19, 0)
        assert abs(plan.needed_bits - (worst.bit_length() + 1)) <= 1
    else:
        assert (suspect.most if suspect else None) == most


def test_widened_machines_differ_in_nothing_else(work):
    """Every change lands in the format it names; rounding, overflow and all other formats stay."""
    base = machine(overrides={"softmax": replace(layer_numerics(), softmax=Quantizer(QFormat.parse("UQ0.8")))})
    trn = replace(layer_numerics(), output=Quantizer(QFormat.parse("Q6.10"), Rounding.TRN, Overflow.WRAP))
    base = replace(base, numerics=replace(base.numerics, overrides={**base.numerics.overrides, "relu": trn}))
    each = found(work, base)
    added = {
        each["input", "input"]: Bits(0, 2),
        each["D", "weight"]: Bits(1, 3),
        each["relu", "output"]: Bits(0, 4),
        each["softmax", "output"]: Bits(0, 1),
    }
    wider = widen(base, NETWORK, added, room=False).numerics
    assert str(wider.input.format) == "Q1.9"
    assert str(wider.at("D").weight.format) == "Q3.13"
    assert wider.at("relu").output == replace(trn.output, format=QFormat.parse("Q6.14"))
    assert str(wider.at("softmax").softmax.format) == "UQ0.9"
    assert wider.at("softmax").output == base.numerics.at("softmax").output
    assert wider.at("E") == base.numerics.at("E")
    assert wider.at("D").accumulator.width == 40


def test_room_lets_accumulators_keep_their_integer_bits(work):
    """Where products gain n fraction bits, an accumulator that follows their point gains n; a fixed point stays."""
    fixed = replace(layer_numerics(), accumulator=Accumulator(width=40, frac_bits=20))
    base = machine(overrides={"E": fixed})
    each = found(work, base)
    added = {each["input", "input"]: Bits(0, 2), each["D", "weight"]: Bits(0, 3), each["relu", "output"]: Bits(0, 4)}
    wider = widen(base, NETWORK, added, room=True).numerics
    assert wider.at("D").accumulator.width == 40 + 2 + 3  # flatten hands the input's format on
    assert wider.at("E").accumulator == fixed.accumulator


def test_suspects_have_names():
    """A suspect's widened format counts bits on both sides of the point."""
    suspect = Suspect("D", "weight", QFormat.parse("Q2.2"), Bits(3, 5), True)
    assert str(suspect.widened(suspect.most)) == "Q5.7"
