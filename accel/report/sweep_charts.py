"""The drawings of a sweep: one objective over another with the front, heat maps over two axes, speed-up over elements.

The contract is that of `accel.report.charts`. A heat map is one colour at several opacities, so that the figures in its
cells read on light and dark pages alike; a cell shows the best point of all other axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import integer, label, significant
from accel.report.panel import SMALL, WIDTH
from accel.report.svg import PALETTE, TEXT, draw
from accel.report.sweep_words import (
    SCALES,
    SHARES,
    UNITS,
    Document,
    curve_in_words,
    title,
    value_in_words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("steady", "stall", "output", "weight", "fill", "drain")
"""Colours of curves; a drawing holds no more."""

MOST_FACETS = 4
"""Drawings that curves are dealt to."""

MOST_CELLS = 16
"""Values of an axis of a heat map."""

MOST_FIGURES = 13
"""Columns of a heat map whose cells still have room for figures."""

MOST_DOTS = 1500
"""Points that are drawn of a large sweep, the front always among them."""

_HEIGHT = 260.0
_CELL = 21.0
_FAINTEST, _STRONGEST = 0.04, 0.62


def trade_off(document: Document, across: str, up: str) -> Chart | None:
    """Draw objective `up` over objective `across`, a dot a point; the front of all objectives in its own colour."""
    columns = document["columns"]
    if across not in columns or up not in columns:
        return None
    x, y = columns.index(across), columns.index(up)
    rows = document["rows"]
    known = [index for index, row in enumerate(rows) if row[x] is not None and row[y] is not None]
    front = [index for index in document["front"] if index in set(known)]
    others = sorted(set(known) - set(front))
    others = others[:: max(1, math.ceil(len(others) / MOST_DOTS))]
    if len(known) < 2:
        return None
    outside = [index for index in others if rows[index][1] == "outside"]
    inside = [index for index in others if rows[index][1] == "done"]

    def place(index: int, column: int, name: str) -> float:
        return float(rows[index][column]) * SCALES.get(name, 1.0)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.15, 0.16, 0.82, 0.8))
        for chosen, series, size in ((outside, "grid", 3.0), (inside, "fill", 3.5), (front, "stall", 5.0)):
            xs = [place(index, x, across) for index in chosen]
            ys = [place(index, y, up) for index in chosen]
            axes.plot(xs, ys, "o", color=PALETTE[series], markersize=size, markeredgewidth=0, zorder=2)
        if len(document["objectives"]) == 2 and len(front) > 1:
            ordered = sorted((place(index, x, across), place(index, y, up)) for index in front)
            axes.plot(*zip(*ordered, strict=True), color=PALETTE["stall"], linewidth=1.2, zorder=1)
        _scale(axes, "x", [place(index, x, across) for index in known], across)
        _scale(axes, "y", [place(index, y, up) for index in known], up)
        _frame(axes, across, up)

    legend = [("stall", "on the front")]
    legend += [("fill", "beaten")] if inside else []
    legend += [("grid", "beyond a constraint")] if outside else []
    ways = document["objectives"]
    words = f"{title(up)} over {title(across).lower()}"
    upward, rightward = (ways.get(name) == "max" for name in (up, across))
    return Chart(
        words,
        tuple(legend),
        f"Better is {'up' if upward else 'down'} and {'right' if rightward else 'left'}.",
        draw(paint, WIDTH, _HEIGHT, f"trade-{_key(up)}-{_key(across)}", f"{words}, one dot a point"),
    )


def heat_map(document: Document, name: str, across: Mapping[str, Any], down: Mapping[str, Any]) -> Chart | None:
    """Draw the best of a measure for every pair of values of two axes."""
    columns = document["columns"]
    if name not in columns:
        return None
    better = next(measure["better"] for measure in document["measures"] if measure["name"] == name)
    choose = max if better == "max" else min
    cells: dict[tuple[int, int], float] = {}
    value, x, y = columns.index(name), columns.index(across["name"]), columns.index(down["name"])
    xs, ys = list(across["values"]), list(down["values"])
    for row in document["rows"]:
        if row[value] is not None and row[1] == "done":
            key = (xs.index(row[x]), ys.index(row[y]))
            cells[key] = choose(cells[key], row[value]) if key in cells else row[value]
    if not cells or _along_one({place: _short(name, each) for place, each in cells.items()}):
        return None
    names = [label(value_in_words(each), 22) for each in ys]
    left = SMALL * max(map(_ems, names)) + 10
    top, height = 6.0, _CELL * len(ys) + 40
    worst, best = (min, max) if better == "max" else (max, min)
    low, high = worst(cells.values()), best(cells.values())

    def paint(figure: Figure) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_axes((left / WIDTH, 34 / height, 1 - (left + 2) / WIDTH, (height - 34 - top) / height))
        axes.set_xlim(0, len(xs))
        axes.set_ylim(len(ys), 0)
        for (column, line), each in cells.items():
            strength = _FAINTEST + (_STRONGEST - _FAINTEST) * _between(each, low, high)
            axes.add_patch(
                Rectangle((column, line), 0.96, 0.92, facecolor=PALETTE["fill"], alpha=strength, linewidth=0)
            )
            if len(xs) <= MOST_FIGURES:
                words = _short(name, each)
                axes.text(column + 0.48, line + 0.46, words, ha="center", va="center_baseline", fontsize=_size(len(xs)))
        step = max(1, math.ceil(len(xs) * 34 / (WIDTH - left)))
        shown = range(0, len(xs), step)
        axes.set_xticks([place + 0.48 for place in shown], [label(value_in_words(xs[i]), 10) for i in shown])
        axes.set_yticks([place + 0.46 for place in range(len(ys))], names)
        axes.tick_params(length=0, labelsize=SMALL)
        axes.set_xlabel(title(across["name"]), fontsize=SMALL, color=TEXT)
        for side in ("top", "right", "bottom", "left"):
            axes.spines[side].set_visible(False)

    unit = f" in {UNITS[name]}" if name in UNITS else ""
    others = len(document["axes"]) - 2 - sum(len(axis["values"]) == 1 for axis in document["axes"])
    rest = " of all other axes" if others > 0 else ""
    return Chart(
        f"{title(name)}: {title(across['name'])} and {title(down['name'])}",
        (("fill", f"stronger is better; the best{rest}{unit}"),),
        f"Down: {title(down['name'])}.",
        draw(
            paint,
            WIDTH,
            height,
            f"heat-{_key(name)}-{_key(across['name'])}-{_key(down['name'])}",
            f"{title(name)} over {across['name']} and {down['name']}",
        ),
    )


def scaling(curves: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Draw speed-up and efficiency over processing elements, with the knee of every curve; many curves in facets."""
    drawn = []
    for index, (about, members) in enumerate(facets(curves)):
        drawn.append(_curves(members, "speedup", f"Speed-up{about}", f"speed-up-{index}"))
        drawn.append(_curves(members, "efficiency", f"Efficiency{about}", f"efficiency-{index}"))
    return drawn


def facets(curves: Sequence[Mapping[str, Any]]) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Return curves in groups that one drawing can hold, each with what its members share: ", ws".

    Split along the axis that needs fewest drawings; where none is enough, the first curves stand for all.
    """
    if not curves:
        return []
    if len(curves) <= len(LINES):
        return [("", curves)]
    options = []
    for name in curves[0]["labels"]:
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for curve in curves:
            groups.setdefault(curve_in_words({"labels": {name: curve["labels"][name]}}), []).append(curve)
        if len(groups) <= MOST_FACETS and max(map(len, groups.values())) <= len(LINES):
            options.append([(name, words, members) for words, members in groups.items()])
    if not options:
        return [("", curves[: len(LINES)])]
    return [
        (
            f", {words}",
            [
                {**curve, "labels": {axis: value for axis, value in curve["labels"].items() if axis != name}}
                for curve in members
            ],
        )
        for name, words, members in min(options, key=len)
    ]


def _curves(shown: Sequence[Mapping[str, Any]], name: str, words: str, key: str) -> Chart:
    has_ideal = name == "speedup"
    factor = 1 if has_ideal else 100

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.13, 0.16, 0.84, 0.8))
        sizes = sorted({point["pes"] for curve in shown for point in curve["points"]})
        if has_ideal:
            axes.plot([sizes[0], sizes[-1]], [1, sizes[-1] / sizes[0]], color=PALETTE["drain"], linewidth=0.9)
        for curve, series in zip(shown, LINES, strict=False):
            xs = [point["pes"] for point in curve["points"]]
            ys = [factor * point[name] for point in curve["points"]]
            axes.plot(xs, ys, color=PALETTE[series], linewidth=1.5)
            at = curve["knee"]
            axes.plot([xs[at]], [ys[at]], "o", color=PALETTE[series], markersize=7, markeredgewidth=0)
        axes.set_xscale("log", base=2)
        if has_ideal:
            axes.set_yscale("log")
            most = max(point["speedup"] for curve in shown for point in curve["points"])
            doublings = range(max(1, math.ceil(math.log2(most))) + 1)
            axes.set_ylim(0.9, max(2.2, 1.2 * most))
            axes.set_yticks([2**power for power in doublings], [integer(2**power) for power in doublings])
        else:
            axes.set_ylim(0, 105)
        ticks = sizes[:: max(1, math.ceil(len(sizes) / 7))]
        axes.set_xticks(ticks, [integer(tick) for tick in ticks])
        axes.minorticks_off()
        _frame(axes, "pes", "")
        axes.set_ylabel("times as fast" if has_ideal else "%", fontsize=SMALL, color=TEXT)

    legend = [(series, curve_in_words(curve)) for curve, series in zip(shown, LINES, strict=False)]
    note = "The dot is the knee, where speed-up times efficiency is largest."
    note += " The thin line is the ideal." if has_ideal else ""
    return Chart(words, tuple(legend), note, draw(paint, WIDTH, _HEIGHT, key, words))


def _scale(axes: Axes, side: str, values: Sequence[float], name: str) -> None:
    """Choose a logarithmic axis for positive figures that span more than a factor of 30, and label it in words."""
    low, high = min(values), max(values)
    is_log = low > 0 and high / low > 30
    axis = axes.xaxis if side == "x" else axes.yaxis
    limits = axes.set_xlim if side == "x" else axes.set_ylim
    if is_log:
        (axes.set_xscale if side == "x" else axes.set_yscale)("log")
        limits(low / 1.3, high * 1.3)
    else:
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        limits(low - room, high + room)
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(lambda value, _: panel.thousands(value) if abs(value) >= 1000 else f"{value:g}")
    axis.set_minor_formatter(lambda value, _: "")


def _frame(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(_named(across), fontsize=SMALL, color=TEXT)
    axes.set_ylabel(_named(up), fontsize=SMALL, color=TEXT)
    axes.tick_params(which="both", length=0, labelsize=SMALL)
    axes.grid(which="major", color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _named(name: str) -> str:
    if not name:
        return ""
    unit = UNITS.get(name, "")
    return f"{title(name)} in {unit}" if unit else title(name)


def _ems(words: str) -> float:
    """Return the width of words in units of their size, generously."""
    return sum(0.72 if sign.isupper() else 0.56 for sign in words)


def _along_one(cells: Mapping[tuple[int, int], str]) -> bool:
    """Whether the figures, as they are shown, change along one axis at most: a map of two then tells nothing more."""
    columns: dict[int, set[str]] = {}
    lines: dict[int, set[str]] = {}
    for (column, line), value in cells.items():
        columns.setdefault(column, set()).add(value)
        lines.setdefault(line, set()).add(value)
    return all(len(found) == 1 for found in columns.values()) or all(len(found) == 1 for found in lines.values())


def _between(value: float, low: float, high: float) -> float:
    """Return where a value lies between the worst (0) and the best (1), on a logarithmic scale where that is wide."""
    if low > 0 and high > 0 and max(low, high) / min(low, high) > 30:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _short(name: str, value: float) -> str:
    """Write a figure for a cell."""
    scaled = value * SCALES.get(name, 1.0)
    if name in SHARES:
        return f"{scaled:.0f}" if value in (0, 1) else f"{scaled:.1f}"
    if abs(scaled) >= 1000:
        return panel.thousands(float(f"{scaled:.2g}")).replace(" ", "")
    return integer(scaled) if isinstance(value, int) else significant(scaled, 2)


def _size(columns: int) -> float:
    return SMALL if columns <= 8 else SMALL - 2.5


def _key(name: str) -> str:
    """Return a name as part of an id."""
    return "".join(sign if sign.isalnum() else "-" for sign in name)
