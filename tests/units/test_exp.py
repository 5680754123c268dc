"""Every design of exp(-u) by its name: the published errors over all inputs, common properties."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.exp import EXP
from accel.units.measure import measure
from tests.units.grid import codes_of

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")

FIGURES = [
    ("lut", {}, 6.0e-2 * 32768, 476.6),
    ("lut", {"reach": 64}, 6.0e-2 * 32768, 1955.3),
    ("pow2-lut", {"entries": 32}, 353, 351.0),
    ("pow2-lut", {"entries": 64}, 177, 176.0),
    ("pow2-lut", {"entries": 256}, 44, 44.0),
    ("pow2-lut", {"entries": 1024}, 11, 11.0),
    ("pow2-linear", {"entries": 4}, 118, 113.4),
    ("pow2-linear", {"entries": 8}, 32, 29.9),
    ("pow2-linear", {"entries": 16}, 9.1, 7.8),
    ("pow2-linear", {"entries": 32}, 3.0, 2.23),
    ("pow2-linear", {"entries": 64}, 1.35, 0.91),
    ("two-table", {}, 0.62, 0.6175),
    ("cordic", {"iterations": 14, "guard_bits": 3}, 3.6, 3.58),
    ("cordic", {"iterations": 16, "guard_bits": 5}, 2.2, 2.19),
    ("cordic", {"iterations": 18, "guard_bits": 5}, 1.0, 0.991),
    ("polynomial", {"degree": 2}, 2.3e-3 * 32768, 63.0),
    ("polynomial", {"degree": 3}, 1.0e-4 * 32768 + 0.5, 3.2),
    ("polynomial", {"degree": 4}, 3.5e-6 * 32768 + 0.5, 0.57),
]
"""Design, options, ulp that the specification asks for (values and relative errors converted), ulp measured."""


@pytest.mark.parametrize(("design", "options", "published", "ours"), FIGURES)
def test_error_over_all_inputs(design: str, options: dict[str, int], published: float, ours: float) -> None:
    """No input of UQ6.10 is off by more than the measured figure, which meets the one the specification asks for."""
    assert ours <= published
    error = measure(EXP[design](SOURCE, TARGET, **options), codes_of("UQ6.10"))
    assert error.max_ulp <= ours
    assert error.mean_ulp <= max(ours / 16, 0.08)
    assert error.symmetric is None
    assert error.monotonic or design == "two-table"  # whose tables are rounded one by one


def test_the_figures_cover_every_design() -> None:
    """A design without a measured figure is not offered."""
    assert {design for design, *_ in FIGURES} == set(EXP)


@pytest.mark.parametrize("design", EXP)
@pytest.mark.parametrize("source", ["UQ1.1", "UQ4.12", "UQ16.16", "UQ48.-16", "UQ1.31", "UQ-4.20"])
def test_far_formats_stay_near(design: str, source: str) -> None:
    """From 2 to 32 bits and from 2^-20 to 2^48, both ends included, no output strays beyond the design's error.

    Two tables read 16 bits of u: of UQ16.16 those from 8 down to 2^-12, half of which is 4 lsb of the target.
    """
    x = QFormat.parse(source)
    codes = np.unique(np.linspace(0, x.max_code, 300).astype(np.int64))
    made, _ = EXP[design](x, TARGET)(codes)
    worst = np.abs(made - np.exp(-np.ldexp(codes.astype(float), -x.frac_bits)) * 32768).max()
    assert worst <= {"lut": 32768 / 64, "pow2-lut": 45, "two-table": 4.62}.get(design, 1.4)


@pytest.mark.parametrize("design", EXP)
def test_nothing_is_left_of_large_numbers(design: str) -> None:
    """Once exp(-u) is far below the lsb the code is 0, whatever the octave."""
    unit = EXP[design](QFormat.parse("UQ32.0"), TARGET)
    assert not unit(np.array([16, 31, 64, 1 << 20, (1 << 32) - 1]))[0].any()


@pytest.mark.parametrize("design", EXP)
def test_what_cannot_be_built_is_refused(design: str) -> None:
    """A signed source and formats out of reach are ConfigErrors that say what to use."""
    with pytest.raises(ConfigError, match=r"use UQ6\.10"):
        EXP[design](QFormat.parse("Q6.10"), TARGET)
    with pytest.raises(ConfigError, match="up to 32 bits"):
        EXP[design](QFormat.parse("UQ30.10"), TARGET)
    with pytest.raises(ConfigError, match=r"-16\.\.31 fraction bits"):
        EXP[design](QFormat.parse("UQ-20.40"), TARGET)
