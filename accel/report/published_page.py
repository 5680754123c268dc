"""The page of published machines (`accel show published --html FILE`): predictions beside what papers say.

The contract: made from the document of `accel.published.survey` alone, one file with everything inline like the page of
a run, the same document gives the same bytes. The surprise: constants of the machines stand in a table of their own,
those first that were chosen with the published figures in view, because an error means less where they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accel.report import published_words
from accel.report.glossary import GLOSSARY, Term
from accel.report.html import fill
from accel.report.published_charts import charts
from accel.report.published_words import SUM, Document
from accel.report.settings import flat, in_words

TERMS: dict[str, tuple[Term, ...]] = {
    "Figures": (
        Term("predicted", "What `accel estimate` says of the same work on the preset, without looking at the figure."),
        Term("measured", "Published, from the machine itself."),
        Term("printed", "Published, from the authors' own formula or data sheet."),
        Term("error", "Predicted over published, less 1. Above 0 the prediction is too high."),
        Term("exact", "Equal to the published figure, with nothing rounded."),
        Term("machine constant", "A number or rule of a machine's model, the same for every layer."),
        Term("roof", "The most that array and memory channel allow at some number of MACs per byte."),
        Term("ridge", "MACs per byte from which on the array, not the channel, is the limit."),
    ),
    "Machines": tuple(
        term
        for subject in ("Time", "Array", "Memory")
        for term in GLOSSARY[subject]
        if term.name in ("total cycles", "stall", "MAC", "PE", "mapping efficiency", "DRAM")
    ),
}
"""The terms of this page."""


class Row(NamedTuple):
    """A row of a table: its name, and a comparison or None for every quantity."""

    name: str
    cells: Sequence[Document | None]


class Table(NamedTuple):
    """Comparisons of one table of a machine: a column for each quantity; total: the row of sums."""

    title: str
    columns: Sequence[Document]
    rows: Sequence[Row]
    total: Row | None


def render_published(document: Document) -> str:
    """Return the HTML page of a survey (the document of `accel.published.survey.survey`)."""
    return fill(
        "published.html.j2",
        headline=published_words.headline(document),
        verdict=published_words.verdict(document),
        points=published_words.attention(document),
        summaries=published_words.summaries(document),
        machines=document["machines"],
        charts=charts,
        tables=tables,
        single=single,
        constants=constants(document),
        in_words=in_words,
        words=published_words,
        far=published_words.FAR,
        provenance=flat(document["provenance"]),
        glossary=TERMS,
    )


def tables(machine: Document) -> list[Table]:
    """Return the tables of a machine that have a row for each layer or application."""
    names = dict.fromkeys(each["table"] for each in machine["comparisons"] if each["row"])
    return [_table(name, [each for each in machine["comparisons"] if each["table"] == name]) for name in names]


def single(machine: Document) -> list[Document]:
    """Return the figures of a machine as a whole."""
    return [each for each in machine["comparisons"] if not each["row"]]


def constants(document: Document) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the constants of all machines with the machine's title by where they are from, in words."""
    found = [{"machine": machine["title"], **each} for machine in document["machines"] for each in machine["constants"]]
    return [
        (words, [each for each in found if each["standing"] == standing])
        for standing, words in document["standings"].items()
    ]


def _table(name: str, found: Sequence[Document]) -> Table:
    columns = {each["quantity"]: each for each in reversed(found)}  # the first of each speaks for its column
    quantities = list(dict.fromkeys(each["quantity"] for each in found))
    places = {(each["row"], each["quantity"]): each for each in found}
    rows = [
        Row(row, [places.get((row, quantity)) for quantity in quantities])
        for row in dict.fromkeys(each["row"] for each in found)
    ]
    return Table(
        name,
        [columns[quantity] for quantity in quantities],
        [row for row in rows if row.name != SUM],
        next((row for row in rows if row.name == SUM), None),
    )
