"""The drawing of a comparison: cycles of every layer on both machines, one bar below the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import DASH, integer, label, significant
from accel.report.panel import ROW, WIDTH, Box
from accel.report.svg import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TALL_ROW = 1.3 * ROW
_BAR = 0.36


def cycles_of_both(comparison: Mapping[str, Any]) -> Chart | None:
    """Draw the cycles that each layer adds to the latency; None when no layer takes any."""
    layers = [layer for layer in comparison["layers"] if _cycles(layer, "first") or _cycles(layer, "second")]
    if not layers:
        return None
    most = max(_cycles(layer, side) for layer in layers for side in ("first", "second"))

    def paint(figure: Figure) -> None:
        axes = panel.rows_panel(figure, layers, panel.names_width(layers), WIDTH - 96, (0, most), _TALL_ROW)
        for side, series, above in (("first", "fill", -_BAR), ("second", "steady", 0.0)):
            boxes = [Box(0, row + above, _cycles(layer, side), _BAR) for row, layer in enumerate(layers)]
            panel.fill(axes, boxes, series)
        for row, layer in enumerate(layers):
            end = max(_cycles(layer, "first"), _cycles(layer, "second"))
            panel.say(axes, row, end, f"{integer(_cycles(layer, 'second'))} · {_times(layer['ratio'])}")
        panel.ticks(axes, panel.round_ticks(most, 3), panel.thousands)

    names = [label(name, 28) for name in comparison["names"]]
    return Chart(
        "Cycles of both",
        (("fill", names[0]), ("steady", names[1])),
        "Cycles that each layer adds to the latency; beside the bars those of the second, and second over first.",
        draw(paint, WIDTH, panel.height(len(layers), _TALL_ROW), "both", "Cycles per layer on both machines"),
    )


def _cycles(layer: Mapping[str, Any], side: str) -> int:
    return layer[side]["cycles"] if layer[side] else 0


def _times(ratio: float | None) -> str:
    return DASH if ratio is None else f"{significant(ratio)}×"
