"""A hand-written survey of function units, as `accel.units.survey.survey` makes it: plausible figures, not measured."""

from __future__ import annotations

import math
from typing import Any

_EDGES = [0.25 * step for step in range(9)] + [float(2**power) for power in range(2, 12)]

# function, design, options, max ulp, table bits, (latency, multipliers, adders), figure, met
UNITS = (
    ("exp", "lut", {"entries": 1024}, 1966.0, 16384, (2, 0, 0), "6.0e-2", True),
    *(
        ("exp", "pow2-lut", {"entries": n}, ulp, n * 17, (4, 1, 0), f"{ulp:g} ulp", True)
        for n, ulp in ((32, 353.0), (64, 177.0), (256, 44.0), (1024, 11.0))
    ),
    *(
        ("exp", "pow2-linear", {"entries": n}, ulp, n * 36, (5, 2, 1), f"{ulp:g} ulp", ulp != 9.1)
        for n, ulp in ((4, 118.0), (8, 32.0), (16, 9.1), (32, 3.0), (64, 1.35))
    ),
    ("exp", "two-table", {}, 0.62, 9216, (3, 1, 0), "0.62 ulp", True),
    *(
        ("exp", "cordic", {"iterations": n, "guard_bits": g}, ulp, n * 20, (n + 2, 1, 3 * n), f"{ulp:g} ulp", True)
        for n, g, ulp in ((14, 3, 3.6), (16, 5, 2.2), (18, 5, 1.0))
    ),
    *(
        ("exp", "polynomial", {"degree": n}, ulp, 20 * (n + 1), (n + 3, n + 1, n), f"{figure} relative", True)
        for n, ulp, figure in ((2, 75.0, "2.3e-3"), (3, 3.6, "1.0e-4"), (4, 0.71, "3.5e-6"))
    ),
    *(
        ("reciprocal", "lut-newton", {"entries": n, "steps": s}, ulp, n * 18, (3 + 2 * s, 2 * s, s), None, None)
        for n, steps in ((16, (9000.0, 420.0, 1.4)), (64, (2100.0, 23.0, 1.1)), (256, (520.0, 1.9, 1.0)))
        for s, ulp in enumerate(steps)
    ),
    *(
        ("reciprocal", "lut-linear", {"entries": n}, ulp, n * 36, (4, 1, 1), figure, True)
        for n, ulp, figure in ((16, 60.0, "10.1 bits"), (32, 16.0, "12 bits"), (64, 4.2, "14 bits"), (128, 1.3, "16"))
    ),
    ("reciprocal", "non-restoring", {}, 1.0, 0, (18, 0, 1), "exact", True),
    ("sigmoid", "plan", {}, 622.0, 0, (1, 0, 2), "1.9e-2", True),
    ("sigmoid", "lut", {"entries": 1024}, 157.0, 16384, (2, 0, 0), "4.8e-3", True),
    ("sigmoid", "lut-linear", {"entries": 256}, 1.02, 8192, (4, 1, 1), "1.02 ulp", True),
    ("tanh", "plan", {}, 1245.0, 0, (1, 0, 3), "1.9e-2", True),
    ("tanh", "lut", {"entries": 1024}, 278.0, 16384, (2, 0, 0), "8.5e-3", True),
    ("tanh", "lut-linear", {"entries": 256}, 1.48, 8192, (4, 1, 1), "1.48 ulp", True),
    ("sqrt", "digit", {}, 0.5, 0, (8, 0, 2), "exact rounding", True),
    ("relu", "relu", {}, 0.0, 0, (1, 0, 1), None, None),
)
SOFTMAX = ("reference", "divider", "softermax", "hls4ml-stable", "tflite-s16", "unshifted")


def survey() -> dict[str, Any]:
    """Return a survey of 39 units and six softmax designs."""
    return {
        "schema": "bitcycle-units-1",
        "provenance": {
            "command": "accel show units --html reports/units.html",
            "versions": {"bitcycle": "0.2.0", "python": "3.12.3", "numpy": "2.4.6", "numba": "0.68.1"},
            "softmax_rows": {"10": 4000, "100": 1000, "1000": 400},
            "seed": 1,
        },
        "unary": [_unit(*row) for row in UNITS],
        "softmax": [_softmax(design, index) for index, design in enumerate(SOFTMAX)],
    }


def _unit(
    function: str,
    design: str,
    options: dict[str, int],
    ulp: float,
    bits: int,
    cost: tuple[int, int, int],
    figure: str | None,
    met: bool | None,
) -> dict[str, Any]:
    latency, multipliers, adders = cost
    signed = function in ("sigmoid", "tanh")
    return {
        "function": function,
        "design": design,
        "options": options,
        "source": "Q4.12" if signed else "UQ6.10",
        "target": {"sqrt": "UQ3.13", "relu": "Q4.12"}.get(function, "Q1.15" if signed else "UQ1.15"),
        "error": {
            "max_ulp": ulp,
            "mean_ulp": 0.231234567 * ulp + 0.02,
            "max_abs": math.ldexp(ulp, -15),
            "monotonic": design != "cordic",
            "symmetric": True if signed else None,
            "histogram": {"edges_ulp": _EDGES, "counts": _counts(ulp)},
        }
        | (
            {}
            if function not in ("exp", "reciprocal")
            else {"max_relative": math.ldexp(ulp, -14), "good_bits": 14 - math.log2(ulp)}
        ),
        "cost": {
            "latency_cycles": latency,
            "interval_cycles": latency if design in ("cordic", "non-restoring") else 1,
            "table_bits": bits,
            "multipliers": multipliers,
            "adders": adders,
        },
        "figure": figure,
        "met": met,
    }


def _counts(largest: float) -> list[int]:
    """Return how many of 2^16 inputs fall into each bin, falling off towards the largest error."""
    uppers = _EDGES[1:]
    lowers = _EDGES[:-1]
    if not largest:
        return [65536] + [0] * (len(uppers) - 1)
    weights = [
        math.exp(-2 * lower / largest) * (min(upper, largest) - lower) if lower < largest else 0.0
        for lower, upper in zip(lowers, uppers, strict=True)
    ]
    counts = [math.ceil(65536 * weight / sum(weights)) for weight in weights]
    counts[counts.index(max(counts))] += 65536 - sum(counts)
    return counts


def _softmax(design: str, index: int) -> dict[str, Any]:
    error = (4e-5, 3e-5, 2e-3, 0.06, 5e-5, 0.011)[index]
    flips = (0.0, 0.0, 0.0004, 0.012, 0.0, 0.0371234567)[index]
    return {
        "design": design,
        "base": 2.0 if design == "softermax" else math.e,
        "cost": {
            "latency_cycles": 24 + 11 * index,
            "interval_cycles": 10,
            "table_bits": (3500, 2300, 512, 34816, 24624, 3500)[index],
            "multipliers": 4 - index // 2,
            "adders": 5,
        },
        "rows": [
            {
                "classes": classes,
                "scale": scale,
                "max_error": min(0.9, error * (1 + 0.3 * index * scale) * (1 + math.log10(classes) / 3)),
                "row_sum_min": 1 - error * classes / 40,
                "row_sum_max": 1 + error * 4,
                "argmax_flips": min(1.0, flips * scale),
                "ties": 0.0001 * index * classes / 100,
                "reversals": 0.0,
                "own_error": error / 20,
                "row_cycles": 3 * classes + 13,
            }
            for classes in (10, 100, 1000)
            for scale in (1.0, 4.0, 8.0)
        ],
    }
