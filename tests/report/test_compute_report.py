"""COMPUTE_REPORT.csv against reports that the real SCALE-Sim 3.0.0 wrote (frozen), and where it is written."""

import json
import math
import os
from pathlib import Path

import pytest

from accel.arch.hardware import Array, Memory
from accel.errors import ConfigError
from accel.loopnest import LoopNest
from accel.network.scalesim import parse_topology, read_topology
from accel.report.compute_report import compute_report, write_compute_report

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "compute_report.json").read_text())["cases"]
DATA = Path(os.environ.get("ACCEL_DATA", ".")) / "scalesim" / "topologies"
SMALL = [case for case in VECTORS if "\n" in case["topology"]]
REAL = [case for case in VECTORS if case not in SMALL]

ARRAY, MEMORY = Array("os", 32, 32), Memory(65536, 65536, 65536, 0)
LAYER = LoopNest("array", K=4, C=5, P=6, height=6)


def report_of(case: dict, topology) -> str:
    """Our report of a case."""
    memory = Memory(*(1024 * size for size in case["kilobytes"]), 0)
    layers = [(row.name, row.nest) for row in topology.rows]
    return compute_report(layers, Array(case["dataflow"], case["rows"], case["columns"]), memory)


def assert_equal(report: str, reference: str) -> None:
    """The same header and layout, the same integers, and percentages to 1e-12 (they depend on Python's version)."""
    lines, others = report.split("\n"), reference.split("\n")
    assert lines[0] == others[0]
    assert len(lines) == len(others)
    for line, other in zip(lines[1:], others[1:], strict=True):
        cells, expected = line.split(", "), other.split(", ")
        assert cells[:4] == expected[:4]
        for cell, value in zip(cells[4:], expected[4:], strict=True):
            assert cell.endswith(",") == value.endswith(",")
            assert math.isclose(float(cell.strip(",")), float(value.strip(",")), rel_tol=1e-12)


@pytest.mark.parametrize("number", range(len(SMALL)))
def test_reports_of_small_layers(number):
    """Random layers on random arrays with small buffers: every column of the real tool's report."""
    case = SMALL[number]
    assert_equal(report_of(case, parse_topology(case["topology"], "case.csv")), case["report"])


@pytest.mark.skipif(not DATA.is_dir(), reason="ACCEL_DATA leads to no topologies of the real tool")
@pytest.mark.parametrize("case", REAL, ids=lambda case: f"{case['topology']}-{case['dataflow']}")
def test_reports_of_real_topologies(case):
    """AlexNet, ResNet-18, MobileNet and matrix products: every column of the real tool's report."""
    assert_equal(report_of(case, read_topology(DATA / case["topology"])), case["report"])


def test_there_are_frozen_reports():
    """Every dataflow, conv and matrix products, so that the tests above compared something."""
    assert {case["dataflow"] for case in SMALL} == {"os", "ws", "is"}
    assert len(SMALL) == 60
    assert {case["topology"] for case in REAL} >= {"alexnet.csv", "Resnet18.csv", "mobilenet.csv", "vit_s.csv"}


def test_published_lines():
    """The check values of the specification: AlexNet's first layer and a matrix product, 32 x 32."""
    conv1 = LoopNest("array", K=96, C=3, P=55, Q=55, R=11, S=11, height=224, width=224, stride=(4, 4))
    product = LoopNest("array", K=128, C=256, P=256, height=256)
    _, line, end = compute_report([("conv1", conv1)], Array("ws", 32, 32), MEMORY).split("\n")
    number, _, total, stall, *percentages = line.rstrip(",").split(", ")
    assert (number, total, stall, end) == ("0", "112283", "0", "")
    assert [float(cell) for cell in percentages] == pytest.approx(
        [91.68309650614964, 94.53125, 90.78000992063485], rel=1e-15
    )
    assert compute_report([("g", product)], ARRAY, MEMORY).split("\n")[1].split(", ")[2] == "10175"


def test_timing_models_do_not_matter():
    """The report is the tool's, whichever model the machine's own cycles have."""
    reports = {
        compute_report([("a", LAYER)], Array("os", 3, 3, timing), MEMORY) for timing in ("pipelined", "scalesim")
    }
    assert len(reports) == 1


def test_machines_and_layers_without_a_report():
    """A machine is refused once, layers by name."""
    with pytest.raises(ConfigError) as error:
        compute_report([("a", LAYER), ("b", LAYER)], Array("adder-tree", 4, 4), Memory(65536, 99, 10, 0))
    assert error.value.problems == (
        "SCALE-Sim has no dataflow 'adder-tree'. Known: is, os, ws.",
        "memory.weight_bytes = 99 is too small for SCALE-Sim; use 100 or more",
        "memory.output_bytes = 10 is too small for SCALE-Sim; use 100 or more",
    )
    grouped, pooled, batched = LoopNest("array", G=2), LoopNest("pooling", "max"), LoopNest("array", N=2)
    with pytest.raises(ConfigError) as error:
        compute_report([("a", grouped), ("b", LAYER), ("c", pooled), ("d", batched)], ARRAY, MEMORY)
    assert [problem.partition(": ")[0] for problem in error.value.problems] == ["a", "c", "d"]
    with pytest.raises(ConfigError, match="one: one multiplication on one PE takes SCALE-Sim 0 cycles"):
        compute_report([("one", LoopNest("array"))], Array("os", 1, 1), MEMORY)


def test_a_report_is_written_whole(tmp_path):
    """A new directory has just the report; other files of an old one stay, and the report is replaced."""
    new = tmp_path / "runs" / "new"
    assert write_compute_report(new, "one\n") == new / "COMPUTE_REPORT.csv"
    assert [path.name for path in new.parent.iterdir()] == ["new"]
    (new / "notes.txt").write_text("mine")
    write_compute_report(new, "two\n")
    assert {path.name: path.read_text() for path in new.iterdir()} == {
        "COMPUTE_REPORT.csv": "two\n",
        "notes.txt": "mine",
    }


def test_places_that_cannot_be_written(tmp_path):
    """A file in the way is left alone, and nothing is left beside it."""
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="cannot be written"):
            write_compute_report(place, "one\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
