"""Figures are those of a run, however they were come by; targets are read and refused."""

import numpy as np
import pytest

import accel
from accel.calibrate.evaluate import Bench, Figures, Target
from accel.calibrate.slots import Assignment, slots
from accel.config import load_accelerator
from accel.errors import ConfigError, DataError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric.format import QFormat

NETWORK = Network(
    "branches",
    (1, 6, 6),
    (
        Node("conv", Conv2d(3, 3), (INPUT,)),
        Node("tanh", Activation("tanh"), ("conv",)),
        Node("pool", Pool2d("max", 2), ("tanh",)),
        Node("left", Conv2d(3, 1), ("pool",)),
        Node("sum", Add(), ("left", "pool")),
        Node("flatten", Flatten(), ("sum",)),
        Node("output", Dense(4), ("flatten",)),
    ),
)


@pytest.fixture
def model(rng):
    parameters = {
        node: {name: rng.normal(0, 0.4, spec.shape) for name, spec in specs.items()}
        for node, specs in NETWORK.parameter_specs().items()
    }
    return Model(NETWORK, parameters, {})


@pytest.fixture
def images(rng):
    return rng.uniform(-1, 1, (150, 1, 6, 6))


STOCHASTIC = ("numerics.rounding=STOCHASTIC", "numerics.random.generator=lfsr")


@pytest.mark.parametrize("overrides", [(), STOCHASTIC])
@pytest.mark.parametrize("jobs", [1, 3])
def test_figures_are_those_of_a_run(model, images, rng, overrides, jobs):
    """Accuracy, agreement and noise equal what `accel.run` gives, in batches, on threads, with random rounding."""
    machine = load_accelerator("gupta2015", ["numerics.activation=Q3.3", *overrides])
    labels = rng.integers(0, 4, len(images))
    result = accel.run(model, machine, images, labels)
    figures = Bench.of(model, machine, images, labels, jobs).evaluate(machine.numerics).figures
    assert figures.inputs == 150
    assert figures.agreement == result.agreement < 1
    assert {"golden": figures.golden_accuracy, "fixed": figures.accuracy} == result.accuracy
    assert figures.sqnr_db == pytest.approx(result.layers[-1].deviation.sqnr_db, rel=1e-12)
    unlabelled = Bench.of(model, machine, images, None, jobs).evaluate(machine.numerics).figures
    assert (unlabelled.accuracy, unlabelled.agreement) == (None, figures.agreement)


@pytest.mark.parametrize("overrides", [(), STOCHASTIC])
def test_what_is_taken_over_is_what_would_be_computed(model, images, overrides):
    """Near another set of formats, whichever slot differs, every code is the one that is computed from nothing."""
    machine = load_accelerator("gupta2015", ["numerics.activation=Q3.5", *overrides])
    bench = Bench.of(model, machine, images, None)
    base = bench.evaluate(machine.numerics)
    for slot in slots(NETWORK, machine.numerics):
        changed = Assignment({slot: QFormat.parse("Q2.4")}, {}, {}).numerics(machine.numerics)
        near, alone = bench.evaluate(changed, base), bench.evaluate(changed)
        assert near.figures == alone.figures
        assert near.figures != base.figures
        for left, right in zip(near.tapes, alone.tapes, strict=True):
            assert all(np.array_equal(left[name].codes, right[name].codes) for name in right)


def test_tapes_that_are_too_large_are_not_kept(model, images, monkeypatch):
    """Without them the figures are the same."""
    machine = load_accelerator("gupta2015")
    bench = Bench.of(model, machine, images, None)
    kept = bench.evaluate(machine.numerics)
    monkeypatch.setattr("accel.calibrate.evaluate.KEPT_BYTES", 1000)
    first = bench.evaluate(machine.numerics)
    assert first.tapes == ()
    assert bench.evaluate(machine.numerics, first).figures == kept.figures


def test_targets_hold_from_their_value_on():
    """At least means at least; no noise keeps every SQNR."""
    figures = Figures(200, 0.97, 0.98, 0.995, 1e-4)
    assert Target.parse("accuracy=0.97").holds(figures)
    assert not Target.parse(" agreement = 0.9951 ").holds(figures)
    assert Target.parse("sqnr=39.99").holds(figures)
    assert not Target.parse("sqnr=40.01").holds(figures)
    assert Target.parse("sqnr=400").holds(Figures(1, None, None, 1.0, 0.0))
    assert str(Target.parse("sqnr=40")) == "sqnr 40 dB"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.97", "'0.97' is not METRIC=LEAST; write for example agreement=0.995"),
        ("acuracy=0.97", "'acuracy' cannot be kept. Did you mean 'accuracy'?"),
        ("accuracy=97", "accuracy=97: shares are 0 to 1"),
        ("accuracy=", "'' is not a number"),
        ("sqnr=nan", "sqnr=nan: dB are finite"),
    ],
)
def test_targets_that_cannot_be_read(text, told):
    """The message says what is wrong and what is right."""
    with pytest.raises(ConfigError) as caught:
        Target.parse(text)
    assert told in str(caught.value)


def test_accuracy_needs_labels():
    """Without labels agreement is what can be kept."""
    with pytest.raises(DataError, match="keep agreement or sqnr"):
        Target("accuracy", 0.9).holds(Figures(3, None, None, 1.0, 0.0))
