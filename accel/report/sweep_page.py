"""The page of a sweep: the front, maps of the axes, speed-up where machines differ in size, and a table with filters.

Made from `sweep.json` alone, one file with everything inline like the page of a run; without JavaScript the table is
there, without filters. Of a large sweep the table shows the front and the best of the rest; `points.csv` has all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from accel.report import sweep_charts
from accel.report.charts import Chart
from accel.report.html import fill
from accel.report.humane import label
from accel.report.settings import Setting, flat, in_words
from accel.report.sweep_terms import SWEEP_TERMS
from accel.report.sweep_words import (
    UNITS,
    Document,
    attention,
    curve_in_words,
    figure_in_words,
    headline,
    title,
    value_in_words,
    varied,
    verdict,
)

MOST_ROWS = 400
"""Points in the table of the page."""

MOST_MAPS = 4
MOST_CURVES = 60
_FEW_CELLS = 2
_FEW_NETWORKS = 3


class Cell(NamedTuple):
    """A cell of the table: its words, what it is sorted by, and whether it is a number."""

    words: str
    key: Any
    is_number: bool


class Line(NamedTuple):
    """A row of the table. standing: "front", "beaten", "beyond" or "failed"."""

    name: str
    standing: str
    cells: Sequence[Cell]
    error: str


def render_sweep(document: Document) -> str:
    """Return the HTML page of a sweep (the document of `accel.sweep.document.document_of`)."""
    lines = _lines(document)
    curves = document["scaling"][:MOST_CURVES]
    return fill(
        "sweep.html.j2",
        scripts=("sort.js", "filter.js"),
        sweep=document,
        headline=headline(document),
        verdict=verdict(document),
        points=attention(document),
        trades=_trades(document),
        maps=_maps(document),
        curves=curves,
        curve_charts=sweep_charts.scaling(curves),
        curve_in_words=curve_in_words,
        networks=[label(name) for name in document["networks"][:_FEW_NETWORKS]],
        axes=[(axis["name"], title(axis["name"])) for axis in varied(document)],
        measures=[(each["name"], title(each["name"]), UNITS.get(each["name"], "")) for each in document["measures"]],
        meanings=document["measures"],
        title=title,
        lines=lines,
        hidden=len(document["rows"]) - len(lines),
        figure_in_words=figure_in_words,
        value_in_words=value_in_words,
        machine=flat(document["accelerator_document"]),
        provenance=_provenance(document),
        glossary=SWEEP_TERMS,
    )


def _trades(document: Document) -> list[Chart]:
    """Draw the first objective over each of the others."""
    first, *others = document["objectives"]
    drawn = [sweep_charts.trade_off(document, other, first) for other in others]
    return [chart for chart in drawn if chart is not None]


def _maps(document: Document) -> list[Chart]:
    """Draw heat maps of the objectives over the pairs of axes with most values."""
    axes = [axis for axis in document["axes"] if _FEW_CELLS <= len(axis["values"]) <= sweep_charts.MOST_CELLS]
    pairs = sorted(combinations(axes, 2), key=lambda pair: -len(pair[0]["values"]) * len(pair[1]["values"]))
    found = list(_drawn_maps(document, pairs))
    return found[:MOST_MAPS]


def _drawn_maps(document: Document, pairs: Sequence[tuple[Any, Any]]) -> Iterator[Chart]:
    drawn = 0
    for pair in pairs:
        across, down = sorted(pair, key=lambda axis: (not _is_numeric(axis), -len(axis["values"])))
        for name in document["objectives"]:
            chart = sweep_charts.heat_map(document, name, across, down) if drawn < MOST_MAPS else None
            if chart is not None:
                drawn += 1
                yield chart


def _is_numeric(axis: Mapping[str, Any]) -> bool:
    return all(type(value) in (int, float) for value in axis["values"])


def _lines(document: Document) -> list[Line]:
    """Return the rows that the page shows: the front first, then the best of each objective in turn, failures last."""
    rows, columns = document["rows"], document["columns"]
    front = set(document["front"])
    order = _ranked(document)
    axes = [axis["name"] for axis in varied(document)]
    measures = [measure["name"] for measure in document["measures"]]
    place = {name: columns.index(name) for name in (*axes, *measures)}
    numeric = {axis["name"] for axis in varied(document) if _is_numeric(axis)}
    lines = []
    for index in order[:MOST_ROWS]:
        row = rows[index]
        standing = "front" if index in front else {"done": "beaten", "outside": "beyond"}.get(row[1], "failed")
        cells = [Cell(value_in_words(row[place[name]]), row[place[name]], name in numeric) for name in axes]
        cells += [Cell(figure_in_words(name, row[place[name]]), row[place[name]], True) for name in measures]
        lines.append(Line(row[0][:8], standing, cells, row[-1]))
    return lines


def _ranked(document: Document) -> list[int]:
    """Return the places of all rows: the front, then measured ones by the first objective, the others, failures."""
    front = set(document["front"])
    name, way = next(iter(document["objectives"].items()))
    column = document["columns"].index(name) if name in document["columns"] else None
    sign = -1 if way == "max" else 1
    standing = {"done": 1, "outside": 2, "failed": 3}

    def rank(index: int) -> tuple[Any, ...]:
        row = document["rows"][index]
        value = None if column is None else row[column]
        return (0 if index in front else standing[row[1]], value is None, 0 if value is None else sign * value, index)

    return sorted(range(len(document["rows"])), key=rank)


def _provenance(document: Document) -> list[Setting]:
    """Return where the sweep comes from."""
    record = document["provenance"]
    inputs = document["inputs"] or {}
    about = {
        "command": record["command"],
        "search": document["search"],
        "seed": record["seed"],
        "inputs": ", ".join(f"{key} {in_words(value)}" for key, value in inputs.items() if value is not None)
        or "none: cycles only",
        "constraints": document["constraints"],
        "spec SHA-256": record["spec_sha256"],
        "versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
    }
    return flat(about)
