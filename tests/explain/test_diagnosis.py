"""Formats broken on purpose: the diagnosis names exactly those, and the machine it describes is cured."""

import re

import numpy as np
import pytest

from accel.config import load_accelerator
from accel.explain import explain
from accel.explain.document import Goal
from accel.explain.experiments import Score
from accel.layers import Activation, Dense, Flatten
from accel.network.graph import Model, chain
from accel.workload import load_workload
from tests.explain.wires import dense
from tests.machines import machine

LAYERS = "numerics.layers."


@pytest.fixture(scope="module")
def digits():
    """The trained 784-100-10 network and 100 test digits."""
    return load_workload("mlp", "digits", 100, None, 1)


def diagnosed(work, overrides, **goal):
    """Explain a machine with overrides."""
    return explain(work.model, load_accelerator("gupta2015", overrides), work.inputs, work.labels, **goal)


@pytest.mark.parametrize(
    ("override", "layer", "kind", "integer", "fraction"),
    [
        ("numerics.input=Q4.0", "input", "input", False, True),
        ("numerics.input=Q-2.16", "input", "input", True, False),
        (f"{LAYERS}hidden.weight=Q2.1", "hidden", "weight", False, True),
        (f"{LAYERS}hidden.weight=Q-4.18", "hidden", "weight", True, False),
        (f"{LAYERS}hidden.bias=Q-5.20", "hidden", "bias", True, False),
        (f"{LAYERS}hidden.activation=Q1.15", "hidden", "output", True, False),
        (f"{LAYERS}hidden.activation=Q6.-2", "hidden", "output", False, True),
        (f"{LAYERS}hidden.relu.activation=UQ1.7", "hidden.relu", "output", True, False),
        (f"{LAYERS}hidden.accumulator.width=29", "hidden", "accumulator", True, False),
        (f"{LAYERS}output.accumulator.format=Q10.-1", "output", "accumulator", False, True),
        (f"{LAYERS}output.activation=Q2.14", "output", "output", True, False),
        ("numerics.softmax=UQ-3.12", "softmax", "output", True, False),
    ],
)
def test_one_broken_format_is_named_and_nothing_else(digits, override, layer, kind, integer, fraction):
    """The one finding is that format and that side of its point; what it tells comes out of a machine made so."""
    told = diagnosed(digits, [override])
    assert told["agreement"] < 0.995
    (finding,) = told["diagnosis"]
    assert (finding["layer"], finding["kind"]) == (layer, kind)
    assert (finding["lacks_integer_bits"] > 0, finding["lacks_fraction_bits"] > 0) == (integer, fraction)
    assert finding["agreement_before"] == told["agreement"]
    assert finding["agreement_after"] >= 0.995
    if kind == "accumulator":  # its format moves with its width
        return
    key, _ = override.split("=")
    cured = diagnosed(digits, [f"{key}={finding['to_format']}"])
    assert cured["agreement"] == finding["agreement_after"]
    assert cured["diagnosis"] == []
    bits = finding["lacks_integer_bits"] + finding["lacks_fraction_bits"]
    words = rf"lacks {bits} (integer|fraction) bits?: agreement [\d.]+ % -> [\d.]+ %$"
    assert re.search(words, finding["sentence"])


def test_two_broken_formats_are_both_named(digits):
    """Where either alone would spoil the result, both are found, and the last one brings the agreement."""
    told = diagnosed(digits, [f"{LAYERS}hidden.activation=Q12.-5", f"{LAYERS}output.weight=Q4.-2"])
    assert [(each["layer"], each["kind"]) for each in told["diagnosis"]] == [("hidden", "output"), ("output", "weight")]
    first, last = told["diagnosis"]
    assert first["agreement_before"] == told["agreement"]
    assert first["agreement_after"] == last["agreement_before"] < 0.995 <= last["agreement_after"]
    assert "2 formats lack bits, with them agreement" in told["verdict"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "layer", "kind", "place"),
    [
        ("C3.weight=Q2.0", "C3", "weight", "lacks_fraction_bits"),
        ("C5.accumulator.format=Q8.2", "C5", "accumulator", "lacks_fraction_bits"),
        ("F6.activation=Q14.-4", "F6", "output", "lacks_fraction_bits"),
        ("output.activation=Q1.10", "output", "output", "lacks_integer_bits"),
    ],
)
def test_convolutions_are_diagnosed_as_well(override, layer, kind, place):
    """LeNet-5 on 100 digits with one format broken."""
    told = diagnosed(load_workload("lenet5", "digits", 100, None, 1), [LAYERS + override], jobs=2)
    (finding,) = told["diagnosis"]
    assert (finding["layer"], finding["kind"]) == (layer, kind)
    assert finding[place] > 0
    assert finding["lacks_integer_bits"] * finding["lacks_fraction_bits"] == 0


def test_a_machine_that_agrees_is_not_diagnosed(digits):
    """Nothing is said to lack bits, however low a threshold or however coarse a format, while the goal is met."""
    assert diagnosed(digits, [])["diagnosis"] == []
    told = diagnosed(digits, [f"{LAYERS}hidden.weight=Q2.1"], threshold=0.1)
    assert told["diagnosis"] == []
    assert told["verdict"] == f"agreement {100 * told['agreement']:.1f} %, 10.0 % wanted: no format lacks bits"


def test_noise_can_be_the_goal(digits):
    """With an SQNR to keep at the output, a format is found that costs no class at all."""
    override = f"{LAYERS}output.weight=Q2.5"
    assert diagnosed(digits, [override])["diagnosis"] == []
    base = diagnosed(digits, [])["sqnr_db"]
    told = diagnosed(digits, [override], threshold_sqnr_db=base - 6)
    (finding,) = told["diagnosis"]
    assert (finding["layer"], finding["kind"]) == ("output", "weight")
    assert finding["sqnr_db_before"] == told["sqnr_db"] < base - 6 <= finding["sqnr_db_after"]
    assert "SQNR" in finding["sentence"]
    assert "dB wanted: 1 format lacks bits" in told["verdict"]


def test_accumulators_that_must_grow_are_told(digits):
    """An exact accumulator for coarse weights is too narrow for finer ones, and the sentence says so."""
    rules = ["numerics.accumulator.mode=exact", f"{LAYERS}hidden.accumulator.width=24"]
    told = diagnosed(digits, [*rules, f"{LAYERS}hidden.weight=Q2.1"])
    (finding,) = told["diagnosis"]
    width = int(re.search(r"\(with the accumulator of hidden at (\d+) bits\)$", finding["sentence"])[1])
    cured = [rules[0], f"{LAYERS}hidden.accumulator.width={width}", f"{LAYERS}hidden.weight={finding['to_format']}"]
    assert diagnosed(digits, cured)["agreement"] == finding["agreement_after"]


def test_what_no_format_can_cure_is_not_blamed_on_one():
    """Two classes closer than any format tells apart stay tied; the verdict says that formats are not to blame."""
    model = dense(np.eye(3), np.zeros(3))
    images = np.array([[[[0.25, 0.25 + 1e-12, 0.0]]]] * 4)
    told = explain(model, machine(), images)
    assert (told["agreement"], told["diagnosis"]) == (0.0, [])
    assert told["verdict"].endswith("with every format wide agreement 0 %: no format is to blame")


def test_formats_are_cured_as_far_as_they_can(rng):
    """Where some inputs stay tied, the broken format is still named, and the verdict says what remains."""
    network = chain("tied", (1, 1, 3), {"flatten": Flatten(), "D": Dense(3), "relu": Activation("relu")})
    model = Model(network, {"D": {"weight": np.eye(3), "bias": np.zeros(3)}}, {})
    images = rng.uniform(0.1, 0.9, (40, 1, 1, 3))
    images[:4] = [0.25, 0.25 + 1e-12, 0.0]
    coarse = load_accelerator("gupta2015", [f"{LAYERS}D.activation=Q4.1"])
    told = explain(model, coarse, images)
    (finding,) = told["diagnosis"]
    assert (finding["layer"], finding["kind"]) == ("D", "output")
    assert told["verdict"].endswith("; more is not to be had from formats")


def test_a_missing_sign_is_an_integer_bit(rng):
    """Where an unsigned format cuts off what is negative, it lacks one integer bit, the sign, and gets it."""
    images = rng.uniform(0.1, 0.9, (40, 1, 1, 3))
    unsigned = load_accelerator("gupta2015", [f"{LAYERS}D.activation=UQ4.10"])
    told = explain(dense(-np.eye(3), np.zeros(3)), unsigned, images)
    (finding,) = told["diagnosis"]
    assert (finding["format"], finding["to_format"]) == ("UQ4.10", "Q5.10")
    assert "lacks 1 integer bit (its sign): agreement" in finding["sentence"]
    kind = told["layers"][1]["kinds"]["output"]
    assert (kind["integer_bits_needed"], kind["integer_bits"]) == (5, 4)


def test_units_that_cannot_be_wider_are_left_out(monkeypatch):
    """Where not everything wide can be computed, narrower ones are tried, and what stands in the way is not widened."""
    from accel.explain import diagnosis

    offered: list[int] = []

    def wide(self, added):
        offered.append(len(added))
        return all(suspect.kind != "weight" for suspect in added)

    monkeypatch.setattr(diagnosis.Experiments, "can_be_computed", wide)
    model = dense(np.eye(3) * 0.4, np.zeros(3))
    images = np.random.default_rng(1).uniform(0.1, 0.9, (40, 1, 1, 3))
    coarse = load_accelerator("gupta2015", [f"{LAYERS}D.activation=Q4.1"])
    (finding,) = explain(model, coarse, images)["diagnosis"]
    assert (finding["layer"], finding["kind"]) == ("D", "output")
    assert len(offered) > len(diagnosis.WIDE)


def test_goals_are_met_by_both_figures():
    """Agreement and, if wanted, SQNR; what cannot be computed meets nothing; the best says what is in reach."""
    goal = Goal(0.9, 40.0)
    assert goal.met_by(Score(0.9, 40.0))
    assert not goal.met_by(Score(0.9, 39.9))
    assert not goal.met_by(Score(0.89, 99.0))
    assert not goal.met_by(None)
    assert goal.within(Score(0.95, 41.0)) == goal
    assert goal.within(Score(0.5, 30.0)) == Goal(0.45, 29.0)
    assert Goal(0.9).met_by(Score(0.9, -5.0))
