"""What the charts show is what the run says."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from importlib.resources import files

import pytest

from accel.report import charts
from accel.report.panel import round_ticks
from accel.report.svg import PALETTE
from tests.report.test_svg import corners

ALL = (charts.cycles, charts.utilization, charts.noise, charts.magnitudes, charts.accumulators, charts.traffic)


def boxes(chart, series):
    """The filled boxes of one series as (x, y, width, height), in drawing order."""
    found = []
    for path in ET.fromstring(chart.svg).iter("path"):
        if f"fill: var(--{series}," not in path.attrib.get("style", ""):
            continue
        shape: list[tuple[float, float]] = []
        for point in corners(path.attrib["d"]):
            if point == "z":
                xs, ys = zip(*shape, strict=True)
                found.append((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))
                shape = []
            else:
                shape.append((float(point[1]), float(point[2])))
    return found


def words(chart):
    """Every text of a chart."""
    return [text.text for text in ET.fromstring(chart.svg).iter("text")]


def test_every_layer_is_named(run):
    """Each chart names the layers it draws, in network order."""
    names = [layer["name"] for layer in run["layers"]]
    for chart in ALL:
        drawn = [word for word in words(chart(run["layers"])) if word in names]
        assert drawn == [name for name in names if name in drawn]
        assert len(drawn) >= 5


def test_bars_are_as_long_as_the_cycles(run):
    """Every part of every stacked bar has a length proportional to its cycles, and parts stand end to end."""
    chart = charts.cycles(run["layers"])
    halfway = 384 * 0.7
    drawn = {
        part: [box for box in boxes(chart, part) if box[0] < halfway] for part in ("fill", "steady", "drain", "stall")
    }
    longest = max(run["layers"], key=lambda layer: layer["cycles"]["total"])
    scale = sum(drawn[part][index][2] for part, index in _rows(run, longest).items()) / longest["cycles"]["total"]
    for part, found in drawn.items():
        expected = [layer["cycles"][part] for layer in run["layers"] if layer["cycles"][part]]
        assert [box[2] for box in found] == pytest.approx([scale * cycles for cycles in expected], abs=0.02)


def _rows(run, layer):
    """Where the layer's box stands among the boxes of each part (zero cycles draw none)."""
    rows = {}
    for part in ("fill", "steady", "drain", "stall"):
        drawn = [each["name"] for each in run["layers"] if each["cycles"][part]]
        if layer["name"] in drawn:
            rows[part] = drawn.index(layer["name"])
    return rows


def test_magnitudes_are_sorted_by_the_format(run):
    """Values below one lsb, within the range and beyond it are three series, bin by bin."""
    layer = run["layers"][0]
    layer["format"] = "Q3.4"  # lsb 2^-4, magnitudes below 2^2
    layer["histogram"] = {"edges": list(range(-6, 6)), "counts": [1] * 12}  # bins [2^-7, 2^-6) ... [2^4, 2^5)
    chart = charts.magnitudes([layer])
    assert [len(boxes(chart, series)) for series in ("below", "within", "above")] == [3, 6, 3]
    ((left, _, width, _),) = boxes(chart, "band")
    inside = boxes(chart, "within")
    assert left < inside[0][0] < inside[-1][0] + inside[-1][2] < left + width


def test_magnitudes_without_a_format(run):
    """A layer without a format shows its values and no band."""
    layer = {**run["layers"][0], "format": None}
    chart = charts.magnitudes([layer])
    assert boxes(chart, "band") == boxes(chart, "above") == boxes(chart, "below") == []
    assert boxes(chart, "within")


def test_accumulator_that_does_not_fit(run):
    """A worst sum wider than its accumulator changes colour and says how wide it is."""
    run["layers"][0]["accumulator"].update(format="Q8.8", needed_bits=21)
    chart = charts.accumulators(run["layers"])
    assert len(boxes(chart, "stall")) == 1
    assert len(boxes(chart, "fill")) == 4
    assert len(boxes(chart, "steady")) == 5
    assert "21 of 16" in words(chart)


def test_no_error_is_said(run):
    """A layer without any error reads "no error", one without a ratio but with an error shows a dash."""
    run["layers"][0]["error"] = {"max_lsb": 0.0, "sqnr_db": None}
    run["layers"][1]["error"] = {"max_lsb": 2.0, "sqnr_db": None}
    run["layers"][2]["error"] = {"max_lsb": 2000.0, "sqnr_db": -3.0}
    said = words(charts.noise(run["layers"]))
    assert "no error" in said
    assert "– dB · 2.00 lsb" in said
    assert "-3.00 dB · 2,000 lsb" in said


def test_unknown_operands_are_drawn(run):
    """Bytes of an operand we have no colour for are drawn and named, not dropped."""
    run["layers"][0]["bytes"]["dram"].update(bias=24, scale=12)
    chart = charts.traffic(run["layers"])
    assert chart.legend[-2:] == (("drain", "bias"), ("drain", "scale"))
    assert len(boxes(chart, "drain")) == 2


def test_nothing_to_draw(run):
    """A chart without figures is None, never an empty frame."""
    bare = {
        **run["layers"][0],
        "macs": 0,
        "cycles": dict.fromkeys(run["layers"][0]["cycles"], 0),
        "bytes": {},
        "error": None,
        "histogram": None,
        "accumulator": None,
    }
    for chart in ALL:
        assert chart([bare]) is None
        assert chart([]) is None
    assert charts.roofline([bare], 256, 8.0) is None
    assert charts.roofline(run["layers"], 256, 0.0) is None


def test_roofline_names_every_layer(run):
    """Every layer that multiplies is named once, also where points lie on top of each other."""
    said = ", ".join(words(charts.roofline(run["layers"], 256, 8.0)))
    for layer in run["layers"]:
        assert len(re.findall(rf"(?<![\w.]){re.escape(layer['name'])}(?![\w.])", said)) == (1 if layer["macs"] else 0)


@pytest.mark.parametrize(
    ("highest", "count", "ticks"),
    [
        (12008, 2, [0, 5000, 10000]),
        (62.8, 3, [0, 20, 40, 60]),
        (1, 2, [0, 0.5, 1]),
        (0, 3, [0]),
        (7e9, 3, [0, 2e9, 4e9, 6e9]),
    ],
)
def test_round_ticks(highest, count, ticks):
    """Ticks are round numbers, at most `count` beside zero."""
    assert round_ticks(highest, count) == pytest.approx(ticks)


def linear(colour):
    """sRGB hex to linear light."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)


def contrast(one, other):
    """WCAG 2.2 contrast ratio."""
    light, dark = sorted(
        (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(each), strict=True)) for each in (one, other)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def themes():
    """The colour variables of the style sheet, light and dark."""
    style = (files("accel.report") / "templates" / "page.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", root)) for root in roots]


# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009,
# severity 1.0, on linear light.
DEFICIENCIES = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
STACKS = (("fill", "steady", "drain", "stall"), ("input", "weight", "output"), ("within", "below", "above"))


def lab(light):
    """Linear sRGB to CIE L*a*b* (D65)."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    ratios = [
        max(0.0, sum(a * b for a, b in zip(row, light, strict=True))) / limit
        for row, limit in zip(rows, white, strict=True)
    ]
    x, y, z = (r ** (1 / 3) if r > 0.008856 else 7.787 * r + 16 / 116 for r in ratios)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
@pytest.mark.parametrize("eye", [*DEFICIENCIES, "normal"])
def test_series_can_be_told_apart(theme, eye):
    """Colours that meet in one chart differ by 25 or more in CIE Lab, for normal and colour-blind eyes."""
    matrix = DEFICIENCIES.get(eye, ((1, 0, 0), (0, 1, 0), (0, 0, 1)))

    def seen(name):
        light = linear(theme[name])
        return lab([min(1, max(0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in matrix])

    for stack in STACKS:
        for one, other in itertools.combinations(stack, 2):
            distance = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
            assert distance >= 25, (one, other, distance)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_contrast(theme):
    """Text has 4.5:1 against the page and against shaded rows, everything drawn 3:1 (WCAG 2.2, 1.4.3 and 1.4.11)."""
    for name in ("ink", "soft", "link", "warm"):
        assert contrast(theme[name], theme["page"]) >= 4.5, name
        assert contrast(theme[name], theme["wash"]) >= 4.5, name
    for name in itertools.chain(*STACKS):
        assert contrast(theme[name], theme["page"]) >= 3, name
    assert contrast(theme["within"], theme["band"]) >= 3


def test_every_series_has_its_variable():
    """Each palette name is a variable of both themes, and no two palette colours are equal."""
    assert len(set(PALETTE.values())) == len(PALETTE)
    for theme in themes():
        assert set(PALETTE) <= set(theme)
