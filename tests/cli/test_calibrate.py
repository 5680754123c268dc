"""`accel calibrate`, end to end on small work."""

from pathlib import Path

import pytest

SMALL = "softmax-regression --weights digits -a tpuv1 -s array.rows=64 -n 60 --held-out 80"


def test_a_calibration_prints_its_formats_and_writes_a_machine(accel):
    """The tables name every format and both sets; the file is where the last lines say and runs as measured."""
    outcome = accel(f"calibrate {SMALL} --bits 5")
    assert (outcome.code, outcome.errors) == (0, [])
    for word in ("input", "weight", "bias", "60 calibration", "80 held out", "agreement %"):
        assert word in outcome.out
    file = "runs/softmax-regression-tpuv1-calibrated.toml"
    assert outcome.out.splitlines()[-2:] == [
        f"{file}: accelerator file",
        f"accel run softmax-regression -a {file} -d digits",
    ]
    text = Path(file).read_text(encoding="utf-8")
    assert text.startswith(f"# Written by: accel calibrate {SMALL} --bits 5\n")
    assert "60 calibration inputs (digits, train)" in text
    assert accel(f"run softmax-regression -a {file} -n 80 -q").code == 0


def test_json_has_both_sets_and_the_search(accel):
    """Figures on the held-out digits are those of a run over the first test digits; nothing is written unasked."""
    document = accel(f"calibrate {SMALL} --keep agreement=0.9 --per-channel --json -o made.toml").json
    assert document["schema"] == "bitcycle-calibrate-1"
    assert document["search"]["taken"] > 0
    assert document["total_bits"]["after"] < document["total_bits"]["before"]
    assert not Path("runs").exists()
    run = accel("run softmax-regression --weights digits -a made.toml -n 80 --json").json
    held_out = document["figures"]["held_out"]["after"]
    assert (run["agreement"], run["accuracy"]["fixed"]) == (held_out["agreement"], held_out["accuracy"])
    assert run["agreement"] >= 0.9


def test_random_inputs_are_held_out_by_another_seed(accel):
    """Without a data set there are no labels, and two seeds."""
    document = accel("calibrate softmax-regression -d random -n 8 --held-out 4 --method proof --json").json
    assert document["figures"]["calibration"]["after"]["inputs"] == 8
    assert document["figures"]["held_out"]["after"] == {
        **document["figures"]["held_out"]["after"],
        "inputs": 4,
        "accuracy": None,
    }
    alone = accel("calibrate softmax-regression -d random -n 8 --held-out 0 --json").json
    assert alone["figures"]["held_out"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("--method meen", 2, "'meen' is not a way to place formats."),
        ("--bits 99", 2, "99 bits; data formats have 2..32"),
        ("--keep accuracy", 2, "write for example agreement=0.995"),
        ("--keep sqnr=300", 1, "cannot be kept"),
        ("-o made.json", 2, "made.json must end in .toml"),
        ("-s numerics.layers.output.bais=Q2.2", 2, "bais"),
    ],
)
def test_mistakes_are_told(accel, arguments, code, expected):
    """One message on stderr, the exit code of its kind, and no file."""
    outcome = accel(f"calibrate {SMALL} {arguments}")
    assert outcome.code == code
    assert expected in " ".join(outcome.errors)
    assert not list(Path().rglob("*.toml"))
