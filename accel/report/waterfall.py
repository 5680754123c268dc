"""The charts of "Where bits get lost": the waterfall of SQNR, and networks that are fixed point in part.

The contract is that of `accel.report.charts`, over the layers of `document["explain"]`. The surprise: a ratio that is
absent means no noise at all, so it draws no bar and is said in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import significant
from accel.report.panel import WIDTH, Layers
from accel.report.svg import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HYBRIDS = (("fixed_until", "fill"), ("fixed_from", "steady"), ("only", "stall"))
_MIDDLE = 0.7
_HIGHEST_FLOOR = 99.0
_DODGE = 0.2


def waterfall(layers: Layers) -> Chart | None:
    """Draw the SQNR after every layer, the SQNR that it alone would leave, and its share of the noise."""
    if not layers:
        return None
    totals = [layer["sqnr_db"]["total"] for layer in layers]
    owns = [layer["sqnr_db"]["own"] for layer in layers]
    known = [ratio for ratio in (*totals, *owns) if ratio is not None]
    bounds = (min(0.0, *known, 0.0), max(1.0, *known, 1.0))

    def paint(figure: Figure) -> None:
        left = panel.names_width(layers)
        middle = left + (WIDTH - left) * _MIDDLE
        ratios = panel.rows_panel(figure, layers, left, middle - 72, bounds)
        shares = panel.rows_panel(figure, layers, middle, WIDTH - 20, (0, 100), named=False)
        panel.stack(ratios, [[total or 0.0] for total in totals], ("steady",))
        panel.dots(ratios, owns, "stall")
        panel.stack(shares, [_shares(layer["sqnr_db"]) for layer in layers], ("stall", "fill"))
        for row, total in enumerate(totals):
            panel.say(ratios, row, 1.04 * bounds[1], "no noise" if total is None else f"{significant(total)} dB")
        panel.ticks(ratios, panel.round_ticks(bounds[1], 2), lambda tick: f"{tick:g} dB")
        panel.ticks(shares, [0, 50, 100], lambda tick: f"{tick:g} %")

    return Chart(
        "SQNR from layer to layer",
        (("steady", "after the layer"), ("stall", "own noise"), ("fill", "inherited noise")),
        "Left: the dot is what the layer alone would leave; where it meets the bar's end, the layer makes the noise. "
        "Right: shares of the noise power.",
        draw(paint, WIDTH, panel.height(len(layers)), "waterfall", "SQNR per layer, own and inherited noise"),
    )


def hybrids(layers: Layers) -> Chart | None:
    """Draw what reaches the output when the network is fixed point up to, from, or only in each layer."""
    if not layers:
        return None
    ratios = [[layer["output"][name]["sqnr_db"] for name, _ in _HYBRIDS] for layer in layers]
    percents = [[_hundredfold(layer["output"][name]["agreement"]) for name, _ in _HYBRIDS] for layer in layers]
    known = [ratio for row in ratios for ratio in row if ratio is not None]
    bounds = (min(0.0, *known, 0.0), max(1.0, *known, 1.0))
    lowest = min([_HIGHEST_FLOOR, *(percent for row in percents for percent in row if percent is not None)])
    floor = lowest - 0.06 * (100 - lowest)  # a dot at the lowest share stands clear of the left edge

    def paint(figure: Figure) -> None:
        left = panel.names_width(layers)
        middle = left + (WIDTH - left) * 0.62
        noise = panel.rows_panel(figure, layers, left, middle - 40, bounds)
        classes = panel.rows_panel(figure, layers, middle, WIDTH - 20, (floor, 100), named=False, baseline=False)
        for series, (name, colour) in enumerate(_HYBRIDS):
            for axes, rows in ((noise, ratios), (classes, percents)):
                panel.dots(axes, [row[series] for row in rows], colour, _DODGE * (series - 1), joined=name != "only")
        panel.ticks(noise, panel.round_ticks(bounds[1], 3), lambda tick: f"{tick:g} dB")
        panel.ticks(classes, _share_ticks(lowest), lambda tick: f"{tick:g} %")

    return Chart(
        "The output, partly in fixed point",
        (("fill", "up to the layer"), ("steady", "from the layer on"), ("stall", "the layer alone")),
        "Left: SQNR of the network's output; no dot, no noise. Right: inputs whose class is golden's.",
        draw(paint, WIDTH, panel.height(len(layers)), "hybrids", "SQNR and agreement of partly fixed-point networks"),
    )


def _shares(ratios: Mapping[str, Any]) -> Sequence[float]:
    """Return own and inherited noise in percent of their sum; nothing where there is no noise."""
    parts = [ratios["own"], ratios["inherited"]]
    lowest = min((ratio for ratio in parts if ratio is not None), default=0.0)
    # Relative to the larger noise, whose power is 1: nothing that a file may say overflows, what vanishes becomes 0.
    powers = [0.0 if ratio is None else 10.0 ** max((lowest - ratio) / 10, -300.0) for ratio in parts]
    return [100 * power / max(1.0, sum(powers)) for power in powers]


def _share_ticks(lowest: float) -> list[float]:
    """Return 100 and the round percentages below it, one or two, that are not below the lowest."""
    step = next(step for step in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0) if 2 * step * 1.2 >= 100 - lowest)
    return [tick for tick in (100 - 2 * step, 100 - step, 100.0) if tick >= lowest - 0.06 * (100 - lowest)]


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share
