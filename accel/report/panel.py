"""The parts charts are made of: a panel with one row per layer, stacked bars, words beside them, quiet ticks.

All positions are in units (1/72 inch, one CSS pixel of the drawing), so that a row is as high on a page of 12 layers
as on one of 170.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from accel.report.humane import label, raised, significant
from accel.report.svg import FONT_SIZE, PALETTE, TEXT, UNITS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Layers = Sequence[Mapping[str, Any]]


class Box(NamedTuple):
    """A filled rectangle in the units of its axes."""

    x: float
    y: float
    width: float
    height: float


WIDTH = 384.0
"""Width of every chart: reads on a phone and in half a desktop page alike."""

ROW = 20.0
"""Height of one layer's row."""

NAME_SIGNS = 14
SMALL = FONT_SIZE - 0.5
_TOP = 6.0
_BOTTOM = 24.0
_SIGN_WIDTH = 0.6 * FONT_SIZE  # generous on average: the page's font is narrower than matplotlib's
_BAR = 0.62
_MARK = 0.4
_DOT = 5.0
_NAME_ROOM = 60.0
_NAMES_SHOWN = 3


def height(rows: int, row: float = ROW) -> float:
    """Return the height of a chart with that many rows."""
    return _TOP + row * rows + _BOTTOM


def names_width(layers: Layers) -> float:
    """Return the room that the longest layer name takes left of a panel."""
    return _SIGN_WIDTH * max(len(label(layer["name"], NAME_SIGNS)) for layer in layers) + 12


def rows_panel(
    figure: Figure,
    layers: Layers,
    left: float,
    right: float,
    bounds: tuple[float, float],
    row: float = ROW,
    named: bool = True,
    baseline: bool = True,
) -> Axes:
    """Return axes from `left` to `right` over the values `bounds`; row r holds layer r, the first on top.

    named: write the layers' names left of it. baseline: draw a line at 0.
    """
    whole = height(len(layers), row)
    axes = figure.add_axes((left / WIDTH, _BOTTOM / whole, (right - left) / WIDTH, row * len(layers) / whole))
    axes.set_xlim(*bounds)
    axes.set_ylim(len(layers) - 0.5, -0.5)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    if baseline:
        axes.axvline(0, color=TEXT, linewidth=0.8, clip_on=False)
    axes.yaxis.set_visible(False)
    if named:
        for index, layer in enumerate(layers):
            beside = (-8 / (right - left), index)
            axes.text(
                *beside,
                label(layer["name"], NAME_SIGNS),
                ha="right",
                va="center_baseline",
                transform=axes.get_yaxis_transform(),
            )
    return axes


def stack(axes: Axes, rows: Sequence[Sequence[float]], series: Sequence[str], thickness: float = _BAR) -> None:
    """Put the values of each row end to end, one palette name of `series` each."""
    boxes: dict[str, list[Box]] = {name: [] for name in series}
    for row, values in enumerate(rows):
        start = 0.0
        for value, name in zip(values, series, strict=True):
            boxes[name].append(Box(start, row - thickness / 2, value, thickness))
            start += value
    for name, found in boxes.items():
        fill(axes, found, name)


def fill(axes: Axes, boxes: Sequence[Box], series: str) -> None:
    """Fill boxes in the colour of `series`, all in one path: a drawing of 200 layers stays small and quick to make."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    drawn = [box for box in boxes if box.width and box.height]
    if not drawn:
        return
    corners = [
        corner
        for x, y, width, height in drawn
        for corner in ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    ]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(drawn)
    axes.add_artist(PathPatch(Path(corners, codes), facecolor=PALETTE[series], linewidth=0, clip_on=False))


def marks(axes: Axes, values: Sequence[float | None]) -> None:
    """Draw an upright stroke in every row that has a value: a limit that the row's bar is held against."""
    present = [(row, value) for row, value in enumerate(values) if value is not None]
    low, high = [row - _MARK for row, _ in present], [row + _MARK for row, _ in present]
    axes.vlines([value for _, value in present], low, high, color=TEXT, linewidth=1.6, clip_on=False)


def dots(axes: Axes, values: Sequence[float | None], series: str, below: float = 0.0, joined: bool = False) -> None:
    """Draw a dot in every row that has a value, in the colour of `series`.

    below: by how much of a row, so that dots of several series stand clear of one another. joined: with lines between.
    """
    present = [(row + below, value) for row, value in enumerate(values) if value is not None]
    rows, xs = [row for row, _ in present], [value for _, value in present]
    axes.plot(
        xs,
        rows,
        linestyle="-" if joined else "none",
        linewidth=1.2,
        marker="o",
        markersize=_DOT,
        markeredgewidth=0,
        color=PALETTE[series],
        clip_on=False,
    )


def say(axes: Axes, row: float, value: float, words: str) -> None:
    """Write words just right of a value."""
    axes.annotate(
        words,
        (value, row),
        xytext=(5, 0),
        textcoords="offset points",
        va="center_baseline",
        fontsize=SMALL,
        annotation_clip=False,
    )


def ticks(axes: Axes, values: Sequence[float], words: Callable[[float], str]) -> None:
    """Label these values below and draw a faint line up from each."""
    axes.set_xticks(list(values), [words(value) for value in values], fontsize=SMALL)
    axes.tick_params(axis="x", length=0, pad=5)
    axes.grid(axis="x", color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)


def round_ticks(highest: float, count: int) -> list[float]:
    """Return 0 and at most `count` more multiples of 1, 2 or 5 times a power of ten up to `highest`."""
    if highest <= 0:
        return [0]
    power = 10.0 ** math.floor(math.log10(highest / count))
    step = next(factor * power for factor in (1, 2, 5, 10) if int(highest / (factor * power)) <= count)
    return [step * index for index in range(int(highest / step * (1 + 1e-9)) + 1)]


def thousands(value: float, unit: str = "") -> str:
    """Write a tick of a count: 0, 500, 10 k, 2 M; with a unit: 0 B, 10 kB."""
    for factor, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g} {sign}{unit}"
    return f"{value:g} {unit}".strip()


def power_of_two(exponent: float) -> str:
    """Write 2 to a whole power with a raised exponent."""
    return f"2{raised(int(exponent))}"


def plain_log(axes: Axes) -> None:
    """Label logarithmic axes with plain numbers at powers of ten, without boxes or minor ticks."""
    from matplotlib.ticker import NullLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: significant(value, 1))
        axis.set_minor_locator(NullLocator())
        axis.set_tick_params(which="both", length=0, labelsize=SMALL)
    axes.grid(which="major", color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def name_points(figure: Figure, axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write the name of each (name, x, y) right of it; names that would cover one another share a line.

    Call it last: it needs the limits of the axes.
    """
    lines: list[tuple[float, float, list[str]]] = []
    for name, x, y in sorted(points, key=lambda point: -point[2]):
        across, up = axes.transData.transform((x, y))
        near = (line for line in lines if abs(line[0] - across) < _NAME_ROOM and abs(line[1] - up) < SMALL * 1.3)
        line = next(near, None)
        if line is None:
            lines.append((across, up, [name]))
        else:
            line[2].append(name)
    scale = UNITS_PER_INCH / figure.dpi
    for across, up, names in lines:
        shown = names if len(names) <= _NAMES_SHOWN else [*names[:_NAMES_SHOWN], f"{len(names) - _NAMES_SHOWN} more"]
        axes.annotate(
            ", ".join(shown),
            (across * scale, up * scale),
            xycoords="figure points",
            xytext=(6, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=SMALL,
        )
