"""The survey: every design is in it, every figure is met, and it is plain values."""

from __future__ import annotations

import json
import math
from typing import Any

import numba
import pytest

from accel.units import survey as module
from accel.units.registry import SOFTMAX, UNARY
from accel.units.survey import SCALES, SCHEMA, Case, cases, measured, survey

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="compares 2^16 codes per unit, which takes compiled kernels"
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The survey with few random rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CLASSES", {10: 200, 100: 20})
        return survey()


def test_every_design_is_there(document: dict[str, Any]) -> None:
    """Each unary design at least once, each softmax at every number of classes and every spread."""
    assert document["schema"] == SCHEMA
    measured_designs = {(unit["function"], unit["design"]) for unit in document["unary"]}
    assert measured_designs == {(function, design) for function, designs in UNARY.items() for design in designs}
    assert [unit["design"] for unit in document["softmax"]] == list(SOFTMAX)
    for unit in document["softmax"]:
        grid = [(row["classes"], row["scale"]) for row in unit["rows"]]
        assert grid == [(classes, scale) for classes in (10, 100) for scale in SCALES]


def test_every_figure_is_met(document: dict[str, Any]) -> None:
    """No unit falls short of the figure that the specification gives for it; these three have none."""
    judged = [unit for unit in document["unary"] if unit["figure"] is not None]
    assert all(unit["met"] is True for unit in judged)
    assert {unit["function"] for unit in document["unary"] if unit["met"] is None} == {"relu", "identity", "rsqrt"}


def test_it_is_plain_values(document: dict[str, Any]) -> None:
    """JSON without NaN gives the same document back; all 2^16 codes are in each histogram."""
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    for unit in document["unary"]:
        histogram = unit["error"]["histogram"]
        assert sum(histogram["counts"]) == 1 << 16
        assert len(histogram["edges_ulp"]) == len(histogram["counts"]) + 1
        frac_bits = int(unit["target"].split(".")[1])
        assert unit["error"]["max_abs"] == math.ldexp(unit["error"]["max_ulp"], -frac_bits)


def test_only_softermax_has_another_base(document: dict[str, Any]) -> None:
    """Its error against its own base is smaller than against base e; for the others both are one."""
    for unit in document["softmax"]:
        smaller = unit["base"] == 2
        assert smaller == (unit["design"] == "softermax")
        assert all((row["own_error"] < row["max_error"]) == smaller for row in unit["rows"])


def test_a_figure_that_is_missed_is_said_so() -> None:
    """A bound below what the unit can do is not met, in ulp and in good bits."""
    assert measured(Case("exp", "two-table", {}, "UQ1.15", "0.5 ulp", "max_ulp", 0.5))["met"] is False
    assert measured(Case("reciprocal", "lut-newton", {"steps": 0}, "UQ1.15", "9 bits", "good_bits", 9))["met"] is False


def test_cases_cover_the_specification() -> None:
    """42 units, of which three have no figure."""
    assert len(cases()) == 42
    assert sum(case.figure is None for case in cases()) == 3
