"""Golden-versus-fixed regression: thresholds, stored codes, the first divergence, JUnit."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.check import (
    Case,
    Golden,
    Identity,
    Thresholds,
    compare,
    junit,
    load_golden,
    numerics_digest,
    save_golden,
)
from accel.config import load_accelerator
from accel.errors import ConfigError, DataError, ModelError
from accel.files import write_file
from accel.numeric.array import FxArray

IDENTITY = Identity("lenet5", "gupta2015", "digits", 2, "3f2a" * 16, "aa" * 32, "bb" * 32)


def document(**changes):
    """A run's document as far as thresholds read it."""
    layers = [
        {"name": "C1", "error": {"max_lsb": 0.75, "sqnr_db": 61.5}},
        {"name": "S2", "error": {"max_lsb": 2.5, "sqnr_db": 48.25}},
        {"name": "flatten", "error": {"max_lsb": 0.0, "sqnr_db": None}},
    ]
    run = {
        "accuracy": {"golden": 0.97, "fixed": 0.96},
        "agreement": 0.99,
        "latency_cycles": 4128,
        "layers": layers,
    }
    return run | changes


@pytest.mark.parametrize(
    ("limit", "passing", "failing", "detail"),
    [
        ("min_accuracy", 0.96, 0.9601, "0.9600, wanted at least 0.9601"),
        ("min_agreement", 0.99, 0.991, "0.9900, wanted at least 0.991"),
        ("min_sqnr_db", 48.25, 48.26, "worst in S2: 48.25 dB, wanted at least 48.26 dB, first below in S2"),
        ("max_error_lsb", 2.5, 0.5, "worst in S2: 2.500 lsb, wanted at most 0.5 lsb, first beyond in C1"),
        ("max_cycles", 4128, 4127, "latency 4128 cycles, wanted at most 4127"),
    ],
)
def test_each_threshold_holds_up_to_its_limit(limit, passing, failing, detail):
    """A quantity that equals its limit passes, one step beyond fails and says what was measured, where and wanted."""
    (held,) = Thresholds(**{limit: passing}).check(document())
    (broken,) = Thresholds(**{limit: failing}).check(document())
    assert held.passed
    assert (broken.passed, broken.detail) == (False, detail)
    assert held.name == broken.name == limit.removesuffix("_db").removesuffix("_lsb").replace("_", "-")


def test_thresholds_that_were_not_given_check_nothing():
    """No limit, no case; a limit of 0 is a limit."""
    assert not Thresholds()
    assert Thresholds().check(document()) == ()
    assert Thresholds(max_error_lsb=0)
    assert not Thresholds(max_error_lsb=0).check(document())[0].passed


def test_accuracy_needs_labels():
    """A threshold on accuracy without labels cannot be checked, and is not passed silently."""
    with pytest.raises(DataError, match="needs labels"):
        Thresholds(min_accuracy=0.5).check(document(accuracy={"golden": None, "fixed": None}))


def test_runs_without_any_error_keep_every_sqnr():
    """A layer without error has no SQNR and is not the worst; a run of such layers passes."""
    exact = [{"name": "flatten", "error": {"max_lsb": 0.0, "sqnr_db": None}}]
    (case,) = Thresholds(min_sqnr_db=100).check(document(layers=exact))
    assert (case.passed, case.detail) == (True, "no layer has any error, wanted at least 100 dB")


def test_the_first_divergence_is_told_in_full():
    """Layer, index, codes in hex and as values, how many differ, and the largest difference, in the order of layers."""
    wanted = {"C1": FxArray(np.zeros((2, 3, 4), int), "Q6.10"), "S2": FxArray(np.full((2, 2), 127), "Q4.4")}
    first = wanted["C1"].codes.copy()
    first[0, 2, 1], first[1, 0, 0], first[1, 2, 3] = -1, 700, 20
    got = {"C1": FxArray(first, "Q6.10"), "S2": FxArray([[127, 127], [127, -128]], "Q4.4")}
    cases, divergence = compare(wanted, got)
    text = "C1 [0, 2, 1] Q6.10: got 0xffff (-0.0009765625), wanted 0x0000 (0); 3 of 24 differ, largest 700 lsb"
    assert str(divergence) == text
    assert [(case.name, case.passed) for case in cases] == [("codes of C1", False), ("codes of S2", False)]
    assert cases[0].detail == text
    assert cases[1].detail.startswith(
        "S2 [1, 1] Q4.4: got 0x80 (-8), wanted 0x7f (7.9375); 1 of 4 differ, largest 255 lsb"
    )
    plain = divergence.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["got"], plain["index"]) == ({"code": -1, "value": -(2.0**-10)}, [0, 2, 1])


def test_equal_codes_pass():
    """The same codes: one passed case per node and no divergence."""
    codes = {"C1": FxArray(np.arange(12).reshape(3, 4), "Q8.8")}
    assert compare(codes, codes) == ((Case("codes of C1", True, "12 codes equal"),), None)


def test_other_formats_and_shapes_fail_without_comparing_codes():
    """Codes of another format or shape, or none, mean nothing side by side: the case fails and says what differs."""
    wanted = {name: FxArray(np.zeros((2, 2), int), "Q4.4") for name in ("a", "b", "c")}
    got = {"a": FxArray(np.zeros((2, 2), int), "Q5.3"), "b": FxArray(np.zeros((2, 1), int), "Q4.4")}
    cases, divergence = compare(wanted, got)
    assert divergence is None
    assert [case.detail for case in cases] == [
        "Q5.3 (2, 2), golden has Q4.4 (2, 2)",
        "Q4.4 (2, 1), golden has Q4.4 (2, 2)",
        "absent, golden has Q4.4 (2, 2)",
    ]
    assert not any(case.passed for case in cases)


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
    st.integers(0, 7),
    st.integers(-(2**31), 2**31 - 1),
)
def test_the_widest_codes_are_compared_exactly(codes, place, changed):
    """Differences of 32-bit codes are those of Python's integers, whatever their size."""
    place %= len(codes)
    other = [*codes[:place], changed, *codes[place + 1 :]]
    _, divergence = compare({"x": FxArray([codes], "Q8.24")}, {"x": FxArray([other], "Q8.24")})
    if changed == codes[place]:
        assert divergence is None
    else:
        assert (divergence.index, divergence.largest_lsb) == ((0, place), abs(changed - codes[place]))
        assert divergence.differing == 1


def golden_file(tmp_path) -> tuple[Golden, Path]:
    """Codes of two nodes in a file."""
    codes = {
        "C1": FxArray(np.arange(-6, 6).reshape(2, 3, 2), "Q6.10"),
        "C1.tanh": FxArray([[0, 65535]], "UQ0.16"),
    }
    golden, file = Golden(IDENTITY, codes), tmp_path / "codes.npz"
    write_file(file, save_golden(golden))
    return golden, file


def test_stored_codes_are_read_back(tmp_path):
    """Identity, order of nodes, formats, shapes and codes survive, in the narrowest container; bytes repeat."""
    golden, file = golden_file(tmp_path)
    again = load_golden(file)
    assert again.identity == IDENTITY
    assert list(again.codes) == ["C1", "C1.tanh"]
    for name, array in golden.codes.items():
        assert again.codes[name].format == array.format
        assert again.codes[name].codes.dtype == array.codes.dtype
        assert np.array_equal(again.codes[name].codes, array.codes)
    assert save_golden(again) == file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["codes.npz"]


def test_stored_codes_belong_to_one_model_and_its_inputs():
    """Another model or other inputs are refused with both digests; other numerics are compared."""
    golden = Golden(IDENTITY, {})
    same = {**IDENTITY.__dict__, "numerics": "cc" * 32, "accelerator": "edge"}
    golden.require(Identity(**same), Path("codes.npz"))
    with pytest.raises(ModelError) as error:
        golden.require(Identity(**{**same, "model": "91c0" * 16}), Path("codes.npz"))
    assert str(error.value) == "codes.npz: golden is for model 3f2a, this is 91c0; if intended --update-golden"
    with pytest.raises(DataError, match=r"golden is for inputs bbbb \(digits\), these are 0000 \(mnist\)"):
        golden.require(Identity(**{**same, "inputs": "00" * 32, "dataset": "mnist"}), Path("codes.npz"))


def archive(**arrays) -> bytes:
    """An .npz of these arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def meta(**changes) -> np.ndarray:
    """The description inside a file of stored codes."""
    return np.array(
        json.dumps({"schema": "bitcycle-golden-1", **IDENTITY.__dict__, "formats": {"C1": "Q4.4"}} | changes)
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not usable as golden codes"),
        (b"PK\x03\x04 no archive", "not usable as golden codes"),
        (archive(x=np.zeros(3)), "meta"),
        (archive(meta=np.array("{")), "Expecting"),
        (archive(meta=np.array("[]")), "not usable"),
        (
            archive(meta=meta(schema="bitcycle-golden-9")),
            "schema 'bitcycle-golden-9', this reads 'bitcycle-golden-1'",
        ),
        (archive(meta=meta()), "codes/C1"),
        (archive(**{"meta": meta(), "codes/C1": np.zeros(2)}), "codes are integers, not float64"),
        (archive(**{"meta": meta(), "codes/C1": np.array([200])}), "codes 200..200 lie outside Q4.4"),
        (
            archive(**{"meta": meta(formats={"C1": "Q4,4"}), "codes/C1": np.array([2])}),
            '"Q4,4" is not a format',
        ),
        (archive(**{"meta": meta(count="two"), "codes/C1": np.array([2])}), "invalid literal"),
        (archive(**{"meta": meta(formats=3), "codes/C1": np.array([2])}), "not usable"),
        (archive(meta=np.array({}, dtype=object)), "not usable"),
    ],
)
def test_files_of_codes_that_cannot_be_used(tmp_path, content, expected):
    """Whatever is wrong with a file of codes is one DataError that names it and the way out."""
    file = tmp_path / "codes.npz"
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_golden(file)
    message = str(error.value)
    assert message.startswith(f"{file}: not usable as golden codes (")
    assert message.endswith("write them again with --update-golden")
    assert expected in message


def test_cut_files_of_codes_are_refused(tmp_path):
    """A file cut anywhere is refused, never half read."""
    _, file = golden_file(tmp_path)
    whole = file.read_bytes()
    for length in range(0, len(whole), 37):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError):
            load_golden(file)


def test_missing_files_of_codes(tmp_path):
    """No file and a folder are told apart."""
    with pytest.raises(DataError, match="no golden codes here; write them with --update-golden"):
        load_golden(tmp_path / "none.npz")
    with pytest.raises(DataError, match="cannot be read"):
        load_golden(tmp_path)


def test_writing_makes_folders_and_leaves_nothing_behind(tmp_path):
    """A file appears whole in a new folder; where it cannot be written, nothing is left and nothing is lost."""
    write_file(tmp_path / "new" / "file", b"one")
    write_file(tmp_path / "new" / "file", b"two")
    assert (tmp_path / "new" / "file").read_bytes() == b"two"
    with pytest.raises(ConfigError, match="cannot be written"):
        write_file(tmp_path / "new" / "file" / "inside", b"three")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_file(tmp_path / "new", b"three")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "new"]


def test_numerics_digests_see_everything_that_decides_a_code():
    """Formats, the array's order of addition and unit designs change the digest; clock, memory and texts do not."""
    first = numerics_digest(load_accelerator("gupta2015"))
    for key in ("clock_hz=1", "memory.input_bytes=1", "description=x", "name=y"):
        assert numerics_digest(load_accelerator("gupta2015", [key])) == first
    for key in (
        "numerics.weight=Q4.4",
        "array.dataflow=ws",
        "numerics.layers.C1.bias=Q4.4",
        "units.tanh.lanes=3",
    ):
        assert numerics_digest(load_accelerator("gupta2015", [key])) != first


def test_junit_is_what_a_reader_expects():
    """One test case per case, counts that agree, a failure's detail as message and text, odd characters escaped."""
    cases = [
        Case("min-accuracy", True, "0.96"),
        Case('codes of <C1> & "x"\0', False, "got 1 < 2 \x1b[31m \ud800"),
    ]
    root = ET.fromstring(junit("accel.check.lenet5.edge", cases, 1.25))
    (suite,) = root
    assert root.tag == "testsuites"
    assert suite.attrib == {
        "name": "accel.check.lenet5.edge",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "1.250",
    }
    passed, failed = suite.findall("testcase")
    assert passed.attrib["classname"] == "accel.check.lenet5.edge"
    assert passed.find("failure") is None
    assert failed.attrib["name"] == 'codes of <C1> & "x"\ufffd'
    assert failed.find("failure").attrib["message"] == "got 1 < 2 \ufffd[31m \ufffd"
    assert failed.find("failure").text == "got 1 < 2 \ufffd[31m \ufffd"


@given(st.text(), st.text())
def test_junit_is_always_valid_xml(name, detail):
    """Any text gives XML that a strict parser reads."""
    for passed in (True, False):
        root = ET.fromstring(junit(name, [Case(name, passed, detail)], 0.0))
        assert len(root.findall("./testsuite/testcase")) == 1
