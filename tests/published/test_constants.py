"""The table of machine constants: complete, with the values in use, and right about what they move."""

from __future__ import annotations

import pytest

from accel.arch.dataflows import conv_engine, row_mapping
from accel.config import load_accelerator
from accel.published.constants import constants, in_use
from accel.published.figures import STANDINGS, published
from accel.published.survey import MACHINES

MODEL = {
    "eyeriss": {f"chip.{field}" for field in row_mapping.Chip._fields} | {"cost.dram", "cost.buffer"},
    "zhang2015": {"engine.depth"},
}


def noted(words):
    """Return machine and key of every constant whose note says so."""
    return [(name, one.key) for name in MACHINES for one in published(name).constants if words in one.note]


@pytest.fixture
def rows():
    """Return a machine's constants by key."""

    def of(name, *overrides):
        return {row["key"]: row for row in constants(published(name), load_accelerator(name, overrides))}

    return of


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_is_missing(rows, name):
    """Every number of the preset's array, memory and clock is listed once, and so is what its dataflow's model has."""
    document = load_accelerator(name).document
    expected = {"clock_hz"} | {f"{table}.{key}" for table in ("array", "memory") for key in document[table]}
    expected -= {"array.dataflow"}
    listed = rows(name)
    assert len(listed) == len(published(name).constants)
    assert expected | MODEL.get(name, set()) <= listed.keys()
    assert in_use(published(name), load_accelerator(name)).keys() <= listed.keys()


@pytest.mark.parametrize("name", MACHINES)
def test_values_are_those_in_use(rows, name):
    """What stands in the preset stands in the table, overrides included; what is chosen comes first."""
    document = load_accelerator(name).document
    for key, row in rows(name).items():
        table, _, field = key.rpartition(".")
        if table in ("array", "memory"):
            assert row["value"] == document[table][field]
    assert rows(name, "array.rows=5")["array.rows"]["value"] == 5
    order = [list(STANDINGS).index(row["standing"]) for row in rows(name).values()]
    assert order == sorted(order)


def test_constants_of_the_models(rows):
    """Those that are no keys of a preset are read from the code."""
    eyeriss = rows("eyeriss")
    assert [eyeriss[f"chip.{field}"]["value"] for field in row_mapping.Chip._fields] == list(row_mapping.EYERISS)
    assert (eyeriss["cost.dram"]["value"], eyeriss["cost.buffer"]["value"]) == (200, 6)
    assert rows("zhang2015")["engine.depth"]["value"] == conv_engine.PUBLISHED_DEPTH == 20
    assert rows("tpuv1")["assumptions.features"]["value"] == 2048


def test_what_was_chosen_with_the_figures_in_view(rows):
    """The search rule of the mapping, and the depth and exemption that make Zhang's cycles exact; nothing else."""
    chosen = {name: [key for key, row in rows(name).items() if row["standing"] == "chosen"] for name in MACHINES}
    assert chosen == {
        "eyeriss": ["rule"],
        "zhang2015": ["engine.depth", "exemption", "array.timing"],
        "tpuv1": [],
        "diannao": [],
    }
    assert "about a dozen rules" in rows("eyeriss")["rule"]["note"]


@pytest.mark.parametrize(("name", "key"), noted("Moves no figure here"))
def test_what_moves_no_figure_does_not(compare, name, key):
    """Half of it, and every prediction stays."""
    value = in_use(published(name), load_accelerator(name))[key]
    if isinstance(value, str):
        assert key == "array.timing"  # DianNao's peak has no time in it, and no other timing is offered
        return
    before, after = compare(name), compare(name, f"{key}={value // 2}")
    assert [one.predicted for one in before.values()] == [one.predicted for one in after.values()]


@pytest.mark.parametrize(("name", "key"), noted("Hardly moves"))
def test_what_hardly_moves_a_figure_does_not(compare, name, key):
    """Half of it, and no prediction changes by more than 2 %, cycles without waits not at all."""
    value = in_use(published(name), load_accelerator(name))[key]
    before, after = compare(name), compare(name, f"{key}={value // 2}")
    for place, one in before.items():
        if one.predicted is not None:
            assert after[place].predicted == pytest.approx(one.predicted, rel=0 if place[0] == "cycles" else 0.02)
