"""Reciprocal roots: good bits over both octaves, bits against a model in Fractions, odd formats, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.registry import build_unit
from accel.units.rsqrt import newton_root
from accel.units.unit import memory_bits
from tests.units import model_norm
from tests.units.grid import codes_of, magnitudes, rows
from tests.units.model import clip

WORKING = QFormat.parse("UQ1.20")


@pytest.mark.parametrize(
    ("entries", "bits"),
    [(32, (6.0, 11.4, 19.6, 19.6)), (64, (7.0, 13.4, 19.6, 19.6)), (128, (8.0, 15.3, 19.6)), (256, (9.0, 17.2, 19.6))],
)
def test_good_bits_at_every_magnitude(entries: int, bits: tuple[float, ...]) -> None:
    """The relative error of the mantissa's root stays below what the unit's page says, for integers of 1 to 62 bits."""
    rng = np.random.default_rng(1)
    wide = rng.integers(1, 1 << 62, rows(100_000)) >> rng.integers(0, 61, rows(100_000))
    v = np.concatenate([np.arange(1, rows(1 << 16)), np.maximum(wide, 1), [(1 << 62) - 1]])
    for steps, good in enumerate(bits):
        y, half = newton_root(WORKING, WORKING, entries=entries, steps=steps).mantissa(v)
        made = np.ldexp(y.astype(float), -20 - half) * np.sqrt(v.astype(float))
        assert -math.log2(np.abs(made - 1).max()) >= good


@pytest.mark.parametrize(("entries", "steps"), [(64, 2), (32, 0), (256, 1), (128, 3)])
@pytest.mark.parametrize(
    ("source", "target"),
    [("UQ6.10", "UQ6.10"), ("UQ5.11", "Q6.10"), ("UQ32.0", "UQ1.31"), ("UQ1.31", "UQ17.15"), ("UQ48.-16", "UQ-8.40")],
)
def test_bits_are_those_of_the_model(source: str, target: str, entries: int, steps: int) -> None:
    """Every output equals the model in Fractions, bit by bit, at all magnitudes and for even and odd points."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = magnitudes(x)
    made, overflowed = newton_root(x, y, entries=entries, steps=steps)(codes)
    exact = [model_norm.inverse_root(int(v), x.frac_bits, y.frac_bits, entries, steps) for v in codes]
    assert made.tolist() == [clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_mantissas_are_those_of_the_model_up_to_62_bits() -> None:
    """What a normalisation multiplies by is the model's for integers of every size."""
    codes = magnitudes(QFormat.parse("UQ62.0"))
    y, half = newton_root(WORKING, WORKING).mantissa(codes)
    assert list(zip(y.tolist(), half.tolist(), strict=True)) == [model_norm.root_mantissa(int(v)) for v in codes]


def test_error_over_all_inputs() -> None:
    """All 2^16 codes into Q6.10: next to nothing beyond rounding, falling all the way; 0 saturates."""
    unit = build_unit("rsqrt", "lut-newton", QFormat.parse("UQ6.10"), QFormat.parse("Q7.9"))
    error = measure(unit, codes_of("UQ6.10"))
    assert error.max_ulp <= 0.51
    assert error.monotonic
    assert unit(np.array([0])) == (unit.target.max_code, 1)


def test_cost_follows_the_stages() -> None:
    """Normalise, seed, shift and round, and three multiplications for every step; the table is 20 bits wide."""
    for steps in range(4):
        unit = newton_root(WORKING, WORKING, entries=128, steps=steps)
        assert (unit.cost.latency_cycles, unit.cost.multipliers) == (3 + 3 * steps, 3 * steps)
        assert unit.cost.table_bits == memory_bits(unit.memories()) == 128 * 20


def test_what_cannot_be_built_is_refused() -> None:
    """A signed source, an odd table and too many steps are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"rsqrt has no negative arguments, Q6\.10 does; use UQ6\.10"):
        newton_root(QFormat.parse("Q6.10"), WORKING)
    with pytest.raises(ConfigError, match="the nearest offered: 32 and 64"):
        newton_root(WORKING, WORKING, entries=48)
    with pytest.raises(ConfigError, match=r"steps = 4 is not offered; use 0\.\.3"):
        newton_root(WORKING, WORKING, steps=4)
