"""exp(-u) by the 2^x split and a table: where it is exact, bits against models in Fractions, odd formats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.exp_pow2 import pow2_linear, pow2_lut
from tests.units import model, model_exp
from tests.units.grid import spread

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize("target", ["UQ1.15", "UQ1.20", "Q2.14", "UQ4.28", "UQ9.-1"])
def test_exp_of_zero_is_exactly_one(target: str) -> None:
    """Between lines exp(0) is the code of 1 wherever there is one, to the last bit; below 1/2 lsb it rounds to 0."""
    form = QFormat.parse(target)
    codes, overflowed = pow2_linear(SOURCE, form)(np.zeros(1, np.int64))
    assert codes[0] == math.floor(2.0**form.frac_bits + 0.5)
    assert overflowed == 0


@pytest.mark.parametrize("entries", [32, 64, 256, 1024])
def test_an_entry_is_the_middle_of_its_bin(entries: int) -> None:
    """Looked up directly, exp(0) is half an entry's fall below 1: no other constant is nearer to both ends."""
    codes, _ = pow2_lut(SOURCE, TARGET, entries=entries)(np.zeros(1, np.int64))
    assert abs(codes[0] - (1 + 2 ** (-1 / entries)) * 2**14) <= 0.5 + 1 / 16


def test_one_saturates_where_it_does_not_fit() -> None:
    """UQ0.16 has no code for 1: exp(0) and what rounds up to it saturate and are counted."""
    codes, overflowed = pow2_linear(SOURCE, QFormat.parse("UQ0.16"))(np.array([[0, 1], [0, 1024]]))
    assert codes.tolist()[0][0] == codes.tolist()[1][0] == 65535
    assert abs(codes[1, 1] - math.exp(-1) * 65536) < 2
    assert overflowed == 2


@pytest.mark.parametrize(
    ("source", "target", "entries"),
    [
        ("UQ6.10", "UQ1.15", 64),
        ("UQ6.10", "UQ1.20", 64),
        ("UQ4.12", "Q2.14", 16),
        ("UQ16.-8", "UQ1.15", 64),
        ("UQ22.-14", "UQ1.7", 64),
        ("UQ1.31", "UQ1.31", 64),
        ("UQ24.8", "UQ4.8", 4),
        ("UQ1.1", "UQ1.1", 8),
        ("UQ10.-9", "Q1.1", 64),
        ("UQ-4.20", "UQ-15.47", 32),
    ],
)
def test_bits_of_the_lines_are_those_of_the_model(source: str, target: str, entries: int) -> None:
    """Every output equals the model in Fractions, bit by bit, small u and large."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = pow2_linear(x, y, entries=entries)(codes)
    exact = [model.exp(int(u), x.frac_bits, y.frac_bits, entries) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


@pytest.mark.parametrize(
    ("source", "target", "entries"),
    [
        ("UQ6.10", "UQ1.15", 256),
        ("UQ6.10", "UQ0.16", 1024),
        ("UQ4.12", "Q2.14", 32),
        ("UQ32.0", "UQ1.20", 64),
        ("UQ48.-16", "UQ1.15", 1024),
        ("UQ1.31", "UQ1.31", 64),
        ("UQ-4.20", "UQ-15.47", 32),
        ("UQ1.1", "UQ18.-16", 256),
    ],
)
def test_bits_of_the_entries_are_those_of_the_model(source: str, target: str, entries: int) -> None:
    """Every output equals the model in Fractions, bit by bit, small u and large."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = pow2_lut(x, y, entries=entries)(codes)
    exact = [model_exp.pow2_lut(int(u), x.frac_bits, y.frac_bits, entries) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_other_sizes_are_refused() -> None:
    """Sizes between powers of two name their neighbours, powers of two out of the range what is offered."""
    with pytest.raises(ConfigError, match=r"entries = 12 cannot be built: .* power of two; the nearest offered: 8 and"):
        pow2_linear(SOURCE, TARGET, entries=12)
    with pytest.raises(ConfigError, match=r"nearest offered: 64$"):
        pow2_linear(SOURCE, TARGET, entries=100)
    with pytest.raises(ConfigError, match="'pow2-lut' with entries = 128 is not offered; use one of 32, 64, 256, 1024"):
        pow2_lut(SOURCE, TARGET, entries=128)
