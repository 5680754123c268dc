"""What `accel estimate -v` and `--cores` add: tiles and bounds of every layer, and what more cores are worth.

The contract: plain documents in (that of `accel.report.estimate_document`, and points of `accel.estimator.scaling` as
dictionaries), tables out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accel.report.humane import DASH, duration, integer, label, percent, significant
from accel.report.prose import Document

_TILE = ("groups", "images", "rows", "columns", "filters", "channels")


def print_choices(document: Document, console: Console) -> None:
    """Print what bounds a layer, what is behind that, and which tiles lie on the chip at a time.

    A line a layer; units that stream behind one are left out, for nothing but the unit bounds them.
    """
    layers = [layer for layer in document["layers"] if layer["next_bound"] != "none" or layer["tiling"]]
    table = _table(
        ("layer", "bound", "then", "cycles then", "MACs/byte", "outermost", "G×N×P×Q×K×C of a tile", "steps", "sums"),
        numeric={"cycles then", "MACs/byte", "steps"},
    )
    for layer in layers:
        place, tiling = layer["roofline"] or {}, layer["tiling"]
        tiles = _tiles(tiling) if tiling else (DASH,) * 4
        table.add_row(
            *_texts(
                label(layer["name"], 24),
                layer["bound"],
                layer["next_bound"],
                integer(layer["next_cycles"]),
                significant(place.get("macs_per_byte")),
                *tiles,
            )
        )
    console.print(table)
    ridge = document["ridge_macs_per_byte"]
    if ridge is not None:
        console.print(Text(f"ridge {significant(ridge)} MACs/byte: layers below it wait for DRAM at best", style="dim"))


def print_scaling(points: Sequence[Mapping[str, Any]], clock_hz: float, console: Console) -> None:
    """Print speed-up and efficiency by number of cores, against the ideal."""
    columns = ("cores", "latency", "interval", "stall", "inputs/s", "speed-up", "ideal", "efficiency %")
    table = _table(columns, numeric=set(columns))
    for point in points:
        table.add_row(
            *_texts(
                integer(point["cores"]),
                duration(point["latency_cycles"] / clock_hz),
                duration(point["interval_cycles"] / clock_hz),
                integer(point["stall_cycles"]),
                significant(point["inputs_per_second"]),
                significant(point["speedup"]),
                integer(point["cores"]),
                percent(point["efficiency"]),
            )
        )
    console.print(table)


def _tiles(tiling: Mapping[str, Any]) -> tuple[str, str, str, str]:
    extents = "×".join(str(tiling["tile"][axis]) for axis in _TILE)
    return tiling["order"].removesuffix(" outer"), extents, integer(tiling["steps"]), tiling["sums"]


def _table(columns: Sequence[str], numeric: set[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=True)
    return table


def _texts(*cells: str) -> tuple[Text, ...]:
    return tuple(Text(cell) for cell in cells)
