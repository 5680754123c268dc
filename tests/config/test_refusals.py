"""What is refused in an accelerator file or an override, all at once, and how it is told."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from accel.arch.hardware import UnitChoice
from accel.config import load_accelerator, preset_names
from accel.errors import suggestion
from accel.numeric.format import QFormat
from accel.units.registry import DESIGNS
from kernels.modes import Rounding
from tests.config.files import MINIMAL, problems


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
        'dataflow = "xs" edge.toml:15 [array]: not a dataflow. '
        "Known: adder-tree, conv-engine, is, os, row-stationary, vector, ws.",
        "lanes = true edge.toml:17 [units.tanh]: a whole number is needed",
        'design = "relu" edge.toml:17 [units.tanh]: not a design of this unit. '
        f"{suggestion('relu', DESIGNS['tanh']).lstrip()}",
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
            "softmax gupta2015.toml:15 with -s numerics.overflow=WRAP_SM [numerics]: WRAP_SM",
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
        (["numerics.accumulator.mode=sometimes"], "not a way to accumulate. Known: exact, late, stepwise."),
        (["numerics.accumulator.mode=late"], "late saturation saturates; choose overflow SAT or SAT_SYM"),
        (["numerics.profile=dsp"], "not a profile. Did you mean 'dsp48'?"),
        (["numerics.layers.C1.weight_shifts=[0, 32]"], "number 2 is 32; use whole numbers of ±31"),
        (["numerics.layers.C1.weight_shifts=[true]"], "number 1 is True; use whole numbers of ±31"),
        (["numerics.layers.C1.weight_shifts=[]"], "one whole number for every output channel is needed"),
        (["numerics.layers.C1.weight_shifts=1"], "one whole number for every output channel is needed"),
        (["numerics.weight_shifts=[1]"], "unknown key 'weight_shifts' -s numerics.weight_shifts=[1] [numerics]"),
        (["units.tanh.design=lut-lineal"], "not a design of this unit. Did you mean 'lut-linear'?"),
        (["units.pooling.design=plan"], "not a design of this unit. Known: window."),
        (["array.bias=middle"], "not a place of the bias. Known: first, last."),
        (["array.timing=honest"], "not a timing model. Known: pipelined, scalesim, zhang2015."),
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
