"""A small encoder block through everything that reads a network: runs, tables, proofs, explanations, calibration."""

import json

import numpy as np
import pytest

import accel
from accel.accelerator import Accelerator
from accel.calibrate import METHODS, calibrate
from accel.cli.accumulators import sum_widths
from accel.config import load_accelerator
from accel.explain import explain
from accel.network.graph import Model
from accel.network.initial import initial_parameters
from accel.network.zoo.transformer import encoder_block
from accel.numeric.ledger import Ledger
from accel.runner.execute import run_fixed
from accel.runner.program import lower


@pytest.fixture(scope="module")
def block() -> Model:
    """5 positions of 8 features, 2 heads; weights drawn, normalisations with weights and biases of their own."""
    network = encoder_block("block", positions=5, features=8, heads=2, hidden=12)
    rng = np.random.default_rng(4)
    parameters = {name: dict(tensors) for name, tensors in initial_parameters(network, 3).items()}
    for name in ("norm1", "norm2"):
        parameters[name] = {"weight": rng.uniform(0.5, 1.5, 8), "bias": rng.normal(0, 0.2, 8)}
    return Model(network, parameters, {"network": "block"})


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    """Rows as a network before it would make them."""
    return np.random.default_rng(5).normal(0, 0.7, (6, 5, 8))


def with_overrides(*overrides: str) -> Accelerator:
    """The default machine, changed."""
    return load_accelerator("gupta2015", overrides)


def test_a_run_is_near_golden_and_the_same_for_any_number_of_threads(block, inputs):
    """16-bit data follow float64 at more than 50 dB to the end; everything in run.json but the provenance is fixed."""
    runs = [accel.run(block, with_overrides(), inputs, jobs=jobs, ledger=True).to_dict() for jobs in (1, 2)]
    for document in runs:
        del document["provenance"]
    assert runs[0] == runs[1]
    assert json.loads(json.dumps(runs[0], allow_nan=False)) == runs[0]
    layers = {layer["name"]: layer for layer in runs[0]["layers"]}
    assert layers["norm2"]["error"]["sqnr_db"] > 50
    assert layers["scores"]["accumulator"]["outputs"] == 6 * 2 * 5 * 5
    assert layers["scores"]["macs"] == 2 * 5 * 5 * 4
    assert runs[0]["softmax"] is None  # the last layer is none


def test_the_page_of_a_run_names_every_layer(block, inputs):
    """A network that is no classifier, with rows and heads, has a report like any other."""
    page = accel.report.render(accel.run(block, with_overrides(), inputs).to_dict())
    assert all(f">{node.name}<" in page or node.name in page for node in block.network.nodes)


@pytest.mark.parametrize("preset", ["tpuv1", "diannao", "scalesim-32x32", "input-stationary-16x16", "shidiannao"])
def test_every_kind_of_array_runs_it(block, inputs, preset):
    """Weight, input and output stationary arrays and adder trees compute products of activations."""
    result = accel.run(block, preset, inputs)
    assert result.fixed.shape == (6, 5, 8)
    assert sum(layer.cost.macs for layer in result.layers) == sum(nest.macs for _, nest in block.network.loop_nests())


def test_accumulators_of_products_are_proved_from_formats(block):
    """What nobody knows beforehand counts with its format: by weights a product needs what it needs by formats."""
    widths = {layer.layer: layer for layer in sum_widths(block, with_overrides())}
    scores, query = widths["scores"], widths["query"]
    assert scores.terms == 4
    assert set(scores.by_weights) == {scores.by_format} == {2 * 15 + 2 + 2}  # 4 * 2^15 * 2^15, and a sign
    assert len(scores.by_weights) == 5
    assert max(query.by_weights) < query.by_format


def test_an_explanation_tells_products_by_kind(block, inputs):
    """Scores have inputs, sums and an output of their own but no weights; a coarse format is found."""
    told = explain(block, with_overrides("numerics.layers.scores.activation=Q6.-1"), inputs, threshold_sqnr_db=40.0)
    layers = {layer["name"]: layer for layer in told["layers"]}
    assert list(layers["scores"]["kinds"]) == ["input", "accumulator", "output"]
    assert list(layers["norm1"]["kinds"]) == ["output"]
    assert layers["scores"]["sqnr_db"]["own"] < 20 < layers["query"]["sqnr_db"]["own"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [finding["layer"] for finding in told["diagnosis"]] == ["scores"]


@pytest.mark.parametrize("method", [method for method in METHODS if method != "proof"])
def test_calibration_finds_formats_that_do_better(block, inputs, method):
    """From 8 bits too coarse to follow, placing points by data gets the output nearer to float64."""
    coarse = with_overrides(*(f"numerics.{key}=Q6.2" for key in ("input", "activation", "weight", "bias")))
    found = calibrate(block, coarse, inputs, method=method, per_channel=True)
    better = accel.run(block, found.accelerator, inputs).layers[-1].deviation.sqnr_db
    assert better > accel.run(block, coarse, inputs).layers[-1].deviation.sqnr_db


def test_proved_formats_never_saturate(block, inputs):
    """Whatever comes within the range of the inputs: no sum, product, normalisation or scale leaves its format."""
    found = calibrate(block, with_overrides(), inputs, method="proof")
    low, high = inputs.min(), inputs.max()
    rng = np.random.default_rng(6)
    corners = rng.choice([low, high], size=(40, 5, 8))
    ledger = Ledger()
    run_fixed(lower(block, found.accelerator), np.concatenate([corners, rng.uniform(low, high, (40, 5, 8))]), ledger)
    for node, nest in block.network.loop_nests():
        if nest.engine not in ("none", "softmax"):
            assert ledger.at(node.name, "output").overflowed == 0, node.name
