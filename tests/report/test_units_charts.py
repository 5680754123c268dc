"""What the drawings of the page of units show is what the survey says."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from accel.report import units_charts
from tests.report.survey import SOFTMAX, UNITS, survey
from tests.report.test_charts import words


@pytest.fixture
def units():
    """The units of a survey by function."""
    found: dict[str, list[dict]] = {}
    for unit in survey()["unary"]:
        found.setdefault(unit["function"], []).append(unit)
    return found


def test_every_unit_is_a_dot(units):
    """A chart has one dot per unit; its designs are named, those of several options by the options."""
    for function, own in units.items():
        chart = units_charts.cost_and_error(function, own)
        if len(own) == 1:
            assert chart is None
            continue
        assert chart.svg.count("<use ") == len(own)
        said = words(chart)
        for design in {row[1] for row in UNITS if row[0] == function}:
            assert any(word.startswith(design) for word in said), design
    assert {f"lut-newton, steps {steps}" for steps in range(3)} <= set(
        words(units_charts.cost_and_error("reciprocal", units["reciprocal"]))
    )


def test_names_do_not_cover_each_other(units):
    """No two names of a chart meet, and none leaves it."""
    for function, own in units.items():
        chart = units_charts.cost_and_error(function, own)
        if chart is None:
            continue
        root = ET.fromstring(chart.svg)
        width = float(root.attrib["viewBox"].split()[2])
        designs = {unit["design"] for unit in own}
        names = [text for text in root.iter("text") if text.text.split(",")[0] in designs]
        places = [(*_position(text), 5.6 * len(text.text)) for text in names]
        for index, (x, y, wide) in enumerate(places):
            assert x + wide <= width + 1
            for u, v, broad in places[index + 1 :]:
                assert abs(y - v) >= 10.5 or x + wide <= u or u + broad <= x, (function, names[index].text)


def _position(text):
    if "x" in text.attrib:
        return float(text.attrib["x"]), float(text.attrib["y"])
    x, y = re.search(r"translate\(([\d.-]+) ([\d.-]+)\)", text.attrib["transform"]).groups()
    return float(x), float(y)


def test_extremes_are_drawn(units):
    """A unit without an error and units without tables stand at the edges."""
    exact = [{**unit, "error": {**unit["error"], "max_ulp": 0.0}} for unit in units["reciprocal"]]
    assert units_charts.cost_and_error("reciprocal", exact) is not None
    bare = [{**unit, "cost": {**unit["cost"], "table_bits": 0}} for unit in units["tanh"]]
    assert "none" in words(units_charts.cost_and_error("tanh", bare))
    assert "none" not in words(units_charts.cost_and_error("exp", units["exp"]))


def test_histograms(units):
    """Every bin that holds an input is a bar, in the colour of what is beyond 1 ulp, as wide as on any other unit."""
    for unit in units["exp"]:
        drawing = ET.fromstring(units_charts.spark(unit, 18))
        counts = unit["error"]["histogram"]["counts"]
        bars = {path.attrib["style"]: path.attrib["d"].count("M") for path in drawing.iter("path")}
        assert bars.get("fill: var(--within)", 0) == sum(count > 0 for count in counts[:4])
        assert bars.get("fill: var(--above)", 0) == sum(count > 0 for count in counts[4:])
        assert drawing.attrib["viewBox"] == "0 0 90 24"
        assert drawing.attrib["aria-label"].endswith("within 1 ulp")


@pytest.mark.parametrize(
    ("edges", "expected"),
    [([0, 1, 2], [1, 2]), ([1, 2], [1, 2]), ([1], [1, math.inf]), ([0, 1, None], [1, math.inf])],
)
def test_edges(edges, expected):
    """Edges with both ends, upper ones only, or with an open last bin give the upper edge of every bin."""
    assert units_charts.uppers({"edges_ulp": edges, "counts": [3, 1]}) == expected


def test_shares(units):
    """The share within one ulp counts whole bins."""
    unit = {"error": {"histogram": {"edges_ulp": [0.0, 0.5, 1.0, 2.0], "counts": [6, 1, 1]}}}
    assert units_charts.share_within(unit, 0.5) == 0.75
    assert units_charts.share_within(unit, 1.0) == 0.875
    assert units_charts.within_in_words(unit) == "75.0 % of the inputs within 0.5 ulp, 87.5 % within 1 ulp"
    assert units_charts.share_within({"error": {"histogram": {"edges_ulp": [1.0], "counts": [0]}}}, 1.0) == 0


def test_softmax_charts():
    """Every design has a dot per logit scale and number of classes; a share of zero has a place of its own."""
    softmax = survey()["softmax"]
    for chart in (units_charts.softmax_errors(softmax), units_charts.softmax_flips(softmax)):
        assert chart.svg.count("<use ") == 9 * len(SOFTMAX)
        assert [word for word in words(chart) if word in SOFTMAX] == list(SOFTMAX)
        assert [name for _, name in chart.legend] == ["10 classes", "100 classes", "1,000 classes"]
    assert "0" in words(units_charts.softmax_flips(softmax))
    assert "0" not in words(units_charts.softmax_errors(softmax))


def test_nothing_to_draw():
    """No softmax, or none with a flip, draws nothing."""
    reference = survey()["softmax"][:1]
    assert units_charts.softmax_flips(reference) is None
    assert units_charts.softmax_errors([]) is None
