"""What other people's code relies on: public names, what stays unloaded, and how fast things start."""

import subprocess
import sys
import time

import numpy as np
import pytest

import accel
from accel.errors import ConfigError, DataError


def in_fresh_python(code: str) -> str:
    """Run code in a new interpreter and return what it prints."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_every_public_name_exists():
    """Each name in `__all__` can be loaded."""
    for name in accel.__all__:
        assert getattr(accel, name) is not None


def test_functions_survive_importing_their_modules():
    """`accel.run` and `accel.estimate` stay functions whatever submodules are imported."""
    code = (
        "import accel, accel.runner, accel.estimator, accel.report; "
        "print(callable(accel.run), callable(accel.estimate))"
    )
    assert in_fresh_python(code) == "True True"


def test_import_is_light():
    """`import accel` loads neither NumPy nor Numba nor anything heavy."""
    code = (
        "import sys, accel; heavy = {'numpy', 'numba', 'pydantic', 'matplotlib', 'rich', 'jinja2'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert in_fresh_python(code) == "[]"


def test_estimates_never_load_numba():
    """An estimate and its page are made without loading Numba."""
    code = (
        "import sys, accel, accel.report; accel.estimate('lenet5', accel.load_accelerator('gupta2015')); "
        "print('numba' in sys.modules)"
    )
    assert in_fresh_python(code) == "False"


def test_import_is_fast():
    """`import accel` costs less than 0.3 s beyond starting Python (best of three)."""

    def duration(code: str) -> float:
        start = time.perf_counter()
        in_fresh_python(code)
        return time.perf_counter() - start

    assert min(duration("import accel") for _ in range(3)) - min(duration("pass") for _ in range(3)) < 0.3


def test_quantize_and_requantize():
    """The public casts do what the format table says, with names or enum members."""
    values = np.array([0.3, -0.3, 7.99, -9.0])
    fx = accel.quantize(values, "Q4.4", rounding="RND", overflow="SAT")
    assert fx.codes.tolist() == [5, -5, 127, -128]
    assert fx.format == accel.QFormat.parse("ap_fixed<8,4>")
    narrow = accel.requantize(fx, "Q2.2", rounding=accel.Rounding.TRN, overflow=accel.Overflow.WRAP)
    assert narrow.codes.tolist() == [1, -2, -1, 0]
    assert narrow.to_float().tolist() == [0.25, -0.5, -0.25, 0.0]


def test_public_errors_are_named():
    """A bad format, a NaN and codes out of range give our errors, which are ValueErrors too."""
    with pytest.raises(ConfigError, match=r'"Q4,4" is not a format; use Q4\.4 or ap_fixed<8,4>'):
        accel.QFormat.parse("Q4,4")
    with pytest.raises(DataError, match="NaN"):
        accel.quantize([0.0, np.nan], "Q4.4")
    with pytest.raises(ValueError, match="outside"):
        accel.FxArray(np.array([128]), accel.QFormat.parse("Q4.4"))
    with pytest.raises(AttributeError):
        _ = accel.nothing
