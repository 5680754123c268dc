"""[units]: designs, their options, and parts of other units."""

import pytest

from accel.arch.hardware import UnitChoice
from accel.config import load_accelerator
from accel.config.units import sample_unit
from accel.units.registry import DESIGNS, UNARY, unit_options
from accel.units.softmax import PARTS
from tests.config.files import MINIMAL, problems

PARTLESS = sorted(set(DESIGNS["softmax"]) - {design for design, parts in PARTS.items() if "exp" in parts})
WITH_EXP = sorted(design for design, parts in PARTS.items() if "exp" in parts)


def units(*overrides: str) -> dict[str, UnitChoice]:
    """The units of a small machine with these keys of [units] set."""
    return load_accelerator("gupta2015", [f"units.{key}" for key in overrides]).architecture.units


def test_parts_are_there_only_when_they_are_written():
    """sqrt and average appear when the file chooses them, and then with their plain design."""
    assert not {"exp", "reciprocal", "sqrt", "average"} & units().keys()
    chosen = units("sqrt={}", "average.design=constant")
    assert (chosen["sqrt"], chosen["average"]) == (UnitChoice("digit"), UnitChoice("constant"))


@pytest.mark.parametrize("design", WITH_EXP)
def test_a_softmax_takes_the_exp_unit_of_the_machine(design):
    """Design and options arrive; a whole unit keeps its lanes, a part has none of its own."""
    chosen = units(f"softmax.design={design}", "softmax.lanes=2", "exp={design='pow2-linear', entries=16}")
    assert chosen["softmax"] == UnitChoice(design, 2)
    assert chosen["exp"] == UnitChoice("pow2-linear", 1, (("entries", 16),))


@pytest.mark.parametrize("design", PARTLESS)
def test_parts_without_effect_are_refused(design):
    """An exp unit beside a softmax that has its own says so."""
    (problem,) = problems("gupta2015", (f"units.softmax.design={design}", "units.exp.design=pow2-linear"))
    assert f"has no effect, the softmax '{design}' has no such part; leave it out" in problem


@pytest.mark.parametrize(
    ("function", "design", "option"),
    [(f, design, option) for f in UNARY for design in UNARY[f] for option in unit_options(f, design)],
)
def test_values_that_a_design_does_not_offer_are_refused(function, design, option):
    """No option of any design takes -1; the problem is told at its key."""
    machine = [f"units.softmax.design={WITH_EXP[0]}"] if function in ("exp", "reciprocal") else []
    found = problems("gupta2015", (*machine, f"units.{function}={{design = '{design}', {option} = -1}}"))
    assert any(problem.startswith(f"{option} -s units.{function}=") for problem in found)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["units.tanh={design = 'plan', entries = 64}"],
            "[units.tanh]. 'plan' has no such option; these have: lut.",
        ),
        (["units.softmax.steps=2"], "[units.softmax]. It belongs to a part: [units.reciprocal]."),
        (["units.softmax.entries=2"], "[units.softmax]. It belongs to a part: [units.exp] or [units.reciprocal]."),
        (["units.exp.entires=2"], "[units.exp]. Did you mean 'entries'?"),
        (["units.exp.entries=100"], "its size is a power of two; the nearest offered: 64"),
    ],
)
def test_options_in_the_wrong_place_are_told_the_right_one(overrides, expected):
    """Another design, a part, the nearest name, the nearest table size."""
    (problem,) = problems("gupta2015", tuple(overrides))
    assert expected in problem


def test_sample_units_exist_for_every_design():
    """Each design can be built between the common formats with which options are tried."""
    for function, designs in DESIGNS.items():
        for design in designs:
            if function != "average":
                assert sample_unit(function, design).design == design


def test_whatever_is_wrong_with_options_is_told_at_once(write):
    """Unknown options, values that are no whole numbers, options of another design, lanes of a part; with lines."""
    text = (
        MINIMAL + "[units]\ntanh = { entires = 3, lanes = 0 }\nrelu = { entries = 64 }\nsqrt = { lanes = 2 }\n"
        "average = { design = 'exact' }\npooling = { design = 'window', size = 2 }\n"
        "reciprocal = { design = 'lut-newton', entries = '64', steps = 99 }\n"
    )
    assert [problem.partition(": ")[0].partition(". ")[0] for problem in problems(write(text))] == [
        "lanes = 0 edge.toml:18 [units.tanh]",
        "unknown key 'entires' edge.toml:18 [units.tanh]",
        "unknown key 'entries' edge.toml:19 [units.relu]",
        "unknown key 'lanes' edge.toml:20 [units.sqrt]",
        'design = "exact" edge.toml:21 [units.average]',
        "unknown key 'size' edge.toml:22 [units.pooling]",
        'entries = "64" edge.toml:23 [units.reciprocal]',
        "steps edge.toml:23 [units.reciprocal]",
    ]
