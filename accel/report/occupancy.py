"""The chart of memory occupancy: how full every layer makes the input, weight and output buffers.

The contract is that of `accel.report.charts`. A layer that streams behind another one has no buffers of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import byte_size, percent
from accel.report.panel import ROW, WIDTH, Box, Layers
from accel.report.svg import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUFFERS = ("input", "weight", "output")
_TALL_ROW = 1.35 * ROW
_BAR = 0.24
_WORDS_ROOM = 84.0


def occupancy(layers: Layers) -> Chart | None:
    """Draw the share of every buffer that each layer takes, with the fullest one in words beside it."""
    drawn = [layer for layer in layers if layer.get("buffers")]
    if not any(_share(layer, buffer) for layer in drawn for buffer in BUFFERS):
        return None

    def paint(figure: Figure) -> None:
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - _WORDS_ROOM, (0, 100), _TALL_ROW)
        for index, buffer in enumerate(BUFFERS):
            above = (index - 1.5) * _BAR
            panel.fill(
                axes,
                [Box(0, row + above, 100 * _share(layer, buffer), _BAR) for row, layer in enumerate(drawn)],
                buffer,
            )
        for row, layer in enumerate(drawn):
            fullest = max(BUFFERS, key=lambda buffer: _share(layer, buffer))
            share = _share(layer, fullest)
            panel.say(axes, row, 100 * share, f"{fullest} {percent(share)} %" if share else "nothing")
        panel.ticks(axes, [0, 50, 100], lambda tick: f"{tick:g} %")

    return Chart(
        "Occupancy of the buffers",
        tuple((buffer, f"{buffer} ({byte_size(drawn[0]['buffers'][buffer]['of_bytes'])})") for buffer in BUFFERS),
        "What a layer holds at most: its tiles, and tensors that stay on the chip meanwhile. What is fetched ahead for "
        "the next layer is not in it.",
        draw(
            paint,
            WIDTH,
            panel.height(len(drawn), _TALL_ROW),
            "occupancy",
            "Share of the input, weight and output buffers that each layer takes",
        ),
    )


def _share(layer: Mapping[str, Any], buffer: str) -> float:
    held = layer["buffers"][buffer]
    return held["held_bytes"] / held["of_bytes"] if held["of_bytes"] else 0.0
