"""A traced array in the terminal: one table a cycle, with what enters, what every element does, and what leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accel.cycle.trace import EMPTY, Trace

if TYPE_CHECKING:
    from accel.cycle.stepper import StepResult

NOTHING = "·"
MAX_SHOWN_PES = 8
"""Rows and columns of the largest array that is shown."""

LEGENDS = {
    "os": "x from the left, w from above; Σ sum so far, Σ! finished, ↓ a finished sum on its way down",
    "ws": "x from the left; [w] the weight that waits for the next stream; Σ the sum that goes down",
    "is": "w from the left; [x] the input that waits for the next stream; Σ the sum that goes down",
    "adder-tree": "x to every tree; products, then sums of neighbours a level lower every cycle; Σ accumulators",
    "conv-engine": "x to every tree; products, then sums of neighbours a level lower every cycle; Σ the place in work",
}


def print_cycles(result: StepResult, cycles: Iterable[int], console: Console) -> None:
    """Print the given cycles of a traced result."""
    assert result.trace is not None
    draw = _DRAWINGS.get(result.array.dataflow, _tree)
    console.print(Text(LEGENDS[result.array.dataflow], style="dim"))
    for cycle in cycles:
        console.print()
        console.print(draw(result.trace, cycle))


def _outputs_kept(trace: Trace, cycle: int) -> Table:
    def element(i: int, j: int) -> Text:
        x, w, total, drain = (_at(trace, name, cycle, i, j) for name in ("x", "w", "sum", "drain"))
        finishes = _at(trace, "last", cycle, i, j) != EMPTY and x != EMPTY and w != EMPTY
        text = _product(x, w)
        style = "bold green" if finishes else "dim" if x == EMPTY else ""
        text.append("\nΣ" + ("!" if finishes else "") + f" {_code(total)}", style)
        if drain != EMPTY and not finishes:
            text.append(f"  ↓ {drain}", "green")
        return text

    return _grid(trace, cycle, "x", "w", element)


def _weights_kept(trace: Trace, cycle: int) -> Table:
    return _kept(trace, cycle, "x", "w")


def _inputs_kept(trace: Trace, cycle: int) -> Table:
    return _kept(trace, cycle, "w", "x")


def _kept(trace: Trace, cycle: int, streamed: str, held: str) -> Table:
    def element(i: int, j: int) -> Text:
        moving, kept, total, waiting = (_at(trace, name, cycle, i, j) for name in (streamed, held, "sum", "waiting"))
        text = _product(moving, kept if total != EMPTY or moving == EMPTY else EMPTY)
        text.append(f" [{_code(waiting)}]" if waiting != EMPTY else "", "dim")
        text.append(f"\nΣ {_code(total)}", "" if total != EMPTY else "dim")
        return text

    return _grid(trace, cycle, streamed, "loading", element, above=held)


def _tree(trace: Trace, cycle: int) -> Table:
    """Draw operands and weights of a step, the numbers of every level, accumulators and outputs: a column a tree."""
    table = _table(cycle, "")
    trees = trace.signals["out"].codes.shape[2]
    for j in range(trees):
        table.add_column(f"tree {j}", justify="right")
    for i in range(trace.signals["x"].codes.shape[1]):
        x = _at(trace, "x", cycle, i, 0)
        cells = (_product(x, _at(trace, "w", cycle, i, j)) for j in range(trees))
        table.add_row(Text(f"x {_code(x)} →", "cyan"), *cells)
    for name, signal in trace.signals.items():
        if name in ("x", "w", "out"):
            continue
        label, style = ("Σ", "bold") if name == "sum" else (name, "dim")
        columns = (" ".join(map(_code, signal.codes[cycle, :, j].tolist())) for j in range(trees))
        table.add_row(Text(label, style), *(Text(column, style) for column in columns))
    _leaving(table, trace, cycle)
    return table


_DRAWINGS: dict[str, Callable[[Trace, int], Table]] = {
    "os": _outputs_kept,
    "ws": _weights_kept,
    "is": _inputs_kept,
}


def _grid(
    trace: Trace, cycle: int, left: str, top: str, element: Callable[[int, int], Text], above: str | None = None
) -> Table:
    """Draw an array with its ports: what enters from the left and from above, all elements, what leaves below."""
    _, rows, columns = trace.signals[left].codes.shape
    table = _table(cycle, "")
    for j in range(columns):
        code = _code(_at(trace, top, cycle, 0, j))
        table.add_column(Text(f"{above or top} {code} ↓", "cyan"), justify="right")
    for i in range(rows):
        entering = Text(f"{left} {_code(_at(trace, left, cycle, i, 0))} →", "cyan")
        table.add_row(entering, *(element(i, j) for j in range(columns)))
    _leaving(table, trace, cycle)
    return table


def _table(cycle: int, corner: str) -> Table:
    title = Text(f"cycle {cycle}", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, header_style="")
    table.add_column(corner, justify="right", min_width=8)
    return table


def _leaving(table: Table, trace: Trace, cycle: int) -> None:
    leaving = trace.signals["out"].codes[cycle, 0].tolist()
    table.add_section()
    table.add_row(
        Text("out", "dim"), *(Text(_code(code), "bold green" if code != EMPTY else "dim") for code in leaving)
    )


def _at(trace: Trace, name: str, cycle: int, i: int, j: int) -> int:
    return int(trace.signals[name].codes[cycle, i, j])


def _product(a: int, b: int) -> Text:
    """Write what is multiplied; an operand alone only passes."""
    if a == EMPTY and b == EMPTY:
        return Text(NOTHING, "dim")
    return Text(f"{_code(a)} × {_code(b)}", "" if a != EMPTY and b != EMPTY else "dim")


def _code(code: int) -> str:
    return NOTHING if code == EMPTY else str(code)
