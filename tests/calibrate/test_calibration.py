"""Calibration as a whole: real digits, small networks; the file that comes out does what was measured."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

import accel
from accel.calibrate import METHODS, calibrate
from accel.config import load_accelerator
from accel.data.dataset import load
from accel.data.fit import fit
from accel.errors import CheckFailedError, ConfigError, DataError
from accel.layers import Dense
from accel.network.graph import Model, chain
from accel.network.weights import load_model

TPU = load_accelerator("tpuv1", ["array.rows=64"])


def digits(network: str, split: str, count: int):
    """A trained network and digits for it."""
    model, dataset = load_model(network, "digits"), load("digits", split, count)
    return model, fit(dataset.images, model.network.input_shape), dataset.labels


@pytest.fixture(scope="module")
def mlp():
    return digits("mlp", "train", 120)


@pytest.fixture(scope="module")
def held_out():
    return digits("mlp", "test", 150)[1:]


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_the_file_loads_and_does_what_was_measured(mlp, held_out, method, per_channel, tmp_path):
    """A run of the written file gives the figures of the record, on both sets of inputs."""
    model, images, labels = mlp
    made = calibrate(model, TPU, images, labels, method=method, per_channel=per_channel, bits=7, held_out=held_out)
    file = tmp_path / "made.toml"
    file.write_text(made.to_toml("accel calibrate mlp"), encoding="utf-8")
    loaded = load_accelerator(file)
    assert loaded == made.accelerator
    assert (loaded.name, made.base) == ("tpuv1-calibrated", "tpuv1")
    for pair, (inputs, classes) in ((made.calibration, (images, labels)), (made.held_out, held_out)):
        for machine, figures in ((TPU, pair.before), (loaded, pair.after)):
            result = accel.run(model, machine, inputs, classes)
            assert result.accuracy == {"golden": figures.golden_accuracy, "fixed": figures.accuracy}
            assert result.agreement == figures.agreement
    assert f"accuracy {made.held_out.after.accuracy:.4f}" in loaded.source


def test_the_document_differs_in_formats_only(mlp):
    """Hardware, roundings and accumulators stay; every slot has the word length that was asked for."""
    model, images, _ = mlp
    made = calibrate(model, TPU, images, bits=6)
    before, after = dict(TPU.document), dict(made.accelerator.document)
    assert {key for key in after if after[key] != before.get(key)} == {"name", "assumed", "numerics"}
    numerics = dict(after["numerics"])
    assert numerics.pop("layers").keys() == {"hidden", "hidden.relu", "output", "softmax"}
    assert {key for key in numerics if numerics[key] != before["numerics"][key]} <= {"input"}
    assert {row.after.width for row in made.rows if row.kind != "bias"} == {6}
    assert {row.after.width for row in made.rows if row.kind == "bias"} == {16}, "biases keep what they have"
    assert [(row.layer, row.kind) for row in made.rows[:4]] == [
        ("input", "input"),
        ("hidden", "weight"),
        ("hidden", "bias"),
        ("hidden", "activation"),
    ]
    assert tomllib.loads(made.to_toml()) == after


def test_calibrated_formats_are_better_than_the_machines_own(mlp, held_out):
    """At the machine's own word lengths the error at the output goes down, on inputs that were not looked at."""
    model, images, labels = mlp
    made = calibrate(model, TPU, images, labels, held_out=held_out)
    assert made.held_out.after.noise < 0.5 * made.held_out.before.noise
    assert made.bits_before == made.bits_after
    assert all(row.before.width == row.after.width for row in made.rows)


def test_calibrating_again_changes_nothing(mlp):
    """The formats are already where they go, and the file tells its provenance once."""
    model, images, _ = mlp
    first = calibrate(model, TPU, images, bits=6, per_channel=True)
    again = calibrate(model, first.accelerator, images, per_channel=True)
    assert again.accelerator.numerics == first.accelerator.numerics
    assert again.accelerator.name == first.accelerator.name
    assert again.accelerator.source.count("Formats placed") == 1
    plain = calibrate(model, first.accelerator, images)
    assert not any(row.weight_shifts for row in plain.rows)
    assert "weight_shifts" not in plain.to_toml()


@pytest.mark.parametrize("keep", ["agreement=0.97", "sqnr=22", "accuracy=0.94"])
def test_bits_are_taken_while_the_target_holds(mlp, held_out, keep):
    """The target holds on both sets, with far fewer bits, and the record says what it took."""
    model, images, labels = mlp
    made = calibrate(model, TPU, images, labels, keep=keep, held_out=held_out)
    assert made.target.holds(made.calibration.after)
    assert made.target.holds(made.held_out.after)
    assert made.bits_after < 0.75 * made.bits_before
    assert made.taken - made.given_back == sum(row.before.width - row.after.width for row in made.rows)
    assert made.to_dict()["search"]["taken"] == made.taken > 20


def test_bits_are_given_back_for_inputs_that_were_not_looked_at(mlp, held_out):
    """Formats that are just good enough for few calibration inputs are not for others; the record tells how many."""
    model, images, labels = mlp
    alone = calibrate(model, TPU, images[:20], labels[:20], keep="agreement=0.98")
    assert alone.given_back == 0
    verified = calibrate(model, TPU, images[:20], labels[:20], keep="agreement=0.98", held_out=held_out)
    assert verified.given_back > 0
    assert verified.held_out.after.agreement >= 0.98
    assert verified.taken == alone.taken


def test_threads_do_not_change_the_result(mlp):
    """One or three threads search the same path."""
    model, images, labels = mlp
    one, three = (calibrate(model, TPU, images, labels, keep="sqnr=20", bits=6, jobs=jobs) for jobs in (1, 3))
    assert one.to_dict() == three.to_dict()


def test_unequal_channels_want_points_of_their_own(rng):
    """Where channels differ by powers of two, a binary point for each is worth bits at the output."""
    model = Model(
        chain("unequal", (16,), {"dense": Dense(8)}),
        {"dense": {"weight": rng.normal(size=(8, 16)) * 0.5 ** np.arange(8)[:, None], "bias": np.zeros(8)}},
        {},
    )
    images = rng.uniform(-1, 1, (64, 16))
    machine = load_accelerator("gupta2015")
    shared, own = (calibrate(model, machine, images, method="max", bits=6, per_channel=flag) for flag in (False, True))
    ratios = {row.kind: row.sqnr_db for row in shared.rows}, {row.kind: row.sqnr_db for row in own.rows}
    weights = next(row for row in own.rows if row.kind == "weight")
    assert min(weights.weight_shifts) == 0
    assert max(weights.weight_shifts) >= 6
    assert ratios[1]["weight"] > ratios[0]["weight"]
    assert own.calibration.after.noise < shared.calibration.after.noise
    assert own.accelerator.document["numerics"]["layers"]["dense"]["weight_shifts"] == list(weights.weight_shifts)


def refused(error: type[Exception], told: str, model: Model, machine, images, *arguments, **settings) -> None:
    with pytest.raises(error) as caught:
        calibrate(model, machine, images, *arguments, **settings)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"method": "ms"}, "'ms' is not a way to place formats. Did you mean 'mse'?"),
        ({"percentile": 0.999}, "percentile 0.999 would clip most values; use 50 to 100, e.g. 99.9"),
        ({"percentile": float("nan")}, "percentile nan"),
        ({"bits": 1}, "1 bits; data formats have 2..32"),
        ({"bits": 64}, "64 bits; data formats have 2..32"),
        ({"keep": "acuracy=1"}, "Did you mean 'accuracy'?"),
    ],
)
def test_settings_that_cannot_be_used(mlp, settings, told):
    """Each names what it got and what it takes."""
    refused(ConfigError, told, *mlp[:1], TPU, mlp[1], **settings)


def test_inputs_that_cannot_be_used(mlp):
    """Nothing, the same everywhere, not a number: told before anything is computed."""
    model, images, _ = mlp
    refused(DataError, "was given no inputs; pass at least one", model, TPU, images[:0])
    refused(DataError, "hold the value 0.5 everywhere", model, TPU, np.full_like(images, 0.5))
    broken = images.copy()
    broken[3, 0, 4, 5] = np.nan
    refused(DataError, "input value nan at (3, 0, 4, 5)", model, TPU, broken)
    refused(DataError, "labels are 120 integers", model, TPU, images, np.zeros(3, int))
    refused(DataError, "accuracy needs labels", model, TPU, images, keep="accuracy=0.9")


def test_weights_that_are_no_numbers(mlp):
    """A NaN among the weights is told with its layer."""
    model, images, _ = mlp
    bad = {node: {name: values.copy() for name, values in named.items()} for node, named in model.parameters.items()}
    bad["output"]["weight"][2, 3] = np.nan
    refused(DataError, "in float64; no format has it", replace(model, parameters=bad), TPU, images)


def test_targets_out_of_reach_say_what_is_reached(mlp, held_out):
    """Before any bit is taken the target must hold, on both sets; the message has the best figure."""
    model, images, labels = mlp
    told = "sqnr 90 dB cannot be kept: with 8 bits the best reached on the 120 calibration inputs is"
    refused(CheckFailedError, told, model, TPU, images, keep="sqnr=90", bits=8)
    with pytest.raises(CheckFailedError, match=r"150 held-out inputs is .*float64 itself reaches .* train on"):
        calibrate(model, TPU, images, labels, keep="accuracy=1", held_out=held_out)


def test_machines_without_a_document(mlp):
    """What would be lost on the way to a file is refused."""
    model, images, _ = mlp
    refused(ConfigError, "was made in code", model, replace(TPU, document={}), images)
    changed = replace(TPU, numerics=load_accelerator("gupta2015").numerics)
    refused(ConfigError, "were changed after it was loaded", model, changed, images)
