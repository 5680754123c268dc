"""The page of a run: one HTML file with everything inline (`render`).

The contract: no reference leaves the file (its content security policy forbids it), JavaScript only sorts tables, every
name a user supplied is escaped, and the same document gives the same bytes. The policy admits our script by its digest,
so that not even a name that escaped the escaping could run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from accel.report import charts, humane, prose
from accel.report.glossary import GLOSSARY, anchor
from accel.report.prose import Document

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_TEMPLATES = files("accel.report") / "templates"

Setting = tuple[str, str]
"""A key and its value as text."""


class Movement(NamedTuple):
    """Bytes of one operand through one memory level, over all layers."""

    level: str
    operand: str
    total_bytes: int


def render(document: Document) -> str:
    """Return the HTML page of a run (the document of `run.json`)."""
    script = _text("sort.js")
    general, sections = _settings(document)
    return _template("page.html.j2").render(
        run=document,
        charts=_charts(document),
        movements=_movements(document),
        general=general,
        sections=sections,
        weights=_flat(document["provenance"]["weights"]),
        glossary=GLOSSARY,
        style=_text("page.css"),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def render_fragment(document: Document) -> str:
    """Return the verdict and the table of layers as a piece of HTML for a notebook, without script or charts."""
    return _template("fragment.html.j2").render(run=document)


def _settings(document: Document) -> tuple[list[Setting], list[tuple[str, list[Setting]]]]:
    """Return what the accelerator file says beside its name and clock: plain values, and its sections."""
    file = document["accelerator_document"]
    plain = {key: value for key, value in file.items() if not isinstance(value, Mapping)}
    general = {"source": document["accelerator_source"], **plain}
    shown = {key: value for key, value in general.items() if key not in ("name", "clock_hz")}
    sections = [(key, _flat(value)) for key, value in file.items() if isinstance(value, Mapping)]
    return _flat(shown), [(name, pairs) for name, pairs in sections if pairs]


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[Setting]:
    """Return a table and the tables in it as (key, value) pairs; keys of inner tables are dotted."""
    pairs: list[Setting] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", _setting(value)))
    return pairs


def _setting(value: object) -> str:
    """Write a value of a file: no braces, no quotes, no long decimals; a list of records stays in run.json."""
    if value is None or value == "":
        return humane.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return humane.integer(value)
    if isinstance(value, float):
        return humane.integer(value) if value.is_integer() else f"{value:.6g}"
    if isinstance(value, list | tuple):
        if any(isinstance(each, Mapping) for each in value):
            return f"{humane.integer(len(value))} entries, in run.json"
        return ", ".join(_setting(each) for each in value) or humane.DASH
    return humane.label(value)


def _charts(document: Document) -> dict[str, charts.Chart | None]:
    """Draw every chart that the run has figures for."""
    layers = document["layers"]
    memory = document["accelerator_document"].get("memory", {})
    bandwidth = memory.get("dram_bytes_per_cycle", 0) if isinstance(memory, Mapping) else 0
    return {
        "cycles": charts.cycles(layers),
        "utilization": charts.utilization(layers),
        "noise": charts.noise(layers),
        "magnitudes": charts.magnitudes(layers),
        "accumulators": charts.accumulators(layers),
        "traffic": charts.traffic(layers),
        "roofline": charts.roofline(layers, document["pes"], bandwidth),
    }


def _movements(document: Document) -> list[Movement]:
    """Return what moves at which memory level, in order of first appearance, with the network's total."""
    totals: dict[tuple[str, str], int] = {}
    for layer in document["layers"]:
        for level, moved in layer["bytes"].items():
            for operand, count in moved.items():
                totals[level, operand] = totals.get((level, operand), 0) + count
    return [Movement(level, operand, total) for (level, operand), total in totals.items()]


def _printable(value: object) -> object:
    """Take control characters out of any text that is printed; what is markup already has none of the user's."""
    return humane.label(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _sortable(value: float) -> str:
    """Write a number for the sorting script."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@cache
def _environment() -> Environment:
    """Return the template environment: everything escaped, nothing undefined."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("accel.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        integer=humane.integer,
        significant=humane.significant,
        percentage=humane.percent,
        duration=humane.duration,
        frequency=humane.frequency,
        extents=humane.shape,
        dataflow=prose.dataflow_in_words,
        order=prose.order_in_words,
        bits=prose.available_bits,
        sortable=_sortable,
    )
    environment.globals.update(
        DASH=humane.DASH,
        headline=prose.headline,
        verdict=prose.verdict,
        attention=prose.attention,
        softmax=prose.softmax_in_words,
        representable=prose.representable,
        term=anchor,
    )
    return environment


def _template(name: str) -> Template:
    return _environment().get_template(name)


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()
