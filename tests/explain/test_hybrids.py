"""Hybrids against networks whose every value can be written down, and against `accel.run`."""

import numpy as np
import pytest

import accel
from accel.config import load_accelerator
from accel.explain.hybrids import Departure, record, trace
from accel.network.graph import Model
from accel.runner.program import lower
from accel.workload import load_workload
from tests.explain.wires import SKIP, WIRES, decibels, rounded, wired

FORMATS = {"A": "Q6.4", "B": "Q6.3", "C": "Q6.1"}


@pytest.fixture
def images(rng):
    """Inputs (20, 1, 1, 4) within the range of the input's 8 bits, and so coarse that classes change."""
    return rng.uniform(0, 0.99, (20, 1, 1, 4))


def test_wires_add_inherit_and_pass_on_what_rounding_says(images):
    """Every figure of every node follows from rounding to 7, 4, 3 and 1 fraction bits in exact fractions."""
    program = lower(Model(WIRES, {}, {}), wired(**FORMATS))
    layers, _ = trace(program, record(program, images, 0))
    bits = {"A": 4, "B": 3, "C": 1}
    read = {"A": 7, "B": 4, "C": 3}  # what a node reads is golden rounded to the format before it
    fixed = rounded(images, 7)
    for name, own in bits.items():
        inherited = fixed - images
        fixed = rounded(fixed, own)
        alone = rounded(rounded(images, read[name]), own)
        rest = rounded(images, read[name])
        for following in [after for after in bits if after >= name]:
            rest = rounded(rest, bits[following])
        layer = layers[name]
        assert layer.own.sqnr_db == pytest.approx(decibels(images, alone - rounded(images, read[name])))
        assert layer.inherited.sqnr_db == pytest.approx(decibels(images, inherited))
        assert layer.total.sqnr_db == pytest.approx(decibels(images, fixed - images))
        for hybrid, made in ((layer.only, alone), (layer.fixed_until, fixed), (layer.fixed_from, rest)):
            assert hybrid.noise.sqnr_db == pytest.approx(decibels(images, made - images))
            same = made.reshape(20, 4).argmax(1) == images.reshape(20, 4).argmax(1)
            assert (hybrid.agreeing, hybrid.inputs) == (same.sum(), 20)


def test_graphs_are_cut_at_the_order_of_their_nodes(images):
    """With a skip connection, what stands before the cut is golden wherever it is read, and fixed point after it."""
    program = lower(Model(SKIP, {}, {}), wired(A="Q6.4", B="Q6.2", sum="Q6.6"))
    layers, _ = trace(program, record(program, images, 0))
    golden, a = 2 * images, rounded(rounded(images, 7), 4)
    b = rounded(rounded(images, 4), 2)
    expected = {
        ("B", "fixed_from"): rounded(images, 4) + b,
        ("A", "fixed_until"): 2 * a,
        ("B", "fixed_until"): a + rounded(a, 2),
        ("B", "only"): images + b,
        ("sum", "fixed_from"): rounded(images, 4) + rounded(images, 2),
    }
    for (node, hybrid), made in expected.items():
        noise = getattr(layers[node], hybrid).noise
        assert noise.sqnr_db == pytest.approx(decibels(golden, made - golden)), (node, hybrid)
    assert layers["sum"].own.sqnr_db is None  # 6 fraction bits hold the sum of 4 and of 2


def test_departures_name_the_first_node_that_changes_the_class():
    """Of three inputs one keeps its class, one leaves when it is encoded, one in the second wire."""
    images = np.array([[0.9, 0.1, 0, 0], [0.5, 0.5 + 2**-9, 0, 0], [0.25, 0.375, 0, 0]]).reshape(3, 1, 1, 4)
    program = lower(Model(WIRES, {}, {}), wired(A="Q6.4", B="Q6.1", C="Q6.1"))
    # 2^-9 is lost in 7 fraction bits; 0.25 and 0.375 become 0 and 0.5 with one bit, half to even: classes stay
    _, departures = trace(program, record(program, images, 10))
    assert departures == [Departure(11, 1, 0, "input")]
    coarse = lower(Model(WIRES, {}, {}), wired(A="Q6.4", B="Q6.0", C="Q6.0"))
    _, departures = trace(coarse, record(coarse, images, 10))
    assert [(each.index, each.left_at) for each in departures] == [(11, "input"), (12, "B")]


def test_whole_networks_agree_with_a_run():
    """Totals are the run's errors; fixed from the first layer and until the last are the run itself."""
    work = load_workload("lenet5", "digits", 20, None, 1)
    machine = load_accelerator("tpuv1")
    program = lower(work.model, machine)
    layers, departures = trace(program, record(program, work.inputs, 0))
    document = accel.run(work.model, machine, work.inputs, work.labels).to_dict()
    for told in document["layers"]:
        assert layers[told["name"]].total.sqnr_db == pytest.approx(told["error"]["sqnr_db"])
    first, last = layers["C1"].fixed_from, layers["softmax"].fixed_until
    assert first == last
    assert first.agreement == document["agreement"]
    assert first.noise.sqnr_db == pytest.approx(document["layers"][-1]["error"]["sqnr_db"])
    assert len(departures) == first.inputs - first.agreeing


def test_exact_machines_add_nothing():
    """Values that every format holds pass without any noise, wherever the network is cut."""
    images = np.arange(24).reshape(6, 1, 1, 4) / 32
    program = lower(Model(WIRES, {}, {}), wired(A="Q6.10", B="Q6.8", C="Q6.6"))
    layers, departures = trace(program, record(program, images, 0))
    assert departures == []
    for layer in layers.values():
        for noise in (layer.total, layer.own, layer.inherited, layer.only.noise, layer.fixed_from.noise):
            assert noise.sqnr_db is None
