"""What `accel estimate -v` and `--cores` add: tiles, bounds and advice for every layer, and what more cores are worth.

The contract: plain documents in (that of `accel.report.estimate_document`, and points of `accel.estimator.scaling` as
dictionaries), tables out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from accel.report.humane import DASH, duration, integer, label, percent, significant
from accel.report.prose import Document
from accel.report.table import Column, print_layers, spoken

_TILE = ("groups", "images", "rows", "columns", "filters", "channels")


def print_choices(document: Document, console: Console) -> None:
    """Print what bounds a layer, what is behind that, and which tiles lie on the chip at a time.

    A line a layer; units that stream behind one are left out, for nothing but the unit bounds them.
    """
    say = spoken(console)
    layers = [layer for layer in document["layers"] if layer["next_bound"] != "none" or layer["tiling"]]
    print_layers(layers, _CHOICES, console, say)
    ridge = document["ridge_macs_per_byte"]
    if ridge is not None:
        console.print(say(f"ridge {significant(ridge)} MACs/byte: layers below it wait for DRAM at best", "dim"))


def print_advice(document: Document, console: Console) -> None:
    """Print what limits a layer and what would help, a sentence each; equal neighbours together.

    Units that only add their depth are left out.
    """
    say = spoken(console)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("layer", no_wrap=True)
    table.add_column("what limits it, what would help")
    told = [layer for layer in document["layers"] if layer["advice"] and (layer["cycles"]["steady"] or layer["macs"])]
    for words, alike in groupby(told, lambda layer: layer["advice"]):
        first, *others = [label(layer["name"], 24) for layer in alike]
        table.add_row(say(f"{first} and {len(others)} more" if others else first), say(words))
    console.print(table)


def print_scaling(points: Sequence[Mapping[str, Any]], clock_hz: float, console: Console) -> None:
    """Print speed-up and efficiency by number of cores, against the ideal."""
    say = spoken(console)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("cores", "latency", "interval", "stall", "inputs/s", "speed-up", "ideal", "efficiency %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in points:
        cells = (
            integer(point["cores"]),
            duration(point["latency_cycles"] / clock_hz),
            duration(point["interval_cycles"] / clock_hz),
            integer(point["stall_cycles"]),
            significant(point["inputs_per_second"]),
            significant(point["speedup"]),
            integer(point["cores"]),
            percent(point["efficiency"]),
        )
        table.add_row(*(say(cell) for cell in cells))
    console.print(table)


def _tile(layer: Mapping[str, Any]) -> str:
    tiling = layer["tiling"]
    return "×".join(str(tiling["tile"][axis]) for axis in _TILE) if tiling else DASH


def _of_tiling(write: Callable[[Mapping[str, Any]], str]) -> Callable[[Mapping[str, Any]], str]:
    """Return what writes something of a layer's tiling, a dash for a layer without one."""
    return lambda layer: write(layer["tiling"]) if layer["tiling"] else DASH


_CHOICES = [
    Column("bound", lambda layer: layer["bound"], numeric=False),
    Column("then", lambda layer: layer["next_bound"], numeric=False),
    Column("cycles then", lambda layer: integer(layer["next_cycles"])),
    Column("MACs/byte", lambda layer: significant((layer["roofline"] or {}).get("macs_per_byte")), dropped=5),
    Column("outermost", _of_tiling(lambda tiling: tiling["order"].removesuffix(" outer")), numeric=False, dropped=4),
    Column("G×N×P×Q×K×C of a tile", _tile, numeric=False, dropped=3),
    Column("steps", _of_tiling(lambda tiling: integer(tiling["steps"])), dropped=2),
    Column("sums", _of_tiling(lambda tiling: tiling["sums"]), numeric=False, dropped=1),
]
"""Columns of bounds and tiles; those that are left out first have the smallest number."""
