"""The document: plain, the same every time, made without Numba, and honest about what is far off."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from accel.config import preset_names
from accel.published.comparison import Comparison
from accel.published.figures import STANDINGS, Constant, published
from accel.published.survey import MACHINES, survey
from accel.report.published_words import comparisons, is_exact, summaries


@pytest.fixture(scope="module")
def document():
    """The survey."""
    return survey()


def test_is_plain_and_repeatable(document):
    """It is JSON, and making it again gives the same."""
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert survey() == document


def test_every_machine_is_in_it(document, compare):
    """Presets in order, every comparison of each, with source, words and constants."""
    assert [machine["machine"] for machine in document["machines"]] == list(MACHINES)
    assert set(MACHINES) <= set(preset_names())
    for machine in document["machines"]:
        assert machine["comparisons"] == [one.to_dict() for one in compare(machine["machine"]).values()]
        assert all(machine[key] for key in ("title", "setting", "source", "modelled", "left_out", "constants"))


def test_what_is_far_off_has_a_reason(document):
    """A reason for every quantity with an error beyond 10 %, and for no other; TPUv1's and Zhang's names differ."""
    for machine in document["machines"]:
        far = {each.quantity for each in summaries({"machines": [machine]}) if each.is_far}
        assert machine["reasons"].keys() == far
        assert len({each["quantity"] for each in machine["comparisons"]}) == len(summaries({"machines": [machine]}))


def test_what_is_exact(document):
    """Active PEs and printed cycles, and the number of multipliers."""
    exact = [(each["quantity"], each["row"]) for each in comparisons(document) if is_exact(each)]
    assert exact == [
        *(("active PEs", f"conv{index}") for index in range(1, 6)),
        *(("cycles", f"layer {index}") for index in range(1, 6)),
        ("cycles", "all"),
        ("multipliers", ""),
    ]


def test_figures_from_memory_are_told(document):
    """Exactly the machines with recalled figures say so."""
    for machine in document["machines"]:
        assert any(each["recalled"] for each in machine["comparisons"]) == bool(machine["recalled"])


def test_numba_is_not_loaded():
    """Predictions and their page are estimates: they start without Numba."""
    code = (
        "import sys\nfrom accel.published.survey import survey\nimport accel.report.published_page\nsurvey()\n"
        "print('numba' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "False", told.stderr


def test_an_error_has_a_sign():
    """Above 0 the prediction is too high; nothing predicted, no error."""
    assert Comparison("", "", "x", "", 3, 2, "measured").error == 0.5
    assert Comparison("", "", "x", "", 1, 2, "measured").error == -0.5
    assert Comparison("", "", "x", "", None, 2, "measured").error is None


def test_files_are_checked():
    """A constant with an unknown standing does not get into the table; a machine is read as its file says."""
    with pytest.raises(AssertionError):
        Constant("array.rows", "guessed", "")
    assert published("tpuv1").tables["peak_tops"] == 92
    assert list(STANDINGS) == ["chosen", "assumed", "paper"]
