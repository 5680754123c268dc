"""Sentences and cells of a sweep: its headline, what deserves a look, and figures with their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from accel.report.humane import DASH, integer, label, percent, significant
from accel.report.settings import in_words

Document = Mapping[str, Any]
"""A sweep as plain values (`accel.sweep.document`)."""

SHARES = ("accuracy", "agreement", "utilization")
TITLES: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "agreement": "Agreement with float64",
    "sqnr_db": "SQNR",
    "needed_bits": "Bits that sums need",
    "accumulator_bits": "Accumulator",
    "latency_cycles": "Latency",
    "latency_us": "Latency",
    "interval_cycles": "Interval",
    "interval_us": "Interval",
    "inputs_per_second": "Throughput",
    "utilization": "Utilization",
    "pes": "Processing elements",
    "dram_bytes": "DRAM traffic",
    "energy_pj": "Energy (estimate)",
    "area_mm2": "Area (estimate)",
}
UNITS: Mapping[str, str] = {
    "accuracy": "%",
    "agreement": "%",
    "sqnr_db": "dB",
    "needed_bits": "bits",
    "accumulator_bits": "bits",
    "latency_cycles": "cycles",
    "latency_us": "µs",
    "interval_cycles": "cycles",
    "interval_us": "µs",
    "inputs_per_second": "inputs/s",
    "utilization": "%",
    "dram_bytes": "bytes",
    "energy_pj": "µJ",
    "area_mm2": "mm²",
}
SCALES: Mapping[str, float] = {**dict.fromkeys(SHARES, 100.0), "energy_pj": 1e-6}
"""What a figure is multiplied by to stand in the unit that pages give it."""

_SPEAKS_FOR_ITSELF = ("network", "array.dataflow")
_CAPITALS = {"dram": "DRAM", "sram": "SRAM", "hz": "Hz"}

KNEES = 3
"""Curves whose knee is told each, where there are no more of them."""

_COUNTS = ("needed_bits", "accumulator_bits", "latency_cycles", "interval_cycles", "pes", "dram_bytes")


def title(name: str) -> str:
    """Name a measure or an axis."""
    return TITLES.get(name) or axis_in_words(name)


def axis_in_words(name: str) -> str:
    """Name an axis: of a key of the accelerator file what follows its table ("dram bytes per cycle", "C1 weight")."""
    short = name.removeprefix("numerics.layers.") if name.startswith("numerics.layers.") else name.partition(".")[2]
    words = (short or name).replace(".", " ").replace("_", " ").split(" ")
    return label(" ".join(_CAPITALS.get(word, word) for word in words), 30)


def setting_in_words(name: str, value: object) -> str:
    """Write an axis with one of its values: "4 DRAM bytes per cycle", "accumulator 16", "rounding TRN", "os"."""
    words = value_in_words(value)
    if name in _SPEAKS_FOR_ITSELF:
        return words
    axis = axis_in_words(name)
    is_count = type(value) in (int, float) and value != 1 and any(word.endswith("s") for word in axis.split())
    return f"{words} {axis}" if is_count else f"{axis} {words}"


def varied(document: Document) -> list[Mapping[str, Any]]:
    """Return the axes that have more than one value."""
    return [axis for axis in document["axes"] if len(axis["values"]) > 1]


def point_in_words(document: Document, row: Sequence[Any]) -> str:
    """Name a point by what the sweep varies."""
    columns = document["columns"]
    settings = [(axis["name"], row[columns.index(axis["name"])]) for axis in varied(document)]
    return ", ".join(setting_in_words(name, value) for name, value in settings if value is not None) or "the only point"


def figure_in_words(name: str, value: float | None, with_unit: bool = False) -> str:
    """Write a figure of a measure, with its unit if wanted."""
    if value is None:
        return DASH
    if name in SHARES:
        text = percent(value)
    elif name in _COUNTS:
        text = integer(value)
    else:
        text = significant(value * SCALES.get(name, 1.0))
    return f"{text} {UNITS[name]}" if with_unit and name in UNITS else text


def value_in_words(value: object) -> str:
    """Write a value of an axis."""
    return in_words(value)


def headline(document: Document) -> str:
    """Say how many points there are, and how many nothing beats."""
    counts, front = document["counts"], document["front"]
    total = sum(counts.values())
    goals = " and ".join(TITLES.get(name, name).lower() for name in document["objectives"])
    words = f"{_points(total)}, {integer(len(front))} on the front of {goals}."
    if document["planned"] > total:
        words = f"{integer(total)} of {_points(document['planned'])} finished, {integer(len(front))} on the front."
    return words


def verdict(document: Document) -> str:
    """Say which point is best in each objective; of equals the first on the front."""
    parts = []
    for name, way in document["objectives"].items():
        column = document["columns"].index(name) if name in document["columns"] else None
        places = [*document["front"], *range(len(document["rows"]))]
        rows = [document["rows"][place] for place in places]
        found = [] if column is None else [row for row in rows if _counts(row, column)]
        if found:
            best = (max if way == "max" else min)(found, key=itemgetter(column))
            subject = TITLES[name] if TITLES[name][:2].isupper() else TITLES[name][0].lower() + TITLES[name][1:]
            figure = figure_in_words(name, best[column], with_unit=True)
            most = "Highest" if way == "max" else "Lowest"
            parts.append(f"{most} {subject}: {figure} ({point_in_words(document, best)}).")
    return " ".join(parts) or "No point could be measured."


def attention(document: Document) -> list[str]:
    """Say what failed and what lies outside the constraints, what the cycles are, and where the knee is."""
    counts = document["counts"]
    points = []
    if counts["failed"]:
        errors: dict[str, int] = {}
        for row in document["rows"]:
            if row[1] == "failed":
                errors[row[-1]] = errors.get(row[-1], 0) + 1
        most, times = max(errors.items(), key=lambda item: item[1])
        points.append(f"{_points(counts['failed'])} failed, {integer(times)} of them with: {label(most)}")
    if counts["outside"]:
        points.append(f"{_points(counts['outside'])} beyond {', '.join(map(label, document['constraints']))}.")
    lacking = [TITLES[name] for name in document["objectives"] if name not in document["columns"]]
    if lacking and document["rows"]:
        points.append(f"No point has {' or '.join(lacking).lower()}, so there is no front.")
    points += knees(document)
    if document["model"] == "bound":
        points.append(
            "Cycles are bounds: every operand crosses the channel once, nothing is fetched ahead, function units cost "
            "nothing. Points worth having are worth an estimate."
        )
    return points


def knees(document: Document) -> list[str]:
    """Say where the knee of the machine as it is lies, if a curve is its own, and those of the other curves."""
    curves = document["scaling"]
    if len(curves) == 1 and not curves[0]["labels"]:
        return [f"Knee: {knee_in_words(curves[0])}."]
    machine = _settings(document["accelerator_document"])
    own = [curve for curve in curves if all(machine.get(name) == value for name, value in curve["labels"].items())]
    told = [f"Knee of the machine as it is ({curve_in_words(curve)}): {knee_in_words(curve)}." for curve in own]
    others = [curve for curve in curves if curve not in own]
    if len(others) <= KNEES:
        return told + [f"Knee of {curve_in_words(curve)}: {knee_in_words(curve)}." for curve in others]
    sizes = [curve["points"][curve["knee"]]["pes"] for curve in curves]
    least, most = (curves[sizes.index(size)] for size in (min(sizes), max(sizes)))
    return [
        *told,
        f"Knees of all {len(curves)} curves: from {integer(min(sizes))} PEs ({curve_in_words(least)}) "
        f"to {integer(max(sizes))} ({curve_in_words(most)}).",
    ]


def curve_in_words(curve: Mapping[str, Any]) -> str:
    """Name a curve of `scaling` by its axes."""
    return ", ".join(setting_in_words(name, value) for name, value in curve["labels"].items()) or "all points"


def knee_in_words(curve: Mapping[str, Any]) -> str:
    """Say where the knee of a curve is and what it is worth."""
    point = curve["points"][curve["knee"]]
    smallest = curve["points"][0]["pes"]
    return (
        f"{integer(point['pes'])} PEs, {significant(point['speedup'])} times as fast as {integer(smallest)}, "
        f"{percent(point['efficiency'])} % efficient"
    )


def _settings(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the keys of an accelerator file with their values; keys of inner tables are dotted."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found.update(_settings(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value})
    return found


def _points(count: int) -> str:
    return f"{integer(count)} point{'' if count == 1 else 's'}"


def _counts(row: Any, column: int) -> bool:
    return row[1] == "done" and row[column] is not None
