"""Energies on the command line: `accel estimate` and `accel run`, as text, as JSON, in a run directory."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from accel.report.export import layers_csv

WITHOUT = "-s technology=none"
SMALL = "softmax-regression --weights seeded -n 3"
TOTALS = ("technology", "energy", "energy_pj_per_input", "average_power_w", "area")
ENERGY_KEYS = {"technology", "unit", "total", "components", "low", "high", "unpriced"}


@pytest.mark.parametrize(
    "more", [(), ("-b", "3"), ("-s", "cores.number=2"), ("-s", "cores.schedule=layer pipelined")], ids=" ".join
)
def test_layers_add_up(accel, more):
    """The sum over layers is the total is the sum of its components, low <= total <= high, in one unit."""
    document = accel("estimate lenet5 --json", *more).json
    whole, layers = document["energy"], document["layers"]
    assert whole.keys() == ENERGY_KEYS
    assert whole["total"] == pytest.approx(sum(layer["energy_pj"] for layer in layers), rel=1e-12)
    assert whole["total"] == pytest.approx(sum(whole["components"].values()), rel=1e-12)
    for layer in layers:
        energy = layer["energy"]
        assert energy.keys() == ENERGY_KEYS
        assert layer["energy_pj"] == energy["total"] == pytest.approx(math.fsum(energy["components"].values()))
        assert energy["low"] <= energy["total"] * (1 + 1e-12)
        assert energy["total"] <= energy["high"] * (1 + 1e-12)
        assert (energy["technology"], energy["unit"]) == ("horowitz-45nm", "pJ")
    for name, cost in whole["components"].items():
        parts = [layer["energy"]["components"].get(name, 0) for layer in layers]
        assert cost == pytest.approx(sum(parts), rel=1e-12)
    assert document["energy_pj_per_input"] == whole["total"] / document["batch"]
    seconds = document["interval_cycles"] / document["clock_hz"]
    assert document["average_power_w"] == pytest.approx(whole["total"] * 1e-12 / seconds, rel=1e-12)
    area = document["area"]
    assert area.keys() == {"technology", "unit", "total", "components", "unpriced"}
    assert area["total"] == pytest.approx(sum(area["components"].values()), rel=1e-12)
    assert "Horowitz" in document["technology"]["source"]


def test_ratios_are_no_picojoules(accel):
    """A machine whose technology has ratios: every energy in multiply-accumulates, "energy_pj" and area absent."""
    document = accel("estimate lenet5 -a eyeriss --json").json
    assert {layer["energy_pj"] for layer in document["layers"]} == {None}
    assert {layer["energy"]["unit"] for layer in document["layers"]} == {"MAC"}
    assert document["energy"]["components"]["mac"] == sum(layer["macs"] for layer in document["layers"])
    assert (document["energy_pj_per_input"], document["average_power_w"]) == (None, None)
    assert (document["area"]["total"], document["area"]["components"]) == (None, {})
    shown = accel("estimate lenet5 -a eyeriss").out
    assert "energy in MACs" in shown
    assert "area has no figure there" in shown
    assert "power" not in shown


def test_without_a_technology_nothing_is_said(accel):
    """Neither column nor totals; every figure that has nothing to do with energy is the same."""
    shown = accel(f"estimate lenet5 {WITHOUT}")
    assert (shown.code, shown.errors) == (0, [])
    assert not any(word in shown.out for word in ("energy", "power", "area", "estimate"))
    plain, priced = (accel(f"estimate lenet5 --json {more}").json for more in (WITHOUT, ""))
    assert [plain.pop(key) for key in TOTALS] == [None] * 5
    assert {(layer.pop("energy"), layer.pop("energy_pj")) for layer in plain["layers"]} == {(None, None)}
    for document in (priced, *priced["layers"]):
        for key in (*TOTALS, "energy_pj"):
            document.pop(key, None)
    assert plain == priced


def test_an_estimate_tells_its_energy(accel):
    """A column, three totals called estimates, and what they lack."""
    shown = accel("estimate lenet5").out
    layers = accel("estimate lenet5 --json").json
    assert " energy " in shown
    assert f"{layers['energy_pj_per_input'] / 1e6:.3g} µJ per input" in shown
    assert shown.count("estimate") == 4
    assert "energy lacks register file, network" in shown.replace("\n", " ")


def test_a_run_keeps_its_energy(accel):
    """run.json, layers.csv, the page and the table of a run tell what the estimate tells."""
    outcome = accel(f"run {SMALL} -o kept")
    assert (outcome.code, outcome.errors) == (0, [])
    assert "µJ per input" in outcome.out
    run = json.loads(Path("kept/run.json").read_text(encoding="utf-8"))
    document = accel("estimate softmax-regression --json").json
    assert [run[key] for key in TOTALS] == [document[key] for key in TOTALS]
    told = [layer["energy"] for layer in document["layers"]]
    assert [layer["energy"] for layer in run["layers"]] == told
    with Path("kept/layers.csv").open(encoding="utf-8") as file:
        assert [float(row["energy_pj"]) for row in csv.DictReader(file)] == [energy["total"] for energy in told]
    page = Path("kept/report.html").read_text(encoding="utf-8")
    assert '<section id="energy">' in page
    assert "Where the energy goes" in page
    assert any(limit.startswith("energy of register file, network") for limit in run["not_modelled"])


def test_a_run_without_a_technology_says_why(accel):
    """It has no energies, its layers.csv no column of them, and its limits name them."""
    run = accel(f"run {SMALL} --json {WITHOUT}").json
    assert [run[key] for key in TOTALS] == [None] * 5
    assert any(limit.startswith("energy and area: the machine names no technology") for limit in run["not_modelled"])
    assert "energy" not in layers_csv(run)
