"""All units measured once: the document of `accel show units --html` and of reports/units.html.

Every design with every table size that has a published figure, over all 2^16 codes of a 16-bit source, and each softmax
on random rows. Figures are those of the project's specification of units; where one is relative or given in good bits,
it is held against the mantissas of one octave, to 31 fraction bits. Takes a few seconds, most of it for softmax.
"""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from accel import __version__
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.measure import REFERENCES, measure, measure_softmax
from accel.units.registry import SOFTMAX, build_softmax, build_unit

SCHEMA = "bitcycle-units-1"

CLASSES = {10: 4000, 100: 1000, 1000: 400}
"""Rows measured, by number of classes."""

SCALES = (1.0, 4.0, 8.0)
SEED = 1

ULP, ABSOLUTE, RELATIVE, BITS = "max_ulp", "max_abs", "max_relative", "good_bits"

OCTAVES = {
    "exp": (QFormat(False, 16, 0), range(round(math.log(2) * 65536))),
    "reciprocal": (QFormat(False, 17, 1), range(1 << 16, 1 << 17)),
}
"""Source format and codes of one octave: exp(-u) from 1 to 1/2, 1/d of d in [1, 2)."""

FINE = QFormat(False, 32, 1)

NOT_NEGATIVE = ("exp", "reciprocal", "sqrt", "rsqrt")
"""Functions without negative arguments."""


class Case(NamedTuple):
    """One unit to measure. bound: what `kind` of its error must not exceed (good bits: not fall short of)."""

    function: str
    design: str
    options: dict[str, int]
    target: str
    figure: str | None = None
    kind: str = ULP
    bound: float = 0.0


def cases() -> tuple[Case, ...]:
    """Return the units of the specification's table, and the plain ones that have no figure."""
    direct, exact = (353, 177, 44, 11), "exact rounding"
    lines, cordics = (118, 32, 9.1, 3.0, 1.35), ((14, 3, 3.6), (16, 5, 2.2), (18, 5, 1.0))
    seeds = {16: (5, 10, 17), 64: (7, 14, 17), 256: (9, 17, 18)}

    def exp(design: str, figure: str, kind: str, bound: float, **options: int) -> Case:
        return Case("exp", design, options, "UQ1.15", figure, kind, bound)

    def good_bits(design: str, bits: float, **options: int) -> Case:
        return Case("reciprocal", design, options, "UQ1.15", f"{bits:g} bits", BITS, bits)

    return (
        exp("lut", "6.0e-2", ABSOLUTE, 6.0e-2, entries=1024),
        exp("lut", "6.0e-2", ABSOLUTE, 6.0e-2, entries=1024, reach=64),
        *(exp("pow2-lut", f"{u:g} ulp", ULP, u, entries=n) for n, u in zip((32, 64, 256, 1024), direct, strict=True)),
        *(exp("pow2-linear", f"{u:g} ulp", ULP, u, entries=4 << i) for i, u in enumerate(lines)),
        exp("two-table", "0.62 ulp", ULP, 0.62),
        *(exp("cordic", f"{u:g} ulp", ULP, u, iterations=n, guard_bits=g) for n, g, u in cordics),
        *(
            exp("polynomial", f"{r:.1e} relative", RELATIVE, r, degree=n)
            for n, r in ((2, 2.3e-3), (3, 1.0e-4), (4, 3.5e-6))
        ),
        *(good_bits("lut-newton", b, entries=n, steps=i) for n, bits in seeds.items() for i, b in enumerate(bits)),
        *(good_bits("lut-linear", b, entries=n) for n, b in ((16, 10.1), (32, 12), (64, 14), (128, 16))),
        Case("reciprocal", "non-restoring", {}, "UQ1.15", "exact truncated quotient", ULP, 1.0),
        Case("sigmoid", "plan", {}, "UQ1.15", "1.9e-2", ABSOLUTE, 1.9e-2),
        Case("sigmoid", "lut", {"entries": 1024}, "UQ1.15", "4.8e-3", ABSOLUTE, 4.8e-3),
        Case("sigmoid", "lut-linear", {}, "UQ1.15", "1.02 ulp", ULP, 1.02),
        Case("tanh", "plan", {}, "Q1.15", "2 × 1.9e-2, as 2 sigmoid(2x) - 1", ABSOLUTE, 3.8e-2),
        Case("tanh", "lut", {"entries": 1024}, "Q1.15", "8.5e-3", ABSOLUTE, 8.5e-3),
        Case("tanh", "lut-linear", {}, "Q1.15", "1.48 ulp", ULP, 1.48),
        Case("sqrt", "digit", {}, "UQ3.13", exact, ULP, 0.5),
        Case("rsqrt", "lut-newton", {}, "UQ5.11"),
        Case("relu", "relu", {}, "Q4.12"),
        Case("identity", "identity", {}, "Q4.12"),
    )


def survey() -> dict[str, Any]:
    """Measure everything and return it as plain values (schema "bitcycle-units-1")."""
    return {
        "schema": SCHEMA,
        "provenance": {
            "command": "accel show units --html reports/units.html",
            "versions": {
                "bitcycle": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "numba": version("numba"),
            },
            "softmax_rows": {str(classes): rows for classes, rows in CLASSES.items()},
            "seed": SEED,
        },
        "unary": [measured(case) for case in cases()],
        "softmax": [measured_softmax(design) for design in SOFTMAX],
    }


def measured(case: Case) -> dict[str, Any]:
    """Return one entry of "unary"."""
    options = tuple(sorted(case.options.items()))
    source = QFormat(case.function not in NOT_NEGATIVE, 16, 6)
    unit = build_unit(case.function, case.design, source, QFormat.parse(case.target), options)
    error = measure(unit)
    found = {
        ULP: error.max_ulp,
        "mean_ulp": error.mean_ulp,
        ABSOLUTE: math.ldexp(error.max_ulp, -unit.target.frac_bits),
    }
    if case.function in OCTAVES:
        relative = relative_error(case.function, case.design, options)
        found |= {RELATIVE: relative, BITS: -math.log2(relative)}
    met = found[case.kind] >= case.bound if case.kind == BITS else found[case.kind] <= case.bound
    histogram = {"edges_ulp": list(error.histogram.edges_ulp), "counts": list(error.histogram.counts)}
    return {
        "function": case.function,
        "design": case.design,
        "options": dict(case.options),
        "source": str(unit.source),
        "target": str(unit.target),
        "error": {
            **found,
            "monotonic": error.monotonic,
            "symmetric": error.symmetric,
            "histogram": histogram,
        },
        "cost": _cost(unit.cost),
        "figure": case.figure,
        "met": None if case.figure is None else met,
    }


def relative_error(function: str, design: str, options: tuple[tuple[str, int], ...]) -> float:
    """Return the largest |output / exact - 1| over one octave, with a target so fine that it adds nothing."""
    source, codes = OCTAVES[function]
    unit = build_unit(function, design, source, FINE, options)
    x = np.arange(codes.start, codes.stop, dtype=np.int64)
    made = np.ldexp(unit(x)[0].astype(np.float64), -FINE.frac_bits)
    exact = REFERENCES[function](np.ldexp(x.astype(np.float64), -source.frac_bits))
    return float(np.abs(made / exact - 1).max())


def measured_softmax(design: str) -> dict[str, Any]:
    """Return one entry of "softmax": cost of one lane, and errors by classes and spread of the logits.

    Errors are against the softmax of base e; "own_error" is against that of the design's own base.
    """
    unit = build_softmax(design, QFormat(True, 16, 6), QFormat(False, 16, 0))
    base = float(getattr(unit, "base", math.e))
    rows = []
    for classes, count in CLASSES.items():
        for scale in SCALES:
            error = measure_softmax(unit, classes, scale, count, SEED)
            own = error if base == math.e else measure_softmax(unit, classes, scale, count, SEED, base)
            row_cycles = unit.row_cost(classes).latency_cycles
            rows.append(
                {
                    "classes": classes,
                    "scale": scale,
                    **asdict(error),
                    "own_error": own.max_error,
                    "row_cycles": row_cycles,
                }
            )
    return {"design": design, "base": base, "cost": _cost(unit.cost), "rows": rows}


def _cost(cost: UnitCost) -> dict[str, int]:
    return {
        "latency_cycles": cost.latency_cycles,
        "interval_cycles": cost.interval_cycles,
        "table_bits": cost.table_bits,
        "multipliers": cost.multipliers,
        "adders": cost.adders,
    }
