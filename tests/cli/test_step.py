"""`accel step`: cycles on the screen and as JSON, the waveform, and what is refused."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from accel.arch.dataflows import schedule
from accel.arch.hardware import Array
from accel.config import load_accelerator
from accel.cycle import STEPPERS
from accel.loopnest import AccumulationOrder, LoopNest
from tests.cycle.vcd_reader import read


@pytest.mark.parametrize("dataflow", STEPPERS)
def test_every_dataflow_is_shown(accel, dataflow):
    """A table for every cycle, and at the end the three rungs side by side; every line fits 100 columns."""
    outcome = accel(f"step -a {dataflow} --bias")
    assert (outcome.code, outcome.errors) == (0, [])
    record = accel(f"step -a {dataflow} --bias --json").json
    made = schedule(LoopNest("array", Q=4, width=4, C=5, K=3, has_bias=True), Array(dataflow, 3, 3))
    assert record["cycles"] == record["closed_form_cycles"] == made.compute_cycles
    assert record["outputs_are_exact"] is True
    lines = outcome.out.splitlines()
    assert [line.strip() for line in lines if line.startswith("cycle ")] == [
        f"cycle {t}" for t in range(record["cycles"])
    ]
    assert f"{record['cycles']} cycles, as the closed form says; outputs equal exact arithmetic" in outcome.out
    assert max(map(len, lines)) <= 120
    assert [entry["cycle"] for entry in record["trace"]] == list(range(record["cycles"]))


def test_the_first_cycles_of_a_chain(accel):
    """One output-stationary element: what enters, the sum so far and the finished sum are on the screen."""
    record = accel("step -a os --rows 1 --columns 1 -M 1 -K 2 -N 1 --json").json
    (a, b), (c, d) = (np.ravel(record[name]).tolist() for name in ("x", "weight"))
    shown = accel("step -a os --rows 1 --columns 1 -M 1 -K 2 -N 1").out
    assert f"{a} × {c}" in shown
    assert f"{b} × {d}" in shown
    assert f"Σ {a * c}" in shown
    assert f"Σ! {a * c + b * d}" in shown
    assert np.ravel(record["outputs"]).tolist() == [a * c + b * d]


def test_the_machine_decides_the_bits(accel):
    """Formats, accumulator and dataflow come from -a and -s; the array's size from --rows and --columns."""
    bits = load_accelerator("diannao").numerics.defaults
    record = accel("step -a diannao --rows 4 --columns 2 -K 8 --window 2x1 --max-code 30000 --summary --json").json
    assert (record["dataflow"], record["rows"], record["columns"]) == ("adder-tree", 4, 2)
    assert record["formats"]["weight"] == str(bits.weight.format)
    assert record["formats"]["accumulator"] == str(bits.accumulator.resolve(20))
    assert record["order"] == asdict(AccumulationOrder(group=4, loops="RSC"))
    assert record["overflows"] > 0
    assert record["outputs_are_exact"] is True
    assert "trace" not in record
    first = accel("step -a ws -s array.bias=first --bias --summary --json").json
    assert first["order"] == asdict(AccumulationOrder(fold=3, bias_first=True))


def test_narrow_accumulators(accel):
    """Saturation is seen when the accumulator is made narrow, and the outputs are still exact in that order."""
    narrow = "-s numerics.accumulator.width=8 -s numerics.accumulator.frac_bits=24 -s numerics.accumulator.overflow=SAT"
    for dataflow in STEPPERS:
        record = accel(f"step -a {dataflow} {narrow} -K 9 --json").json
        assert record["overflows"] > 0
        assert record["outputs_are_exact"] is True


def test_some_cycles(accel):
    """--cycles shows both ends; what it leaves out is still counted."""
    record = accel("step -a is --cycles 2:4 --json").json
    assert [entry["cycle"] for entry in record["trace"]] == [2, 3, 4]
    assert accel("step -a is --cycles 5:999 --json").json["trace"][0]["cycle"] == 5
    assert accel("step -a is --cycles 2:4").out.count("cycle ") == 3


def test_summary_is_for_any_size(accel):
    """A large array and product are stepped without being shown; too many sums are not compared."""
    outcome = accel("step -a ws --rows 32 --columns 16 -M 60 -K 70 -N 40 --summary")
    assert outcome.code == 0
    assert "as the closed form says; outputs not compared" in outcome.out
    assert "cycle " not in outcome.out.replace("PE-cycles", "")


def test_waveform(accel, tmp_path):
    """--vcd writes the registers, with and without the screen, whole or not at all."""
    outcome = accel("step -a os --rows 2 --columns 2 --summary --vcd wave/os.vcd")
    assert "written: wave/os.vcd" in outcome.out
    waveform = read((tmp_path / "wave" / "os.vcd").read_text())
    assert waveform.widths["os.pe_1_1.x"] == 16
    assert list((tmp_path / "wave").iterdir()) == [tmp_path / "wave" / "os.vcd"]
    (tmp_path / "file").write_text("")
    refused = accel("step -a os --vcd file/os.vcd")
    assert (refused.code, len(refused.errors)) == (2, 1)


def test_pipeline_registers(accel):
    """--registers deepens the pipeline of trees; there is then no closed form to compare with."""
    own, deeper = (accel(f"step -a conv-engine --summary --json {more}").json for more in ("", "--registers 20"))
    folds = 1 * 2  # three outputs on three trees, five channels on three inputs
    assert deeper["cycles"] - own["cycles"] == folds * (20 - 3)
    assert deeper["closed_form_cycles"] is None
    assert "closed form" not in accel("step -a conv-engine --summary --registers 20").out


def test_seeds(accel):
    """The same seed gives the same codes, another one others."""
    first, again, other = (accel(f"step -a os --seed {seed} --json").json for seed in (3, 3, 4))
    assert first == again
    assert first["x"] != other["x"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("-a osx", 2, "no accelerator 'osx'"),
        ("-a os -M 0", 2, "0 is not in the range x>=1"),
        ("-a os --rows 0", 2, "0 is not in the range x>=1"),
        (
            "-a os --rows 9",
            2,
            "an array of 9 x 3 does not fit the screen, 8 x 8 does; use smaller --rows and --columns",
        ),
        ("-a os -M 200 -N 9", 2, "cycles do not fit the screen, 100 do; choose some with --cycles A:B"),
        ("-a os --cycles 5", 2, "--cycles 5 is no range"),
        ("-a os --cycles 7:3", 2, "--cycles 7:3 is no range"),
        ("-a os --cycles 500:501", 2, "--cycles begins at 500; the array is done after"),
        ("-a os --cycles 0:1 --summary", 2, "--summary shows no cycles"),
        ("-a os --window 2", 2, "--window 2 is no size; write rows x columns"),
        ("-a os -K 5 --window 2x2", 2, "-K 5 products are no whole number of channels of a 2 x 2 window"),
        ("-a os --registers 3", 2, "registers of 'os' are those of its array"),
        ("-a ws --rows 64 --columns 64 -M 500 -K 64 -N 64 --summary --vcd big.vcd", 2, "a trace of"),
        ("-a os -s numerics.accumulator.width=8", 2, "step: accumulator 8 bits"),
        ("-a os --summary -M 999999 -K 999999", 2, "inputs, weights and outputs is too large; 67108864 are the most"),
        ("-a eyeriss", 2, "'row-stationary' is not stepped"),
    ],
)
def test_what_is_refused(accel, arguments, code, message):
    """Sizes without extent or beyond the screen, ranges and windows that are none: one line that names the mistake."""
    outcome = accel(f"step {arguments}")
    assert outcome.code == code
    assert message in outcome.errors[-1]
    assert outcome.out == ""
