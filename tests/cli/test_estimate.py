"""`accel estimate` of topology files: the table, the JSON, SCALE-Sim's report, and refusals."""

import subprocess
import sys
from pathlib import Path

import pytest

CONV = "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
CONV1 = f"{CONV}Conv1, 224, 224, 11, 11, 3, 96, 4,\n"
GEMM = "Layer, M, N, K,\nproduct, 256, 128, 256,\n"
CFG = """[general]
run_name = edge
[architecture_presets]
ArrayHeight: 32
ArrayWidth: 32
IfmapSramSzkB: 64
FilterSramSzkB: 64
OfmapSramSzkB: 64
Dataflow: os
[run_presets]
InterfaceBandwidth: CALC
"""


@pytest.fixture
def files(accel):
    """A topology of each kind and a .cfg file in the working directory."""
    for name, text in (("conv.csv", CONV1), ("gemm.csv", GEMM), ("edge.cfg", CFG)):
        Path(name).write_text(text)


@pytest.mark.usefixtures("files")
def test_a_topology_is_estimated(accel):
    """Table and JSON as for a network; -b multiplies MACs."""
    shown = accel("estimate conv.csv -a scalesim-32x32")
    assert (shown.code, shown.errors) == (0, [])
    assert "conv on scalesim-32x32" in shown.out
    assert "112,283" in shown.out
    document = accel("estimate gemm.csv -a edge.cfg --json").json
    assert (document["network"], document["accelerator"], document["pes"]) == ("gemm", "edge", 1024)
    assert [(layer["name"], layer["kind"], layer["cycles"]["total"]) for layer in document["layers"]] == [
        ("product", "gemm", 10175)
    ]
    batch = accel("estimate gemm.csv -a edge.cfg --json -b 3").json
    assert batch["layers"][0]["macs"] == 3 * document["layers"][0]["macs"]


@pytest.mark.usefixtures("files")
def test_the_report_of_scalesim(accel):
    """DIR has the report, the screen says so and names both timings; quiet and JSON say nothing of it."""
    shown = accel("estimate conv.csv -a edge.cfg -s array.dataflow=ws -s array.timing=pipelined --scalesim-report out")
    assert (shown.code, shown.errors) == (0, [])
    assert shown.out.splitlines()[-1] == (
        "out/COMPUTE_REPORT.csv: as SCALE-Sim 3.0.0 counts without stalls (the table: timing 'pipelined')"
    )
    (file,) = Path("out").iterdir()
    text = file.read_text()
    assert text.splitlines()[1].startswith("0, 116210, 112283, 0, 91.68309650614964, 94.53125, 90.780009920634")
    assert accel("estimate conv.csv -a edge.cfg -q --scalesim-report out/deep/er").out == ""
    assert accel("estimate conv.csv -a edge.cfg --json --scalesim-report out").json["network"] == "conv"
    assert file.read_text() == Path("out/deep/er/COMPUTE_REPORT.csv").read_text() != text


@pytest.mark.usefixtures("files")
def test_networks_may_come_from_cfg_machines(accel):
    """A .cfg file is an accelerator for networks of the zoo as well."""
    assert accel("estimate lenet5 -a edge.cfg --json").json["accelerator"] == "edge"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("estimate alexnet", 2, "--scalesim-report is for topology files (.csv), and 'alexnet' is none; leave it out"),
        ("estimate gemm.csv -b 2", 2, "SCALE-Sim computes one input at a time, so --scalesim-report goes without -b 2"),
        ("estimate gemm.csv -s array.dataflow=adder-tree", 2, "SCALE-Sim has no dataflow 'adder-tree'."),
        ("estimate no.csv", 3, "no.csv: no such file"),
        ("estimate gemm.csv -a no.cfg", 2, "no.cfg: no such file"),
        ("estimate alexnet6", 3, "there is no network called 'alexnet6'"),
    ],
)
def test_refusals_write_nothing(accel, arguments, code, told):
    """One line, its exit code, and no directory."""
    outcome = accel(f"{arguments} --scalesim-report out")
    assert (outcome.code, outcome.out, len(outcome.errors)) == (code, "", 1)
    assert outcome.errors[0].startswith(f"error: {told}")
    assert not Path("out").exists()


def test_malformed_files_are_told_line_by_line(accel):
    """All problems of a file, a line each, with its place."""
    Path("bad.csv").write_text(f"{CONV1}x,1,1,2,2,0,1,0\n")
    outcome = accel("estimate bad.csv")
    assert outcome.code == 3
    assert [error.split(": ")[1] for error in outcome.errors] == ["bad.csv:3"] * 4


def test_sparsity_is_said_to_be_unused(accel):
    """A file with N:M ratios is estimated as dense, with a note."""
    Path("sparse.csv").write_text(f"{CONV}c,5,5,3,3,2,6,1,2:4,\n")
    outcome = accel("estimate sparse.csv")
    assert (outcome.code, outcome.errors) == (
        0,
        ["sparse.csv: its N:M sparsity is not used; every layer is counted as dense"],
    )


@pytest.mark.usefixtures("files")
def test_nothing_is_compiled():
    """Reading, estimating and reporting a topology loads no compiler."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom accel.cli import main\n"
        "done = CliRunner().invoke(main, 'estimate conv.csv -a edge.cfg --scalesim-report out'.split())\n"
        "print(done.exit_code, 'numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["0", "False"]
