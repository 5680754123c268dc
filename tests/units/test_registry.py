"""The registry: names, defaults, sharing; building never loads a compiler; every unit behaves alike."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from accel.errors import ConfigError, DataError
from accel.numeric.format import QFormat
from accel.ops.activations import ACTIVATIONS
from accel.units.registry import DESIGNS, PARTS, SOFTMAX, UNARY, build_softmax, build_unit, unit_options
from accel.units.unit import Choice, UnaryUnit

SIGNED, UNSIGNED = QFormat.parse("Q6.10"), QFormat.parse("UQ6.10")
PROBABILITY = QFormat.parse("UQ0.16")
ALL = [(function, design) for function, designs in UNARY.items() for design in designs]
SIZES = {
    ("exp", "lut"): [{"entries": 64}, {"entries": 4096, "reach": 64}],
    ("exp", "pow2-lut"): [{"entries": 32}, {"entries": 1024}],
    ("exp", "pow2-linear"): [{"entries": 4}, {"entries": 32}],
    ("exp", "cordic"): [{"iterations": 14, "guard_bits": 3}, {"iterations": 24}],
    ("exp", "polynomial"): [{"degree": 2}, {"degree": 3}],
    ("reciprocal", "lut-newton"): [{"entries": 16, "steps": 0}, {"entries": 256, "steps": 3}],
    ("reciprocal", "lut-linear"): [{"entries": 16}, {"entries": 128}],
    ("rsqrt", "lut-newton"): [{"entries": 32, "steps": 0}, {"entries": 256, "steps": 3}],
}
"""Options beside the defaults that tests build."""


def variants() -> list[tuple[str, str, tuple[tuple[str, int], ...]]]:
    """Return every design with its defaults and with the options of `SIZES`."""
    return [
        (function, design, tuple(sorted(options.items())))
        for function, design in ALL
        for options in ({}, *SIZES.get((function, design), ()))
    ]


def build(function: str, design: str, options: tuple[tuple[str, int], ...] = ()) -> UnaryUnit:
    source = UNSIGNED if function in ("sqrt", "rsqrt", "exp", "reciprocal") else SIGNED
    return build_unit(function, design, source, QFormat.parse("Q2.14"), options)


def test_every_activation_has_a_unit() -> None:
    """Whatever a layer may ask for can be built; DESIGNS names every unary design and every softmax."""
    assert set(ACTIVATIONS) <= set(UNARY)
    assert DESIGNS["softmax"] == tuple(SOFTMAX)
    assert {(function, design) for function, designs in DESIGNS.items() for design in designs} == {
        *ALL,
        *(("softmax", design) for design in SOFTMAX),
        ("average", "constant"),
    }
    assert set(PARTS) == set(SOFTMAX)


@pytest.mark.parametrize(("function", "design"), ALL)
def test_record_says_what_was_asked_for(function: str, design: str) -> None:
    """Name, design and formats are those requested, the cost is filled in, and asking again gives the same record."""
    unit = build(function, design)
    assert (unit.name, unit.design, unit.target) == (function, design, QFormat.parse("Q2.14"))
    assert unit.cost.latency_cycles >= 1
    assert unit.cost.interval_cycles >= 1
    assert build(function, design) is unit


@pytest.mark.parametrize(("function", "design"), ALL)
def test_calls_keep_shape_and_take_any_container(function: str, design: str) -> None:
    """Codes of any shape, integer type and memory order give the target's container in the same shape."""
    unit = build(function, design)
    codes = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    made, overflowed = unit(codes)
    assert made.shape == (2, 3, 4)
    assert made.dtype == unit.target.dtype
    assert isinstance(overflowed, int)
    turned, _ = unit(codes.astype(np.int32).T)
    assert (turned == made.T).all()
    assert unit(np.zeros((0, 3), np.int8))[0].shape == (0, 3)
    assert unit(np.int64(5))[0].shape == ()


@pytest.mark.parametrize(("function", "design"), ALL)
def test_foreign_codes_are_refused(function: str, design: str) -> None:
    """Values instead of codes, and codes outside the source format, are DataErrors, never a look-up past a table."""
    unit = build(function, design)
    with pytest.raises(DataError, match="encode values first"):
        unit(np.array([0.5]))
    with pytest.raises(DataError, match="build it for the format of the codes"):
        unit(np.array([unit.source.max_code + 1]))
    with pytest.raises(DataError, match="build it for the format of the codes"):
        unit(np.array([unit.source.min_code - 1]))


def test_tables_cannot_be_written() -> None:
    """A built unit is shared, so its table refuses writes."""
    table = build("tanh", "lut-linear").table
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


def test_unknown_names_get_a_suggestion() -> None:
    """A misspelt function or design names its nearest neighbour."""
    with pytest.raises(ConfigError, match="Did you mean 'sigmoid'"):
        build_unit("sigmiod", "lut-linear", SIGNED, SIGNED)
    with pytest.raises(ConfigError, match=r"tanh has no design 'lut-liner'\. Did you mean 'lut-linear'"):
        build_unit("tanh", "lut-liner", SIGNED, SIGNED)
    with pytest.raises(ConfigError, match=r"softmax has no design 'referense'\. Did you mean 'reference'"):
        build_softmax("referense", SIGNED, SIGNED)


@pytest.mark.parametrize(("function", "design", "options"), variants())
def test_tables_are_what_the_cost_says(function: str, design: str, options: tuple[tuple[str, int], ...]) -> None:
    """Entries times bits of all memories are the cost; every entry fits its bits, signed only if one is negative."""
    unit = build(function, design, options)
    assert unit.cost.table_bits == sum(table.size * bits for table, bits in unit.memories().values())
    for table, bits in unit.memories().values():
        low = -(1 << (bits - 1)) if table.min() < 0 else 0
        assert low <= table.min()
        assert table.max() < low + (1 << bits)


@pytest.mark.parametrize("design", SOFTMAX)
def test_tables_of_a_softmax_are_what_its_cost_says(design: str) -> None:
    """One lane of a softmax has the tables of its parts, under names of their own."""
    unit = build_softmax(design, SIGNED, PROBABILITY)
    assert unit.cost.table_bits == sum(table.size * bits for table, bits in unit.memories().values())
    assert unit.memories()


@pytest.mark.parametrize(("function", "design", "options"), variants())
def test_options_decide_what_is_built(function: str, design: str, options: tuple[tuple[str, int], ...]) -> None:
    """Other options are another record, kept like the first; every option has a name that the design tells."""
    unit = build(function, design, options)
    assert {name for name, _ in options} <= set(unit_options(function, design))
    assert build(function, design, options) is unit
    assert (unit is build(function, design)) == (not options)


def test_options_by_name() -> None:
    """The options are the keywords of the builders; softmax and average have none of their own."""
    assert unit_options("exp", "cordic") == ("iterations", "guard_bits")
    assert unit_options("reciprocal", "lut-newton") == ("entries", "steps")
    assert unit_options("exp", "two-table") == unit_options("relu", "relu") == ()
    assert unit_options("softmax", "reference") == unit_options("average", "constant") == ()
    with pytest.raises(ConfigError, match=r"softmax has no design 'referense'\. Did you mean 'reference'"):
        unit_options("softmax", "referense")


def test_options_that_do_not_exist_are_refused() -> None:
    """An option of another design names those that this one takes; a value that is not offered, what is."""
    with pytest.raises(ConfigError, match="exp 'cordic' has no option 'entries'; it takes iterations, guard_bits"):
        build("exp", "cordic", (("entries", 16),))
    with pytest.raises(ConfigError, match="relu 'relu' has no option 'entries'; it takes none"):
        build("relu", "relu", (("entries", 16),))
    with pytest.raises(ConfigError, match=r"'pow2-linear' with entries = 48 .* nearest offered: 32 and 64"):
        build("exp", "pow2-linear", (("entries", 48),))
    with pytest.raises(ConfigError, match=r"exp 'pow2-linear' with entries = 64\.0: a whole number is needed"):
        build("exp", "pow2-linear", (("entries", 64.0),))


def test_a_softmax_takes_other_parts() -> None:
    """A part that is chosen replaces the design's own; leaving it out keeps the shared default."""
    exp, reciprocal = Choice("pow2-linear", (("entries", 64),)), Choice("lut-newton", (("entries", 64), ("steps", 2)))
    codes = np.linspace(-3000, 3000, 50).astype(np.int64).reshape(5, 10)
    plain = build_softmax("reference", SIGNED, PROBABILITY)
    assert plain is build_softmax("reference", SIGNED, PROBABILITY)
    same = build_softmax("reference", SIGNED, PROBABILITY, exp, reciprocal)
    assert (same(codes)[0] == plain(codes)[0]).all()
    other = build_softmax("reference", SIGNED, PROBABILITY, Choice("cordic"), Choice("lut-linear"))
    assert 0 < np.abs(other(codes)[0] - plain(codes)[0]).max() <= 8
    assert other.cost.latency_cycles > plain.cost.latency_cycles


@pytest.mark.parametrize("exp", DESIGNS["exp"])
@pytest.mark.parametrize("reciprocal", DESIGNS["reciprocal"])
def test_every_exp_and_every_reciprocal_make_a_softmax(exp: str, reciprocal: str) -> None:
    """Any two parts give probabilities that sum to about 1 and keep the order of the logits."""
    codes = np.linspace(-3000, 3000, 50).astype(np.int64).reshape(5, 10)
    made, _ = build_softmax("reference", SIGNED, PROBABILITY, Choice(exp), Choice(reciprocal))(codes)
    assert np.abs(made.sum(axis=1) / 65536 - 1).max() <= 1e-3
    assert (np.diff(made) >= 0).all()


def test_parts_that_do_not_exist_are_refused() -> None:
    """A part that a design does not have, an unknown design of a part and an option it does not take are errors."""
    with pytest.raises(ConfigError, match="'softermax' has no exp unit to choose, 'cordic' would have no effect"):
        build_softmax("softermax", SIGNED, PROBABILITY, Choice("cordic"))
    with pytest.raises(ConfigError, match=r"exp has no design 'cordik'\. Did you mean 'cordic'"):
        build_softmax("reference", SIGNED, PROBABILITY, Choice("cordik"))
    with pytest.raises(ConfigError, match="reciprocal 'non-restoring' has no option 'entries'; it takes none"):
        build_softmax("reference", SIGNED, PROBABILITY, None, Choice("non-restoring", (("entries", 16),)))


def test_building_and_costing_load_no_compiler() -> None:
    """An estimate builds units for their cost; that imports no Numba."""
    program = (
        "import sys; from accel.numeric.format import QFormat as Q; from accel.units.registry import *\n"
        "for f, designs in UNARY.items():\n"
        "    for d in designs:\n"
        "        s = Q.parse('UQ6.10' if f in ('sqrt', 'rsqrt', 'exp', 'reciprocal') else 'Q6.10')\n"
        "        unit = build_unit(f, d, s, Q.parse('Q2.14'))\n"
        "        assert unit.cost.latency_cycles and unit.memories() is not None\n"
        "for d in DESIGNS['softmax']:\n"
        "    unit = build_softmax(d, Q.parse('Q6.10'), Q.parse('UQ0.16'))\n"
        "    assert unit.row_cost(10).latency_cycles and unit.memories()\n"
        "import accel.units.measure, accel.units.average\n"
        "assert 'numba' not in sys.modules, 'numba'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
