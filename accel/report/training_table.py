"""What a training step costs, as a table for the terminal (`accel estimate --training`), from its document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accel.report.humane import DASH, byte_size, duration, energy, integer, label, significant

Document = Mapping[str, Any]


def print_training(document: Document, console: Console) -> None:
    """Print a table with a row per layer and a column of cycles per phase, then what a step adds up to."""
    console.print(
        Text(f"{label(document['network'])} on {label(document['accelerator'])}", "bold"),
        Text(f"one step of {integer(document['batch'])}, {integer(document['parameters'])} parameters", "dim"),
        sep="   ",
    )
    phases = tuple(document["cycles"])
    cells: dict[str, dict[str, Document]] = {}
    for each in document["phases"]:
        cells.setdefault(each["layer"], {})[each["phase"]] = each
    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("layer", footer="total", no_wrap=True)
    for phase in phases:
        table.add_column(phase, justify="right", footer=integer(document["cycles"][phase]), no_wrap=True)
    table.add_column("MACs", justify="right", footer=integer(sum(each["macs"] for each in document["phases"])))
    moved = sum(sum(each["dram_bytes"].values()) for each in document["phases"])
    table.add_column("DRAM", justify="right", footer=byte_size(moved), no_wrap=True)
    for name, own in cells.items():
        counts = [integer(own[phase]["total_cycles"]) if phase in own else DASH for phase in phases]
        macs = sum(each["macs"] for each in own.values())
        dram = sum(sum(each["dram_bytes"].values()) for each in own.values())
        table.add_row(Text(label(name, 24)), *counts, integer(macs or None), byte_size(dram))
    console.print(table)
    for what, words in _totals(document):
        console.print(Text(f"{what:<20}"), Text(words), sep="")


def _totals(document: Document) -> list[tuple[str, str]]:
    where = "on the chip" if document["tape_on_chip"] else "in DRAM"
    rows = [
        ("step", f"{integer(document['step_cycles'])} cycles, {duration(document['step_us'] / 1e6)}"),
        ("throughput", f"{significant(document['samples_per_second'])} examples/s"),
        ("stored activations", f"{byte_size(document['tape_bytes'])}, {where}"),
    ]
    found = document["energy"]
    if found is not None:
        shown = energy(found["total"]) if found["unit"] == "pJ" else f"{significant(found['total'])} {found['unit']}"
        rows.append(("energy of a step", f"{shown} (estimate, {label(found['technology'])})"))
    epoch = document["epoch"]
    if epoch is not None:
        spent = "" if epoch["energy_pj"] is None else f", {energy(epoch['energy_pj'])} (estimate)"
        steps = f"{integer(epoch['steps'])} steps over {integer(epoch['examples'])} examples"
        rows.append(("epoch", f"{duration(epoch['seconds'])}{spent}; {steps}"))
    return rows
