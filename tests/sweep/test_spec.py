"""SPEC files: what they mean, and every problem told at once with its line."""

from __future__ import annotations

import pytest

from accel.config.load import preset_names
from accel.errors import ConfigError
from accel.sweep.measures import MEASURES
from accel.sweep.spec import load_spec, spec_of


def axis(value, name="array.rows"):
    """The labels of the one axis of a spec."""
    (found,) = spec_of({"axes": {name: value}}).axes
    return [choice.label for choice in found.choices]


def test_lists_and_ranges():
    """A list stays as it is; a range has its ends; log2 doubles; steps may be fractions."""
    assert axis([8, 2]) == [8, 2]
    assert axis({"from": 1, "to": 64, "log2": True}) == [1, 2, 4, 8, 16, 32, 64]
    assert axis({"from": 3, "to": 20, "log2": True}) == [3, 6, 12]
    assert axis({"from": 1, "to": 10, "step": 4}) == [1, 5, 9]
    assert axis({"from": 5, "to": 7}) == [5, 6, 7]
    assert axis({"from": 0.5, "to": 2, "step": 0.5}, "memory.dram_bytes_per_cycle") == [0.5, 1.0, 1.5, 2.0]


def test_keys_may_be_dotted_or_quoted():
    """[axes.array] rows means what "array.rows" means; names of layers may hold dots."""
    assert [a.name for a in spec_of({"axes": {"array": {"rows": [1], "columns": [2]}}}).axes] == [
        "array.rows",
        "array.columns",
    ]
    (layer,) = spec_of({"axes": {"numerics.layers.C1.tanh.activation": ["Q2.6"]}}).axes
    assert layer.keys == ("numerics.layers.C1.tanh.activation",)


def test_named_choices_set_several_keys():
    """A named axis is one direction, however many keys it sets; names that are numbers are numbers."""
    (word,) = spec_of(
        {"axes": {"word": {"8": {"array.rows": 8, "array": {"columns": 4}}, "wide": {"clock_hz": 2}}}}
    ).axes
    assert [choice.label for choice in word.choices] == [8, "wide"]
    assert word.choices[0].settings == (("array.rows", 8), ("array.columns", 4))
    assert word.keys == ("array.rows", "array.columns", "clock_hz")


def test_goals_have_defaults():
    """Without objectives: accuracy and latency, so bits are wanted; objectives of cycles alone want none."""
    assert spec_of({}).objectives == {"accuracy": "max", "latency_us": "min"}
    assert spec_of({}).wants_bits
    cycles = {"objectives": {"pes": "min"}}
    assert not spec_of(cycles).wants_bits
    assert spec_of({**cycles, "sweep": {"constraints": ["agreement > 0.5"]}}).wants_bits


def test_what_all_points_share(tmp_path):
    """[set] and -s change the base machine, which may be a file beside the SPEC."""
    from accel.config import dump, load_accelerator

    (tmp_path / "own.toml").write_text(dump(dict(load_accelerator("tpuv1").document)))
    file = tmp_path / "wide.toml"
    file.write_text('[sweep]\naccelerator = "own.toml"\n[set]\n"array.rows" = 8\narray.columns = 4\n')
    spec = load_spec(file, {"inputs": 7}, ["array.columns=2"])
    assert (spec.name, spec.base["name"], spec.sweep.inputs) == ("wide", "tpuv1", 7)
    assert (spec.base["array"]["rows"], spec.base["array"]["columns"]) == (8, 2)
    assert load_spec(file).digest != spec.digest


def test_every_problem_at_once(tmp_path):
    """Each wrong line is told with its number and what was probably meant."""
    file = tmp_path / "s.toml"
    file.write_text(
        """[sweep]
networks = ["lnet5"]
inputz = 3
search = "gird"
constraints = ["area_mm <= 5", "pes < many"]
[set]
"array.colums" = 3
[objectives]
accurcy = "max"
energy_pj = "min"
pes = "down"
[axes]
"array.rows" = []
"arry.rows" = [1]
numerics.activation = ["Q4,4"]
"array.columns" = [4, 4]
"memory.input_bytes" = { from = 9, to = 3 }
clock_hz = 5
"""
    )
    with pytest.raises(ConfigError) as caught:
        load_spec(file)
    told = "\n".join(caught.value.problems)
    for words in (
        "'lnet5' s.toml:2 [sweep]: there is no such network. Did you mean 'lenet5'?",
        "unknown key 'inputz' s.toml:3 [sweep]. Did you mean 'inputs'?",
        "search = \"gird\" s.toml:4 [sweep]: not a search. Did you mean 'grid'?",
        "'area_mm' is not measured. Did you mean 'area_mm2'?",
        "'many' is not a number",
        "unknown key 'colums' s.toml:7",
        "'accurcy' s.toml:9 [objectives]: not measured. Did you mean 'accuracy'?",
        'pes = "down" s.toml:11',
        "array.rows s.toml:13 [axes]: has no values, so the grid is empty",
        "unknown key 'arry' s.toml:14 [axes]. Did you mean 'array'?",
        '"Q4,4" is not a format; use Q4.4',
        "4 stands there twice",
        "from 9 to 3 holds nothing",
        "clock_hz s.toml:18 [axes]: not an axis",
    ):
        assert words in told.replace(str(tmp_path) + "/", ""), words


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"sweep": {"search": "random"}, "axes": {"array.rows": [1]}}, '"random" wants samples'),
        ({"sweep": {"search": "list"}}, r'"list" wants \[\[points\]\]'),
        ({"points": [{"array.rows": 1}]}, r'\[\[points\]\] want search = "list"'),
        ({"sweep": {"trials": 3}}, 'only search = "pareto" has trials'),
        ({"axes": {}}, r"\[axes\].*empty"),
        ({"axes": {"array.rows": [1], "w": {"a": {"array.rows": 2}}}}, "sets array.rows, which 'array.rows' sets too"),
        ({"sweep": {"model": "bound"}, "objectives": {"accuracy": "max"}}, 'model = "bound" does not know it'),
        (
            {"sweep": {"model": "bound"}, "objectives": {"pes": "min"}, "axes": {"cores.number": [1]}},
            'model = "bound" varies',
        ),
        ({"axes": {"accuracy": {"a": {"array.rows": 2}}}}, "a column of the table has that name"),
        ({"sweep": {"data": "random"}}, "random inputs have no labels"),
        ({"sweep": {"accelerator": "gupta"}}, "Did you mean 'gupta2015'"),
        ({"sweep": 3}, "a table is needed"),
        ({"axes": {"w": {"a": 3}}}, "choice 'a' is a table of keys"),
        ({"axes": {"array.rows": {"from": 1, "to": "x"}}}, "a range wants numbers"),
        ({"axes": {"array.rows": {"from": 0, "to": 8, "log2": True}}}, "must be greater than 0"),
        ({"sweep": {"search": "list"}, "points": [{"array.rows": 1}, {"array.rows": 1}]}, "the same as point 1"),
    ],
)
def test_what_does_not_go_together(document, words):
    """One sentence says what is missing or too much."""
    with pytest.raises(ConfigError, match=words):
        spec_of(document)


def test_energy_wants_a_technology(tmp_path):
    """Energy and area are refused for a machine that names nothing to estimate them with, unless points name it."""
    from accel.config import dump, load_accelerator

    document = {key: value for key, value in load_accelerator().document.items() if key != "technology"}
    (tmp_path / "plain.toml").write_text(dump(document))
    wanted = {"sweep": {"accelerator": str(tmp_path / "plain.toml")}, "objectives": {"area_mm2": "min"}}
    with pytest.raises(ConfigError, match=r"names no technology.*\[set\] technology"):
        spec_of(wanted)
    assert spec_of({**wanted, "set": {"technology": "horowitz-45nm"}}).base["technology"] == "horowitz-45nm"
    assert spec_of({**wanted, "axes": {"technology": ["horowitz-45nm"]}}).axes


def test_another_search_drops_the_budget_of_the_first():
    """--search grid over a file with random and samples is not a contradiction."""
    document = {"sweep": {"search": "random", "samples": 5}, "axes": {"array.rows": [1, 2]}}
    assert spec_of(document, changes={"search": "grid"}).sweep.samples is None
    assert spec_of(document, changes={"seed": 3}).sweep.samples == 5


def test_measures_say_what_is_better():
    """Every measure has a direction, a kind and a meaning; every preset can be a base."""
    for measure in MEASURES.values():
        assert measure.better in ("max", "min")
        assert measure.kind in ("bits", "cycles", "bound")
        assert measure.meaning
    for name in preset_names():
        assert spec_of({"sweep": {"accelerator": name}}).base["name"] == name
