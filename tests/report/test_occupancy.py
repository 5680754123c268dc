"""The chart of occupancy: a bar for every buffer of every layer that has any, the fullest one in words."""

from __future__ import annotations

import re

import accel
from accel.report.export import estimate_document
from accel.report.occupancy import BUFFERS, occupancy


def words(chart):
    """The texts of a drawing, in order."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", chart.svg)


def test_shows_the_fullest_buffer(run):
    """Beside each layer stands the buffer with the largest share; the legend has the sizes."""
    said = words(occupancy(run["layers"]))
    held = {layer["name"]: layer["buffers"] for layer in run["layers"] if layer["buffers"]}
    assert "C5" in held
    assert "C5.tanh" not in held
    for name, buffers in held.items():
        assert name in said
        shares = {buffer: buffers[buffer]["held_bytes"] / buffers[buffer]["of_bytes"] for buffer in BUFFERS}
        fullest = max(shares, key=shares.get)
        assert any(each.startswith(f"{fullest} ") and each.endswith(" %") for each in said), name
    assert [text for _, text in occupancy(run["layers"]).legend] == [
        "input (65.5 kB)",
        "weight (131 kB)",
        "output (65.5 kB)",
    ]


def test_without_buffers_there_is_no_chart(run):
    """A run of before, and one whose layers hold nothing, have none."""
    assert occupancy([{**layer, "buffers": None} for layer in run["layers"]]) is None
    before = [{key: value for key, value in layer.items() if key != "buffers"} for layer in run["layers"]]
    assert occupancy(before) is None
    empty = {buffer: {"held_bytes": 0, "of_bytes": 0} for buffer in BUFFERS}
    assert occupancy([{**layer, "buffers": empty} for layer in run["layers"]]) is None


def test_estimates_never_overfill():
    """No layer of a network that could be placed holds more than a buffer has; parameters that stay are all there."""
    pairs = (("lenet5", "gupta2015"), ("lenet5", "eyeriss"), ("alexnet", "eyeriss"), ("resnet50", "tpuv1"))
    for network, machine in pairs:
        layers = estimate_document(accel.estimate(network, machine))["layers"]
        shares = [
            held["held_bytes"] / held["of_bytes"]
            for layer in layers
            for held in (layer["buffers"] or {}).values()
            if held["held_bytes"]
        ]
        assert shares
        assert max(shares) <= 1
    found = estimate_document(accel.estimate("lenet5", "gupta2015"))
    c5 = next(layer for layer in found["layers"] if layer["name"] == "C5")
    assert c5["buffers"]["weight"]["held_bytes"] == (120 * 400 + 120) * 2
    assert c5["buffers"]["input"]["held_bytes"] == 400 * 2
