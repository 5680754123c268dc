"""exp(-u) from one table: the error of a lower bin edge, bits against a model in Fractions, its range."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.exp_lut import lut
from tests.units import model, model_exp
from tests.units.grid import spread

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize(
    ("source", "target", "entries", "reach"),
    [
        ("UQ6.10", "UQ1.15", 1024, 16),
        ("UQ6.10", "UQ0.16", 1024, 64),
        ("UQ4.12", "UQ0.8", 4096, 4),
        ("UQ1.31", "UQ1.31", 64, 8),
        ("UQ48.-16", "UQ1.15", 4096, 4),
        ("UQ-4.20", "UQ-15.47", 2048, 8),
        ("UQ3.0", "UQ18.-16", 128, 8),
        ("UQ3.1", "UQ9.-1", 256, 32),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, entries: int, reach: int) -> None:
    """Every output equals the model in Fractions, bit by bit, and so does the number that saturated."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = lut(x, y, entries=entries, reach=reach)(codes)
    exact = [model_exp.direct(int(u), x.frac_bits, y.frac_bits, entries, reach) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_lower_edges_never_fall_short() -> None:
    """Every output is that of the lower edge of its bin: exp(0) is 1, and nothing below the curve but for rounding."""
    u = np.arange(0, 16 << 10, 7)
    codes, _ = lut(SOURCE, TARGET)(u)
    assert codes[0] == 32768
    assert (codes - np.exp(-u / 1024) * 32768 >= -0.5).all()


def test_the_last_entry_stands_beyond_the_table() -> None:
    """From the end of the table on, u gets the last entry, exp(-(reach - step))."""
    codes, _ = lut(SOURCE, TARGET, reach=4)(np.array([(4 << 10) - 1, 4 << 10, SOURCE.max_code]))
    assert codes.tolist() == [round(math.exp(-4 + 4 / 1024) * 32768)] * 3


def test_other_tables_are_refused() -> None:
    """Sizes and ranges that are not offered are ConfigErrors that say what is."""
    with pytest.raises(ConfigError, match=r"entries = 1000 cannot be built: .* nearest offered: 512 and 1024"):
        lut(SOURCE, TARGET, entries=1000)
    with pytest.raises(ConfigError, match=r"reach = 10 .* nearest offered: 8 and 16"):
        lut(SOURCE, TARGET, reach=10)
