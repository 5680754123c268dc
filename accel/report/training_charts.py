"""Line charts of training: learning curves, shares of updates, histograms of what an update is worth.

The contract is that of `accel.report.charts`. The surprise: a share that is zero all the way is drawn, because a dead
line at the bottom is what one looks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import integer, percent, significant
from accel.report.panel import SMALL, WIDTH, Box
from accel.report.svg import PALETTE, TEXT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 230.0
_LEFT, _RIGHT = 50.0, 12.0
_TICKS = 5

SERIES = ("steady", "stall", "output", "weight", "drain", "fill")
"""Palette names for lines, in the order in which they are given out."""


class Line(NamedTuple):
    """One line: its palette name, what it is called, its points."""

    series: str
    words: str
    points: Sequence[tuple[float, float]]


def lines(
    key: str,
    title: str,
    note: str,
    drawn: Sequence[Line],
    *,
    across: str = "steps",
    share: bool = False,
    logarithmic: bool = False,
) -> Chart | None:
    """Draw lines over steps (or what `across` says); share: the upright axis is percent.

    None when no line has two points.
    """
    shown = [line for line in drawn if len(line.points) > 1]
    if not shown:
        return None
    ys = [y for line in shown for _, y in line.points]
    last = max(x for line in shown for x, _ in line.points)
    logarithmic = logarithmic and min(ys) > 0

    def paint(figure: Figure) -> None:
        axes = _axes(figure)
        axes.set_xlim(0, last)
        if logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(lambda value, _: "")
            axes.yaxis.set_major_formatter(lambda value, _: significant(value, 1))
        else:
            low = min(0.0, *ys)
            axes.set_ylim(low, max(ys) * 1.05 or 1.0)
            ticks = panel.round_ticks(max(ys), _TICKS) if max(ys) > 0 else [0.0]
            axes.set_yticks(ticks, [_percents(tick) if share else significant(tick, 2) for tick in ticks])
        for line in shown:
            xs, heights = zip(*line.points, strict=True)
            axes.plot(xs, heights, color=PALETTE[line.series], linewidth=1.4)
        panel.ticks(axes, panel.round_ticks(last, _TICKS), panel.thousands)
        axes.set_xlabel(across, fontsize=SMALL, color=TEXT)
        axes.tick_params(axis="y", labelsize=SMALL)

    legend = tuple((line.series, line.words) for line in shown)
    return Chart(title, legend, note, draw(paint, WIDTH, _HEIGHT, key, f"{title} over {across}"))


def update_histogram(
    key: str, title: str, note: str, counts: Sequence[tuple[str, Sequence[int]]], lowest: int
) -> Chart | None:
    """Draw the shares of updates by powers of two of an lsb, one outline per entry of counts (words, bins).

    lowest: bin b holds updates of 2^(b + lowest - 1) up to 2^(b + lowest) lsb. The band is what nearest rounding loses.
    """
    present = [(words, bins) for words, bins in counts if sum(bins)]
    if not present:
        return None
    used = [b for _, bins in present for b, count in enumerate(bins) if count]
    first, last = min(used), max(used) + 1
    shares = [[count / sum(bins) for count in bins] for _, bins in present]
    highest = max(max(row) for row in shares)

    def paint(figure: Figure) -> None:
        axes = _axes(figure)
        axes.set_xlim(first, max(last, -lowest + 1))
        axes.set_ylim(0, highest * 1.05)
        panel.fill(axes, [Box(first, 0, max(0, -lowest - first), highest * 1.05)], "band")
        for series, row in zip(SERIES, shares, strict=False):
            edges = [b for b in range(first, last) for _ in (0, 1)]
            heights = [row[b] for b in range(first, last) for _ in (0, 1)]
            axes.plot([*edges[1:], last], heights, color=PALETTE[series], linewidth=1.4)
        marks = [b for b in range(first, last + 1) if (b + lowest - 1) % 4 == 0]
        panel.ticks(axes, marks, lambda b: panel.power_of_two(b + lowest - 1))
        ticks = panel.round_ticks(highest, _TICKS)
        axes.set_yticks(ticks, [_percents(tick) for tick in ticks], fontsize=SMALL)
        axes.set_xlabel("|update| in lsb", fontsize=SMALL, color=TEXT)

    legend = (
        *((series, words) for series, (words, _) in zip(SERIES, present, strict=False)),
        ("band", "rounded to 0 by nearest"),
    )
    return Chart(title, legend, note, draw(paint, WIDTH, _HEIGHT, key, title))


def learning_curves(curve: Sequence[Mapping[str, Any]], key: str) -> list[Chart]:
    """Return the charts of one run's curve: loss, accuracy, and in fixed point the shares of dead updates and casts."""

    def points(name: str) -> list[tuple[float, float]]:
        return [(point["step"], point[name]) for point in curve if point[name] is not None]

    made = (
        lines(
            f"{key}-loss",
            "Loss",
            "Mean over the examples between two points, before each step; logarithmic.",
            [Line("steady", "training loss", points("loss"))],
            logarithmic=True,
        ),
        lines(
            f"{key}-accuracy",
            "Accuracy while training",
            "Share of training examples that were right when their turn came.",
            [Line("steady", "training accuracy", points("accuracy"))],
            share=True,
        ),
        lines(
            f"{key}-shares",
            "What rounding takes",
            "Dead updates were not zero and were rounded to zero. Saturated: of all casts.",
            [
                Line("stall", "dead updates", points("dead_share")),
                Line("steady", "saturated casts", points("saturated_share")),
            ],
            share=True,
        ),
    )
    return [chart for chart in made if chart is not None]


def _axes(figure: Figure) -> Axes:
    axes = figure.add_axes((_LEFT / WIDTH, 0.19, (WIDTH - _LEFT - _RIGHT) / WIDTH, 0.78))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="y", color=PALETTE["grid"], linewidth=0.8)
    return axes


def _percents(value: float) -> str:
    return f"{percent(value)} %" if value else integer(0)
