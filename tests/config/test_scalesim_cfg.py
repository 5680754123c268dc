"""SCALE-Sim's .cfg files: what is taken from them, what is assumed, and every refusal with its line."""

import pytest

from accel.arch.hardware import Array, Memory
from accel.config import dump, load_accelerator
from accel.config.scalesim_cfg import is_scalesim_cfg, load_scalesim_cfg
from accel.errors import ConfigError

VERSION_3 = """[general]
run_name = GoogleTPU_v1_ws

[architecture_presets]
ArrayHeight:    256
ArrayWidth:     128
IfmapSramSzkB:    6144
FilterSramSzkB:   100
OfmapSramSzkB:    2048
IfmapOffset:    0
Dataflow : ws
Bandwidth : 10
ReadRequestBuffer: 512

[layout]
IfmapCustomLayout: False

[sparsity]
SparsitySupport : false

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""
VERSION_2 = """[general]
run_name = "my run/1"
[architecture_presets]
arrayheight = 4  ; rows
ArrayWidth = 5
ifmapsramszkB = 1
filtersramszkB = 2
ofmapsramszkB = 3
Dataflow = is
Bandwidth = 10,20,30
[run_presets]
InterfaceBandwidth = USER
"""


def problems(path: str, *overrides: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as error:
        load_scalesim_cfg(path, overrides)
    return list(error.value.problems)


def test_what_is_taken(write):
    """Array, kilobytes, no channel where the tool calculates its bandwidth, its timing; the rest is the preset's."""
    machine, base = load_scalesim_cfg(write(VERSION_3, "tpu.cfg")), load_accelerator("scalesim-32x32")
    architecture = machine.architecture
    assert machine.name == "GoogleTPU_v1_ws"
    assert architecture.array == Array("ws", 256, 128, "scalesim")
    assert architecture.memory == Memory(6144 * 1024, 100 * 1024, 2048 * 1024, None)
    assert (machine.numerics, architecture.clock_hz) == (base.numerics, base.architecture.clock_hz)
    assert architecture.units.keys() == base.architecture.units.keys()
    assert {kind: unit.lanes for kind, unit in architecture.units.items() if unit.lanes != 128} == {"softmax": 1}
    assert "SCALE-Sim configuration tpu.cfg. Assumed: Numerics, clock and function units" in machine.source
    assert machine.source.endswith("; no DRAM, as InterfaceBandwidth is not USER.")


def test_older_files_with_a_bandwidth(write):
    """No newer sections, any case, comments, a list of bandwidths in words of 16 bits, a name that names no file."""
    machine = load_scalesim_cfg(write(VERSION_2, "old.CFG"))
    assert machine.name == "my-run-1"
    assert machine.architecture.array == Array("is", 4, 5, "scalesim")
    assert machine.architecture.memory == Memory(1024, 2048, 3072, 20.0)
    assert "one DRAM channel of 10 words of 16 bits a cycle" in machine.source
    assert load_scalesim_cfg(write(VERSION_2.replace('"my run/1"', "-"), "old.cfg")).name == "old"


def test_overrides_are_those_of_accelerator_files(write):
    """-s lies over the file, and is told when it is wrong."""
    file = write(VERSION_3, "tpu.cfg")
    machine = load_scalesim_cfg(file, ["array.timing=pipelined", "array.rows=8", "clock_hz=7e8"])
    assert machine.architecture.array == Array("ws", 8, 128, "pipelined")
    assert machine.architecture.clock_hz == 7e8
    assert problems(file, "array.rows=0", "x") == [
        "-s x: not KEY=VALUE; write for example array.rows=8",
        "rows = 0 -s array.rows=0 [array]: it must be at least 1",
    ]


def test_a_machine_can_be_written_down(write):
    """Its document is that of an accelerator file, which loads as the same machine."""
    machine = load_scalesim_cfg(write(VERSION_2, "old.cfg"))
    again = load_accelerator(write(dump(machine.document), "new.toml"))
    assert (again.architecture, again.numerics, again.digest) == (
        machine.architecture,
        machine.numerics,
        machine.digest,
    )


def test_everything_wrong_at_once(write):
    """Every value with its line, missing ones with that of their section."""
    text = VERSION_2.replace("= 4 ", "= 0 ").replace("= is", "= rs").replace("10,20,30", "fast")
    text = text.replace("ArrayWidth = 5\n", "").replace("kB = 2", "kB = 1.5") + "[sparsity]\nSparsitySupport = True\n"
    assert problems(write(text, "x.cfg")) == [
        "missing key 'ArrayWidth' x.cfg:3 [architecture_presets]. Add for example ArrayWidth: 32",
        'ArrayHeight = "0" x.cfg:4 [architecture_presets]: a whole number from 1 to 65536 is needed',
        'FilterSramSzkB = "1.5" x.cfg:6 [architecture_presets]: a whole number from 1 to 1099511627776 is needed',
        'Dataflow = "rs" x.cfg:8 [architecture_presets]: not one of SCALE-Sim\'s. Known: is, os, ws.',
        'Bandwidth = "fast" x.cfg:9 [architecture_presets]: words a cycle are needed, '
        "a whole number from 1 to 100000000",
        'SparsitySupport = "true" x.cfg:13 [sparsity]: no array here skips zeros; set it to false',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = b\n", "x.cfg:1: a value before the first section; start with [general]"),
        ("[general]\n\na = b\nA = c\n", "x.cfg:4: 'a' stands here a second time; keep one"),
        ("[general]\n[general]\n", "x.cfg:2: '[general]' stands here a second time; keep one"),
        ("[general]\nnothing\n", "x.cfg:2: not 'key: value': \"nothing\""),
        (b"[general]\n\xff\n", "x.cfg: not UTF-8; save the file as UTF-8"),
        (
            VERSION_3.replace("CALC", "GUESS"),
            'InterfaceBandwidth = "GUESS" x.cfg:22 [run_presets]: not one of SCALE-Sim\'s. Known: CALC, USER.',
        ),
    ],
)
def test_files_that_are_none(write, text, told):
    """Not an INI file, keys and sections twice, not text, unknown words."""
    assert problems(write(text, "x.cfg")) == [told]


def test_files_that_are_not_there(tmp_path):
    """Missing files, folders, and files without any section that matters."""
    assert problems(str(tmp_path / "no.cfg")) == [f"{tmp_path}/no.cfg: no such file"]
    assert problems(str(tmp_path)) == [f"{tmp_path}: cannot be read (Is a directory)"]
    (tmp_path / "e.cfg").write_text("")
    assert len(problems(str(tmp_path / "e.cfg"))) == 6


def test_they_are_told_by_their_suffix():
    """A .cfg is one of SCALE-Sim's."""
    assert [is_scalesim_cfg(name) for name in ("a.cfg", "A.CFG", "a.toml", "cfg")] == [True, True, False, False]
