"""A run of LeNet-5 with plausible figures, written by hand: what the report is tested on without running anything."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

# name, kind, shape, format, (M, K, N) of the GEMM view, stall cycles, own cycles of units, SQNR dB, max error in lsb
LAYERS = (
    ("C1", "conv", (6, 28, 28), "Q6.10", (784, 25, 6), 0, 0, 61.4, 1.87),
    ("C1.tanh", "activation", (6, 28, 28), "Q2.14", None, 0, 4, 60.2, 9.3),
    ("S2", "pool", (6, 14, 14), "Q2.14", None, 0, 1180, 62.8, 6.1),
    ("C3", "conv", (16, 10, 10), "Q6.10", (100, 150, 16), 0, 0, 55.7, 4.02),
    ("C3.tanh", "activation", (16, 10, 10), "Q2.14", None, 0, 4, 54.9, 31.6),
    ("S4", "pool", (16, 5, 5), "Q2.14", None, 0, 404, 57.1, 17.0),
    ("C5", "conv", (120, 1, 1), "Q6.10", (1, 400, 120), 2608, 0, 52.3, 5.5),
    ("C5.tanh", "activation", (120,), "Q2.14", None, 0, 4, 51.8, 38.9),
    ("F6", "dense", (84,), "Q6.10", (1, 120, 84), 272, 0, 50.6, 6.25),
    ("F6.tanh", "activation", (84,), "Q2.14", None, 0, 4, 50.2, 40.1),
    ("output", "dense", (10,), "Q6.10", (1, 84, 10), 0, 0, 49.7, 11.75),
    ("softmax", "softmax", (10,), "UQ0.16", None, 0, 37, 46.1, 118.4),
)
R = C = 16


def _gemm_cycles(m: int, k: int, n: int) -> tuple[int, int, int, int]:
    """Return folds, fill, steady and drain of a weight-stationary array with edge folds at full price."""
    folds = math.ceil(k / R) * math.ceil(n / C)
    return folds, folds * R, folds * m, folds * (R + C - 2)


def _histogram(largest: float) -> dict[str, list[int]]:
    """Return magnitudes of a bell-shaped tensor by power of two, up to its largest value."""
    top = math.floor(math.log2(largest))
    edges = list(range(top - 14, top + 1))
    counts = [round(10000 * math.exp(-(((edge - top + 2) / (4.5 if edge < top - 2 else 1.3)) ** 2))) for edge in edges]
    return {"edges": [edge + 1 for edge in edges], "counts": counts}


def _layer(row: tuple[Any, ...]) -> dict[str, Any]:
    name, kind, shape, stored, gemm, stall, own, sqnr, worst = row
    macs, folds, fill, steady, drain, mapping = 0, 0, min(own, 4), max(0, own - 8), min(max(0, own - 4), 4), 0.0
    weights, accumulator = 0, None
    if gemm:
        m, k, n = gemm
        macs, weights = m * k * n, 2 * k * n + 4 * n
        folds, fill, steady, drain = _gemm_cycles(m, k, n)
        mapping = k * n / (folds * R * C)
        accumulator = {
            "format": "Q28.20",
            "mode": "stepwise",
            "overflow": "WRAP",
            "needed_bits": 17 + math.ceil(math.log2(k)) + 3,
            "observed_bits": 18 + math.ceil(math.log2(k)) // 2,
            "overflowed": 0,
            "replayed": False,
            "order": {"group": 1, "fold": R if k > R else 0, "bias_first": False},
        }
    total = fill + steady + drain + stall
    largest = {"C3": 33.51820304217, "F6": 71.9437100432, "softmax": 0.99940231172}.get(name)
    largest = largest or {"conv": 9.98213377, "dense": 27.4120093, "activation": 1.71590332, "pool": 1.70911028}[kind]
    return {
        "name": name,
        "kind": kind,
        "shape": list(shape),
        "format": stored,
        "macs": macs,
        "cycles": {
            "total": total,
            "compute": total - stall,
            "fill": fill,
            "steady": steady,
            "drain": drain,
            "stall": stall,
        },
        "hidden_cycles": math.prod(shape) // 16 if kind == "activation" else 0,
        "prefetch_cycles": 322 if name == "C1" else 0,
        "folds": folds,
        "utilization": macs / (R * C * total) if total else 0.0,
        "mapping_efficiency": mapping,
        "bytes": {
            "dram": {
                "input": 2048 if name == "C1" else 0,
                "weight": weights,
                "output": 20 if name == "softmax" else 0,
            },
            "sram": {"input": 2 * math.prod(shape) * 3, "weight": weights, "output": 2 * math.prod(shape)},
        },
        "buffers": {
            buffer: {"held_bytes": held, "of_bytes": room}
            for buffer, held, room in zip(
                ("input", "weight", "output"),
                (2 * math.prod(shape), weights, 4 * math.prod(shape)),
                (65536, 131072, 65536),
                strict=True,
            )
        }
        if gemm or kind == "softmax"
        else None,
        "bound": ("weights" if stall else "compute") if gemm else {"softmax": "unit"}.get(kind, "unit"),
        "saturated": {"C3": 0.00012, "F6": 0.0213}.get(name, 0.0),
        "error": {"max_lsb": worst, "sqnr_db": sqnr},
        "range": {"min": 1.2345678901234e-09 if kind == "softmax" else -0.987654321 * largest, "max": largest},
        "histogram": _histogram(largest),
        "accumulator": accumulator,
    }


def lenet5_run() -> dict[str, Any]:
    """Return the document of a run of LeNet-5 on a 16 x 16 weight-stationary array at 200 MHz."""
    layers = [_layer(row) for row in LAYERS]
    latency = sum(layer["cycles"]["total"] for layer in layers)
    return {
        "schema": "bitcycle-run-1",
        "network": "lenet5",
        "network_source": "LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86(11), 1998, section II.B",
        "accelerator": "edge16",
        "accelerator_source": "16-bit weight-stationary edge array; an assumption of ours, no published machine",
        "inputs": 1000,
        "dataset": {"name": "digits", "split": "test", "source": "UCI optical digits, CC BY 4.0"},
        "accuracy": {"golden": 0.981, "fixed": 0.98},
        "agreement": 0.999,
        "latency_cycles": latency,
        "latency_us": latency / 200,
        "interval_cycles": latency,
        "interval_us": latency / 200,
        "inputs_per_second": 200e6 / latency,
        "clock_hz": 200e6,
        "pes": 256,
        "array": {"dataflow": "ws", "rows": R, "columns": C, "timing": "pipelined"},
        "schedule": "layer by layer",
        "softmax": {"row_sum_min": 0.99993896484375, "row_sum_max": 1.000030517578125, "ties": 0},
        "layers": layers,
        "encoded": [
            {"tensor": "input", "format": "Q2.14", "range": {"min": 0.0, "max": 1.0}, "saturated": 0.0},
            {"tensor": "C1/weight", "format": "Q2.14", "range": {"min": -1.25, "max": 1.5}, "saturated": 0.0},
        ],
        "first_disagreement": {"input": 412, "golden": 8, "fixed": 3, "label": 8},
        "provenance": {
            "command": "accel run --network lenet5 --accelerator edge16 --data digits --limit 1000 --seed 0",
            "created": "2026-03-14T09:26:53Z",
            "seed": 0,
            "versions": {"bitcycle": "0.1.0", "python": "3.12.3", "numpy": "2.4.6", "numba": "0.68.1"},
            "digests": {"accelerator": "9f2c" * 16, "weights": "03ab" * 16, "inputs": "77e1" * 16},
            "weights": {
                "set": "digits",
                "command": "accel train lenet5 --data digits --epochs 30 --seed 0",
                "accuracy": 0.981,
                "sha256": "03ab" * 16,
            },
        },
        "accelerator_document": {
            "name": "edge16",
            "numerics": {
                "input": "Q2.14",
                "weight": "Q2.14",
                "output": "Q6.10",
                "rounding": "RND_CONV",
                "overflow": "SAT",
                "accumulator": {"width": 48, "mode": "exact", "overflow": "WRAP"},
                "layers": {"softmax": {"output": "UQ0.16"}},
            },
            "array": {"dataflow": "ws", "rows": 16, "columns": 16, "timing": "pipelined"},
            "units": {
                "tanh": {"design": "lut-linear", "lanes": 16},
                "softmax": {"design": "reference", "lanes": 1},
                "pooling": {"design": "average", "lanes": 1},
            },
            "memory": {
                "input_bytes": 65536,
                "weight_bytes": 131072,
                "output_bytes": 65536,
                "dram_bytes_per_cycle": 8.0,
                "dram_latency_cycles": 60,
            },
            "clock_hz": 200000000,
        },
        "not_modelled": [
            "Instruction fetch and control: the array is fed by ideal address generators.",
            "DRAM refresh, row misses and bank conflicts: the channel has one rate and one latency.",
            "Energy and area.",
        ],
    }


@pytest.fixture(scope="session")
def _run() -> dict[str, Any]:
    return lenet5_run()


@pytest.fixture
def run(_run: dict[str, Any]) -> dict[str, Any]:
    """A run that the test may change."""
    return copy.deepcopy(_run)
