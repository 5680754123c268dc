"""Technology files: the built-in ones are whole and cited; what is wrong is told at once, with line and remedy."""

from pathlib import Path

import pytest

from accel.arch.technology import LINEAR, POWER, Curve
from accel.config import load_accelerator
from accel.config.technology import load_technology, technology_names
from accel.errors import ConfigError
from tests.config.files import MINIMAL, problems

SMALLEST = """name = "mine"
source = "measured by me"
[energy]
unit = "pJ"
word_bits = 32
[energy.mac]
8 = 0.5
"""


def refused(path: str | Path) -> tuple[str, ...]:
    """Return what is wrong with a technology, which must be something."""
    with pytest.raises(ConfigError) as error:
        load_technology(path)
    return error.value.problems


def test_built_in_technologies_say_where_they_are_from():
    """Every file is named as it is called, cites its source and tells what is assumed."""
    assert set(technology_names()) >= {"eyeriss-relative", "horowitz-45nm"}
    for name in technology_names():
        technology = load_technology(name)
        assert technology.name == name
        assert min(len(technology.source), len(technology.assumed), len(technology.description)) > 20


def test_none_takes_a_technology_away():
    """A machine that names one can be estimated without."""
    assert load_accelerator("gupta2015").architecture.technology is not None
    assert load_accelerator("gupta2015", ["technology=none"]).architecture.technology is None


def test_what_a_file_leaves_out_is_absent(write):
    """A file with one figure is a technology; the rest is None, not 0."""
    technology = load_technology(write(SMALLEST, "mine.toml"))
    assert technology.mac == Curve(((8, 0.5),), POWER)
    absent = ("multiply", "add", "sram", "dram", "register_file", "network", "bit_area", "multiply_area", "add_area")
    assert {getattr(technology, field) for field in absent} == {None}


def test_tables_may_come_in_any_order(write):
    """Sizes are sorted; a bit of memory has its share of what is around the cells."""
    text = SMALLEST.replace("[energy.mac]\n8 = 0.5", "[energy.multiply]\n32 = 3\n8 = 0.5\n[energy.add]\n8 = 1")
    area = "[area]\nbit_cell = 0.5\ncell_share = 0.25\n[area.add]\n16 = 2\n8 = 1\n"
    technology = load_technology(write(text + area, "mine.toml"))
    assert technology.multiply == Curve(((8, 0.5), (32, 3)), POWER)
    assert technology.add_area == Curve(((8, 1), (16, 2)), LINEAR)
    assert technology.bit_area == 2


def test_everything_wrong_is_told_at_once_with_its_line(write):
    """Unknown and missing keys, wrong types, ranges, units, sizes that are none and costs that fall."""
    text = """name = "mine"
source = 3
[energy]
unit = "joule"
word_bits = 0
registerfile = 1
network = 0
add = 3
[energy.multiply]
eight = 0.2
8 = 0.1
16 = "a"
32 = 0.05
[area]
bit_cell = -1
cell_share = 1.5
"""
    assert refused(write(text, "mine.toml")) == (
        "source = 3 mine.toml:2: a text in quotes is needed",
        'unit = "joule" mine.toml:4 [energy]: not a unit of energy. Known: MAC, pJ.',
        "word_bits = 0 mine.toml:5 [energy]: it must be at least 1",
        "unknown key 'registerfile' mine.toml:6 [energy]. Did you mean 'register_file'?",
        "network = 0 mine.toml:7 [energy]: it must be greater than 0",
        "add = 3 mine.toml:8 [energy]: a table is needed",
        "eight = 0.2 mine.toml:10 [energy.multiply]: a size is needed, a whole number from 1; "
        "write for example 16 = 1.0",
        '16 = "a" mine.toml:12 [energy.multiply]: a number is needed',
        "32 = 0.05 mine.toml:13 [energy.multiply]: less than 0.1, the cost of 8; costs do not fall with the size",
        "bit_cell = -1 mine.toml:15 [area]: it must be greater than 0",
        "cell_share = 1.5 mine.toml:16 [area]: it must be at most 1",
    )


def test_what_does_not_go_together_is_told_at_once(write):
    """Sizes twice, slips of the decimal point, DRAM the wrong way round, prices missing or given twice."""
    text = """name = "mine"
source = "me"
[energy]
unit = "pJ"
word_bits = 64
[energy.multiply]
8 = 0.1
08 = 0.3
16 = 10.0
[energy.mac]
8 = 1
[energy.sram]
0 = 3
[energy.dram]
low = 5
high = 3
[area]
bit_cell = 1
"""
    assert refused(write(text, "mine.toml")) == (
        "08 = 0.3 mine.toml:8 [energy.multiply]: the size 8 stands here twice; write for example 16 = 1.0",
        "16 = 10 mine.toml:9 [energy.multiply]: 8 costs 0.1, so this is more than the power 4 of the size; check both",
        "mac mine.toml:10 [energy]: a multiply-accumulate is priced twice; leave out [energy.mac] or [energy.multiply]",
        "0 = 3 mine.toml:13 [energy.sram]: a size is needed, a whole number from 1; write for example 8192 = 10",
        "low = 5 mine.toml:15 [energy.dram]: the least is more than the most, 3; exchange them",
        "bit_cell mine.toml:18 [area]: without cell_share it says nothing; add cell_share",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "mine.toml: empty; a technology file has name, source and the table [energy]"),
        ('name = "a"\nsource = "b"', "missing table 'energy' mine.toml. Add [energy]."),
        ('name = "a"\nenergy = 3', "energy = 3 mine.toml:2: a table is needed"),
        ('name = "a\n', "mine.toml:1: not TOML: "),
        (b'name = "\xff"', "mine.toml:1: not UTF-8 (byte 0xff); save the file as UTF-8"),
        (
            SMALLEST.replace("mac", "add"),
            "energy mine.toml:3: does not price a multiply-accumulate; add [energy.multiply] and [energy.add], or "
            "[energy.mac]",
        ),
        (
            SMALLEST.replace("word_bits = 32", ""),
            "missing key 'word_bits' mine.toml:3 [energy]. Add for example word_bits = 64",
        ),
        (SMALLEST.replace("0.5", "inf"), "8 = inf mine.toml:7 [energy.mac]: a finite number is needed"),
        (SMALLEST.replace("8 =", '"8 bits" ='), "8 bits = 0.5 mine.toml:7 [energy.mac]: a size is needed"),
        (SMALLEST.replace("8 =", '"²" ='), "² = 0.5 mine.toml:7 [energy.mac]: a size is needed"),
        (SMALLEST + "[area]\ncell_share = 0.5", "cell_share mine.toml:9 [area]: without bit_cell it says nothing"),
    ],
)
def test_bad_files(write, text, expected):
    """Each fault is named with its line and a way out."""
    assert any(problem.startswith(expected) for problem in refused(write(text, "mine.toml")))


def test_unknown_names_and_paths(write):
    """A misspelt name gets the right one, a missing file its path."""
    write("", "other.txt")
    assert refused("horowitz-45") == (
        "no technology 'horowitz-45'. Did you mean 'horowitz-45nm'? Known: eyeriss-relative, horowitz-45nm; "
        "or give the path of a .toml file",
    )
    assert refused("chips/mine.toml") == ("chips/mine.toml: no such file",)
    assert refused(Path()) == (".: a folder; give one of its .toml files",)


def test_a_machine_names_its_technology(write):
    """By name or by path, a path of a file starting at that file; none by default."""
    Path("chips").mkdir()
    Path("chips/mine.toml").write_text(SMALLEST, encoding="utf-8")
    named = 'technology = "{}"\n' + MINIMAL
    assert load_accelerator(write(MINIMAL)).architecture.technology is None
    machine = load_accelerator(write(named.format("horowitz-45nm")))
    assert machine.architecture.technology == load_technology("horowitz-45nm")
    assert machine.document["technology"] == "horowitz-45nm"
    inside = load_accelerator(write(named.format("mine.toml"), "chips/edge.toml"))
    assert inside.architecture.technology.name == "mine"
    overridden = load_accelerator("chips/edge.toml", ["technology=chips/mine.toml"])
    assert overridden.architecture.technology == inside.architecture.technology
    assert load_accelerator("tpuv1", ["technology=eyeriss-relative"]).architecture.technology.unit == "MAC"


def test_a_machine_with_a_bad_technology_is_refused(write):
    """The fault is told at the machine's key, with the technology file's own line, beside all other faults."""
    write(SMALLEST.replace("0.5", "-1"), "mine.toml")
    expected = "technology edge.toml:1: 8 = -1 mine.toml:7 [energy.mac]: it must be greater than 0"
    assert problems(write('technology = "mine.toml"\n' + MINIMAL)) == (expected,)
    broken = 'technology = "mine.toml"\n' + MINIMAL.replace("rows = 4", "rows = 0")
    assert problems(write(broken)) == (expected, "rows = 0 edge.toml:11 [array]: it must be at least 1")
    assert problems(write("technology = 3\n" + MINIMAL)) == ("technology = 3 edge.toml:1: a text in quotes is needed",)
    (misspelt,) = problems("tpuv1", ("technology=horowitz",))
    assert misspelt.startswith("technology -s technology=horowitz: no technology 'horowitz'. Did you mean 'horo")
