"""exp(-u) by a polynomial: least relative error, bits against a model in Fractions."""

from __future__ import annotations

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.polynomial import COEFFICIENTS, polynomial
from tests.units import model, model_exp
from tests.units.grid import codes_of, spread

SOURCE, TARGET = QFormat.parse("UQ6.10"), QFormat.parse("UQ1.15")
FIGURES = [(2, 2.3e-3, 2.22e-3), (3, 1.0e-4, 9.0e-5), (4, 3.5e-6, 3.32e-6)]


@pytest.mark.parametrize(("degree", "published", "ours"), FIGURES)
def test_relative_error_over_one_octave(degree: int, published: float, ours: float) -> None:
    """All 2^16 fractions of an octave, u in [0, ln 2): the relative error of exp(-u) beats the specification's."""
    assert ours < published
    u = np.linspace(0, np.log(2) * 2**31, codes_of("UQ6.10").size, endpoint=False).astype(np.int64)
    made, _ = polynomial(QFormat.parse("UQ1.31"), QFormat.parse("UQ1.31"), degree=degree)(u)
    assert np.abs(np.ldexp(made.astype(float), -31) * np.exp(np.ldexp(u.astype(float), -31)) - 1).max() <= ours


@pytest.mark.parametrize("degree", COEFFICIENTS)
def test_no_other_polynomial_is_better(degree: int) -> None:
    """The error takes its extreme value degree + 1 times with alternating signs (Chebyshev), to the last bits."""
    f = np.linspace(0, 1, 4097)
    coefficients = np.array([1, *np.ldexp(np.array(COEFFICIENTS[degree], float), -24)])
    error = np.polynomial.polynomial.polyval(f, coefficients) * 2**f - 1
    inner = np.flatnonzero(np.diff(np.sign(np.diff(error)))) + 1
    extremes = error[[*inner[inner > 1], -1]]  # at 0 the error is 0 by construction
    assert extremes.size == degree + 1
    assert (extremes[1:] * extremes[:-1] < 0).all()
    assert np.abs(extremes).max() - np.abs(extremes).min() <= 2 * 2**-22


@pytest.mark.parametrize(
    ("source", "target", "degree"),
    [
        ("UQ6.10", "UQ1.15", 2),
        ("UQ6.10", "UQ1.20", 4),
        ("UQ4.12", "Q2.14", 3),
        ("UQ1.31", "UQ1.31", 4),
        ("UQ48.-16", "UQ1.15", 3),
        ("UQ-4.20", "UQ-15.47", 4),
        ("UQ24.8", "UQ0.8", 2),
        ("UQ1.1", "UQ18.-16", 4),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, degree: int) -> None:
    """Every output equals the model in Fractions, bit by bit, small u and large."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    codes = spread(x)
    made, overflowed = polynomial(x, y, degree=degree)(codes)
    exact = [model_exp.polynomial(int(u), x.frac_bits, y.frac_bits, degree) for u in codes]
    assert made.tolist() == [model.clip(code, y.signed, y.width) for code in exact]
    assert overflowed == sum(code > y.max_code for code in exact)


def test_other_degrees_are_refused() -> None:
    """A degree without coefficients is a ConfigError that lists the others."""
    with pytest.raises(ConfigError, match=r"degree = 5 is not offered; use 2\.\.4"):
        polynomial(SOURCE, TARGET, degree=5)
