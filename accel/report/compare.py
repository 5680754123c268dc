"""Two runs beside each other: what changed in machine and inputs, and what that did to totals and layers (`compare`).

A pure function of two documents of `run.json`. Layers are matched by name; one that only one run has stands alone.
Ratios are second over first, so a ratio of cycles below 1 means that the second is faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.report.humane import integer, label, significant

Document = Mapping[str, Any]

SCHEMA = "bitcycle-comparison-1"
_FED = ("network", "inputs", "weights", "dataset")
_TOTALS = (
    ("latency_cycles", "min"),
    ("latency_us", "min"),
    ("interval_cycles", "min"),
    ("inputs_per_second", "max"),
    ("pes", "min"),
    ("agreement", "max"),
)
_PROSE = ("description", "source", "assumed")


def compare(first: Document, second: Document) -> dict[str, Any]:
    """Return what differs between two runs as plain values."""
    machines = [dict(_keys(run["accelerator_document"])) for run in (first, second)]
    keys = [key for key in dict.fromkeys([*machines[0], *machines[1]]) if key not in _PROSE]
    changes = [
        {"key": key, "first": machines[0].get(key), "second": machines[1].get(key)}
        for key in keys
        if machines[0].get(key) != machines[1].get(key)
    ]
    about = [
        {"key": name, "first": _about(first, name), "second": _about(second, name)}
        for name in _FED
        if _about(first, name) != _about(second, name)
    ]
    return {
        "schema": SCHEMA,
        "names": _names(first, second),
        "networks": [first["network"], second["network"]],
        "inputs": [first["inputs"], second["inputs"]],
        "commands": [first["provenance"]["command"], second["provenance"]["command"]],
        "about": about,
        "changes": changes,
        "totals": _totals(first, second),
        "layers": _layers(first, second),
    }


def headline(comparison: Document) -> str:
    """Say what the second machine does against the first."""
    totals = {total["name"]: total for total in comparison["totals"]}
    ratio = totals["latency_cycles"]["ratio"]
    time = totals["latency_us"]["ratio"]
    parts = [_faster(time)]
    if ratio is not None and time is not None and abs(ratio - time) > 1e-9:
        parts.append(f"{_fewer(ratio)} cycles")
    accuracy = totals.get("accuracy")
    if any(change["key"] in _FED for change in comparison["about"]):
        parts.append("and accuracies that do not compare (see what changed)")
    elif accuracy and None not in (accuracy["first"], accuracy["second"]):
        change = 100 * (accuracy["second"] - accuracy["first"])
        same = "the same accuracy" if change == 0 else f"{abs(change):.2g} points of accuracy {_sign(change)}"
        parts.append(same)
    return f"{label(comparison['names'][1])} against {label(comparison['names'][0])}: {', '.join(parts)}."


def verdict(comparison: Document) -> str:
    """Say how many keys differ, and where the cycles differ most."""
    count = len(comparison["changes"])
    keys = f"{count} key{'' if count == 1 else 's'} of the accelerator file differ{'s' if count == 1 else ''}."
    moved = [layer for layer in comparison["layers"] if layer["first"] and layer["second"]]
    most = max(moved, key=_change, default=None)
    if most is None or not _change(most):
        return keys
    before, after = integer(most["first"]["cycles"]), integer(most["second"]["cycles"])
    return f"{keys} The largest difference is at {label(most['name'])}: {before} to {after} cycles."


def _change(layer: Document) -> int:
    return abs(int(layer["first"]["cycles"] - layer["second"]["cycles"]))


def _keys(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += _keys(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _about(run: Document, name: str) -> Any:
    """Return what a run was fed with."""
    if name == "weights":
        return run["provenance"]["digests"]["weights"][:12]
    if name == "dataset":
        return (run["dataset"] or {}).get("name")
    return run[name]


def _names(first: Document, second: Document) -> list[str]:
    """Return what to call the two, told apart where the machines have one name."""
    names = [first["accelerator"], second["accelerator"]]
    return [f"{names[0]} (A)", f"{names[1]} (B)"] if names[0] == names[1] else names


def _totals(first: Document, second: Document) -> list[dict[str, Any]]:
    found = [_total(name, better, first[name], second[name]) for name, better in _TOTALS]
    found.append(_total("accuracy", "max", first["accuracy"]["fixed"], second["accuracy"]["fixed"]))
    found.append(_total("dram_bytes", "min", *(sum(map(_dram, run["layers"])) for run in (first, second))))
    energies = [run.get("energy_pj_per_input") for run in (first, second)]
    if any(energy is not None for energy in energies):
        found.append(_total("energy_pj", "min", *energies))
    return found


def _total(name: str, better: str, first: float | None, second: float | None) -> dict[str, Any]:
    ratio = second / first if first and second is not None else None
    return {"name": name, "better": better, "first": first, "second": second, "ratio": ratio}


def _layers(first: Document, second: Document) -> list[dict[str, Any]]:
    sides = [{layer["name"]: layer for layer in run["layers"]} for run in (first, second)]
    found = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        before, after = (_layer(side[name]) if name in side else None for side in sides)
        kind = (sides[0].get(name) or sides[1][name])["kind"]
        ratio = after["cycles"] / before["cycles"] if before and after and before["cycles"] else None
        found.append({"name": name, "kind": kind, "first": before, "second": after, "ratio": ratio})
    return found


def _layer(layer: Document) -> dict[str, Any]:
    return {
        "cycles": layer["cycles"]["total"],
        "stall": layer["cycles"]["stall"],
        "bound": layer["bound"],
        "format": layer["format"],
        "accumulator": (layer["accumulator"] or {}).get("format"),
        "sqnr_db": (layer["error"] or {}).get("sqnr_db"),
        "max_lsb": (layer["error"] or {}).get("max_lsb"),
        "saturated": layer["saturated"],
        "dram_bytes": _dram(layer),
        "macs": layer["macs"],
    }


def _dram(layer: Document) -> int:
    return sum(layer["bytes"].get("dram", {}).values())


def _faster(ratio: float | None) -> str:
    if ratio is None:
        return "no time to compare"
    if ratio == 1:
        return "as fast"
    return f"{significant(1 / ratio)} times as fast" if ratio < 1 else f"{significant(ratio)} times as slow"


def _fewer(ratio: float) -> str:
    return f"{significant(ratio)} times the"


def _sign(change: float) -> str:
    return "more" if change > 0 else "less"
