"""The chart of energy: every layer as arithmetic + inside the array + on-chip memories + DRAM.

The contract is that of `accel.report.charts`. DRAM may cost a hundred times what everything else does, so the same bars
stand beside it stretched to 100 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from accel.report import panel
from accel.report.charts import Chart
from accel.report.energy import ARITHMETIC, DRAM, IN_ARRAY, ON_CHIP, amount, by_group
from accel.report.humane import label
from accel.report.panel import WIDTH, Layers
from accel.report.svg import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SERIES = {ARITHMETIC: "fill", IN_ARRAY: "steady", ON_CHIP: "drain", DRAM: "stall"}
_AMOUNT_ROOM = 60.0


def energies(layers: Layers) -> Chart | None:
    """Draw the energy of every layer that has any, by group: in the unit of the technology, and as shares."""
    drawn = [layer for layer in layers if (layer.get("energy") or {"total": 0})["total"]]
    if not drawn:
        return None
    unit = drawn[0]["energy"]["unit"]
    costs = [by_group(layer["energy"]) for layer in drawn]
    groups = [group for group in _SERIES if any(row[group] for row in costs)]
    series = [_SERIES[group] for group in groups]
    rows = [[row[group] for group in groups] for row in costs]
    totals = [sum(row) for row in rows]

    def paint(figure: Figure) -> None:
        left = panel.names_width(drawn)
        middle = left + (WIDTH - left) * 0.7
        absolute = panel.rows_panel(figure, drawn, left, middle - _AMOUNT_ROOM, (0, max(totals)))
        share = panel.rows_panel(figure, drawn, middle, WIDTH - 20, (0, 100), named=False)
        panel.stack(absolute, rows, series)
        panel.stack(share, [[100 * cost / sum(row) for cost in row] for row in rows], series)
        for row, total in enumerate(totals):
            panel.say(absolute, row, total, amount(total, unit))
        panel.ticks(absolute, panel.round_ticks(max(totals), 2), lambda tick: amount(tick, unit) if tick else "0")
        panel.ticks(share, [0, 50, 100], lambda tick: f"{tick:g} %")

    return Chart(
        "Where the energy goes",
        tuple(zip(series, groups, strict=True)),
        f"Left: energy of each layer for one input. Right: the same bars stretched to 100 %.{_lacking(drawn)}",
        draw(paint, WIDTH, panel.height(len(drawn)), "energy", "Energy per layer and group of components"),
    )


def _lacking(layers: Layers) -> str:
    """Say what takes energy in some layer and is in no bar."""
    names = dict.fromkeys(name for layer in layers for name in layer["energy"]["unpriced"])
    return f" Not in it, for want of a figure: {', '.join(label(name) for name in names)}." if names else ""
