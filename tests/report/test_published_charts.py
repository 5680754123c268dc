"""What the drawings of the page of published machines show is what the survey says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from accel.published.survey import survey
from accel.report import published_charts
from tests.report.test_charts import boxes, words


@pytest.fixture(scope="module")
def drawn():
    """The charts of every machine."""
    return {machine["machine"]: published_charts.charts(machine) for machine in survey()["machines"]}


@pytest.fixture(scope="module")
def rows():
    """Comparisons of one quantity of a machine, without the sum."""
    machines = {machine["machine"]: machine for machine in survey()["machines"]}

    def of(name, quantity):
        found = machines[name]["comparisons"]
        return [each for each in found if each["quantity"] == quantity and each["row"] != "all"]

    return of


def test_what_is_drawn(drawn):
    """Every measured quantity with rows that is not exact; the roofline first; DianNao has nothing to draw."""
    assert {name: [chart.title for chart in charts] for name, charts in drawn.items()} == {
        "eyeriss": ["Cycles", "Buffer, MB", "Latency, ms", "DRAM, MB", "DRAM of the mapping, MB"],
        "zhang2015": ["Time, ms"],
        "tpuv1": ["Roofline", "Rate, TOPS"],
        "diannao": [],
    }


def test_bars_are_predictions_and_strokes_measurements(drawn, rows):
    """Bar and stroke of a row stand to each other as predicted to measured; the error is written beside them."""
    chart = drawn["eyeriss"][3]
    found = rows("eyeriss", "DRAM")
    bars = sorted(boxes(chart, "fill"), key=lambda box: box[1])
    scale = bars[0][2] / found[0]["predicted"]
    assert [bar[2] for bar in bars] == pytest.approx([scale * row["predicted"] for row in found], abs=0.05)
    strokes = sorted(_strokes(chart), key=lambda stroke: stroke[1])
    assert [x - bars[0][0] for x, _ in strokes] == pytest.approx([scale * row["published"] for row in found], abs=0.05)
    said = words(chart)
    assert [word for word in said if word.endswith(" %")] == ["+133 %", "+111 %", "+174 %", "+199 %", "+222 %"]
    assert [word for word in said if word.startswith("conv")] == [row["row"] for row in found]


def test_roofline(drawn, rows):
    """A dot per measured and per predicted rate, every application's name, the peak and the ridge."""
    chart = drawn["tpuv1"][0]
    assert chart.svg.count("<use ") == len(rows("tpuv1", "rate")) + 4
    said = words(chart)
    assert {"MLP0", "MLP1", "LSTM0", "LSTM1", "CNN0", "CNN1", "91.8 TOPS", "ridge 1,349"} <= set(said)


def test_a_row_can_be_exact():
    """One exact row among others says so, without a percent sign."""
    plain = {"unit": "", "quantity": "cycles", "origin": "measured"}
    found = [
        {**plain, "row": "a", "predicted": 4, "published": 4, "error": 0.0},
        {**plain, "row": "b", "predicted": 3, "published": 4, "error": -0.25},
    ]
    assert [word for word in words(published_charts.bars(found, "key")) if word in ("exact", "−25.0 %")] == [
        "exact",
        "−25.0 %",
    ]


def _strokes(chart):
    """The upright strokes of a chart as (x, middle): what was measured."""
    found = []
    for path in ET.fromstring(chart.svg).iter("path"):
        if "stroke-width: 1.6" in path.attrib.get("style", ""):
            for x, top, bottom in re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)", path.attrib["d"]):
                found.append((float(x), (float(top) + float(bottom)) / 2))
    return found
