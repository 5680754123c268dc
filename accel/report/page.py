"""The page of a run: one HTML file with everything inline (`render`).

The contract: no reference leaves the file (its content security policy forbids it), JavaScript only sorts tables, every
name a user supplied is escaped, and the same document gives the same bytes. The policy admits our script by its digest,
so that not even a name that escaped the escaping could run. A section whose keys a run does not have (the ledger,
"Where bits get lost", energy) is not on its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from accel.report import charts, energy, energy_chart, ledger, occupancy, waterfall
from accel.report.glossary import GLOSSARY
from accel.report.html import fill
from accel.report.prose import Document, certified
from accel.report.settings import Setting, flat

Drawn = Mapping[str, charts.Chart | None]
"""Charts by the name that the template calls them."""


class Movement(NamedTuple):
    """Bytes of one operand through one memory level, over all layers."""

    level: str
    operand: str
    total_bytes: int


def render(document: Document, drawn: Drawn | None = None) -> str:
    """Return the HTML page of a run (the document of `run.json`); drawn: its `estimated_charts` where they are."""
    general, sections = _settings(document)
    return fill(
        "page.html.j2",
        run=document,
        explain=document.get("explain"),
        charts={**(estimated_charts(document) if drawn is None else drawn), **_charts_of_bits(document)},
        certified=certified(document),
        ledger=ledger.rows(document),
        ledger_words=ledger.in_words(document),
        energy=energy.table(document),
        energy_caveat=energy.caveat(document),
        energy_totals=energy.totals(document),
        movements=_movements(document),
        general=general,
        sections=sections,
        weights=flat(document["provenance"]["weights"]),
        glossary=GLOSSARY,
    )


def _settings(document: Document) -> tuple[list[Setting], list[tuple[str, list[Setting]]]]:
    """Return what the accelerator file says beside its name and clock: plain values, and its sections."""
    file = document["accelerator_document"]
    plain = {key: value for key, value in file.items() if not isinstance(value, Mapping)}
    general = {"source": document["accelerator_source"], **plain}
    shown = {key: value for key, value in general.items() if key not in ("name", "clock_hz")}
    sections = [(key, flat(value)) for key, value in file.items() if isinstance(value, Mapping)]
    return flat(shown), [(name, pairs) for name, pairs in sections if pairs]


def estimated_charts(document: Document) -> Drawn:
    """Draw the charts that an estimate decides, from the `layers`, `pes` and `accelerator_document` of a run."""
    layers = document["layers"]
    memory = document["accelerator_document"].get("memory", {})
    bandwidth = memory.get("dram_bytes_per_cycle", 0) if isinstance(memory, Mapping) else 0
    bandwidth = bandwidth if isinstance(bandwidth, int | float) else 0  # "none": not modelled
    return {
        "cycles": charts.cycles(layers),
        "utilization": charts.utilization(layers),
        "occupancy": occupancy.occupancy(layers),
        "traffic": charts.traffic(layers),
        "roofline": charts.roofline(layers, document["pes"], bandwidth),
        "energy": energy_chart.energies(layers),
    }


def _charts_of_bits(document: Document) -> Drawn:
    """Draw the charts that need the run's values, where it has them."""
    layers = document["layers"]
    explained = (document.get("explain") or {}).get("layers", [])
    return {
        "noise": charts.noise(layers),
        "magnitudes": charts.magnitudes(layers),
        "accumulators": charts.accumulators(layers),
        "waterfall": waterfall.waterfall(explained),
        "hybrids": waterfall.hybrids(explained),
    }


def _movements(document: Document) -> list[Movement]:
    """Return what moves at which memory level, in order of first appearance, with the network's total."""
    totals: dict[tuple[str, str], int] = {}
    for layer in document["layers"]:
        for level, moved in layer["bytes"].items():
            for operand, count in moved.items():
                totals[level, operand] = totals.get((level, operand), 0) + count
    return [Movement(level, operand, total) for (level, operand), total in totals.items()]
