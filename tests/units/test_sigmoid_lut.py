"""sigmoid and tanh from direct tables: errors over all inputs, bits against the stated rule, table sizes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.sigmoid_lut import ENTRIES, DirectLut, sigmoid_lut, tanh_lut
from accel.units.unit import memory_bits
from tests.units import model
from tests.units.grid import codes_of, rows


def build(function: str, source: str, target: str, entries: int = 1024) -> DirectLut:
    builder = {"sigmoid": sigmoid_lut, "tanh": tanh_lut}[function]
    return builder(QFormat.parse(source), QFormat.parse(target), entries=entries)


@pytest.mark.parametrize(
    ("function", "target", "published", "ours"),
    [("sigmoid", "UQ1.15", 4.8e-3, 1.97e-3), ("tanh", "Q1.15", 8.5e-3, 3.93e-3)],
)
def test_error_over_all_inputs(function: str, target: str, published: float, ours: float) -> None:
    """No input of Q6.10 is off by more than the measured figure, less than half the published one; no step down."""
    assert ours < published / 2
    error = measure(build(function, "Q6.10", target), codes_of("Q6.10"))
    assert error.max_ulp * 2.0**-15 <= ours
    assert error.monotonic


@pytest.mark.parametrize("entries", ENTRIES)
def test_error_halves_with_every_address_bit(entries: int) -> None:
    """Half a step of the steepest slope, down to what lies beyond the table."""
    error = measure(build("tanh", "Q6.10", "Q1.15", entries), codes_of("Q6.10"))
    assert error.max_ulp * 2.0**-15 <= 4 / entries + 2**-15 + 7e-4


def test_zero_is_exact() -> None:
    """sigmoid(0) = 1/2 and tanh(0) = 0, which a table of bin edges or middles does not give from both sides."""
    assert build("sigmoid", "Q6.10", "UQ1.15")(np.array([-7, 0, 7]))[0].tolist() == [1 << 14] * 3
    assert build("tanh", "Q6.10", "Q1.15")(np.array([-3, 0, 3]))[0].tolist() == [0] * 3


def rule(function: str, x: int, source_frac_bits: int, frac_bits: int, entries: int) -> int:
    """Code of the entry nearest to x, before saturation."""
    reach = 8 if function == "sigmoid" else 4
    step = Fraction(2 * reach, entries)
    address = model.half_up(Fraction(x) / Fraction(2) ** source_frac_bits / step)
    at = min(max(address, -entries // 2), entries // 2 - 1) * step
    point = Decimal(at.numerator) / Decimal(at.denominator)
    value = 1 / (1 + (-point).exp()) if function == "sigmoid" else 1 - 2 / (1 + (2 * point).exp())
    return model.half_even(Fraction(value) * Fraction(2) ** frac_bits)


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize(
    ("source", "target", "entries"),
    [
        ("Q6.10", "Q1.15", 1024),
        ("Q6.10", "Q2.14", 64),
        ("Q3.5", "Q1.7", 4096),
        ("Q12.-4", "Q2.14", 256),
        ("Q18.-16", "Q1.15", 1024),
        ("Q1.31", "Q1.31", 128),
        ("UQ5.11", "Q1.15", 512),
        ("Q1.1", "Q1.1", 1024),
        ("Q2.0", "Q6.-4", 2048),
    ],
)
def test_bits_are_those_of_the_rule(function: str, source: str, target: str, entries: int) -> None:
    """Every output is the rounded value of the nearest table point, and saturated outputs are counted."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(13)
    spread = rng.normal(0, 2.0 ** (x.frac_bits + 1), rows(200))
    ends = np.ldexp(np.array([-9, -8, -4, -0.0078125, 0.0078125, 3.99, 4, 7.99, 8]), x.frac_bits)
    codes = np.concatenate([np.linspace(x.min_code, x.max_code, 31), ends, spread])
    codes = np.unique(np.clip(codes, x.min_code, x.max_code).astype(np.int64))
    made, overflowed = build(function, source, target, entries)(codes)
    exact = [rule(function, int(code), x.frac_bits, y.frac_bits, entries) for code in codes]
    clipped = [model.clip(code, y.signed, y.width) for code in exact]
    assert made.tolist() == clipped
    assert overflowed == sum(a != b for a, b in zip(exact, clipped, strict=True))


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize("target", ["Q1.15", "Q2.14", "Q1.1"])
def test_cost_is_the_table_that_is_kept(function: str, target: str) -> None:
    """Entries times bits, each within the target; no multiplier."""
    unit = build(function, "Q6.10", target)
    ((table, bits),) = unit.memories().values()
    assert unit.cost.table_bits == memory_bits(unit.memories()) == 1024 * bits
    assert unit.target.min_code <= table.min() <= table.max() <= unit.target.max_code
    assert unit.cost.multipliers == 0


def test_what_cannot_be_built_is_refused() -> None:
    """Sizes that no address has, or that are not offered, and tanh into an unsigned format say what to use."""
    with pytest.raises(ConfigError, match="power of two; the nearest offered: 512 and 1024"):
        build("sigmoid", "Q6.10", "Q1.15", 1000)
    with pytest.raises(ConfigError, match="entries = 32 is not offered; use one of 64, 128"):
        build("tanh", "Q6.10", "Q1.15", 32)
    with pytest.raises(ConfigError, match=r"use a signed format such as Q1\.15"):
        build("tanh", "Q6.10", "UQ0.16")
