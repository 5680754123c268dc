"""The charts of a run: where cycles go, utilisation, noise, magnitudes, accumulators, DRAM traffic, roofline.

The contract: each function takes a run's layers and returns a `Chart`, or None when there is nothing to draw. Drawn
by matplotlib's SVG backend, imported only when something is drawn. The surprise: magnitudes stand on an axis of powers
of two, so that a format is the band from its lsb to its most significant bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accel.report import panel
from accel.report.humane import byte_size, integer, label, percent, significant
from accel.report.panel import ROW, SMALL, WIDTH, Box, Layers
from accel.report.prose import available_bits
from accel.report.stored import Stored
from accel.report.svg import PALETTE, TEXT, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TALL_ROW = 1.35 * ROW
_ROOFLINE_HEIGHT = 270.0
_TAIL = 0.002
_OPERANDS = ("input", "weight", "output")


@dataclass(frozen=True)
class Chart:
    """A drawing with its title, its legend ((palette name or "mark", words) pairs) and a sentence on how to read it."""

    title: str
    legend: tuple[tuple[str, str], ...]
    note: str
    svg: str


def cycles(layers: Layers) -> Chart | None:
    """Draw each layer's cycles as fill + steady + drain + stall: in absolute numbers, and as shares of the layer."""
    parts = ("fill", "steady", "drain", "stall")
    totals = [layer["cycles"]["total"] for layer in layers]
    if not any(totals):
        return None

    def paint(figure: Figure) -> None:
        left = panel.names_width(layers)
        middle = left + (WIDTH - left) * 0.7
        absolute = panel.rows_panel(figure, layers, left, middle - 60, (0, max(totals)))
        share = panel.rows_panel(figure, layers, middle, WIDTH - 20, (0, 100), named=False)
        counts = [[layer["cycles"][part] for part in parts] for layer in layers]
        panel.stack(absolute, counts, parts)
        panel.stack(share, [[100 * count / max(1, sum(row)) for count in row] for row in counts], parts)
        for row, total in enumerate(totals):
            panel.say(absolute, row, total, integer(total))
        panel.ticks(absolute, panel.round_ticks(max(totals), 2), panel.thousands)
        panel.ticks(share, [0, 50, 100], _percent_tick)

    return Chart(
        "Where the cycles go",
        tuple((part, part) for part in parts),
        "Left: cycles that each layer adds to the latency. Right: the same bars stretched to 100 %.",
        draw(
            paint,
            WIDTH,
            panel.height(len(layers)),
            "cycles",
            "Cycles per layer: fill, steady, drain and stall",
        ),
    )


def utilization(layers: Layers) -> Chart | None:
    """Draw each MAC layer's utilisation as a bar and its mapping efficiency as the mark it cannot pass."""
    drawn = [layer for layer in layers if layer["macs"]]
    if not drawn:
        return None

    def paint(figure: Figure) -> None:
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - 92, (0, 100))
        panel.stack(axes, [[100 * layer["utilization"]] for layer in drawn], ("steady",))
        panel.marks(axes, [100 * (layer["mapping_efficiency"] or 0) for layer in drawn])
        for row, layer in enumerate(drawn):
            efficiency = layer["mapping_efficiency"] or 0
            end = 100 * max(layer["utilization"], efficiency)
            panel.say(axes, row, end, f"{percent(layer['utilization'])} of {percent(efficiency)} %")
        panel.ticks(axes, [0, 50, 100], _percent_tick)

    return Chart(
        "Utilization of the array",
        (("steady", "utilization"), ("mark", "mapping efficiency")),
        "The gap between bar and mark is time lost to fill, drain and stalls; beyond the mark PEs have no work.",
        draw(
            paint,
            WIDTH,
            panel.height(len(drawn)),
            "utilization",
            "Utilization and mapping efficiency per layer",
        ),
    )


def noise(layers: Layers) -> Chart | None:
    """Draw the SQNR of every layer in dB, with the largest error in lsb beside it."""
    drawn = [layer for layer in layers if layer["error"] is not None]
    if not drawn:
        return None
    ratios = [layer["error"]["sqnr_db"] or 0.0 for layer in drawn]

    def paint(figure: Figure) -> None:
        bounds = (min(0.0, *ratios), max(1.0, *ratios))
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - 122, bounds)
        panel.stack(axes, [[ratio] for ratio in ratios], ("steady",))
        for row, layer in enumerate(drawn):
            panel.say(axes, row, max(ratios[row], 0), _error_in_words(layer["error"]))
        panel.ticks(axes, panel.round_ticks(bounds[1], 3), lambda tick: f"{tick:g} dB")

    return Chart(
        "Signal to quantization noise",
        (("steady", "SQNR in dB, and the largest error in lsb"),),
        "Against float64, with the errors of all earlier layers in it. 6.02 dB is one bit.",
        draw(paint, WIDTH, panel.height(len(drawn)), "noise", "Signal to quantization noise ratio per layer"),
    )


def magnitudes(layers: Layers) -> Chart | None:
    """Draw how large the golden values of each layer are, over the band of magnitudes that its format represents."""
    drawn = [layer for layer in layers if layer["histogram"] and any(layer["histogram"]["counts"])]
    if not drawn:
        return None

    def paint(figure: Figure) -> None:
        spans = [_span(layer) for layer in drawn]
        bounds = (min(low for low, _ in spans) - 0.5, max(high for _, high in spans) + 0.5)
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - 58, bounds, _TALL_ROW, baseline=False)
        boxes: dict[str, list[Box]] = {"band": [], "within": [], "below": [], "above": []}
        for row, layer in enumerate(drawn):
            for series, box in _magnitude_boxes(row, layer):
                boxes[series].append(box)
            panel.say(axes, row, bounds[1], layer["format"] or "")
        for series, filled in boxes.items():
            panel.fill(axes, filled, series)
        step = max(2, 2 * math.ceil((bounds[1] - bounds[0]) / 14))
        first = step * math.ceil(bounds[0] / step)
        panel.ticks(axes, list(range(first, math.floor(bounds[1]) + 1, step)), panel.power_of_two)

    words = "Magnitudes of the values of each layer, over the range its format represents"
    return Chart(
        "Magnitudes against the format",
        (
            ("band", "representable"),
            ("within", "values"),
            ("below", "below one lsb"),
            ("above", "beyond the range"),
        ),
        "Golden values by power of two, scaled to the peak of the row; zeros and the thin low tail are left out.",
        draw(paint, WIDTH, panel.height(len(drawn), _TALL_ROW), "magnitudes", words),
    )


def accumulators(layers: Layers) -> Chart | None:
    """Draw the bits that the worst sum of each layer needs, those that were seen, and where its accumulator ends."""
    drawn = [layer for layer in layers if layer["accumulator"] and layer["accumulator"]["needed_bits"] is not None]
    if not drawn:
        return None
    sums = [layer["accumulator"] for layer in drawn]
    needed = [each["needed_bits"] for each in sums]
    available = [available_bits(each) for each in sums]

    def paint(figure: Figure) -> None:
        widest = max(needed + available)
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - 62, (0, widest))
        pairs = list(zip(needed, available, strict=True))
        panel.stack(axes, [(bits, 0) if bits <= width else (0, bits) for bits, width in pairs], ("fill", "stall"))
        panel.stack(axes, [(each.get("observed_bits", 0),) for each in sums], ("steady",), thickness=0.24)
        panel.marks(axes, available)
        for row, (bits, width) in enumerate(pairs):
            panel.say(axes, row, max(bits, width), f"{bits} of {width}")
        panel.ticks(axes, list(range(0, widest + 1, 8 if widest <= 48 else 16)), lambda tick: f"{tick:g}")

    legend = [("fill", "needed, fits"), ("stall", "needed, does not fit"), ("steady", "seen"), ("mark", "available")]
    return Chart(
        "Accumulator bits",
        tuple(pair for pair in legend if pair[0] != "steady" or any("observed_bits" in each for each in sums)),
        "Needed: for the worst sum that these weights can make of any input in the format.",
        draw(paint, WIDTH, panel.height(len(drawn)), "accumulators", "Accumulator bits needed and available per layer"),
    )


def traffic(layers: Layers) -> Chart | None:
    """Draw the bytes that each layer moves to and from DRAM, by operand."""
    drawn = [layer for layer in layers if any(layer["bytes"].get("dram", {}).values())]
    if not drawn:
        return None
    moved = [layer["bytes"]["dram"] for layer in drawn]
    present = {operand for row in moved for operand, count in row.items() if count}
    operands = [name for name in _OPERANDS if name in present] + sorted(present - set(_OPERANDS))
    totals = [sum(row.values()) for row in moved]

    def paint(figure: Figure) -> None:
        axes = panel.rows_panel(figure, drawn, panel.names_width(drawn), WIDTH - 62, (0, max(totals)))
        series = [_operand_colour(operand) for operand in operands]
        panel.stack(axes, [[row.get(operand, 0) for operand in operands] for row in moved], series)
        for row, total in enumerate(totals):
            panel.say(axes, row, total, byte_size(total))
        panel.ticks(axes, panel.round_ticks(max(totals), 3), lambda tick: panel.thousands(tick, "B"))

    return Chart(
        "DRAM traffic",
        tuple((_operand_colour(operand), operand) for operand in operands),
        "Bytes to and from DRAM for one input, by operand (1 kB = 1000 B). Layers that stay on chip are left out.",
        draw(paint, WIDTH, panel.height(len(drawn)), "traffic", "DRAM bytes per layer and operand"),
    )


def roofline(layers: Layers, pes: int, dram_bytes_per_cycle: float) -> Chart | None:
    """Draw each MAC layer's speed over its MACs per DRAM byte, under the roof of array and DRAM."""
    points = [
        (
            label(layer["name"], panel.NAME_SIGNS),
            layer["macs"] / moved,
            layer["macs"] / layer["cycles"]["total"],
        )
        for layer in layers
        if layer["macs"] and layer["cycles"]["total"] and (moved := sum(layer["bytes"].get("dram", {}).values()))
    ]
    if not points or dram_bytes_per_cycle <= 0:
        return None

    def paint(figure: Figure) -> None:
        ridge = pes / dram_bytes_per_cycle
        low, high = min(ridge, *(x for _, x, _ in points)) / 3, max(ridge, *(x for _, x, _ in points)) * 8
        axes = figure.add_axes((0.12, 0.15, 0.85, 0.81))
        axes.loglog([low, ridge, high], [low * dram_bytes_per_cycle, pes, pes], color=PALETTE["stall"], linewidth=1.6)
        axes.set_xlim(low, high)
        axes.set_ylim(min(low * dram_bytes_per_cycle, *(y for _, _, y in points)) / 2, pes * 3)
        axes.text(high, pes * 1.15, f"{integer(pes)} MACs per cycle", ha="right", fontsize=SMALL)
        xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
        axes.plot(xs, ys, "o", color=PALETTE["steady"], markersize=5, markeredgewidth=0)
        axes.set_xlabel("MACs per DRAM byte", fontsize=SMALL, color=TEXT)
        axes.set_ylabel("MACs per cycle", fontsize=SMALL, color=TEXT)
        panel.plain_log(axes)
        panel.name_points(figure, axes, points)

    return Chart(
        "Roofline",
        (("stall", "roof of array and DRAM"), ("steady", "layer")),
        "On the slope DRAM sets the pace, on the flat the array. Below the roof: fill, drain and idle PEs.",
        draw(paint, WIDTH, _ROOFLINE_HEIGHT, "roofline", "Roofline: MACs per cycle over MACs per DRAM byte"),
    )


def _magnitude_boxes(row: int, layer: Mapping[str, Any]) -> Iterator[tuple[str, Box]]:
    """Yield the band of the layer's format, then its histogram as bars that stand on the row's base."""
    base, tall, least = row + 0.4, 0.74, 0.03
    low, high = _representable(layer)
    if low < high:
        yield "band", Box(low, row - 0.43, high - low, 0.86)
    bins = _bins(layer)
    peak = max(count for _, count in bins)
    for exponent, count in bins:
        series = "within" if low == high or low <= exponent < high else "below" if exponent < low else "above"
        yield series, Box(exponent + 0.07, base, 0.86, -max(least, tall * count / peak))


def _bins(layer: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return (e, count of magnitudes in [2^e, 2^(e+1))); a run names each bin by its upper edge.

    The thin tail of ever smaller values is left out, single large values never.
    """
    histogram = layer["histogram"]
    pairs = [(edge - 1, count) for edge, count in zip(histogram["edges"], histogram["counts"], strict=True)]
    peak = max(histogram["counts"])
    first = next(index for index, (_, count) in enumerate(pairs) if count >= _TAIL * peak)
    return [(exponent, count) for exponent, count in pairs[first:] if count]


def _representable(layer: Mapping[str, Any]) -> tuple[int, int]:
    """Return the exponents of a layer's format, equal when it has none."""
    return Stored.parse(layer["format"]).exponents if layer["format"] else (0, 0)


def _span(layer: Mapping[str, Any]) -> tuple[int, int]:
    """Return the exponents that a row shows: all values and, where there is a format, all of its band."""
    exponents = [exponent for exponent, _ in _bins(layer)]
    low, high = _representable(layer)
    ends = (min(exponents), max(exponents) + 1)
    return ends if low == high else (min(low, ends[0]), max(high, ends[1]))


def _error_in_words(error: Mapping[str, Any]) -> str:
    if error["sqnr_db"] is None and error["max_lsb"] == 0:
        return "no error"
    return f"{significant(error['sqnr_db'])} dB · {significant(error['max_lsb'])} lsb"


def _operand_colour(operand: str) -> str:
    return operand if operand in _OPERANDS else "drain"


def _percent_tick(value: float) -> str:
    return f"{value:g} %"
