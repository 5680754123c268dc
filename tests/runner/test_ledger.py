"""The ledger of a run: every figure recounted from codes with plain integers; nothing changes when it is on."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import accel
from accel.layers.dense import Dense
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric.accumulator import Accumulator
from accel.numeric.ledger import Ledger
from accel.numeric.plan import LayerNumerics, Numerics
from accel.runner.execute import run_fixed
from accel.runner.program import lower
from kernels.modes import Overflow
from tests.machines import machine, quantizer


@pytest.fixture(scope="module")
def digits():
    """Some digits for lenet5."""
    from accel.data.dataset import load
    from accel.data.fit import fit

    data = load("digits", "test", 20)
    return fit(data.images, (1, 32, 32)), data.labels


def test_a_ledger_changes_no_bit_and_no_figure(digits):
    """With the ledger on, every other part of run.json is what it is with the ledger off, for any number of threads."""
    plain = accel.run("lenet5", "gupta2015", *digits).to_dict()
    kept = accel.run("lenet5", "gupta2015", *digits, ledger=True, jobs=2).to_dict()
    for layer in kept["layers"]:
        assert set(layer.pop("ledger")) <= {"weight", "bias", "product", "accumulator", "output"}
    for tensor in kept["encoded"]:
        assert tensor.pop("ledger")["values"] > 0
    assert (plain.pop("ledger"), kept.pop("ledger")) == (False, True)
    for document in (plain, kept):
        document.pop("provenance")
    assert plain == kept


def test_batches_add_up(digits):
    """First indices and counts of a run in two batches are those of one batch."""
    machine_ = accel.load_accelerator("gupta2015", ("numerics.activation=Q2.6",))
    program = lower(accel.load_network("lenet5"), machine_, detailed=True)
    whole, parts = Ledger(True), Ledger(True)
    run_fixed(program, digits[0], whole)
    for first in (10, 0):  # the order of batches does not matter either
        run_fixed(program, digits[0][first : first + 10], parts, first)
    assert whole.events == parts.events
    assert whole.at("C1", "output").overflowed > 0


@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.WRAP])
def test_figures_are_those_of_plain_integers(overflow):
    """Rounded, bits cut, excess and first index of a small layer equal a recount from exact fractions."""
    rng = np.random.default_rng(9)
    network = Network("one", (6,), (Node("layer", Dense(3), (INPUT,)),))
    weight, bias, images = rng.normal(0, 1, (3, 6)), rng.normal(0, 1, 3), rng.normal(0, 1.5, (8, 6))
    output = replace(quantizer("Q2.3"), overflow=overflow)
    bits = LayerNumerics(quantizer("Q2.4"), quantizer("Q3.5"), Accumulator(), output, quantizer("UQ0.8"))
    accelerator = replace(machine(), numerics=Numerics(quantizer("Q3.5"), bits))
    program = lower(Model(network, {"layer": {"weight": weight, "bias": bias}}, {}), accelerator, detailed=True)
    ledger = Ledger(True)
    ledger.merge(program.ledger)
    run_fixed(program, images, ledger)

    def codes(values, frac_bits, low, high):
        return np.clip(np.rint(values * 2**frac_bits), low, high).astype(int)

    x, w, b = codes(images, 5, -128, 127), codes(weight, 4, -32, 31), codes(bias, 5, -128, 127)
    sums = x @ w.T + b * 16  # 9 fraction bits
    rounded = np.array([round(Fraction(int(v), 64)) for v in sums.reshape(-1)]).reshape(sums.shape)
    outside = (rounded > 15) | (rounded < -16)
    figures = ledger.to_dict("layer")["output"]
    assert figures["values"] == sums.size
    assert figures["wrapped" if overflow == Overflow.WRAP else "saturated"] == np.count_nonzero(outside) > 0
    assert figures["rounded"] == np.count_nonzero(sums % 64)
    assert figures["dropped_bits"] == 6
    assert figures["largest_excess_lsb"] == max(rounded.max() - 15, -16 - rounded.min())
    assert figures["first_index"] == np.argwhere(outside)[0].tolist()
    inputs = ledger.to_dict(INPUT)["input"]
    assert inputs["rounded"] == images.size  # no random value lies on the grid
    assert inputs["saturated"] == np.count_nonzero(np.rint(images * 32) > 127) + np.count_nonzero(images * 32 < -128.5)
