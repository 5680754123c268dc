"""Hand-written documents of a sweep and of two runs, as pages get them."""

from __future__ import annotations

import copy
from typing import Any

from accel.report.compare import compare
from accel.sweep.scaling import scaling_of
from tests.report.conftest import lenet5_run

AXES = (
    ("network", [], ["lenet5"]),
    ("elements", ["array.rows", "array.columns"], [1, 4, 16, 64, 256]),
    ("array.dataflow", ["array.dataflow"], ["os", "ws", "is", "adder-tree"]),
    ("memory.dram_bytes_per_cycle", ["memory.dram_bytes_per_cycle"], [2, 16, "none"]),
)
MEASURES = ("accuracy", "latency_cycles", "latency_us", "pes", "energy_pj")


def sweep() -> dict[str, Any]:
    """Sixty points, one of them failed, four beyond a constraint."""
    columns = ["hash", "status", *(name for name, _, _ in AXES), *MEASURES, "error"]
    rows: list[list[Any]] = []
    for size in AXES[1][2]:
        for flow, slow in zip(AXES[2][2], (1.0, 1.1, 1.2, 2.0), strict=True):
            for channel, cost in zip(AXES[3][2], (900, 120, 0), strict=True):
                cycles = int(slow * 400_000 / size + 2_000 + cost * 100)
                accuracy = 0.9 + 0.01 * len(flow)
                status = "outside" if size == 256 and channel == 2 else "done"
                figures = [accuracy, cycles, cycles / 166, size, 1e6 * (5 + size / 64)]
                rows.append([f"{len(rows):016x}", status, "lenet5", size, flow, channel, *figures, ""])
    rows[7] = [*rows[7][:1], "failed", *rows[7][2:6], *[None] * len(MEASURES), "C3: too small; make it larger"]
    axes = [{"name": name, "keys": keys, "values": values} for name, keys, values in AXES]
    return {
        "schema": "bitcycle-sweep-1",
        "name": "example",
        "model": "estimate",
        "search": "grid",
        "accelerator": "gupta2015",
        "networks": ["lenet5"],
        "inputs": {"data": "digits", "inputs": 1000, "weights": None},
        "objectives": {"accuracy": "max", "latency_us": "min", "energy_pj": "min"},
        "constraints": ["energy_pj <= 9e+06"],
        "axes": axes,
        "measures": [{"name": name, "better": "min", "meaning": f"what {name} means"} for name in MEASURES],
        "planned": 60,
        "counts": {"done": 55, "outside": 4, "failed": 1},
        "columns": columns,
        "rows": rows,
        "front": [0, 11, 23, 35, 47],
        "scaling": scaling_of(axes, columns, rows),
        "accelerator_document": {"name": "gupta2015", "array": {"rows": 28}},
        "spec": {},
        "provenance": {
            "command": "accel sweep example.toml",
            "spec_sha256": "0" * 64,
            "seed": 1,
            "versions": {"python": "3.12.3", "bitcycle": "0.2.0"},
        },
    }


def comparison() -> dict[str, Any]:
    """LeNet-5 on two machines: the second has half the cycles, narrower formats and one layer more."""
    first, second = lenet5_run(), copy.deepcopy(lenet5_run())
    second["accelerator"] = "other"
    second["accelerator_document"] = {**first["accelerator_document"], "clock_hz": 5e8, "fresh": {"key": [1, 2]}}
    second["latency_cycles"] //= 2
    second["latency_us"] /= 4
    second["accuracy"] = {"golden": 0.97, "fixed": 0.95}
    for layer in second["layers"]:
        layer["cycles"]["total"] //= 2
    second["layers"].append({**second["layers"][-1], "name": "extra"})
    return compare(first, second)
