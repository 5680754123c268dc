"""Results as text and plain values: `run.json`, `layers.csv`, and the dictionary of an estimate.

The contract: pure functions, same input, same bytes. The surprise: JSON has no infinity and no NaN, so both are
written as null.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from io import StringIO
from typing import Any

from accel.arch.result import LayerReport, NetworkReport, Remedies
from accel.arch.roofline import losses, ridge, roofline
from accel.report.advice import advice
from accel.report.prose import Document

_CYCLES = ("total", "compute", "fill", "steady", "drain", "stall")


def run_json(document: Document) -> str:
    """Return the text of `run.json`."""
    return json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def layers_csv(document: Document) -> str:
    """Return one line per layer under a header whose names end in their units; what is absent is empty."""
    rows = [_csv_row(layer) for layer in document["layers"]]
    columns = sorted(dict.fromkeys(name for row in rows for name in row), key=lambda name: "energy" in name)
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def estimate_document(report: NetworkReport, found: Mapping[str, Remedies] | None = None) -> dict[str, Any]:
    """Return an estimate as plain values: what `accel estimate --json` prints.

    found: what was found to help each layer, by name; None if nothing was tried.
    """
    return {
        "network": report.network,
        "accelerator": report.accelerator,
        "batch": report.batch,
        "clock_hz": report.clock_hz,
        "pes": report.pes,
        "layers": [_layer_document(layer, report, (found or {}).get(layer.name)) for layer in report.layers],
        "latency_cycles": report.latency_cycles,
        "interval_cycles": report.interval_cycles,
        "inputs_per_second": report.inputs_per_second,
        "schedule": report.schedule,
        "cores": report.cores,
        "stages": [list(layers) for layers in report.stages],
        "dram_bytes_per_cycle": report.dram_bytes_per_cycle,
        "ridge_macs_per_byte": ridge(report.pes, report.dram_bytes_per_cycle),
        **energy_totals(report),
    }


def energy_totals(report: NetworkReport) -> dict[str, Any]:
    """Return what an estimate says of energy and area as plain values, all None on a machine without technology."""
    technology = report.technology
    return {
        "technology": None
        if technology is None
        else {key: getattr(technology, key) for key in ("name", "description", "source", "assumed")},
        "energy": None if report.energy is None else report.energy.to_dict(),
        "energy_pj_per_input": report.energy_pj_per_input,
        "average_power_w": report.average_power_w,
        "area": None if report.area is None else report.area.to_dict(),
    }


def layer_energy(layer: LayerReport) -> dict[str, Any]:
    """Return a layer's energy as plain values, None on a machine without technology."""
    return {"energy_pj": layer.energy_pj, "energy": None if layer.energy is None else layer.energy.to_dict()}


def _layer_document(layer: LayerReport, report: NetworkReport, found: Remedies | None) -> dict[str, Any]:
    dram_bytes = sum(layer.byte_counts.get("dram", {}).values())
    pes = report.pes // report.cores if report.stages else report.pes  # of what works on the layer
    place = roofline(layer.macs, layer.cycles, dram_bytes, pes, report.dram_bytes_per_cycle)
    document = {
        "name": layer.name,
        "kind": layer.kind,
        "macs": layer.macs,
        "cycles": {name: getattr(layer.cycles, name) for name in _CYCLES},
        "hidden_cycles": layer.hidden_cycles,
        "prefetch_cycles": layer.prefetch_cycles,
        "utilization": layer.utilization,
        "mapping_efficiency": layer.mapping_efficiency,
        "bytes": {level: dict(moved) for level, moved in layer.byte_counts.items()},
        "bound": layer.bound,
        "next_bound": layer.next_bound,
        "next_cycles": layer.next_cycles,
        "needed_bytes_per_cycle": layer.needed_bytes_per_cycle,
        "busy": layer.busy._asdict() if layer.busy else None,
        "buffers": layer.buffers_dict(),
        "lost": losses(layer.cycles, layer.utilization, layer.mapping_efficiency)._asdict() if layer.macs else None,
        "remedies": {**vars(found), "cycles": dict(found.cycles)} if found else None,
        "roofline": {
            "macs_per_byte": place.intensity,
            "attainable_macs_per_cycle": place.attainable,
            "attained_macs_per_cycle": place.attained,
        }
        if layer.macs
        else None,
        "tiling": None if layer.tiling is None else plain(layer.tiling),
        **layer_energy(layer),
    }
    return {**document, "advice": advice(document, report.dram_bytes_per_cycle) or None}


def _csv_row(layer: Mapping[str, Any]) -> dict[str, object]:
    """Return a layer's record as one flat row."""
    error, observed, sums = layer["error"] or {}, layer["range"] or {}, layer["accumulator"] or {}
    return {
        "name": layer["name"],
        "kind": layer["kind"],
        "shape": "x".join(str(extent) for extent in layer["shape"] or ()),
        "format": layer["format"],
        "macs": layer["macs"],
        **{f"{part}_cycles": layer["cycles"][part] for part in _CYCLES},
        "hidden_cycles": layer["hidden_cycles"],
        "prefetch_cycles": layer["prefetch_cycles"],
        "folds": layer["folds"],
        "utilization": layer["utilization"],
        "mapping_efficiency": layer["mapping_efficiency"],
        "bound": layer["bound"],
        "saturated": layer["saturated"],
        "max_error_lsb": error.get("max_lsb"),
        "sqnr_db": error.get("sqnr_db"),
        "min_value": observed.get("min"),
        "max_value": observed.get("max"),
        "accumulator_format": sums.get("format"),
        "accumulator_needed_bits": sums.get("needed_bits"),
        "accumulator_outputs": sums.get("outputs"),
        "accumulator_at_risk": sums.get("at_risk"),
        **{
            f"{level}_{operand}_bytes": count
            for level, moved in layer["bytes"].items()
            for operand, count in moved.items()
        },
        **_csv_energy(layer.get("energy")),
    }


def _csv_energy(energy: Mapping[str, Any] | None) -> dict[str, object]:
    """Return a layer's energy as columns that end in its unit; none without a technology."""
    if energy is None:
        return {}
    unit = energy["unit"].lower()
    parts = {f"{name.replace(' ', '_')}_": cost for name, cost in energy["components"].items()}
    totals = {"": energy["total"], "low_": energy["low"], "high_": energy["high"]}
    return {f"{name}energy_{unit}": cost for name, cost in {**totals, **parts}.items()}


def plain(value: Any) -> Any:
    """Return a copy in JSON's own types; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
