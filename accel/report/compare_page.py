"""The page and the text of a comparison of two runs, from the document of `accel.report.compare.compare` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from accel.report.compare import headline, verdict
from accel.report.compare_chart import cycles_of_both
from accel.report.glossary import GLOSSARY
from accel.report.html import fill
from accel.report.humane import DASH, integer, label, percent, significant
from accel.report.settings import in_words
from accel.report.sweep_words import UNITS, figure_in_words, title

if TYPE_CHECKING:
    from rich.console import Console

Comparison = Mapping[str, Any]


def render_comparison(comparison: Comparison) -> str:
    """Return the HTML page."""
    return fill(
        "compare.html.j2",
        both=comparison,
        headline=headline(comparison),
        verdict=verdict(comparison),
        chart=cycles_of_both(comparison),
        changes=[*comparison["about"], *comparison["changes"]],
        in_words=in_words,
        figure_in_words=figure_in_words,
        title=title,
        units=UNITS,
        glossary=GLOSSARY,
    )


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what changed, the totals and the layers."""
    from rich.table import Table
    from rich.text import Text

    first, second = comparison["names"]
    console.print(Text(headline(comparison)))
    console.print(Text(verdict(comparison)))

    def table(*headings: str) -> Table:
        made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for index, heading in enumerate(headings):
            made.add_column(Text(label(heading, 24)), justify="right" if index else "left", no_wrap=True)
        return made

    changes = table("key", first, second)
    for change in (*comparison["about"], *comparison["changes"]):
        words = (change["key"], in_words(change["first"]), in_words(change["second"]))
        changes.add_row(*(Text(label(each, 40)) for each in words))
    totals = table("", first, second, "second / first")
    for total in comparison["totals"]:
        figures = (figure_in_words(total["name"], total[side], with_unit=True) for side in ("first", "second"))
        totals.add_row(*map(Text, (title(total["name"]), *figures, significant(total["ratio"]))))
    layers = table("layer", "cycles", "cycles", "ratio", "format", "format", "SQNR dB", "SQNR dB", "saturated %", "")
    for layer in comparison["layers"]:
        layers.add_row(*map(Text, (label(layer["name"], 20), *_cells(layer))))
    for each in (changes, totals, layers):
        if each.row_count:
            console.print()
            console.print(each)


def _cells(layer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of a layer's line, first and second side by side."""

    def pair(name: str) -> list[Any]:
        return [layer[side][name] if layer[side] else None for side in ("first", "second")]

    cycles = [integer(value) for value in pair("cycles")]
    ratios = [_sqnr(layer[side]) for side in ("first", "second")]
    saturated = [percent(value) for value in pair("saturated")]
    formats = [value or DASH for value in pair("format")]
    return (*cycles, significant(layer["ratio"]), *formats, *ratios, *saturated)


def _sqnr(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return DASH
    return "exact" if side["sqnr_db"] is None and side["max_lsb"] == 0 else significant(side["sqnr_db"])
