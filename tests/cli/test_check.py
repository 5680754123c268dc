"""`accel check`: exit codes, stored codes, the first divergence, JUnit; end to end on small work."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SMALL = "check softmax-regression --weights seeded -n 6"


def test_thresholds_that_hold(accel):
    """Every threshold is listed with what was measured, and the exit code is 0."""
    limits = "--min-accuracy 0 --min-agreement 0.5 --min-sqnr 20 --max-error 500 --max-cycles 100000"
    outcome = accel(f"{SMALL} {limits}")
    assert (outcome.code, outcome.errors) == (0, [])
    for name in ("min-accuracy", "min-agreement", "min-sqnr", "max-error", "max-cycles"):
        assert f"ok  {name} " in outcome.out
    assert outcome.out.splitlines()[-1] == "5 of 5 passed"


def test_thresholds_that_do_not_hold(accel):
    """A broken threshold exits with 1; the table lists all, and without a table stderr tells the broken ones."""
    shown = accel(f"{SMALL} --max-cycles 3 --min-agreement 0 --max-error 0")
    assert shown.code == 1
    assert shown.errors[0] == "error: 2 of 3 checks failed"
    assert shown.out.splitlines()[-1] == "1 of 3 passed"
    outcome = accel(f"{SMALL} --max-cycles 3 --min-agreement 0 --max-error 0 -q")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.errors[0].startswith("error: max-error: worst in ")
    assert "first beyond in flatten" in outcome.errors[0]
    assert outcome.errors[1].startswith("error: max-cycles: latency ")


def test_a_failed_threshold_ends_with_the_first_disagreement(accel):
    """When classes differ, the last line names the first input on which they do."""
    outcome = accel(f"{SMALL} -n 40 --min-agreement 1 -s numerics.activation=Q4.0 -s numerics.weight=Q2.2 -q")
    assert outcome.code == 1
    assert outcome.errors[0].startswith("error: min-agreement: ")
    assert outcome.errors[1].startswith("error: first disagreement: input ")
    assert ": float64 says " in outcome.errors[1]


def test_nothing_compared_is_not_a_pass(accel):
    """Without thresholds or codes the exit code is 5, before anything runs."""
    outcome = accel("check")
    assert (outcome.code, outcome.out) == (5, "")
    assert outcome.errors == [
        "error: nothing to compare: give a threshold such as --min-accuracy 0.95, or --golden FILE"
    ]
    assert accel("check --update-golden").code == 2


def test_stored_codes_hold_until_a_bit_changes(accel):
    """Codes that were written hold again, for any number of threads; another rounding fails and says where."""
    written = accel(f"{SMALL} --golden codes.npz --update-golden")
    assert (written.code, written.out) == (0, "")
    assert written.errors == ["codes.npz: codes of 3 nodes for 4 inputs written"]
    held = accel(f"{SMALL} --golden codes.npz -j 2 -n 1")
    assert (held.code, held.errors) == (0, [])
    assert held.out.splitlines()[-1] == "3 of 3 passed"
    failed = accel(f"{SMALL} --golden codes.npz -s numerics.layers.output.rounding=TRN --junit result.xml -q")
    assert failed.code == 1
    assert [line.split(": ")[1] for line in failed.errors[:2]] == ["codes of output", "codes of softmax"]
    assert failed.errors[-2].startswith("error: codes.npz: written with numerics ")
    assert failed.errors[-1].startswith("error: first divergence: output [0, ")
    assert " Q6.10: got 0x" in failed.errors[-1]
    assert failed.errors[-1].endswith("differ, largest 1 lsb")
    suite = ET.parse("result.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "2")
    assert suite.attrib["name"] == "accel.check.softmax-regression.gupta2015"
    message = suite.findall("testcase")[1].find("failure").attrib["message"]
    assert failed.errors[0] == f"error: codes of output: {message}"


def test_json_tells_the_same(accel):
    """--json emits cases and the first divergence as one document, and the exit code stays."""
    accel(f"{SMALL} --golden codes.npz --update-golden")
    held = accel(f"{SMALL} --golden codes.npz --min-agreement 0 --json")
    assert (held.code, held.json["passed"], held.json["first_divergence"]) == (0, True, None)
    assert [case["name"] for case in held.json["cases"]][:2] == ["min-agreement", "codes of flatten"]
    failed = accel(f"{SMALL} --golden codes.npz --json -s numerics.layers.output.weight=Q2.6")
    assert (failed.code, failed.json["passed"]) == (1, False)
    divergence = failed.json["first_divergence"]
    assert (divergence["layer"], divergence["format"]) == ("output", "Q6.10")
    assert divergence["got"]["value"] == divergence["got"]["code"] / 1024


def test_other_formats_fail_too(accel):
    """A format that changed fails its node and names both formats."""
    accel(f"{SMALL} --golden codes.npz --update-golden")
    outcome = accel(f"{SMALL} --golden codes.npz -s numerics.softmax=UQ0.8 -q")
    assert outcome.code == 1
    assert outcome.errors[0] == "error: codes of softmax: UQ0.8 (4, 10), golden has UQ0.16 (4, 10)"


def test_codes_of_another_model_or_inputs_are_not_compared(accel):
    """Another network or other inputs exit with 3 and name the way out; so do missing and broken files."""
    accel(f"{SMALL} --golden codes.npz --update-golden")
    other = accel("check mlp --weights seeded --golden codes.npz")
    assert other.code == 3
    assert other.errors[0].startswith("error: codes.npz: golden is for model ")
    assert other.errors[0].endswith("; if intended --update-golden")
    inputs = accel("check softmax-regression --weights seeded -d random --golden codes.npz")
    assert inputs.code == 3
    assert "golden is for inputs" in inputs.errors[0]
    assert accel(f"{SMALL} --golden none.npz").code == 3
    Path("codes.npz").write_bytes(b"")
    assert accel(f"{SMALL} --golden codes.npz").code == 3


def test_codes_are_not_replaced_while_a_threshold_fails(accel):
    """--update-golden with a broken threshold leaves the file as it was and says so."""
    accel(f"{SMALL} --golden codes.npz --update-golden")
    before = Path("codes.npz").read_bytes()
    arguments = f"{SMALL} --golden codes.npz --update-golden -s numerics.weight=Q2.6 --max-cycles"
    failed = accel(f"{arguments} 1")
    assert (failed.code, Path("codes.npz").read_bytes()) == (1, before)
    assert "error: codes.npz: not written, because a threshold does not hold" in failed.errors
    assert accel(f"{arguments} 100000").code == 0
    assert Path("codes.npz").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("--min-accuracy 1.5", 2, "1.5 is not in the range"),
        ("--min-accuracy 0.5 -d random", 3, "min-accuracy needs labels"),
        ("--max-cycles 9 --junit .", 2, "cannot be written"),
        ("--max-cycles 9 -s numerics.layers.C1.bias=Q4.4", 2, "softmax-regression has no layer 'C1'"),
        ("--golden codes.npz --update-golden -s numerics.layers.C1.bias=Q4.4", 2, "has no layer 'C1'"),
        ("--golden . --update-golden", 2, "cannot be written"),
    ],
)
def test_what_cannot_be_checked(accel, arguments, code, expected):
    """Unusable requests have their exit code and leave nothing behind."""
    outcome = accel(f"{SMALL} {arguments}")
    assert outcome.code == code
    assert expected in outcome.errors[-1]
    assert list(Path().iterdir()) == []
