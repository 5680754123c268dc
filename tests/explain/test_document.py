"""`explain` as others read it: its keys, the same for any threads, and its refusals."""

import json

import numpy as np
import pytest

import accel
from accel.config import load_accelerator
from accel.errors import ConfigError, DataError
from accel.explain import explain
from accel.workload import load_workload

COARSE = load_accelerator("gupta2015", ["numerics.layers.output.weight=Q2.0"])


@pytest.fixture(scope="module")
def digits():
    """The trained 784-10 network and 150 test digits."""
    return load_workload("softmax-regression", "digits", 150, None, 1)


@pytest.fixture(scope="module")
def told(digits):
    """What is told of a machine with coarse weights."""
    return explain(digits.model, COARSE, digits.inputs, digits.labels)


def test_the_document_is_that_of_the_run(digits, told):
    """Agreement, accuracy, errors per layer and changed inputs are those of `accel.run`."""
    result = accel.run(digits.model, COARSE, digits.inputs, digits.labels)
    document = result.to_dict()
    assert (told["inputs"], told["threshold"], told["threshold_sqnr_db"]) == (150, 0.995, None)
    assert (told["agreement"], told["accuracy"]) == (document["agreement"], document["accuracy"])
    for layer, ran in zip(told["layers"], document["layers"], strict=True):
        assert [layer[key] for key in ("name", "kind", "format")] == [ran[key] for key in ("name", "kind", "format")]
        assert layer["sqnr_db"]["total"] == pytest.approx(ran["error"]["sqnr_db"])
    golden, fixed = result.golden.argmax(1), result.fixed.argmax(1)
    assert [each["input"] for each in told["changed"]] == np.flatnonzero(golden != fixed).tolist()
    for each in told["changed"]:
        index = each["input"]
        assert (each["golden"], each["fixed"], each["label"]) == (golden[index], fixed[index], digits.labels[index])
        assert each["left_at"] == "output"


def test_the_document_is_plain_json(told):
    """It survives JSON unchanged and holds neither NaN nor infinity."""
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    layer = told["layers"][1]
    assert list(layer["kinds"]) == ["input", "weight", "bias", "accumulator", "output"]
    assert set(layer["output"]) == {"fixed_from", "fixed_until", "only"}
    assert set(layer["kinds"]["weight"]) == {"format", "sqnr_db", "integer_bits_needed", "integer_bits"}
    assert told["layers"][0]["kinds"] == {}
    assert set(told["input"]) == set(layer["kinds"]["weight"])


def test_threads_do_not_change_a_figure(digits, told):
    """Four threads tell the same to the last bit."""
    assert explain(digits.model, COARSE, digits.inputs, digits.labels, jobs=4) == told


def test_batches_change_no_count(digits, told, monkeypatch):
    """Batches of seven inputs tell the same counts and places, and ratios up to the order of addition."""
    monkeypatch.setattr("accel.explain.document.BATCH", 7)
    small = explain(digits.model, COARSE, digits.inputs, digits.labels)
    for key in ("agreement", "accuracy", "changed", "verdict"):
        assert small[key] == told[key]
    for mine, theirs in zip(small["layers"], told["layers"], strict=True):
        assert mine["output"]["only"]["agreement"] == theirs["output"]["only"]["agreement"]
        assert mine["sqnr_db"] == pytest.approx(theirs["sqnr_db"])


def test_stochastic_rounding_keeps_its_place():
    """Hybrids draw the random bits of the run: fixed point from the first layer on is the run, for any batches."""
    rules = ["numerics.rounding=STOCHASTIC", "numerics.random.generator=lfsr", "numerics.activation=Q6.4"]
    work, machine = load_workload("mlp", "digits", 80, None, 1), load_accelerator("gupta2015", rules)
    told = explain(work.model, machine, work.inputs)
    ran = accel.run(work.model, machine, work.inputs).to_dict()
    first = told["layers"][0]["output"]["fixed_from"]
    assert first["agreement"] == ran["agreement"]
    assert first["sqnr_db"] == pytest.approx(ran["layers"][-1]["error"]["sqnr_db"])
    assert told["accuracy"] == {"golden": None, "fixed": None}


def test_stages_are_shown(digits):
    """Whoever watches is told every input, and experiments where there are any."""
    from contextlib import contextmanager

    seen: dict[str, list[int]] = {}

    @contextmanager
    def stage(name, steps):
        seen[name] = [steps]
        yield seen[name].append

    explain(digits.model, COARSE, digits.inputs, stage=stage)
    total, *steps = seen["inputs"]
    assert total == sum(steps) == 150
    assert sum(seen["experiments"][1:]) > 1


def test_what_cannot_be_explained(digits):
    """Inputs that do not fit, labels of another number and layers that do not exist are refused as in a run."""
    with pytest.raises(DataError, match="finite"):
        explain(digits.model, COARSE, np.full((2, 1, 28, 28), np.nan))
    with pytest.raises(DataError, match="no inputs"):
        explain(digits.model, COARSE, np.zeros((0, 1, 28, 28)))
    with pytest.raises(DataError, match="one per input"):
        explain(digits.model, COARSE, digits.inputs, [1])
    with pytest.raises(ConfigError, match="no layer 'C9'"):
        explain(digits.model, load_accelerator("gupta2015", ["numerics.layers.C9.weight=Q2.2"]), digits.inputs)
