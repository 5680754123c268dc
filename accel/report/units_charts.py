"""The drawings of the page of function units: error against table size, softmax errors, and a histogram per unit.

The contract is that of `accel.report.charts`, over the records of a survey. The surprise: both axes of
`cost_and_error` are logarithmic, so units without a table and units without an error stand on lines of their own
at the edge; a histogram is small enough to be written by hand, as one path per colour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import label, percent, raised, significant
from accel.report.panel import SMALL, WIDTH
from accel.report.svg import PALETTE, TEXT, UNITS_PER_INCH, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Unit = Mapping[str, Any]

_PLOT_HEIGHT = 250.0
_LEFT = 54.0
_GAP = 6.0
_LINE = 11.0
_SIGN = 0.56 * SMALL
_NAME_SIGNS = 22
_SHIFTS = sorted(range(-45, 46, 3), key=lambda shift: (abs(shift), -shift))
_LEAST_ULP = 0.05  # below this a unit counts as exact; it is drawn on the lowest line
_CLASS_COLOURS = ("fill", "steady", "stall")
_SPARK_BAR, _SPARK_HEIGHT = 5, 22
_WITHIN_ULP = 1.0


def cost_and_error(function: str, units: Sequence[Unit]) -> Chart | None:
    """Draw the largest error of every unit of a function over its table bits.

    A line joins units of one design that differ in the size of their tables; each is named at its end.
    """
    if len(units) < 2:
        return None
    series: dict[str, list[Unit]] = {}
    for unit in units:
        series.setdefault(_series(unit), []).append(unit)
    tables = [math.log2(unit["cost"]["table_bits"]) for unit in units if unit["cost"]["table_bits"]]
    lowest, highest = (math.floor(min(tables)), math.ceil(max(tables))) if tables else (9, 10)
    bare = lowest - 2.0  # where units without a table stand

    def place(unit: Unit) -> tuple[float, float]:
        bits = unit["cost"]["table_bits"]
        return (math.log2(bits) if bits else bare), math.log10(max(_LEAST_ULP, unit["error"]["max_ulp"]))

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((_LEFT / WIDTH, 0.15, (WIDTH - _LEFT) / WIDTH, 0.82))
        lines = {name: sorted(place(unit) for unit in own) for name, own in series.items()}
        points = [point for line in lines.values() for point in line]
        ends = {name: line[-1] for name, line in lines.items()}
        for line in lines.values():
            axes.plot(*zip(*line, strict=True), color=PALETTE["fill"], linewidth=1.2, zorder=1)
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, "o", color=PALETTE["steady"], markersize=5, markeredgewidth=0, clip_on=False, zorder=2)
        left = min(xs) - 0.5
        axes.set_xlim(left, left + max(_span(x - left, name) for name, (x, _) in ends.items()))
        axes.set_ylim(min(ys) - 0.35, max(max(ys) + 0.25, min(ys) + 1.5))
        _log_axes(axes, bare if min(xs) == bare else None, lowest, highest)
        _name_ends(axes, ends, points)

    name = label(function, _NAME_SIGNS)
    words = f"Largest error of {name} units over table bits"
    return Chart(
        f"{name}: error and tables",
        (("steady", "unit"), ("fill", "the same with other tables")),
        "Largest error in ulp over the bits of all tables, both logarithmic. Down and left is better.",
        draw(paint, WIDTH, _PLOT_HEIGHT, f"cost-{_key(function)}", words),
    )


def softmax_errors(units: Sequence[Unit]) -> Chart | None:
    """Draw the largest error of every softmax design, one dot per logit scale and number of classes."""
    return _softmax_chart(
        units,
        "max_error",
        "Largest error of a probability",
        "One dot for every logit scale. 1 is an output that is wrong altogether.",
        "softmax-errors",
    )


def softmax_flips(units: Sequence[Unit]) -> Chart | None:
    """Draw the share of rows whose largest class a softmax design changes."""
    return _softmax_chart(
        units,
        "argmax_flips",
        "Rows whose largest class changes",
        "One dot for every logit scale; rows without a flip stand at 0.",
        "softmax-flips",
    )


def spark(unit: Unit, bins: int) -> str:
    """Return the error histogram of a unit as a small drawing of `bins` bars, the same bins for every unit of a page.

    Bars stand for shares of all inputs on a square-root scale, so that one input in ten thousand still shows.
    """
    histogram = unit["error"]["histogram"]
    counts = list(histogram["counts"])
    peak = max(counts, default=0)
    paths: dict[str, list[str]] = {"within": [], "above": []}
    for index, (upper, count) in enumerate(zip(uppers(histogram), counts, strict=True)):
        if count:
            tall = max(1.5, _SPARK_HEIGHT * math.sqrt(count / peak))
            series = "within" if upper <= _WITHIN_ULP else "above"
            paths[series].append(f"M{index * _SPARK_BAR} {_SPARK_HEIGHT}v{-tall:.3g}h{_SPARK_BAR - 1}V{_SPARK_HEIGHT}z")
    drawn = "".join(
        f'<path d="{"".join(found)}" style="fill: var(--{series})"/>' for series, found in paths.items() if found
    )
    width = bins * _SPARK_BAR
    return (
        f'<svg class="spark" viewBox="0 0 {width} {_SPARK_HEIGHT + 2}" width="{width}" height="{_SPARK_HEIGHT + 2}" '
        f'role="img" aria-label="{within_in_words(unit)}"><path d="M0 {_SPARK_HEIGHT + 1}h{width}v1H0z" '
        f'style="fill: var(--grid)"/>{drawn}</svg>'
    )


def uppers(histogram: Mapping[str, Any]) -> list[float]:
    """Return the upper edge of every bin; edges may hold the lower end, too, and an open last bin ends at infinity."""
    edges = [math.inf if edge is None else float(edge) for edge in histogram["edges_ulp"]]
    count = len(histogram["counts"])
    return edges[len(edges) - count :] if len(edges) >= count else [*edges, *[math.inf] * (count - len(edges))]


def share_within(unit: Unit, ulp: float) -> float:
    """Return the share of inputs whose error is at most that many ulp."""
    histogram = unit["error"]["histogram"]
    total = sum(histogram["counts"])
    near = sum(
        count for upper, count in zip(uppers(histogram), histogram["counts"], strict=True) if upper <= ulp * 1.0001
    )
    return near / total if total else 0.0


def within_in_words(unit: Unit) -> str:
    """Say how many inputs a unit gets within half and one ulp."""
    half, one = percent(share_within(unit, 0.5)), percent(share_within(unit, 1.0))
    return f"{half} % of the inputs within 0.5 ulp, {one} % within 1 ulp"


def _softmax_chart(units: Sequence[Unit], figure_name: str, title: str, note: str, key: str) -> Chart | None:
    rows = [{"name": unit["design"]} for unit in units]
    classes = sorted({row["classes"] for unit in units for row in unit["rows"]})
    known = [row[figure_name] for unit in units for row in unit["rows"]]
    positive = [value for value in known if value]
    if not positive:
        return None
    floor = math.floor(math.log10(min(positive)))
    has_zero = len(positive) < len(known)
    start = floor - (1 if has_zero else 0)
    colours = dict(zip(classes, (*_CLASS_COLOURS, *["drain"] * len(classes)), strict=False))

    def place(value: float) -> float:
        return math.log10(value) if value else start

    def paint(figure: Figure) -> None:
        bounds = (start - 0.15, 0.05)
        axes = panel.rows_panel(
            figure, rows, panel.names_width(rows), WIDTH - 16, bounds, 1.3 * panel.ROW, baseline=False
        )
        for index, count in enumerate(classes):
            below = 0.22 * (index - (len(classes) - 1) / 2)
            scales = max(len(unit["rows"]) for unit in units)
            own = [[row[figure_name] for row in unit["rows"] if row["classes"] == count] for unit in units]
            for scale in range(scales):
                values = [place(row[scale]) if scale < len(row) else None for row in own]
                panel.dots(axes, values, colours[count], below)
        ticks = [*([start] if has_zero else []), *range(floor, 1)]
        panel.ticks(axes, ticks, lambda tick: "0" if has_zero and tick == start else _power(int(tick)))

    return Chart(
        title,
        tuple((colours[count], f"{count:,} classes") for count in classes),
        note,
        draw(paint, WIDTH, panel.height(len(rows), 1.3 * panel.ROW), key, f"{title} by softmax design"),
    )


def _series(unit: Unit) -> str:
    """Return what a unit shares with those that differ from it in table entries only: the design, other options."""
    options = dict(unit["options"] or {})
    if "entries" not in options:
        return label(unit["design"], _NAME_SIGNS)
    others = [f"{name.replace('_', ' ')} {value}" for name, value in options.items() if name != "entries"]
    return label(", ".join([unit["design"], *others]), _NAME_SIGNS)


def _span(across: float, name: str) -> float:
    """Return the span of an axis that leaves room for a name right of a point that lies `across` from its start."""
    width = WIDTH - _LEFT
    return across * width / (width - _SIGN * len(name) - 2 * _GAP) + 0.1


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], points: Sequence[tuple[float, float]]) -> None:
    """Write each name right of its point, moved until it covers no other name and no point.

    From the lowest point up: a name never slips below that of a lower point, so names read in the order of the points.
    """
    to_units = UNITS_PER_INCH / axes.figure.dpi
    floor = axes.transAxes.transform((0, 0))[1] * to_units + _LINE / 2
    dots = [_Place(x * to_units - 3, y * to_units, 6) for x, y in axes.transData.transform(points)]
    names: list[_Place] = []
    for name, point in sorted(ends.items(), key=lambda item: item[1][1]):
        x, y = axes.transData.transform(point) * to_units
        tries = [_Place(x + _GAP, y + shift, _SIGN * len(name)) for shift in _SHIFTS]
        free = (
            place
            for place in tries
            if place.y >= floor
            and not any(place.covers(dot) for dot in dots)
            and not any(place.beside(other) and place.y < other.y + _LINE for other in names)
        )
        place = next(free, tries[0])
        names.append(place)
        axes.annotate(
            name,
            point,
            xytext=(_GAP, place.y - y),
            textcoords="offset points",
            va="center_baseline",
            fontsize=SMALL,
            annotation_clip=False,
        )


class _Place(NamedTuple):
    """A line of text or a dot on a drawing: its left end, its middle, its width, in units."""

    x: float
    y: float
    width: float

    def beside(self, other: _Place) -> bool:
        """Tell whether both would meet at the same height."""
        return self.x < other.x + other.width and other.x < self.x + self.width

    def covers(self, other: _Place) -> bool:
        """Tell whether both meet."""
        return self.beside(other) and abs(self.y - other.y) < _LINE


def _log_axes(axes: Axes, bare: float | None, lowest: int, highest: int) -> None:
    """Label the axes of `cost_and_error`: powers of two below, powers of ten at the left."""
    step = max(1, math.ceil((highest - lowest) / 5))
    bits = list(range(lowest, highest + 1, step))
    positions, words = [float(exponent) for exponent in bits], [_bits(exponent) for exponent in bits]
    if bare is not None:
        positions, words = [bare, *positions], ["none", *words]
    axes.set_xticks(positions, words, fontsize=SMALL)
    low, high = axes.get_ylim()
    ulps = list(range(math.ceil(low), math.floor(high) + 1))
    axes.set_yticks(ulps, [significant(10.0**power, 1) for power in ulps], fontsize=SMALL)
    axes.set_xlabel("table bits", fontsize=SMALL, color=TEXT)
    axes.set_ylabel("largest error in ulp", fontsize=SMALL, color=TEXT)
    axes.yaxis.set_label_coords(-38 / (WIDTH - _LEFT), 0.5)
    axes.tick_params(length=0)
    axes.grid(color=PALETTE["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _bits(exponent: int) -> str:
    """Write a power of two as bits: 512, 4 Ki."""
    return f"{2**exponent}" if exponent < 10 else f"{2 ** (exponent - 10)} Ki"


def _power(exponent: int) -> str:
    """Write a power of ten."""
    return "1" if exponent == 0 else f"10{raised(exponent)}"


def _key(function: str) -> str:
    """Return a function's name as the start of ids."""
    return "".join(sign if sign.isalnum() else "-" for sign in function)
