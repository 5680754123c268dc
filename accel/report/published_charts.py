"""The drawings of the page of published machines: predictions as bars beside measured strokes, and a roofline.

The contract is that of `accel.report.charts`, over one machine of a survey. The surprise: a bar is always the
prediction and the stroke what was measured, so that a bar beyond its stroke is a prediction that is too high.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.charts import Chart
from accel.report.humane import integer, label
from accel.report.panel import SMALL, WIDTH
from accel.report.published_words import SUM, Document, capital, error_in_words, is_exact
from accel.report.svg import PALETTE, TEXT, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROOM = 66.0
_ROW = 1.15 * panel.ROW
_ROOF_HEIGHT = 290.0
_MEASURED, _RATE = "measured", "rate"


def charts(machine: Document) -> list[Chart]:
    """Draw every quantity of a machine that was measured row by row and is not exact, after its roofline."""
    drawn: dict[str, list[Document]] = {}
    for each in machine["comparisons"]:
        if each["origin"] == _MEASURED and each["row"] not in ("", SUM):
            drawn.setdefault(each["quantity"], []).append(each)
    roof = machine["roofline"]
    made = [roofline(roof, drawn[_RATE])] if roof and _RATE in drawn else []
    known = {quantity: [row for row in rows if row["predicted"] is not None] for quantity, rows in drawn.items()}
    return made + [
        bars(rows, f"{machine['machine']}-{index}")
        for index, rows in enumerate(known.values())
        if not all(map(is_exact, rows))
    ]


def bars(rows: Sequence[Document], key: str) -> Chart:
    """Draw the predictions of one quantity as bars, what was measured as strokes, and the errors beside them."""
    unit = rows[0]["unit"]
    title = capital(label(", ".join(filter(None, (rows[0]["quantity"], unit)))))
    ends = [max(row["predicted"], row["published"]) for row in rows]

    def paint(figure: Figure) -> None:
        names = [{"name": row["row"]} for row in rows]
        axes = panel.rows_panel(figure, names, panel.names_width(names), WIDTH - _ROOM, (0, max(ends)), _ROW)
        panel.stack(axes, [[row["predicted"]] for row in rows], ("fill",))  # a stroke shows on it, light or dark
        panel.marks(axes, [row["published"] for row in rows])
        for index, (row, end) in enumerate(zip(rows, ends, strict=True)):
            panel.say(axes, index, end, "exact" if is_exact(row) else f"{error_in_words(row)} %")
        panel.ticks(axes, panel.round_ticks(max(ends), 4), panel.thousands)

    return Chart(
        title,
        (("fill", "predicted"), ("mark", _MEASURED)),
        "Beside each: the error. A bar beyond its stroke is a prediction that is too high.",
        draw(paint, WIDTH, panel.height(len(rows), _ROW), key, f"{title}, predicted and {_MEASURED}"),
    )


def roofline(roof: Mapping[str, Any], rates: Sequence[Document]) -> Chart:
    """Draw the roof of a machine, and over their MACs per byte the rates that applications attain and are predicted.

    roof: "peak_tops", "ridge" (MACs per byte), "macs_per_byte" by application.
    """
    peak, ridge, intensity = roof["peak_tops"], roof["ridge"], roof["macs_per_byte"]
    measured = [(label(row["row"], panel.NAME_SIGNS), intensity[row["row"]], row["published"]) for row in rates]
    predicted = [(intensity[row["row"]], row["predicted"]) for row in rates if row["predicted"] is not None]

    def paint(figure: Figure) -> None:
        xs, ys = [x for _, x, _ in measured], [y for _, _, y in measured]
        low, high = min(ridge, *xs) / 2.5, max(ridge, *xs) * 6
        floor = min(low / ridge * peak, *ys) / 1.5
        axes = figure.add_axes((0.12, 0.14, 0.85, 0.83))
        axes.loglog([low, ridge, high], [low / ridge * peak, peak, peak], color=PALETTE["stall"], linewidth=1.6)
        axes.plot([ridge, ridge], [floor, peak], color=PALETTE["stall"], linewidth=0.9, linestyle=(0, (3, 3)))
        axes.set_xlim(low, high)
        axes.set_ylim(floor, peak * 2.2)
        axes.text(high, peak * 1.12, f"{peak:.1f} TOPS", ha="right", fontsize=SMALL)
        axes.text(ridge * 1.1, floor * 1.12, f"ridge {integer(ridge)}", fontsize=SMALL)
        for points, series in ((predicted, "fill"), (list(zip(xs, ys, strict=True)), "steady")):
            if points:
                axes.plot(*zip(*points, strict=True), "o", color=PALETTE[series], markersize=5, markeredgewidth=0)
        axes.set_xlabel("MACs per byte of weights", fontsize=SMALL, color=TEXT)
        axes.set_ylabel("TOPS", fontsize=SMALL, color=TEXT)
        panel.plain_log(axes)
        for name, x, y in measured:  # lower than its dot, because the roof may be just above that
            axes.annotate(name, (x, y), xytext=(6, -9), textcoords="offset points", fontsize=SMALL)

    return Chart(
        "Roofline",
        (("stall", "roof of matrix unit and weight memory"), ("fill", "predicted"), ("steady", _MEASURED)),
        "Both axes logarithmic. Left of the ridge weights set the pace, right of it the matrix unit.",
        draw(paint, WIDTH, _ROOF_HEIGHT, "roofline", "Roofline: TOPS over MACs per byte of weights"),
    )
