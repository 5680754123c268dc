"""Results as text: run.json, layers.csv, and an estimate as plain values."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from types import MappingProxyType

import pytest

from accel.arch.area import Area
from accel.arch.energy import Energy
from accel.arch.result import Busy, Cycles, Held, LayerReport, NetworkReport, Remedies
from accel.config.technology import load_technology
from accel.report import estimate_document
from accel.report.export import layers_csv, plain, run_json
from tests.report.examples import explained_run, with_energy


def test_csv_round_trip(run):
    """Every figure of every layer comes back from the file exactly, under a name that ends in its unit."""
    rows = list(csv.DictReader(StringIO(layers_csv(run))))
    assert [row["name"] for row in rows] == [layer["name"] for layer in run["layers"]]
    for row, layer in zip(rows, run["layers"], strict=True):
        assert row["shape"] == "x".join(map(str, layer["shape"]))
        assert {part: int(row[f"{part}_cycles"]) for part in layer["cycles"]} == layer["cycles"]
        assert int(row["macs"]) == layer["macs"]
        assert float(row["utilization"]) == layer["utilization"]
        assert float(row["sqnr_db"]) == layer["error"]["sqnr_db"]
        assert float(row["max_error_lsb"]) == layer["error"]["max_lsb"]
        assert (float(row["min_value"]), float(row["max_value"])) == (layer["range"]["min"], layer["range"]["max"])
        for level, moved in layer["bytes"].items():
            assert {operand: int(row[f"{level}_{operand}_bytes"]) for operand in moved} == moved


def test_csv_has_certificates():
    """Outputs at risk stand beside the accumulator, empty for layers without one."""
    run = explained_run()
    rows = {row["name"]: row for row in csv.DictReader(StringIO(layers_csv(run)))}
    assert (rows["C3"]["accumulator_at_risk"], rows["C3"]["accumulator_outputs"]) == ("12", "1600")
    assert rows["S2"]["accumulator_at_risk"] == ""


def test_csv_leaves_absent_values_empty(run):
    """None is an empty field, a name with commas, quotes and line ends stays one field."""
    run["layers"][0].update(name='a,"b"\nc', error=None, range=None, accumulator=None, format=None, bytes={})
    row = next(csv.DictReader(StringIO(layers_csv(run))))
    assert row["name"] == 'a,"b"\nc'
    assert row["sqnr_db"] == row["min_value"] == row["accumulator_format"] == row["format"] == ""
    assert row["dram_input_bytes"] == ""


def test_json_round_trip(run):
    """run.json reads back as the document, with no NaN or infinity in it."""
    assert json.loads(run_json(run)) == run
    run["layers"][0]["range"] = {"min": float("-inf"), "max": float("nan")}
    text = run_json(run)
    assert json.loads(text, parse_constant=lambda word: AssertionError(word))["layers"][0]["range"] == {
        "min": None,
        "max": None,
    }


def test_plain_takes_any_mapping():
    """Read-only mappings and tuples become JSON's own types."""
    assert plain(MappingProxyType({"a": (1, MappingProxyType({"b": 2.5}))})) == {"a": [1, {"b": 2.5}]}


def test_estimate_document():
    """An estimate's dictionary holds every field of its records, by the names of the contract."""
    cycles = Cycles(fill=3, steady=10, drain=2, stall=5)
    moved = {"dram": MappingProxyType({"input": 8}), "sram": {"weight": 4}}
    tiling = MappingProxyType({"order": "weights outer", "tile": MappingProxyType({"filters": 4})})
    layer = LayerReport("C1", "conv", "array", 640, cycles, 1, 2, 4, 0.5, 0.75, moved, "weights", "compute", 15, tiling)
    layer = replace(layer, needed_bytes_per_cycle=4.0, busy=Busy(6.0, 8.0, 8, 8), buffers={"input": Held(3, 64)})
    report = NetworkReport("net", "box", 2, 1e6, 64, (layer,), 22, 20, dram_bytes_per_cycle=0.5)
    document = estimate_document(report, {"C1": Remedies(MappingProxyType({"twice the bandwidth": 17}), 2.0)})
    assert estimate_document(report)["layers"][0]["remedies"] is None
    assert document == {
        "network": "net",
        "accelerator": "box",
        "batch": 2,
        "clock_hz": 1e6,
        "pes": 64,
        "layers": [
            {
                "name": "C1",
                "kind": "conv",
                "macs": 640,
                "cycles": {"total": 20, "compute": 15, "fill": 3, "steady": 10, "drain": 2, "stall": 5},
                "hidden_cycles": 1,
                "prefetch_cycles": 2,
                "utilization": 0.5,
                "mapping_efficiency": 0.75,
                "bytes": {"dram": {"input": 8}, "sram": {"weight": 4}},
                "bound": "weights",
                "next_bound": "compute",
                "next_cycles": 15,
                "needed_bytes_per_cycle": 4.0,
                "busy": {"rows": 6.0, "columns": 8.0, "of_rows": 8, "of_columns": 8},
                "buffers": {"input": {"held_bytes": 3, "of_bytes": 64}},
                "lost": {"edges": 0.125, "pace": 0.0, "filling": 0.25, "waiting": 0.25},
                "remedies": {"cycles": {"twice the bandwidth": 17}, "bytes_per_cycle": 2.0, "batch": None},
                "roofline": {
                    "macs_per_byte": 80.0,
                    "attainable_macs_per_cycle": 40.0,
                    "attained_macs_per_cycle": 32.0,
                },
                "tiling": {"order": "weights outer", "tile": {"filters": 4}},
                "energy_pj": None,
                "energy": None,
                "advice": "waits for weights 25.0 % of its cycles; 4x the bandwidth (2.00 bytes/cycle) would make it "
                "compute-bound",
            }
        ],
        "latency_cycles": 22,
        "interval_cycles": 20,
        "inputs_per_second": 1e5,
        "schedule": "layer by layer",
        "cores": 1,
        "stages": [],
        "dram_bytes_per_cycle": 0.5,
        "ridge_macs_per_byte": 128.0,
        "technology": None,
        "energy": None,
        "energy_pj_per_input": None,
        "average_power_w": None,
        "area": None,
    }
    json.dumps(document)


def test_energies_of_an_estimate():
    """Layers, network, one input of a batch, watts and area: as the records say."""
    technology = load_technology("horowitz-45nm")
    energies = [
        Energy("horowitz-45nm", "pJ", {"mac": cost, "dram": 8.0}, cost, cost + 16, ("sram",)) for cost in (2.0, 4.0)
    ]
    layers = tuple(_layer(energy) for energy in energies)
    area = Area("horowitz-45nm", {"array adders": 0.25}, ("wires",))
    document = estimate_document(
        NetworkReport("net", "box", 2, 1e6, 64, layers, 22, 20, technology=technology, area=area)
    )
    assert [layer["energy_pj"] for layer in document["layers"]] == [10.0, 12.0]
    assert [layer["energy"] for layer in document["layers"]] == [energy.to_dict() for energy in energies]
    assert document["energy"] == {
        "technology": "horowitz-45nm",
        "unit": "pJ",
        "total": 22.0,
        "components": {"mac": 6.0, "dram": 16.0},
        "low": 6.0,
        "high": 38.0,
        "unpriced": ["sram"],
    }
    assert document["energy_pj_per_input"] == 11.0
    assert document["average_power_w"] == pytest.approx(22e-12 / 20e-6, rel=1e-12)
    assert document["area"] == area.to_dict()
    assert document["technology"].keys() == {"name", "description", "source", "assumed"}
    assert document["technology"]["source"] == technology.source
    json.dumps(document)


def _layer(energy: Energy) -> LayerReport:
    return LayerReport("x", "conv", "array", 1, Cycles(0, 1, 0, 0), 0, 0, 1, 1.0, 1.0, {}, "compute", energy=energy)


def test_csv_has_energies(run):
    """Total, range and every component of every layer, under names that end in their unit, after all other columns."""
    document = with_energy(run)
    rows = list(csv.DictReader(StringIO(layers_csv(document))))
    for row, layer in zip(rows, document["layers"], strict=True):
        assert float(row["energy_pj"]) == layer["energy"]["total"]
        assert (float(row["low_energy_pj"]), float(row["high_energy_pj"])) == (
            layer["energy"]["low"],
            layer["energy"]["high"],
        )
        for name, cost in layer["energy"]["components"].items():
            assert float(row[f"{name.replace(' ', '_')}_energy_pj"]) == cost
    names = list(rows[0])
    first = names.index("energy_pj")
    assert all(name.endswith("energy_pj") for name in names[first:])
    assert not any("energy" in name for name in names[:first])
    relative = next(csv.DictReader(StringIO(layers_csv(with_energy(run, "MAC")))))
    assert {"energy_mac", "dram_energy_mac"} <= relative.keys()
