"""The text of accelerator files: lines of keys, writing one out, and fuzzing; never a traceback."""

import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accel.accelerator import Accelerator
from accel.config import dump, load_accelerator, preset_names
from accel.config.lines import key_lines
from accel.errors import ConfigError
from tests.config.files import PRESET_TEXTS


def test_key_lines_of_every_toml_construct():
    """Tables, dotted and quoted keys, inline tables, arrays of tables and values over several lines."""
    text = '''# [not] = a table
a.b = 1
"a"."c.d" = """
e = 5
\\""" still text """
f = [ # x = 1
  1, "]", { g = 2 }, [3,
  4] ]

[h] # = comment
'i"j' = { k = 1, l.m = { n = 07:32:00 } }
o = \'\'\'
[p]
\'\'\'\'
[[q]]
r = -1.5e+3
[[q]]
  s . t = "\\u0041 # no comment"
[q.u]
v = 1
'''
    tomllib.loads(text)
    assert key_lines(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("a", "c.d"): 3,
        ("f",): 6,
        ("f", "2", "g"): 7,
        ("h",): 10,
        ("h", 'i"j'): 11,
        ("h", 'i"j', "k"): 11,
        ("h", 'i"j', "l"): 11,
        ("h", 'i"j', "l", "m"): 11,
        ("h", 'i"j', "l", "m", "n"): 11,
        ("h", "o"): 12,
        ("q",): 15,
        ("q", "0", "r"): 16,
        ("q", "1", "s"): 18,
        ("q", "1", "s", "t"): 18,
        ("q", "u"): 19,
        ("q", "u", "v"): 20,
    }


def leaves(document, path=()):
    """Yield the path of every value of a nested dictionary."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
PLAIN = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = PLAIN | st.lists(PLAIN | st.lists(PLAIN, max_size=2), max_size=3)
LEAF_TABLES = st.dictionaries(KEYS, VALUES, max_size=3)
INNER_TABLES = st.dictionaries(KEYS, VALUES | LEAF_TABLES, max_size=3)
DOCUMENTS = st.dictionaries(KEYS, VALUES | INNER_TABLES, max_size=4)


@given(DOCUMENTS)
@example({"a": {}, "b": {"c": {"d": 1, "e": [1, -2, 0]}}, "\x7f": "\x7f"})
def test_dump_is_read_back(document):
    """TOML that is written reads back as what was written, and every key is found on its own line."""
    text = dump(document)
    assert tomllib.loads(text) == document
    lines, places = text.split("\n"), key_lines(text)
    for path in leaves(document):
        assert lines[places[path] - 1].startswith((f"{path[-1]} = ", '"'))


@pytest.mark.parametrize("name", preset_names())
def test_presets_can_be_written_out_and_changed(name, write):
    """What `accel show accelerator` prints is a file that loads as the same machine."""
    machine = load_accelerator(name)
    copy = load_accelerator(write(dump(machine.document), "copy.toml"))
    assert (copy.numerics, copy.architecture, copy.digest) == (
        machine.numerics,
        machine.architecture,
        machine.digest,
    )


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A file that fuzzing overwrites."""
    return tmp_path_factory.mktemp("fuzz") / "edge.toml"


def load_or_refuse(*arguments) -> None:
    """Pass when the machine loads or is refused in words; any other exception fails the test."""
    try:
        machine = load_accelerator(*arguments)
    except ConfigError as error:
        refused = error.problems
    else:
        assert isinstance(machine, Accelerator)
        assert machine.numerics.at("C1").output.format.width <= 32
        return
    assert refused
    assert all(problem and problem.isprintable() for problem in refused)


LITERALS = st.one_of(
    st.sampled_from(["0", "-1", "8", "62", "63", "64", "1.5", "inf", "-inf", "nan", "1e300", f"0x{'f' * 24}", "true"]),
    st.sampled_from(['""', "'os'", '"Q4.4"', '"UQ8.0"', '"WRAP"', '"WRAP_SM"', '"exact"', '"STOCHASTIC"', '"lfsr"']),
    st.sampled_from(['"ap_fixed"', '"late"', "[1, -31]", "[32]", "{entries = 3}", "{steps = 2, entries = 1}"]),
    st.sampled_from(["[]", "[[1], {a = 2}]", "{}", "{width = 3}", "{design = 3}", "07:32:00", "1979-05-27T07:32:00Z"]),
    st.sampled_from(['"\\u0000"', '"""\nx\n"""', "a b"]),
)

SOME_KEYS = ["name", "rows", "width", "format", "random", "layers", "C1", "rounding", "entries", "profile", "a.b", '""']
SOME_TABLES = ["[numerics.layers.C1]", "[numerics.random]", "[units.exp]", "[units.sqrt]", "[x]", "[[array]]"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_machines_load_or_are_refused(scratch, data):
    """Any value at any key of a preset, any key gone or renamed: a machine or a ConfigError, never anything else."""
    lines = PRESET_TEXTS[data.draw(st.sampled_from(sorted(PRESET_TEXTS)))].splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        key = data.draw(st.sampled_from(SOME_KEYS))
        match data.draw(st.sampled_from(["value", "key", "drop", "insert", "table"])):
            case "value":
                lines[place] = f"{lines[place].split('=')[0]}= {data.draw(LITERALS)}"
            case "key":
                lines[place] = f"{key} = {lines[place].partition('=')[2] or 1}"
            case "drop":
                lines[place] = ""
            case "insert":
                lines.insert(place, f"{key} = {data.draw(LITERALS)}")
            case "table":
                lines.insert(place, data.draw(st.sampled_from(SOME_TABLES)))
    scratch.write_text("\n".join(lines), encoding="utf-8")
    load_or_refuse(scratch)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 1500), st.integers(0, 60))
def test_damaged_files_load_or_are_refused(scratch, junk, place, cut):
    """Bytes put into, and cut out of, a preset's text."""
    text = PRESET_TEXTS["gupta2015"].encode()
    scratch.write_bytes(text[:place] + junk + text[place + cut :])
    load_or_refuse(scratch)


SCHEMA_KEYS = [".".join(path) for path in leaves(load_accelerator("gupta2015").document)]
MORE_KEYS = [
    "numerics.layers.C1.accumulator",
    "numerics.layers.C1.weight_shifts",
    "numerics.profile",
    "units.exp",
    "units.exp.entries",
    "units.softmax.entries",
    "units.reciprocal.steps",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda key, value: f"{key}={value}",
            st.sampled_from([*SCHEMA_KEYS, *MORE_KEYS]),
            LITERALS | st.text(),
        )
        | st.text(),
        max_size=4,
    )
)
def test_any_override_loads_or_is_refused(overrides):
    """Any text after -s."""
    load_or_refuse("gupta2015", overrides)
