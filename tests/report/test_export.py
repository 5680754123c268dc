"""Results as text: run.json, layers.csv, and an estimate as plain values."""

from __future__ import annotations

import csv
import json
from io import StringIO
from types import MappingProxyType

from accel.arch.result import Cycles, LayerReport, NetworkReport
from accel.report import estimate_document
from accel.report.export import layers_csv, plain, run_json
from tests.report.examples import explained_run


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
    document = estimate_document(NetworkReport("net", "box", 2, 1e6, 64, (layer,), 22, 20, dram_bytes_per_cycle=0.5))
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
                "roofline": {
                    "macs_per_byte": 80.0,
                    "attainable_macs_per_cycle": 40.0,
                    "attained_macs_per_cycle": 32.0,
                },
                "tiling": {"order": "weights outer", "tile": {"filters": 4}},
                "energy_pj": None,
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
    }
    json.dumps(document)
