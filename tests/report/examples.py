"""Hand-written records that only some runs have: the ledger, certificates, energies, "Where bits get lost".

The run is that of `tests.report.conftest`; what is said of it is plausible and consistent, not computed.
"""

from __future__ import annotations

import math
from typing import Any

from tests.report.conftest import lenet5_run


def explained_run() -> dict[str, Any]:
    """The run of LeNet-5 with `--ledger`, narrow accumulators in C3, and what `accel explain` found out."""
    run = lenet5_run()
    run["ledger"] = True
    for layer in run["layers"]:
        layer["ledger"] = _ledger(layer, run["inputs"])
        if layer["accumulator"]:
            outputs = math.prod(layer["shape"])
            at_risk = 12 if layer["name"] == "C3" else 0
            layer["accumulator"] |= {
                "outputs": outputs,
                "at_risk": at_risk,
                "replay": "some" if at_risk else "none",
                "additions": layer["macs"] + outputs,
            }
    for tensor in run["encoded"]:
        tensor["ledger"] = {"values": 784000, "saturated": 0, "wrapped": 0} | _detail(612345, 11, 0, None)
    run["explain"] = explain(run)
    return with_energy(run)


def with_energy(run: dict[str, Any], unit: str = "pJ") -> dict[str, Any]:
    """Return a run on a machine that names a technology, every word and operation at a round cost in `unit`."""
    for layer in run["layers"]:
        layer["energy"] = _energy(layer, unit)
        layer["energy_pj"] = layer["energy"]["total"] if unit == "pJ" else None
    energies = [layer["energy"] for layer in run["layers"]]
    names = dict.fromkeys(name for energy in energies for name in energy["components"])
    whole = {key: sum(energy[key] for energy in energies) for key in ("total", "low", "high")}
    components = {name: sum(energy["components"].get(name, 0.0) for energy in energies) for name in names}
    run["energy"] = {**energies[0], **whole, "components": components}
    picojoules = whole["total"] if unit == "pJ" else None
    run |= {
        "technology": {"name": "round", "description": "round figures", "source": "nobody", "assumed": ""},
        "energy_pj_per_input": picojoules,
        "average_power_w": picojoules and picojoules * 1e-12 * run["clock_hz"] / run["interval_cycles"],
        "area": {
            "technology": "round",
            "unit": "mm2",
            "total": 1.75,
            "components": {"array multipliers": 0.5, "weight buffer memory": 1.25},
            "unpriced": ["registers", "wires"],
        },
    }
    return run


def _energy(layer: dict[str, Any], unit: str) -> dict[str, Any]:
    """Return the energy of a layer; DRAM from 50 to 150 a byte."""
    dram = sum(layer["bytes"]["dram"].values())
    arithmetic = {"multiply": 1.0 * layer["macs"], "add": 0.125 * layer["macs"]}
    if not layer["macs"]:
        arithmetic = {"unit add": 0.5 * math.prod(layer["shape"])}
    memories = {f"{name} buffer": 2.0 * size for name, size in layer["bytes"]["sram"].items()}
    components = {**arithmetic, **memories, "refill": 2.0 * dram, "dram": 100.0 * dram}
    total = sum(components.values())
    return {
        "technology": "round",
        "unit": unit,
        "total": total,
        "components": components,
        "low": total - 50 * dram,
        "high": total + 50 * dram,
        "unpriced": ["register file", "network"],
    }


def _detail(rounded: int | None, bits: int | None, excess: int | None, first: list[int] | None) -> dict[str, Any]:
    return {"rounded": rounded, "dropped_bits": bits, "largest_excess_lsb": excess, "first_index": first}


def _ledger(layer: dict[str, Any], inputs: int) -> dict[str, Any]:
    """Return what a detailed ledger says of a layer; its saturations are those of the run."""
    values = inputs * math.prod(layer["shape"])
    saturated = round(layer["saturated"] * values)
    first = [12, *(extent - 1 for extent in layer["shape"])] if saturated else None
    kinds = {"output": _events(values, saturated, 0, _detail(values * 7 // 8, 18, 1554 * bool(saturated), first))}
    if layer["kind"] == "softmax":
        kinds["output"] |= _detail(None, None, None, None)
    if layer["accumulator"]:
        weights = layer["macs"] // math.prod(layer["shape"][1:] or [1])
        wrapped = 31 if layer["name"] == "C3" else 0
        place = [3, 7, 0, 9] if wrapped else None
        kinds |= {
            "weight": _events(weights, 0, 0, _detail(weights - 3, 37, 0, None)),
            "bias": _events(layer["shape"][0], 2, 0, _detail(layer["shape"][0], 31, 9, [4]))
            if layer["name"] == "F6"
            else _events(layer["shape"][0], 0, 0, _detail(layer["shape"][0], 31, 0, None)),
            "accumulator": _events(values, 0, wrapped, _detail(0, 0, 70368744177664 * bool(wrapped), place)),
        }
    return kinds


def _events(values: int, saturated: int, wrapped: int, detail: dict[str, Any]) -> dict[str, Any]:
    return {"values": values, "saturated": saturated, "wrapped": wrapped} | detail


def explain(run: dict[str, Any]) -> dict[str, Any]:
    """Return what `accel explain` would say: C3's weights lack bits, pooling adds nothing of its own."""
    layers, inherited = [], None
    for index, layer in enumerate(run["layers"]):
        own = {"C3": 21.4, "S2": None, "S4": None}.get(layer["name"], 58.0 + 5 * math.sin(7 * index))
        total = _joined(own, inherited)
        culprit = 0.81 if index <= 3 else 0.985 + 0.001 * index
        layers.append(
            {
                "name": layer["name"],
                "kind": layer["kind"],
                "format": layer["format"],
                "sqnr_db": {"total": total, "own": own, "inherited": inherited},
                "output": {
                    "fixed_from": {"sqnr_db": 19.1 if index <= 3 else 38.0 + index, "agreement": culprit},
                    "fixed_until": {
                        "sqnr_db": 55.0 - index if index < 3 else 20.0 - 0.1 * index,
                        "agreement": 1.0 if index < 3 else 0.81,
                    },
                    "only": {
                        "sqnr_db": 19.6 if layer["name"] == "C3" else own and own - 1.5,
                        "agreement": 0.812 if layer["name"] == "C3" else 1.0,
                    },
                },
                "kinds": _kinds(layer) if layer["accumulator"] else {},
            }
        )
        inherited = total
    changed = [
        {"input": 3 * index + 1, "label": index % 10, "golden": index % 10, "fixed": (index + 5) % 10, "left_at": place}
        for index, place in enumerate(["C3"] * 31 + ["F6"] * 5 + ["output", "softmax"])
    ]
    return {
        "inputs": 200,
        "threshold": 0.995,
        "layers": layers,
        "changed": changed,
        "diagnosis": [
            {
                "layer": "C3",
                "kind": "weight",
                "format": "Q2.2",
                "to_format": "Q2.6",
                "lacks_integer_bits": 0,
                "lacks_fraction_bits": 4,
                "agreement_before": 0.81,
                "agreement_after": 0.996,
                "sentence": "C3 weight Q2.2 lacks 4 fraction bits: agreement 81 % -> 99.6 %.",
            }
        ],
    }


def _kinds(layer: dict[str, Any]) -> dict[str, Any]:
    narrow = layer["name"] == "C3"
    return {
        "input": _kind("Q2.14", 84.2, 1, 2),
        "weight": _kind("Q2.2" if narrow else "Q2.14", 21.6 if narrow else 71.3, 1, 2),
        "bias": _kind("Q2.14", 79.0, 1, 2),
        "accumulator": _kind("Q28.20", None, 9, 28),
        "output": _kind("Q6.10", 61.0, 7 if layer["name"] == "F6" else 5, 6),
    }


def _kind(stored: str, ratio: float | None, needed: int, available: int) -> dict[str, Any]:
    return {"format": stored, "sqnr_db": ratio, "integer_bits_needed": needed, "integer_bits": available}


def _joined(own: float | None, inherited: float | None) -> float | None:
    """Return the ratio of two noises added, each as a ratio in dB (None: no noise)."""
    powers = [10 ** (-ratio / 10) for ratio in (own, inherited) if ratio is not None]
    return -10 * math.log10(sum(powers)) if powers else None
