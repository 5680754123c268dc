"""`accel run` and `accel report`, end to end on small work."""

import json
import os
from pathlib import Path

import pytest

SMALL = "softmax-regression --weights seeded -n 5"


def test_a_run_prints_its_layers_and_writes_a_directory(accel):
    """The table names every layer, the last line says where the files are, and run.json has what was asked for."""
    outcome = accel(f"run {SMALL} -a tpuv1 -s array.rows=64 --seed 7 -j 2")
    assert (outcome.code, outcome.errors) == (0, [])
    for word in ("flatten", "output", "softmax", "latency", "agreement"):
        assert word in outcome.out
    assert outcome.out.splitlines()[-1] == "runs/softmax-regression-tpuv1: report.html, run.json, layers.csv"
    directory = Path("runs/softmax-regression-tpuv1")
    assert sorted(file.name for file in directory.iterdir()) == ["layers.csv", "report.html", "run.json"]
    document = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    assert (document["inputs"], document["dataset"]["name"], document["dataset"]["split"]) == (
        5,
        "digits",
        "test",
    )
    assert document["accelerator_document"]["array"]["rows"] == 64
    provenance = document["provenance"]
    assert provenance["command"] == f"accel run {SMALL} -a tpuv1 -s array.rows=64 --seed 7 -j 2"
    assert provenance["seed"] == 7


def test_the_main_job_needs_no_arguments(accel):
    """`accel run` alone takes trained weights, real digits and the default machine; fixed point keeps the accuracy."""
    document = accel("run -n 100 --json").json
    assert (document["network"], document["accelerator"], document["dataset"]["name"]) == (
        "lenet5",
        "gupta2015",
        "digits",
    )
    assert document["accuracy"]["golden"] > 0.9
    assert abs(document["accuracy"]["golden"] - document["accuracy"]["fixed"]) <= 0.01


def test_json_is_one_document_and_nothing_else(accel):
    """--json prints the content of run.json and writes a directory only where -o says."""
    alone = accel(f"run {SMALL} --json")
    assert alone.json["network"] == "softmax-regression"
    assert not Path("runs").exists()
    both = accel(f"run {SMALL} --json -o kept")
    assert both.errors == []
    assert both.json == json.loads(Path("kept/run.json").read_text(encoding="utf-8"))
    assert both.json["layers"] == alone.json["layers"]


def test_quiet_runs_say_nothing(accel):
    """-q leaves the files and no words."""
    outcome = accel(f"run {SMALL} -q -o kept")
    assert (outcome.code, outcome.out, outcome.errors) == (0, "", [])
    assert Path("kept/report.html").exists()


def test_threads_do_not_change_the_result(accel):
    """-j changes nothing in the layers."""
    one, two = (accel(f"run softmax-regression --weights seeded -n 300 --json -j {jobs}").json for jobs in (1, 2))
    assert one["layers"] == two["layers"]
    assert one["accuracy"] == two["accuracy"]


def test_random_inputs_have_no_labels_and_a_seed(accel):
    """-d random gives four inputs by default, no accuracy, and the same codes for the same seed only."""
    first, again, other = (accel(f"run softmax-regression -d random --json --seed {seed}").json for seed in (1, 1, 2))
    assert first["inputs"] == 4
    assert first["accuracy"] == {"golden": None, "fixed": None}
    assert first["dataset"] == {
        "name": "random",
        "split": "seed 1",
        "source": "uniform in [0, 1), NumPy default_rng",
    }
    assert first["layers"] == again["layers"] != other["layers"]
    assert accel("run softmax-regression -d random -n 2 -q").code == 0


@pytest.mark.mnist
@pytest.mark.skipif("ACCEL_DATA" not in os.environ, reason="ACCEL_DATA names no folder with MNIST")
def test_mnist_by_name_and_by_folder(accel):
    """The set and a path to its folder give the same layers."""
    folder = Path(os.environ["ACCEL_DATA"])
    folder = folder / "mnist" if (folder / "mnist").is_dir() else folder
    named, by_path = (accel(f"run {SMALL} --json -d", data).json for data in ("mnist", folder))
    assert named["layers"] == by_path["layers"]
    assert named["dataset"]["name"] == by_path["dataset"]["name"] == "mnist"


def test_compiling_is_announced(accel, monkeypatch):
    """With a cold cache a line on stderr says so, also with --json, and not with -q."""
    monkeypatch.setattr("kernels.cache.is_warm", lambda: False)
    told = ["compiling kernels for this machine; they are kept, so this happens once"]
    assert accel(f"run {SMALL}").errors == told
    assert accel(f"run {SMALL} --json").errors == told
    assert accel(f"run {SMALL} -q").errors == []


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("run lenet6", 3, "there is no network called 'lenet6'. Did you mean 'lenet5'?"),
        ("run -d cifar", 3, "'cifar' is neither a data set nor a folder of IDX files"),
        ("run -d digit --weights seeded", 3, "Did you mean 'digits'?"),
        ("run -a gupta2016", 2, "no accelerator 'gupta2016'. Did you mean 'gupta2015'?"),
        ("run --weights sedeed", 3, "Did you mean 'seeded'?"),
        ("run --weights none.npz", 3, "none.npz: weights cannot be read"),
        ("run alexnet --weights seeded", 3, "do not fit an input of shape (3, 227, 227)"),
        ("run --weights seeded -s numerics.layers.C8.weight=Q2.2", 2, "lenet5 has no layer 'C8'"),
        (
            "run --weights seeded -s array.colums=3 -s array.rows=x",
            2,
            "unknown key 'colums' -s array.colums=3 [array].",
        ),
    ],
)
def test_what_cannot_be_run(accel, arguments, code, expected):
    """Each unusable request has its exit code, names what is wrong, and writes nothing."""
    Path("mine").write_text("kept", encoding="utf-8")
    outcome = accel(f"{arguments} -n 2")
    assert (outcome.code, outcome.out) == (code, "")
    assert all(line.startswith("error: ") for line in outcome.errors)
    assert expected in "\n".join(outcome.errors)
    assert [path.name for path in Path().iterdir()] == ["mine"]


def test_runs_do_not_replace_what_is_not_theirs(accel):
    """A directory with other files, or a file, in the place of the run directory stays as it is."""
    Path("mine").write_text("kept", encoding="utf-8")
    for place in (".", "mine"):
        outcome = accel(f"run {SMALL} -o {place}")
        assert (outcome.code, len(outcome.errors)) == (2, 1)
    assert [path.name for path in Path().iterdir()] == ["mine"]
    assert Path("mine").read_text(encoding="utf-8") == "kept"


def test_reports_are_made_again_from_run_json(accel):
    """`accel report` prints the same table and restores files that were lost; -o puts them elsewhere."""
    printed = accel(f"run {SMALL} -o kept").out.splitlines()[:-1]
    page = Path("kept/report.html").read_bytes()
    Path("kept/report.html").unlink()
    again = accel("report kept")
    assert (again.code, again.errors, again.out.splitlines()[:-1]) == (0, [], printed)
    assert Path("kept/report.html").read_bytes() == page
    assert accel("report kept/run.json -o elsewhere -q").out == ""
    assert Path("elsewhere/layers.csv").read_bytes() == Path("kept/layers.csv").read_bytes()
    assert accel("report kept --json").json == json.loads(Path("kept/run.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        ("{", "not JSON"),
        ('{"schema": "x"}', "schema"),
        ('{"schema": "bitcycle-run-1"}', "lacks"),
    ],
)
def test_runs_that_cannot_be_read(accel, content, expected):
    """Missing, broken and foreign runs exit with 3."""
    if content is not None:
        Path("run.json").write_text(content, encoding="utf-8")
    outcome = accel("report run.json")
    assert (outcome.code, outcome.out) == (3, "")
    assert expected in outcome.errors[0]


def test_estimates_count_without_computing(accel):
    """`accel estimate` prints layers, emits the same totals, and multiplies MACs by the batch."""
    shown, emitted, batch = (accel(f"estimate lenet5 {flags}") for flags in ("", "--json", "--json -b 3"))
    assert (shown.code, shown.errors) == (0, [])
    assert "C3" in shown.out
    assert sum(layer["macs"] for layer in emitted.json["layers"]) == 416520
    assert sum(layer["macs"] for layer in batch.json["layers"]) == 3 * 416520
    assert f"{emitted.json['latency_cycles']:,} cycles" in shown.out
    assert accel("estimate alexnet -a scalesim-32x32 -q").code == 0


def test_estimates_refuse_what_runs_refuse(accel):
    """Unknown networks, and overrides of layers that the network lacks."""
    assert accel("estimate lenet6").code == 3
    outcome = accel("estimate -s numerics.layers.C8.weight=Q2.2")
    assert (outcome.code, len(outcome.errors)) == (2, 1)
    assert "lenet5 has no layer 'C8'" in outcome.errors[0]
