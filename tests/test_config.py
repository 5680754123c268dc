"""Accelerator files: presets, what is refused and how it is told, overrides; never a traceback."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accel.accelerator import Accelerator
from accel.arch.hardware import UnitChoice
from accel.config import check_layers, dump, load_accelerator, preset_names
from accel.config.lines import key_lines
from accel.errors import ConfigError
from accel.network.zoo import build
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.format import QFormat
from accel.numeric.random import Lfsr, NumpyRandom
from kernels.modes import Overflow, Rounding

MINIMAL = """name = "edge"
clock_hz = 1e9
[numerics]
input = "Q2.6"
activation = "Q4.4"
weight = "Q2.6"
bias = "Q4.4"
[array]
dataflow = "ws"
rows = 4
columns = 8
[memory]
input_bytes = 1024
weight_bytes = 2048
output_bytes = 4096
dram_bytes_per_cycle = 0
"""

PRESET_TEXTS = {name: dump(load_accelerator(name).document) for name in preset_names()}


def problems(path: str | Path, overrides: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what is wrong, which must be something."""
    with pytest.raises(ConfigError) as error:
        load_accelerator(path, overrides)
    return error.value.problems


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into the working directory and return its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str | bytes, name: str = "edge.toml") -> str:
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write_file


@pytest.mark.parametrize(
    ("name", "dataflow", "rows", "columns", "clock_mhz", "accumulator", "operand_bits"),
    [
        ("gupta2015", "os", 28, 28, 166, 48, 16),
        ("tpuv1", "ws", 256, 256, 700, 32, 8),
        ("shidiannao", "os", 8, 8, 1000, 40, 16),
        ("scalesim-32x32", "ws", 32, 32, 1000, 48, 16),
        ("input-stationary-16x16", "is", 16, 16, 500, 48, 16),
    ],
)
def test_presets_are_the_machines_they_cite(name, dataflow, rows, columns, clock_mhz, accumulator, operand_bits):
    """Array, clock, accumulator and operand width are those of the publication; source and assumptions are stated."""
    machine = load_accelerator(name)
    array = machine.architecture.array
    assert (machine.name, array.dataflow, array.rows, array.columns) == (name, dataflow, rows, columns)
    assert machine.architecture.clock_hz == clock_mhz * 1e6
    bits = machine.numerics.defaults
    assert bits.accumulator.width == accumulator
    assert {bits.weight.format.width, bits.output.format.width, machine.numerics.input.format.width} == {operand_bits}
    assert "Assumed: " in machine.source
    assert machine.document["description"]


def test_presets_reproduce_published_capacities():
    """Peak rate of Gupta 2015 (260 Gop/s), TPU weight bandwidth (34 GB/s) and ShiDianNao's 256 KB of data buffers."""
    gupta, tpu, shi = (load_accelerator(name).architecture for name in ("gupta2015", "tpuv1", "shidiannao"))
    assert round(2 * gupta.array.pes * gupta.clock_hz / 1e9) == 260
    assert tpu.memory.dram_bytes_per_cycle * tpu.clock_hz == pytest.approx(34e9, rel=1e-3)
    assert tpu.memory.input_bytes + tpu.memory.output_bytes == 24 << 20
    assert shi.memory.input_bytes + shi.memory.output_bytes + shi.memory.weight_bytes == 256 << 10


def test_every_preset_is_listed_and_distinct():
    """Five presets, the default among them, no two with the same digest."""
    assert len(preset_names()) == 5
    assert load_accelerator().name == "gupta2015"
    assert len({load_accelerator(name).digest for name in preset_names()}) == 5


def test_defaults_are_the_stated_ones(write):
    """What a file leaves out: UQ0.16 softmax, nearest even, saturation, a wrapping 48-bit accumulator, plain units."""
    machine = load_accelerator(write(MINIMAL))
    bits = machine.numerics.defaults
    assert str(bits.softmax.format) == "UQ0.16"
    assert (bits.output.rounding, bits.output.overflow) == (Rounding.RND_CONV, Overflow.SAT)
    assert bits.accumulator == Accumulator(48, None, Mode.STEPWISE, Overflow.WRAP, Rounding.TRN)
    assert machine.architecture.array.timing == "pipelined"
    assert machine.architecture.units == {
        "sigmoid": UnitChoice("lut-linear"),
        "tanh": UnitChoice("lut-linear"),
        "relu": UnitChoice("relu"),
        "identity": UnitChoice("identity"),
        "softmax": UnitChoice("reference"),
        "pooling": UnitChoice("window"),
        "elementwise": UnitChoice("adder"),
    }


def test_rounding_and_overflow_act_on_outputs_only(write):
    """Weights, biases and inputs stay nearest even and saturating whatever the outputs do."""
    bits = load_accelerator(write(MINIMAL), ["numerics.rounding=TRN", "numerics.overflow=WRAP"]).numerics
    assert (bits.defaults.output.rounding, bits.defaults.output.overflow) == (Rounding.TRN, Overflow.WRAP)
    assert bits.defaults.softmax.rounding == Rounding.TRN
    for encoding in (bits.input, bits.defaults.weight, bits.defaults.bias):
        assert (encoding.rounding, encoding.overflow) == (Rounding.RND_CONV, Overflow.SAT)


def test_layers_change_only_what_they_write(write):
    """A layer's keys replace the defaults one by one, its accumulator's keys too."""
    text = MINIMAL + (
        "[numerics.accumulator]\nwidth = 30\noverflow = 'SAT'\n"
        "[numerics.layers.C1]\nweight = 'Q1.3'\naccumulator = { width = 20 }\n"
        "[numerics.layers.'C1.tanh']\nactivation = 'Q2.14'\nrounding = 'TRN'\n"
    )
    numerics = load_accelerator(write(text)).numerics
    first, tanh, other = numerics.at("C1"), numerics.at("C1.tanh"), numerics.at("C9")
    assert str(first.weight.format) == "Q1.3"
    assert first.accumulator == Accumulator(20, None, Mode.STEPWISE, Overflow.SAT)
    assert first.output == numerics.defaults.output
    assert (str(tanh.output.format), tanh.output.rounding) == ("Q2.14", Rounding.TRN)
    assert tanh.accumulator.width == 30
    assert other is numerics.defaults


def test_accumulator_formats_are_widths_and_points():
    """`format` says width and binary point in one word; an override of either form replaces the other."""
    machine = load_accelerator("gupta2015", ["numerics.accumulator.format=Q20.28"])
    assert (machine.numerics.defaults.accumulator.width, machine.numerics.defaults.accumulator.frac_bits) == (
        48,
        28,
    )
    back = load_accelerator("gupta2015", ["numerics.accumulator.format=Q20.28", "numerics.accumulator.width=40"])
    assert back.numerics.defaults.accumulator == Accumulator(40, None, Mode.STEPWISE, Overflow.WRAP)
    layer = load_accelerator("gupta2015", ["numerics.layers.C1.accumulator.format=Q8.8"])
    assert layer.numerics.at("C1").accumulator == Accumulator(16, 8)
    assert layer.numerics.defaults.accumulator.width == 48


def test_stochastic_rounding_gets_its_generator():
    """[numerics.random] reaches the outputs, and only while they are rounded stochastically."""
    lfsr = ["numerics.random.generator=lfsr", "numerics.random.seed=9", "numerics.random.bits=8"]
    machine = load_accelerator("gupta2015", ["numerics.rounding=STOCHASTIC", *lfsr])
    assert machine.numerics.defaults.output.random == Lfsr(seed=9, bits=8)
    assert load_accelerator("gupta2015", lfsr).numerics.defaults.output.random is None
    research = [
        "numerics.rounding=STOCHASTIC",
        "numerics.random.generator=numpy",
        "numerics.random.centred=true",
    ]
    assert load_accelerator("gupta2015", research).numerics.defaults.output.random == NumpyRandom(centred=True)


def test_everything_wrong_is_told_at_once_with_its_line(write):
    """Unknown and missing keys, wrong types, ranges, formats, modes and names: one reading mends the file."""
    text = """name = "my chip"
clock_hz = -1
[numerics]
input = "Q2.14"
activation = "Q4,4"
weight = "Q2.50"
rounding = "RND_CNV"
[numerics.layers.C1]
wieght = "Q4.4"
[numerics.layers.C2.tanh]
activation = "Q4.4"
[array]
colls = 3
rows = "8"
dataflow = "xs"
[units]
tanh = { design = "relu", lanes = true }
relu = { desing = "relu" }
[memory]
input_bytes = 3.5
weight_bytes = 0
output_bytes = 4096
dram_bytes_per_cycle = inf
"""
    assert problems(write(text)) == (
        "name = \"my chip\" edge.toml:1: it names files too; use letters, digits, '.', '_' and '-', a letter or digit"
        " first, at most 64",
        "clock_hz = -1 edge.toml:2: it must be greater than 0",
        "missing key 'bias' edge.toml:3 [numerics]. Add for example bias = \"Q6.10\"",
        'activation = "Q4,4" edge.toml:5 [numerics]: "Q4,4" is not a format; use Q4.4 or ap_fixed<8,4>',
        'weight = "Q2.50" edge.toml:6 [numerics]: 52 bits; data formats have 2..32',
        "rounding = \"RND_CNV\" edge.toml:7 [numerics]: not a rounding mode. Did you mean 'RND_CONV'?",
        "unknown key 'wieght' edge.toml:9 [numerics.layers.C1]. Did you mean 'weight'?",
        "unknown key 'tanh' edge.toml:10 [numerics.layers.C2]. A layer's name with a dot in it needs quotes: "
        '[numerics.layers."C1.tanh"]',
        "missing key 'columns' edge.toml:12 [array]. Add for example columns = 16",
        "unknown key 'colls' edge.toml:13 [array]. Did you mean 'columns'?",
        'rows = "8" edge.toml:14 [array]: a whole number is needed',
        'dataflow = "xs" edge.toml:15 [array]: not a dataflow. Known: is, os, ws.',
        "lanes = true edge.toml:17 [units.tanh]: a whole number is needed",
        "unknown key 'desing' edge.toml:18 [units.relu]. Did you mean 'design'?",
        "input_bytes = 3.5 edge.toml:20 [memory]: a whole number is needed",
        "weight_bytes = 0 edge.toml:21 [memory]: it must be at least 1",
        "dram_bytes_per_cycle = inf edge.toml:23 [memory]: a finite number is needed",
    )


def test_missing_tables_are_named(write):
    """A file without its tables says which to add."""
    assert problems(write('name = "edge"\nclock_hz = 5\n')) == (
        "missing table 'numerics' edge.toml. Add [numerics].",
        "missing table 'array' edge.toml. Add [array].",
        "missing table 'memory' edge.toml. Add [memory].",
    )
    assert problems(write("array = 3\n" + MINIMAL.replace("[array]", "[numerics.layers]"))) != ()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["numerics.overflow=WRAP_SM"],
            "softmax gupta2015.toml:14 with -s numerics.overflow=WRAP_SM [numerics]: WRAP_SM",
        ),
        (
            ["numerics.saturation_bits=2"],
            "with -s numerics.saturation_bits=2 [numerics]: saturation_bits belongs to WRAP",
        ),
        (["numerics.rounding=STOCHASTIC"], 'add numerics.random.generator = "lfsr"'),
        (["numerics.random.generator=lfsr", "numerics.random.width=9"], "an LFSR of width 9 is not offered"),
        (["numerics.random.generator=numpy", "numerics.random.width=8"], 'generator = "numpy" has none'),
        (["numerics.random.generator=dice"], "not a generator. Known: lfsr, numpy."),
        (
            ["numerics.accumulator.overflow=SAT_ZERO"],
            "an accumulator saturates (SAT, SAT_SYM) or wraps (WRAP)",
        ),
        (
            ["numerics.accumulator.rounding=STOCHASTIC"],
            "an accumulator cannot round its products stochastically",
        ),
        (["numerics.accumulator.format=UQ8.8"], "an accumulator is signed; use Q8.8"),
        (["numerics.accumulator.width=64"], "it must be at most 63"),
        (
            ["numerics.accumulator={width=20, format='Q8.8'}"],
            "give either format, or width and frac_bits, not both",
        ),
        (["numerics.accumulator.mode=sometimes"], "not a way to accumulate. Known: exact, stepwise."),
        (["units.tanh.design=plan"], "not a design of this unit. Known: lut-linear."),
        (["units.pooling.design=plan"], "not a design of this unit. Known: window."),
        (["array.timing=honest"], "not a timing model. Known: pipelined, scalesim."),
        (["numerics.input=Q1.0"], "1 bits cannot be used"),
        (
            ["numerics.layers.C1.rounding=STOCHASTIC"],
            "[numerics.layers.C1]: STOCHASTIC rounding draws random bits",
        ),
        (["memory=3"], "memory = 3 -s memory=3: a table is needed"),
        (["numerics.layers=3"], "layers = 3 -s numerics.layers=3 [numerics]: a table is needed"),
        (["description=2020-01-01"], "a text in quotes is needed"),
        (["clock_hz=nan"], "a finite number is needed"),
        ([f"array.rows=0x{'f' * 5000}"], "it must be at most 65536"),
    ],
)
def test_combinations_and_values_that_mean_nothing(overrides, expected):
    """Each refused setting of an otherwise sound machine is one problem that says why."""
    found = problems("gupta2015", tuple(overrides))
    assert len(found) == 1
    assert expected in found[0]
    assert len(found[0]) <= 510


def test_sound_tables_are_checked_although_others_are_not(write):
    """A wrong key in one table does not hide a combination in another one."""
    text = MINIMAL.replace("rows = 4", "rowz = 4") + "[units]\ntanh = { design = 'exp' }\n"
    found = problems(write(text), ("numerics.rounding=STOCHASTIC",))
    assert [problem.split(" edge.toml")[0] for problem in found] == [
        "activation",
        "missing key 'rows'",
        "unknown key 'rowz'",
        'design = "exp"',
    ]


def test_overrides_read_toml_and_fall_back_to_text():
    """Numbers are numbers, tables are tables, and what is not TOML is text."""
    machine = load_accelerator(
        "gupta2015",
        [
            "array.rows=8",
            "numerics.weight=ap_fixed<8,4>",
            'name="x"',
            "units.tanh={lanes=4}",
            "numerics.layers.C1.tanh.rounding=TRN",
        ],
    )
    assert machine.architecture.array.rows == 8
    assert machine.numerics.defaults.weight.format == QFormat(True, 8, 4)
    assert machine.name == "x"
    assert machine.architecture.units["tanh"] == UnitChoice("lut-linear", 4)
    assert machine.numerics.at("C1.tanh").output.rounding == Rounding.TRN


def test_refused_overrides_are_named_with_everything_else():
    """Arguments that are no KEY=VALUE, and values that are refused, name the -s argument."""
    found = problems(
        "gupta2015",
        ("rows", "=3", "array.rows.x=1", "a b=1", "array.rows=0", "numerics.layers.C1.weigth=Q4.4"),
    )
    assert found == (
        "-s rows: not KEY=VALUE; write for example array.rows=8",
        "-s =3: '' is not a key; write for example array.rows=8",
        "-s array.rows.x=1: array.rows is a value, not a table",
        "-s a b=1: 'a b' is not a key; write for example array.rows=8",
        "unknown key 'weigth' -s numerics.layers.C1.weigth=Q4.4 [numerics.layers.C1]. Did you mean 'weight'?",
        "rows = 0 -s array.rows=0 [array]: it must be at least 1",
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "edge.toml: empty"),
        (b" \n\n", "edge.toml: empty"),
        (b'name = "a"\n\xff\xfe = 1\n', "edge.toml:2: not UTF-8 (byte 0xff)"),
        (b"name = \n", "edge.toml:1: not TOML: Invalid value at column 8"),
        (b'name = "a"\n[array\n', "edge.toml:2: not TOML: "),
        (b'name = "a"\nname = "b"\n', "edge.toml:2: not TOML: Cannot overwrite a value"),
        (b'name = "a', "edge.toml:1: not TOML: "),
        (b"x = " + b"[" * 100_000, "edge.toml: nested too deeply"),
        (b"x = " + b"9" * 5000, "edge.toml: not TOML: "),
    ],
)
def test_files_that_cannot_be_read_say_where(write, content, expected):
    """Empty, foreign and broken files get one line with the place."""
    (problem,) = problems(write(content))
    assert problem.startswith(expected)


def test_names_and_paths(write, tmp_path):
    """Presets by name, files by path; whatever is neither is told with the nearest name and all of them."""
    known = f"Known: {', '.join(preset_names())}; or give the path of a .toml file"
    assert problems("gupta2105") == (f"no accelerator 'gupta2105'. Did you mean 'gupta2015'? {known}",)
    assert problems("zzz") == (f"no accelerator 'zzz'. {known}",)
    assert problems("") == (f"no accelerator ''. {known}",)
    assert problems("a\0b") == (f"no accelerator 'a\\x00b'. {known}",)
    assert problems("none.toml") == ("none.toml: no such file",)
    assert problems("./none") == ("./none: no such file",)
    assert problems(tmp_path) == (f"{tmp_path}: a folder; give one of its .toml files",)
    write(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode(), "plain")
    assert load_accelerator("plain").name == "edge"
    assert load_accelerator(Path("plain")).digest == load_accelerator("plain").digest


def test_digests_follow_the_meaning_not_the_layout(write):
    """Order, comments and spelling of numbers do not change the digest; a value does, and it is the stated one."""
    first = load_accelerator(write(MINIMAL))
    head, array = MINIMAL.split("[array]\n")
    rows, memory = array.split("[memory]\n")
    moved = load_accelerator(write(f"# moved\n{head}[memory]\n{memory}\n[array]\n{rows}".replace("1024", "1_024")))
    assert moved.digest == first.digest
    assert load_accelerator("edge.toml", ["array.rows=5"]).digest != first.digest
    canonical = json.dumps(tomllib.loads(MINIMAL), sort_keys=True, separators=(",", ":")).encode()
    assert first.digest == hashlib.sha256(canonical).hexdigest()


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
LEAF_TABLES = st.dictionaries(KEYS, PLAIN, max_size=3)
INNER_TABLES = st.dictionaries(KEYS, PLAIN | LEAF_TABLES, max_size=3)
DOCUMENTS = st.dictionaries(KEYS, PLAIN | INNER_TABLES, max_size=4)


@given(DOCUMENTS)
@example({"a": {}, "b": {"c": {"d": 1}}, "\x7f": "\x7f"})
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


def test_layer_overrides_are_held_against_the_network():
    """Names the network lacks, and keys that its layer has no use for, are refused together."""
    keys = [
        "C1.weight=Q4.4",
        "C1.tanh.activation=Q4.4",
        "softmax.softmax=UQ0.8",
        "C33.weight=Q4.4",
        "C1.tanh.bias=Q4.4",
    ]
    machine = load_accelerator("gupta2015", [f"numerics.layers.{key}" for key in [*keys, "F6.softmax=UQ0.8"]])
    with pytest.raises(ConfigError) as error:
        check_layers(machine, build("lenet5"))
    assert error.value.problems == (
        "gupta2015 [numerics.layers.C1.tanh]: 'bias' has no effect, the activation unit of this layer has none; "
        "leave it out",
        "gupta2015 [numerics.layers.C33]: lenet5 has no layer 'C33'. Did you mean 'C3'?",
        "gupta2015 [numerics.layers.F6]: 'softmax' has no effect, the array unit of this layer has none; leave it out",
    )
    check_layers(load_accelerator("gupta2015", [f"numerics.layers.{key}" for key in keys[:3]]), build("lenet5"))


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
    st.sampled_from(["[]", "[[1], {a = 2}]", "{}", "{width = 3}", "{design = 3}", "07:32:00", "1979-05-27T07:32:00Z"]),
    st.sampled_from(['"\\u0000"', '"""\nx\n"""', "a b"]),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_machines_load_or_are_refused(scratch, data):
    """Any value at any key of a preset, any key gone or renamed: a machine or a ConfigError, never anything else."""
    lines = PRESET_TEXTS[data.draw(st.sampled_from(sorted(PRESET_TEXTS)))].splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        key = data.draw(
            st.sampled_from(["name", "rows", "width", "format", "random", "layers", "C1", "rounding", "a.b", '""'])
        )
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
                lines.insert(
                    place,
                    data.draw(st.sampled_from(["[numerics.layers.C1]", "[numerics.random]", "[x]", "[[array]]"])),
                )
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


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda key, value: f"{key}={value}",
            st.sampled_from([*SCHEMA_KEYS, "numerics.layers.C1.accumulator"]),
            LITERALS | st.text(),
        )
        | st.text(),
        max_size=4,
    )
)
def test_any_override_loads_or_is_refused(overrides):
    """Any text after -s."""
    load_or_refuse("gupta2015", overrides)
