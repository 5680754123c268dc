"""What a notebook shows of a result: a sentence and a table, as a piece of HTML without script, drawing or reference.

Runs, estimates and sweeps alike; the colours are the notebook's own, so light and dark themes both read.
"""

from __future__ import annotations

from accel.arch.result import NetworkReport
from accel.report.export import estimate_document
from accel.report.html import fill
from accel.report.prose import Document
from accel.report.sweep_words import UNITS, attention, figure_in_words, headline, title, value_in_words, varied, verdict

MOST_POINTS = 20
"""Points of the front that a notebook shows."""


def render_fragment(document: Document) -> str:
    """Return the verdict and the table of layers of a run (the document of `run.json`)."""
    return fill("fragment.html.j2", run=document)


def render_estimate(report: NetworkReport) -> str:
    """Return the totals and the table of layers of an estimate."""
    document = estimate_document(report)
    return fill(
        "estimate_fragment.html.j2",
        report=document,
        latency_seconds=report.latency_cycles / report.clock_hz,
        interval_seconds=report.interval_cycles / report.clock_hz,
        macs=sum(layer.macs for layer in report.layers),
    )


def render_sweep_fragment(document: Document) -> str:
    """Return what a sweep found and the points of its front (the document of `sweep.json`)."""
    columns, axes = document["columns"], varied(document)
    shown = [document["rows"][place] for place in document["front"][:MOST_POINTS]]
    named = [name for name in document["objectives"] if name in columns]
    return fill(
        "sweep_fragment.html.j2",
        sweep=document,
        headline=headline(document),
        verdict=verdict(document),
        points=attention(document),
        axes=[title(axis["name"]) for axis in axes],
        objectives=[(title(name), UNITS.get(name, "")) for name in named],
        rows=[
            (
                [value_in_words(row[columns.index(axis["name"])]) for axis in axes],
                [figure_in_words(name, row[columns.index(name)]) for name in named],
            )
            for row in shown
        ],
        hidden=max(0, len(document["front"]) - MOST_POINTS),
    )
