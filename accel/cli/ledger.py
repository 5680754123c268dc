"""The ledger in a terminal: one line for every layer and tensor kind in which anything was cut, clipped or wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

HEADINGS = ("layer", "kind", "values", "saturated", "wrapped", "rounded", "bits cut", "excess lsb", "first index")

Line = tuple[str, ...]


def lines(document: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines of the inputs and of every layer, in network order; what lost nothing has none."""
    from accel.report.humane import DASH, integer

    def cell(value: int | list[int] | None) -> str:
        if value is None:
            return DASH
        return ", ".join(map(str, value)) if isinstance(value, list) else integer(value)

    kept = [("input", {"input": tensor["ledger"]}) for tensor in document["encoded"][:1]]
    kept += [(layer["name"], layer["ledger"]) for layer in document["layers"]]
    for name, kinds in kept:
        for kind, events in kinds.items():
            if events["saturated"] or events["wrapped"] or events["rounded"]:
                yield (name, kind, *(cell(value) for value in events.values()))


def print_ledger(document: Mapping[str, Any], console: Console) -> None:
    """Print the ledger of a run that kept one."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", title_justify="left")
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if index < 2 else "right", no_wrap=True)
    for line in lines(document):
        table.add_row(*map(Text, line))
    console.print(table if table.row_count else "ledger: nothing was rounded, saturated or wrapped")
