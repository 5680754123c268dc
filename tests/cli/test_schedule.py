"""`accel show schedule`: the loop nest of a layer and its figures, on the screen and as JSON."""

import pytest

from accel.arch.dataflows import DATAFLOWS
from accel.cli.schedule import AXES, KINDS
from accel.config import preset_names
from accel.estimator import estimate


def test_a_layer_as_a_nest(accel):
    """C3 of LeNet-5 on a 28 x 28 output-stationary array: 4 tiles of pixels, 150 products, 28 pixels by 16 filters."""
    shown = accel("show schedule lenet5:C3 -a gupta2015")
    assert (shown.code, shown.errors) == (0, [])
    lines = shown.out.splitlines()
    assert lines[0] == "C3 of lenet5 on gupta2015: 28 x 28 os"
    assert [line.split("  ")[0].strip() or line.strip().split("   ")[0] for line in lines[1:6]] == [
        "for NPQ in 100 by 28",
        "for CRS in 150",
        "for NPQ in 28",
        "for K in 16",
        "multiply and add",
    ]
    indents = [len(line) - len(line.lstrip()) for line in lines[1:6]]
    assert indents == [2, 4, 6, 8, 10]
    assert "cycles   657 without waits = fill 27 + steady 600 + drain 30 (pipelined)" in shown.out
    assert "results  leave during 481 cycles, the last 256 within 31" in shown.out
    assert "folds    4; 448 of 784 PEs on a full one, 51.0 % mapping efficiency" in shown.out
    at = lines.index("  sums     channels, kernel rows, kernel columns, from the outermost")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == ["one product after the other", "bias last"]
    assert "reads    input 15,000, weight 9,600, bias 64 elements" in shown.out


def test_a_mapping_of_eyeriss(accel):
    """AlexNet's conv4, one image: 13 columns of 3 kernel rows, four sets of 4 channels: 156 of 168 PEs."""
    document = accel("show schedule alexnet:conv4 -a eyeriss --json").json
    (layer,) = document["layers"]
    assert (document["network"], document["accelerator"]) == ("alexnet", "eyeriss")
    assert layer["parallel"] == 156
    spatial = [(loop["dim"], loop["steps"]) for loop in layer["loops"] if loop["kind"] in ("rows", "columns")]
    assert [pair for pair in spatial if pair[1] > 1] == [("C", 4), ("R", 3), ("P", 13)]
    order = layer["order"]
    assert order == {"group": 1, "fold": 3 * order["block"], "bias_first": False, "loops": "CRSc", "block": 3}


@pytest.mark.parametrize("machine", preset_names())
def test_all_layers_on_every_machine(accel, machine):
    """Without a layer: every layer that the array computes, with the cycles of the estimate before its waits."""
    document = accel(f"show schedule lenet5 -a {machine} --json").json
    report = estimate("lenet5", machine)
    expected = {layer.name: layer.cycles.compute for layer in report.layers if layer.engine == "array"}
    assert {layer["name"]: layer["cycles"]["compute"] for layer in document["layers"]} == expected
    for layer in document["layers"]:
        cycles = layer["cycles"]
        assert cycles["fill"] + cycles["steady"] + cycles["drain"] == cycles["compute"]
        assert {loop["dim"] for loop in layer["loops"]} <= set(AXES)
        assert {loop["kind"] for loop in layer["loops"]} <= set(KINDS)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_every_dataflow_is_shown(accel, dataflow):
    """Each array prints a nest that ends in its product; -q prints nothing."""
    shown = accel(f"show schedule lenet5:C3 -s array.dataflow={dataflow} -s array.timing=pipelined")
    assert shown.code == 0
    assert "multiply and add" in shown.out
    assert accel(f"show schedule lenet5:C3 -s array.dataflow={dataflow} -q").out == ""


def test_a_slow_bus_is_told(accel):
    """Where a bus is slower than the PEs the line of cycles says so."""
    assert "the pace is set by output bandwidth" in accel("show schedule alexnet:fc6 -a eyeriss").out


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("show schedule lenet5:C33", 2, "lenet5 has no layer 'C33'. Did you mean 'C3'?"),
        ("show schedule lenet5:S2", 2, "lenet5:S2 is not computed by the array, which computes C1, C3, C5, F6, output"),
        ("show schedule lenet6", 3, "Did you mean 'lenet5'?"),
        (
            "show schedule lenet5 -a eyeriss -s array.rows=4",
            2,
            "a kernel of 5 rows needs 5 rows of PEs, the array has 4",
        ),
        ("show schedule lenet5 -d digits", 2, "-d belongs to `accel show accumulators NETWORK`"),
    ],
)
def test_mistakes(accel, command, code, message):
    """Unknown layers and networks, layers that a unit computes, and kernels that do not fit."""
    shown = accel(command)
    assert shown.code == code
    assert message in "\n".join(shown.errors)
