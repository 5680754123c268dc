"""The registry: names, defaults, sharing; building never loads a compiler; every unit behaves alike."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from accel.errors import ConfigError, DataError
from accel.numeric.format import QFormat
from accel.ops.activations import ACTIVATIONS
from accel.units.registry import DESIGNS, SOFTMAX, UNARY, build_softmax, build_unit
from accel.units.unit import UnaryUnit

SIGNED, UNSIGNED = QFormat.parse("Q6.10"), QFormat.parse("UQ6.10")
ALL = [(function, design) for function, designs in UNARY.items() for design in designs]


def build(function: str, design: str) -> UnaryUnit:
    source = UNSIGNED if function in ("sqrt", "exp", "reciprocal") else SIGNED
    return build_unit(function, design, source, QFormat.parse("Q2.14"))


def test_every_activation_has_a_unit() -> None:
    """Whatever a layer may ask for can be built; DESIGNS names every unary design and every softmax."""
    assert set(ACTIVATIONS) <= set(UNARY)
    assert DESIGNS["softmax"] == tuple(SOFTMAX)
    assert {(function, design) for function, designs in DESIGNS.items() for design in designs} == {
        *ALL,
        *(("softmax", design) for design in SOFTMAX),
    }


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


def test_building_and_costing_load_no_compiler() -> None:
    """An estimate builds units for their cost; that imports no Numba."""
    program = (
        "import sys; from accel.numeric.format import QFormat as Q; from accel.units.registry import *\n"
        "for f, designs in UNARY.items():\n"
        "    for d in designs:\n"
        "        s = Q.parse('UQ6.10' if f in ('sqrt', 'exp', 'reciprocal') else 'Q6.10')\n"
        "        assert build_unit(f, d, s, Q.parse('Q2.14')).cost.latency_cycles\n"
        "assert build_softmax('reference', Q.parse('Q6.10'), Q.parse('UQ0.16')).row_cost(10).latency_cycles\n"
        "import accel.units.measure, accel.units.average\n"
        "assert 'numba' not in sys.modules, 'numba'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
