"""Every design of 1/d by its name: zero, saturation, mantissas, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.measure import measure
from accel.units.reciprocal import RECIPROCAL, WORKING_BITS
from tests.units.grid import codes_of, magnitudes

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")


@pytest.mark.parametrize(
    ("design", "options", "ours"),
    [
        ("lut-newton", {"entries": 16, "steps": 0}, 1985),
        ("lut-newton", {"entries": 64, "steps": 1}, 4.07),
        ("lut-newton", {"entries": 256, "steps": 2}, 0.53),
        ("lut-linear", {"entries": 16}, 31),
        ("lut-linear", {"entries": 64}, 2.17),
        ("lut-linear", {"entries": 128}, 1.01),
        ("non-restoring", {}, 1 - 2**-16),
    ],
)
def test_error_over_all_inputs(design: str, options: dict[str, int], ours: float) -> None:
    """All of UQ6.10: no code of UQ1.15 is off by more than the measured figure, and the order is kept."""
    error = measure(RECIPROCAL[design](SOURCE, TARGET, **options), codes_of("UQ6.10"))
    assert error.max_ulp <= ours
    assert error.monotonic


@pytest.mark.parametrize("design", RECIPROCAL)
def test_zero_saturates(design: str) -> None:
    """1/0 and every reciprocal beyond the target give its largest code and are counted."""
    codes, overflowed = RECIPROCAL[design](SOURCE, QFormat.parse("Q1.15"))(np.array([0, 1, 1023, 1025, 2048]))
    assert codes.tolist()[:3] == [32767] * 3
    assert 0 <= (1 << 14) - codes.tolist()[4] <= 2
    assert overflowed == 3


@pytest.mark.parametrize("design", RECIPROCAL)
def test_a_divisor_of_any_size_has_a_mantissa(design: str) -> None:
    """Sums of up to 62 bits, 1 among them, have y 2^-20 2^-size within 2^-13 of 1/d, whatever the unit's formats."""
    sums = np.append(magnitudes(QFormat.parse("UQ62.0")), [1, 2, (1 << 62) - 1])
    y, size = RECIPROCAL[design](SOURCE, TARGET).mantissa(sums)
    assert size.tolist() == [int(d).bit_length() - 1 for d in sums]
    assert np.abs(np.ldexp(y * sums.astype(float), -WORKING_BITS - size) - 1).max() <= 2**-13


@pytest.mark.parametrize("design", RECIPROCAL)
def test_the_mantissa_is_what_the_unit_casts(design: str) -> None:
    """Between 1 and 2 into a target of 20 fraction bits, the mantissa is the output."""
    unit = RECIPROCAL[design](QFormat.parse("UQ1.15"), QFormat.parse("UQ1.20"))
    d = np.arange(1 << 15, 1 << 16, 101)
    assert (unit.mantissa(d)[0] == unit(d)[0]).all()


@pytest.mark.parametrize("design", RECIPROCAL)
def test_what_cannot_be_built_is_refused(design: str) -> None:
    """A signed source and formats out of reach are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use UQ6\.10"):
        RECIPROCAL[design](QFormat.parse("Q6.10"), TARGET)
    with pytest.raises(ConfigError, match="up to 32 bits"):
        RECIPROCAL[design](QFormat.parse("UQ30.10"), TARGET)
