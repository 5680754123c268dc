"""The page of function units (`accel show units --html FILE`): measured errors beside costs (`render_units`).

The contract: made from the document of `accel.units.survey` alone, one file with everything inline like the page of a
run, the same document gives the same bytes. The surprise: some designs are here because they are wrong; what is known
to go wrong in them is said here (`KNOWN_BAD`), how wrong it gets is measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accel.report import units_charts
from accel.report.charts import Chart
from accel.report.glossary import UNIT_TERMS
from accel.report.html import fill
from accel.report.humane import integer, label, percent, raised, significant
from accel.report.settings import Setting, in_words

Document = Mapping[str, Any]
"""A survey as plain values."""

KNOWN_BAD: Mapping[str, str] = {
    "hls4ml-stable": (
        "As that tool builds it, both tables give the value at the lower edge of a bin and the sum is seen in steps of "
        "1/4. Distances have one bit less than the logits, so they wrap: with ap_fixed<16,6> the logits 20, -20, -1, "
        "-13, 0, 5, 0, … give class 3 a probability of 0.29."
    ),
    "tflite-s16": (
        "As that library builds it, every logit further than 10 below the largest gets the last entry of the table, "
        "2 lsb instead of next to nothing: a thousand classes of wide logits take 6 % away from the largest."
    ),
    "unshifted": (
        "The largest logit is not subtracted. The exponential saturates for large logits, which then share one "
        "probability; this is what the subtraction is for."
    ),
}
"""Softmax designs that are known to go wrong, and why."""

_NAMES_SHOWN = 6


class Family(NamedTuple):
    """All units of one function, or those of several that have one each (mixed). chart: None for a single unit."""

    title: str
    units: Sequence[Document]
    chart: Chart | None
    mixed: bool = False

    @property
    def formats(self) -> str:
        """Source and target if all units have the same, else ""."""
        pairs = {(unit["source"], unit["target"]) for unit in self.units}
        return " to ".join(pairs.pop()) if len(pairs) == 1 else ""


def render_units(document: Document) -> str:
    """Return the HTML page of a survey (the document of `accel.units.survey.survey`)."""
    softmax = document["softmax"]
    bins = max((len(unit["error"]["histogram"]["counts"]) for unit in document["unary"]), default=0)
    return fill(
        "units.html.j2",
        headline=headline(document),
        verdict=verdict(document),
        points=attention(document),
        families=_families(document["unary"]),
        softmax=softmax,
        known_bad=KNOWN_BAD,
        errors=units_charts.softmax_errors(softmax),
        flips=units_charts.softmax_flips(softmax),
        spark=lambda unit: units_charts.spark(unit, bins),
        share_within=units_charts.share_within,
        measured=measured_in_words,
        published=published_in_words,
        option_words=option_words,
        own_base=own_base_in_words,
        provenance=_provenance(document["provenance"]),
        glossary=UNIT_TERMS,
    )


def headline(document: Document) -> str:
    """Say how much was measured."""
    units, softmax = document["unary"], document["softmax"]
    functions = len({unit["function"] for unit in units})
    return (
        f"{integer(len(units))} units for {_counted(functions, 'function')} and {_counted(len(softmax), 'softmax')}, "
        "measured against float64."
    )


def verdict(document: Document) -> str:
    """Say how many of the published figures the units meet."""
    judged = [unit for unit in document["unary"] if unit["met"] is not None]
    met = sum(unit["met"] for unit in judged)
    if not judged:
        return "Every unit is integers only: tables and shifts, additions, multiplications."
    share = "all" if met == len(judged) else integer(met)
    return (
        f"A figure is published for {integer(len(judged))} of them; {share} meet it. Every unit is integers only: "
        "tables and shifts, additions, multiplications."
    )


def attention(document: Document) -> list[str]:
    """Name the units that miss their published figure, then the softmax designs that are known to go wrong."""
    missed = [unit for unit in document["unary"] if unit["met"] is False]
    points = [
        f"{label(unit['function'])} {unit_in_words(unit)} misses its figure "
        f"({label(published_in_words(unit['figure']))}): {measured_in_words(unit) or _ulp(unit)}."
        for unit in missed[:_NAMES_SHOWN]
    ]
    if len(missed) > _NAMES_SHOWN:
        points.append(f"{integer(len(missed) - _NAMES_SHOWN)} more units miss theirs.")
    for unit in document["softmax"]:
        if unit["design"] in KNOWN_BAD and unit["rows"]:
            worst = max(unit["rows"], key=lambda row: row["max_error"])
            flips = max(row["argmax_flips"] for row in unit["rows"])
            flipped = f"up to {percent(flips)} % argmax flips" if flips else "no argmax flips"
            points.append(
                f"softmax {label(unit['design'])} is known to go wrong: errors up to "
                f"{significant(worst['max_error'], 2)} ({_counted(worst['classes'], 'class', 'classes')}, logit scale "
                f"{worst['scale']:g}), {flipped}."
            )
    return points


def unit_in_words(unit: Document) -> str:
    """Name a design with its options."""
    options = option_words(unit)
    return label(unit["design"]) + (f" ({options})" if options else "")


def option_words(unit: Document) -> str:
    """Write options as "entries 64, steps 1"."""
    return ", ".join(f"{label(name).replace('_', ' ')} {value}" for name, value in dict(unit["options"] or {}).items())


def published_in_words(figure: str) -> str:
    """Write a published figure as pages write numbers: 2.3e-03 relative as 2.3×10⁻³ relative."""
    return re.sub(r"(\d+(?:\.\d+)?)e([+-]?\d+)", lambda found: f"{found[1]}×10{raised(int(found[2]))}", figure)


def measured_in_words(unit: Document) -> str:
    """Say how a unit does in the measure of its published figure, where that is not ulp."""
    error, figure = unit["error"], unit["figure"] or ""
    if figure.endswith("bits") and "good_bits" in error:
        return f"{error['good_bits']:.1f} bits"
    if figure.endswith("relative") and "max_relative" in error:
        return f"{significant(error['max_relative'], 2)} relative"
    return ""


def own_base_in_words(unit: Document) -> str:
    """Say how a softmax to another base than e does against the softmax of its own base; "" for base e."""
    base = unit.get("base", math.e)
    if base == math.e or not unit["rows"]:
        return ""
    worst = max(row["own_error"] for row in unit["rows"])
    return (
        f"Computes {base:g}^x instead of e^x, a softer distribution, so its errors against softmax are large; against "
        f"that of base {base:g} the largest is {significant(worst, 2)}."
    )


def _provenance(record: Document) -> list[Setting]:
    """Return where the survey comes from, one pair per key: versions and the like stand in one line."""
    return [
        (
            label(key).replace("_", " "),
            ", ".join(f"{label(name)}: {in_words(each)}" for name, each in value.items())
            if isinstance(value, Mapping)
            else in_words(value),
        )
        for key, value in record.items()
    ]


def _families(units: Sequence[Document]) -> list[Family]:
    """Return the units by function, in order of first appearance; functions with a single unit share the last one."""
    functions = dict.fromkeys(unit["function"] for unit in units)
    grouped = [(function, [unit for unit in units if unit["function"] == function]) for function in functions]
    families = [
        Family(function, own, units_charts.cost_and_error(function, own)) for function, own in grouped if len(own) > 1
    ]
    single = [own[0] for _, own in grouped if len(own) == 1]
    return [*families, Family("Other functions", single, None, mixed=True)] if single else families


def _ulp(unit: Document) -> str:
    return f"{significant(unit['error']['max_ulp'])} ulp"


def _counted(count: int, noun: str, plural: str = "") -> str:
    several = plural or (f"{noun} designs" if noun == "softmax" else f"{noun}s")
    return f"{integer(count)} {noun if count == 1 else several}"
