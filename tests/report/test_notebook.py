"""What a notebook shows: well-formed, self-contained, escaped, with the figures of the result itself."""

from __future__ import annotations

import re

import pytest

import accel
from accel.report import render_fragment, render_sweep_fragment
from accel.report.humane import integer
from accel.sweep import Sweep, load, sweep
from tests.report import sweeps
from tests.report.conftest import lenet5_run
from tests.report.pages import Page
from tests.report.test_page import HOSTILE

SPEC = {
    "sweep": {"name": "small", "networks": ["softmax-regression"]},
    "objectives": {"latency_cycles": "min", "pes": "min"},
    "axes": {"array.rows": [4, 8, 16], "array.dataflow": ["os", "ws"]},
}


def fragment(kind):
    """What a notebook shows of a run, an estimate or a sweep."""
    if kind == "run":
        return render_fragment(lenet5_run())
    if kind == "estimate":
        return accel.estimate("lenet5", "gupta2015")._repr_html_()
    return Sweep(sweeps.sweep())._repr_html_()


@pytest.mark.parametrize("kind", ["run", "estimate", "sweep"])
def test_is_self_contained(kind):
    """Tags balance, there is a table, and nothing of it is a script, a drawing, a reference or a whole page."""
    html = fragment(kind)
    page = Page(html)
    assert page.problems == []
    tags = {tag for tag, _ in page.tags}
    assert {"table", "thead", "tbody"} <= tags
    assert not tags & {"script", "svg", "html", "link", "img", "iframe"}
    assert not re.search(r"https?:|@import|url\(|src=|href=", html)
    assert not page.values("id")
    for word in ("None", "nan", "inf", "Undefined", "{'"):
        assert not [text for text in page.visible() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)], word
    for text in page.visible():
        assert not re.search(r"\d\.\d{6,}", text), text


@pytest.mark.parametrize("machine", ["gupta2015", "eyeriss"])
def test_an_estimate_shows_its_layers(machine):
    """Every layer with its cycles, and the totals; of a pipelined machine and of a batch likewise."""
    for found in (
        accel.estimate("lenet5", machine),
        accel.estimate("lenet5", machine, batch=4),
        accel.estimate("lenet5", accel.load_accelerator(machine, ["cores.schedule=layer pipelined"])),
    ):
        text = "\n".join(Page(found._repr_html_()).visible())
        for layer in found.layers:
            assert layer.name in text
            assert integer(layer.cycles.total) in text
        assert f"{integer(found.latency_cycles)} cycles" in text
        assert f"lenet5 on {machine}." in text
        assert ("4 inputs take" in text) == (found.batch == 4)


def test_a_sweep_from_python(tmp_path):
    """Runs, goes on, is read again, and shows its front; the points are those of the document."""
    found = sweep(SPEC, tmp_path / "small")
    assert len(found.points) == 6
    assert {point["status"] for point in found.points} == {"done"}
    assert {point["pes"] for point in found.front} <= {point["pes"] for point in found.points}
    assert (tmp_path / "small" / "sweep.html").is_file()
    assert load(tmp_path / "small").points == found.points == sweep(SPEC, tmp_path / "small").points
    text = "\n".join(Page(found._repr_html_()).visible())
    assert "6 points" in text
    for point in found.front:
        assert integer(point["latency_cycles"]) in text
    rows = Page(found._repr_html_()).tags
    assert sum(tag == "tr" for tag, _ in rows) == 1 + len(found.front)


def test_hostile_names_are_escaped():
    """Whatever a sweep names, nothing of it becomes a tag."""
    document = sweeps.sweep() | {"name": HOSTILE, "accelerator": HOSTILE}
    document["axes"][2] = {"name": HOSTILE, "keys": [], "values": [HOSTILE, "os"]}
    document["columns"][4] = HOSTILE
    html = render_sweep_fragment(document)
    assert "<script" not in html
    assert Page(html).problems == []
