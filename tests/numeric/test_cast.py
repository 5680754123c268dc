"""Are values and arrays of codes cast exactly, whatever their size, and is what cannot be cast refused?"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.errors import ConfigError, DataError
from accel.numeric import exact
from accel.numeric.array import FxArray
from accel.numeric.cast import (
    ROUNDING_ALIASES,
    cast_codes,
    encode,
    lane_draws,
    overflow_mode,
    quantize,
    quantizer,
    requantize,
    rounding_mode,
)
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr, NumpyRandom
from kernels.modes import Overflow, Rounding

INTERPRETED = bool(numba.config.DISABLE_JIT)
RANDOM = NumpyRandom(seed=3, bits=7)
FORMATS = ["Q4.4", "UQ4.4", "Q1.15", "Q8.-3", "Q-5.12", "Q2.30"]


def oracle(values: np.ndarray, target: Quantizer) -> list[int]:
    """The codes that the oracle gives, with the draws of those rows and lanes."""
    drawn = lane_draws(target, values.shape)
    draws = drawn.tolist() if drawn.size else [0] * values.size
    return [exact.cast_value(v, target, draw) for v, draw in zip(values.reshape(-1).tolist(), draws, strict=True)]


def overflow_modes(q: QFormat) -> list[Overflow]:
    """Every overflow mode that the format may have."""
    return [mode for mode in Overflow if q.signed or mode != Overflow.WRAP_SM]


@pytest.mark.parametrize("rounding", Rounding, ids=lambda mode: mode.name)
@pytest.mark.parametrize("text", FORMATS)
def test_between_codes(text, rounding):
    """Values at .0, .3, .49, .5, .51 and .99 between codes, in range and beyond, are cast as the oracle says."""
    q = QFormat.parse(text)
    whole = [0, 1, 2, 5, q.max_code - 1, q.max_code, q.max_code + 1, q.min_code - 2, q.min_code - 1, q.min_code, -3, -1]
    whole += [3 * q.max_code, -3 * q.max_code - 7]
    values = np.array([[(code + part) * float(q.lsb) for part in (0, 0.3, 0.49, 0.5, 0.51, 0.99)] for code in whole])
    for overflow in overflow_modes(q):
        target = Quantizer(q, rounding, overflow, random=RANDOM)
        fx, _ = encode(values, target)
        assert fx.codes.dtype == q.dtype
        assert fx.codes.reshape(-1).tolist() == oracle(values, target), overflow


@st.composite
def targets(draw):
    """Any quantizer that values can be encoded with."""
    signed = draw(st.booleans())
    q = QFormat(signed, draw(st.integers(2 if signed else 1, 61)), draw(st.integers(-1000, 1000)))
    overflow = draw(st.sampled_from(overflow_modes(q)))
    wraps = overflow in (Overflow.WRAP, Overflow.WRAP_SM)
    random = NumpyRandom(draw(st.integers(0, 99)), draw(st.integers(1, 32)), centred=draw(st.booleans()))
    saturation_bits = draw(st.integers(0, q.width)) if wraps else 0
    return Quantizer(q, draw(st.sampled_from(Rounding)), overflow, saturation_bits, random)


def scaled(mantissa, power):
    """Return mantissa * 2^power, infinity beyond float64."""
    try:
        return math.ldexp(mantissa, power)
    except OverflowError:
        return math.inf


@settings(max_examples=200 if INTERPRETED else 500, deadline=None)
@given(targets(), st.data())
def test_any_value_to_any_format(target, data):
    """Every finite float64, the tiny and the huge included, is cast to every format as the exact integer it is."""
    near = st.integers(-(2**53) + 1, 2**53 - 1).map(lambda m: scaled(m, -target.format.frac_bits % 900 - 60))
    about = st.builds(
        lambda mantissa, power: scaled(mantissa, power - target.format.frac_bits),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.integers(-60, 20),
    )
    finite = st.floats(allow_nan=False, allow_infinity=False)
    values = np.array(data.draw(st.lists(st.one_of(near, about, finite), min_size=1, max_size=6)))
    values = values[np.isfinite(values)]
    fx, _ = encode(values, target)
    assert fx.codes.tolist() == oracle(values, target)


@pytest.mark.parametrize("rounding", Rounding, ids=lambda mode: mode.name)
def test_the_tiniest_and_the_largest(rounding):
    """Not even the smallest subnormal is lost before rounding sees it, nor the largest double before it wraps."""
    values = np.array([5e-324, -5e-324, 2.0**-1022, 1.7976931348623157e308, -1.7976931348623157e308, 2.0**62, -0.0])
    for text, overflow in itertools.product(["Q4.4", "Q1000.-970", "Q-900.932", "Q61.0", "Q40.-10"], Overflow):
        target = Quantizer(QFormat.parse(text), rounding, overflow, random=RANDOM)
        assert encode(values, target)[0].codes.tolist() == oracle(values, target), (text, overflow)


@pytest.mark.parametrize("text", ["Q61.0", "UQ61.0", "Q8.0", "Q55.4"])
def test_around_the_container(text):
    """Values of 2^60 to 2^66 lsb, where int64 ends, saturate and wrap as the oracle says."""
    q = QFormat.parse(text)
    mantissas = [1 << 52, (1 << 53) - 1, (1 << 52) + 0xABCDE12345]
    exact_values = [sign * m * 2.0**p for sign in (1, -1) for m in mantissas for p in range(8, 14)]
    values = np.array(exact_values) * float(q.lsb)
    for overflow, saturation_bits in itertools.product(overflow_modes(q), range(4)):
        if saturation_bits and overflow not in (Overflow.WRAP, Overflow.WRAP_SM):
            continue
        target = Quantizer(q, Rounding.RND, overflow, saturation_bits)
        assert encode(values, target)[0].codes.tolist() == oracle(values, target), (overflow, saturation_bits)


@pytest.mark.parametrize("overflow", Overflow, ids=lambda mode: mode.name)
def test_infinities_saturate(overflow):
    """Infinities become the ends of the range in every overflow mode and are counted; SAT_SYM has no lowest code."""
    fx, overflowed = encode([np.inf, 1.0, -np.inf], Quantizer(QFormat.parse("Q4.4"), overflow=overflow))
    assert fx.codes.tolist() == [127, 16, -127 if overflow == Overflow.SAT_SYM else -128]
    assert overflowed == 2


@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP])
def test_infinities_saturate_unsigned(overflow):
    """An unsigned format has 0 as its lowest code."""
    assert quantize([np.inf, -np.inf], "UQ4.4", overflow=overflow).codes.tolist() == [255, 0]


def test_overflow_is_counted():
    """Values whose rounding leaves the range are counted, a carry included."""
    values = [7.96, 7.97, -8.03, -8.04, 0.0, 100.0]  # in lsb of 1/16: 127.36, 127.52, -128.48, -128.64
    assert encode(values, quantizer("Q4.4"))[1] == 3
    assert encode(values, quantizer("Q4.4", overflow="WRAP"))[1] == 3


def test_codes_are_cast_like_scalars(rng):
    """Arrays of codes, of any shape and layout, are cast element by element as the oracle says."""
    source = QFormat.parse("Q6.10")
    codes = rng.integers(source.min_code, source.max_code + 1, (4, 3, 5))
    for rounding, overflow in itertools.product(Rounding, Overflow):
        target = Quantizer(QFormat.parse("Q2.4"), rounding, overflow, random=RANDOM)
        draws = lane_draws(target, codes.shape)
        drawn = draws if draws.size else np.zeros(codes.size, np.int64)
        want = [exact.cast(int(c), source, target, int(d)) for c, d in zip(codes.reshape(-1), drawn, strict=True)]
        fx, _ = cast_codes(codes, source, target, draws)
        assert fx.codes.shape == codes.shape
        assert fx.codes.reshape(-1).tolist() == want
        turned, _ = cast_codes(codes.T, source, target, draws.reshape(codes.shape).T if draws.size else None)
        assert np.array_equal(turned.codes, fx.codes.T)


def test_requantize_is_the_public_cast():
    """`requantize` casts an FxArray, stochastically with an Lfsr of its own when none is named."""
    fx = FxArray(np.arange(-300, 300).reshape(20, 30), "Q4.8")
    plain = requantize(fx, "Q4.4", "RND_INF", "SAT")
    target = quantizer("Q4.4", "RND_INF", "SAT")
    assert plain.codes.reshape(-1).tolist() == [exact.cast(c, fx.format, target) for c in range(-300, 300)]
    default = requantize(fx, "Q4.4", "STOCHASTIC")
    assert np.array_equal(default.codes, requantize(fx, "Q4.4", "STOCHASTIC", random=Lfsr()).codes)
    assert not np.array_equal(default.codes, requantize(fx, "Q4.4", "STOCHASTIC", random=Lfsr(seed=99)).codes)


def test_requantizing_to_a_finer_format_loses_nothing():
    """A wider and finer format keeps every value."""
    fx = FxArray(np.arange(-128, 128), "Q4.4")
    assert np.array_equal(requantize(fx, "Q8.20").to_float(), fx.to_float())


@pytest.mark.parametrize("random", [Lfsr(), NumpyRandom()], ids=["lfsr", "numpy"])
def test_batches_encoded_apart_agree(random):
    """Rows encoded apart, each told where it starts, have the codes that they have in one piece."""
    values = np.linspace(-7, 7, 120).reshape(10, 3, 4)
    target = quantizer("Q4.2", "STOCHASTIC", random=random)
    whole = encode(values, target)[0].codes
    # Rows are all axes but the last: three for every item of the first axis.
    parts = [encode(values[:4], target)[0].codes, encode(values[4:], target, first_row=12)[0].codes]
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("values", [0.3, np.float32(0.3), [], np.zeros((0, 3)), True, [1, 2], np.array([3], np.uint8)])
def test_shapes_and_kinds(values):
    """Scalars, empty arrays, integers and booleans are values like others; the shape is kept."""
    for rounding in ("RND_CONV", "STOCHASTIC"):
        fx = quantize(values, "Q4.12", rounding, random=Lfsr() if rounding == "STOCHASTIC" else None)
        assert fx.shape == np.shape(values)
        np.testing.assert_allclose(fx.to_float(), np.asarray(values, float), atol=2**-12)


def test_codes_may_be_read_only():
    """Arrays that may not be written are read all the same."""
    codes = np.arange(10)
    codes.flags.writeable = False
    assert cast_codes(codes, QFormat.parse("Q8.0"), quantizer("Q4.0"))[0].codes.tolist() == [*range(8), 7, 7]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, np.nan, 1.0, np.nan], "2 of 4 values are NaN, the first at (1,)"),
        ([[1.0, 2.0], [3.0, np.nan]], "the first at (1, 1)"),
        (["a"], "values are real numbers"),
        ([1j], "values are real numbers"),
        ([None], "values are real numbers"),
        ([[1.0], [1.0, 2.0]], "values must form an array"),
        ([2**53 + 1], "integers beyond 2^53"),
        ([2**70], "values are real numbers"),
        (FxArray([1], "Q4.4"), "codes of Q4.4 already"),
    ],
)
def test_values_that_cannot_be_encoded(values, message):
    """What is no number, or not one that float64 holds exactly, is refused with its reason."""
    with pytest.raises(DataError) as error:
        quantize(values, "Q4.4")
    assert message in str(error.value)


def test_formats_too_wide_for_values():
    """Values are encoded to 61 bits and not to more."""
    assert quantize([-1.0], "Q1.60").codes.tolist() == [-(1 << 60)]
    with pytest.raises(ConfigError, match="at most 61 bits"):
        quantize([1.0], "Q2.60")


def test_a_left_shift_never_leaves_the_container():
    """A move to more fraction bits is done when the format or the codes prove that it fits, and refused otherwise."""
    source, target = QFormat.parse("Q40.0"), quantizer("Q20.30", overflow="WRAP")
    fits = 1 << 32
    assert cast_codes(np.array([fits, 0]), source, target)[0].codes.tolist() == [exact.cast(fits, source, target), 0]
    with pytest.raises(DataError, match=r"needs 65 bits .* 64 are the most"):
        cast_codes(np.array([0, -2 * fits]), source, target)
    far = Quantizer(QFormat(True, 8, -900))
    assert cast_codes(np.zeros(3, np.int64), source, far)[0].codes.tolist() == [0, 0, 0]
    with pytest.raises(DataError, match="fraction bits"):
        cast_codes(np.array([1]), source, far)


@pytest.mark.parametrize("name", ["RND_CONV", "rnd_conv", Rounding.RND_CONV, "numpy.round"])
def test_names_of_rounding_modes(name):
    """A mode is named by itself, by its name in any case, or as another tool calls it."""
    assert rounding_mode(name) is Rounding.RND_CONV


@pytest.mark.parametrize(
    ("look_up", "name", "message"),
    [
        (rounding_mode, "RND_CNV", "Did you mean 'RND_CONV'?"),
        (overflow_mode, "SAT_SIM", "Did you mean 'SAT_SYM'?"),
        (overflow_mode, "zzz", "Known: SAT, SAT_SYM, SAT_ZERO, WRAP, WRAP_SM"),
        (rounding_mode, 6, "'6' is not a rounding mode"),
        (overflow_mode, Rounding.RND, "is not an overflow mode"),
    ],
)
def test_unknown_modes(look_up, name, message):
    """An unknown mode is quoted and answered with the closest name or all of them."""
    with pytest.raises(ConfigError) as error:
        look_up(name)
    assert message in str(error.value)


def test_aliases_say_what_the_tools_do():
    """NumPy's round, Python's round and the floor are what the alias table says."""
    values = np.arange(-40, 41) / 8
    by_numpy = quantize(values, "Q8.0", "numpy.round").codes
    assert np.array_equal(by_numpy, np.round(values))
    assert by_numpy.tolist() == [round(Fraction(v)) for v in values.tolist()]
    assert np.array_equal(quantize(values, "Q8.0", "verilog.>>>").codes, np.arange(-40, 41) >> 3)
    away = np.sign(values) * np.floor(np.abs(values) + 0.5)
    for name in ("c.round", "qonnx.HALF_UP", "matlab.Round"):
        assert ROUNDING_ALIASES[name] == Rounding.RND_INF
        assert np.array_equal(quantize(values, "Q8.0", name).codes, away)


@pytest.mark.parametrize("container", [np.int8, np.int16, np.int32, np.int64, np.uint8])
@pytest.mark.parametrize("overflow", [Overflow.SAT, Overflow.WRAP])
@pytest.mark.parametrize("shift", [-2, 0, 3])
def test_codes_are_cast_as_they_lie(container, overflow, shift, rng):
    """Codes in any container, contiguous or not, writable or not, give the same codes and counts."""
    ends = np.iinfo(container)
    target = Quantizer(QFormat(True, 7, 3), overflow=overflow)
    source = QFormat(True, 40, 40 - target.format.frac_bits - shift)
    codes = rng.integers(max(ends.min, -(1 << 39)), min(ends.max, (1 << 39) - 1) + 1, (3, 40)).astype(container)
    read_only = codes.copy()
    read_only.setflags(write=False)
    for held in (codes, codes[:, ::3], codes.T, read_only):
        made, overflowed = cast_codes(held, source, target)
        expected = [exact.cast(int(code), source, target) for code in held.reshape(-1)]
        unbounded = Quantizer(QFormat(True, 60, 60 - target.format.frac_bits))
        outside = [exact.cast(int(code), source, unbounded) for code in held.reshape(-1)]
        assert made.codes.shape == held.shape
        assert made.codes.reshape(-1).tolist() == expected
        assert overflowed == sum(not -64 <= code <= 63 for code in outside)
