"""Tables as memory images: what is written is what the units compute with."""

import numpy as np
import pytest

from accel.accelerator import Accelerator
from accel.config import load_accelerator
from accel.errors import ConfigError
from accel.network.zoo import build
from accel.tables import UnitTable, unit_tables
from accel.units.machine import activation_of, softmax_of
from accel.units.registry import DESIGNS, UNARY
from accel.units.softmax import PARTS
from tests.machines import machine


def read(text: str, bits: int, signed: bool) -> list[int]:
    """Read a $readmemh file: comments out, hexadecimal words, two's complement where it says so."""
    words = [int(line, 16) for line in text.splitlines() if not line.startswith("//")]
    assert all(0 <= word < 2**bits for word in words)
    return [word - 2**bits if signed and word >= 2 ** (bits - 1) else word for word in words]


def machine_with(*overrides: str) -> Accelerator:
    """The default machine with overrides."""
    return load_accelerator("gupta2015", overrides)


@pytest.mark.parametrize("design", DESIGNS["tanh"])
def test_files_hold_the_tables_of_the_units(design):
    """Every table of tanh and softmax, entry by entry, and as many bits as the unit's cost says."""
    accelerator, network = machine_with(f"units.tanh.design={design}"), build("lenet5")
    tables = unit_tables(network, accelerator)
    spec, target = accelerator.numerics.defaults.output.format, accelerator.numerics.defaults.softmax.format
    units = accelerator.architecture.units
    for unit in (activation_of(units, "tanh", spec, spec), softmax_of(units, spec, target)):
        own = {table.name: table for table in tables if table.unit == unit.name}
        assert own.keys() == unit.memories().keys()
        for name, (entries, bits) in unit.memories().items():
            assert read(own[name].mem(), bits, own[name].signed) == entries.tolist()
        assert sum(len(table.entries) * table.bits for table in own.values()) == unit.cost.table_bits
    assert len({table.file for table in tables}) == len(tables)


def test_one_unit_is_written_once_for_all_its_nodes():
    """Nodes of the same formats share their tables; a node with a format of its own has files of its own."""
    accelerator = machine_with("numerics.layers.C3.tanh.activation=Q2.14")
    by_target = {table.target: table for table in unit_tables(build("lenet5"), accelerator) if table.unit == "tanh"}
    assert {table.source for table in by_target.values()} == {"Q6.10"}
    assert by_target["Q6.10"].nodes == ("C1.tanh", "C5.tanh", "F6.tanh")
    assert by_target["Q2.14"].nodes == ("C3.tanh",)
    assert by_target["Q6.10"].lanes == 28


@pytest.mark.parametrize("design", [design for design, parts in PARTS.items() if "exp" in parts])
@pytest.mark.parametrize("exp", UNARY["exp"])
def test_a_softmax_brings_the_tables_of_its_parts(design, exp):
    """The exp unit that the machine names is the one whose tables are written."""
    accelerator = machine_with(f"units.softmax.design={design}", f"units.exp.design={exp}")
    tables = unit_tables(build("softmax-regression"), accelerator)
    unit = softmax_of(
        accelerator.architecture.units,
        accelerator.numerics.defaults.output.format,
        accelerator.numerics.defaults.softmax.format,
    )
    assert [table.name for table in tables] == list(unit.memories())


def test_negative_entries_are_twos_complement():
    """A table with one negative entry: the sign bit is one of its bits; addresses count from 0, one entry a line."""
    entries = np.array([0, 5, -1, -8])
    table = UnitTable("tanh", "lut", (("entries", 4),), "Q6.10", "Q1.15", "rise", entries, 4, 3, ("a", "b"))
    assert table.mem() == (
        "// tanh lut, entries = 4: Q6.10 -> Q1.15, rise\n"
        "// 4 entries x 4 bits, two's complement\n"
        "// used by a, b; lanes: 3\n"
        "0\n5\nf\n8\n"
    )
    assert table.file == "tanh-lut-Q6.10-Q1.15-rise.mem"
    assert read(table.mem(), 4, signed=True) == entries.tolist()


def test_words_have_whole_digits():
    """13 bits are four hexadecimal digits."""
    table = UnitTable("exp", "lut", (), "UQ6.10", "UQ0.13", "value", np.array([1, 8191]), 13, 1, ("a",))
    assert table.mem().splitlines()[3:] == ["0001", "1fff"]


def test_a_machine_without_the_unit_is_refused():
    """The nodes without a unit are named."""
    units = {kind: choice for kind, choice in machine().architecture.units.items() if kind != "tanh"}
    with pytest.raises(ConfigError, match=r"lenet5: C1\.tanh: the machine has no unit 'tanh'"):
        unit_tables(build("lenet5"), machine(units=units))


def test_a_normalisation_brings_the_seeds_of_its_root():
    """One table for all normalisations: the root is built once, whatever a row's lanes are."""
    accelerator = machine_with("units.rsqrt={design='lut-newton', entries=128}")
    (seeds,) = (table for table in unit_tables(build("transformer"), accelerator) if table.unit == "rsqrt")
    assert (len(seeds.entries), seeds.bits, seeds.lanes, seeds.nodes) == (128, 20, 1, ("norm1", "norm2"))
    assert seeds.options == (("entries", 128),)
    assert seeds.file == "rsqrt-lut-newton-UQ1.20-UQ1.20-seed.mem"
