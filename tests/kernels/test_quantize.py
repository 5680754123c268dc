"""Is the quantiser right? Every mode over every short code, long codes at random, and what other people publish."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.numeric import exact
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import NumpyRandom
from kernels.modes import Overflow, Rounding
from kernels.quantize import requantize, round_shift

NO_DRAWS = np.empty(0, np.int64)
DETERMINISTIC = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]

# Interpreted, a cast takes microseconds: that lane walks a part of the product, the compiled one all of it.
INTERPRETED = bool(numba.config.DISABLE_JIT)
SOURCE_WIDTHS = (1, 2, 5) if INTERPRETED else range(1, 9)
TARGET_WIDTHS = (2, 4) if INTERPRETED else range(2, 9)
SHIFTS_PAST_WIDTH = 2 if INTERPRETED else 4
LEFT_SHIFTS = 3


def kernel_cast(codes, source: QFormat, target: Quantizer, draws=NO_DRAWS):
    """Cast codes with the kernel: (codes as int64, how many overflowed)."""
    out = np.empty(len(codes), target.format.dtype)
    overflowed = requantize(np.asarray(codes, np.int64), target.lower(source), draws, out)
    return out.astype(np.int64), overflowed


def overflow_choices(target: QFormat) -> list[tuple[Overflow, int]]:
    """Every overflow mode that the target may have, with 0, 1, 2 and 3 saturation bits where they mean something."""
    saturating = [(mode, 0) for mode in (Overflow.SAT, Overflow.SAT_ZERO, Overflow.SAT_SYM)]
    wrapping = [Overflow.WRAP, Overflow.WRAP_SM] if target.signed else [Overflow.WRAP]
    return saturating + [(mode, n) for mode in wrapping for n in range(min(3, target.width) + 1)]


def every_code(q: QFormat) -> np.ndarray:
    """All codes of a format, in order."""
    return np.arange(q.min_code, q.max_code + 1, dtype=np.int64)


@cache
def rounded(code: int, shift: int, rounding: Rounding) -> int:
    """The oracle's rounding of code * 2^-shift."""
    return exact.round_fraction(Fraction(code) / Fraction(2) ** shift, Quantizer(QFormat(True, 8, 8), rounding))


LOWEST, HIGHEST = -128 << LEFT_SHIFTS, 256 << LEFT_SHIFTS  # what short codes can become


@cache
def confined(q: QFormat, overflow: Overflow, saturation_bits: int, above: int) -> np.ndarray:
    """The oracle's overflow of every rounded value LOWEST..HIGHEST."""
    target = Quantizer(q, Rounding.TRN, overflow, saturation_bits)
    return np.array([exact.overflow(u, above, target) for u in range(LOWEST, HIGHEST + 1)], np.int64)


@pytest.mark.parametrize("width", TARGET_WIDTHS)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_every_short_cast(signed, width):
    """Every code of up to 8 bits, signed or not, casts as the oracle says in every mode and at every shift."""
    target = QFormat(signed, width, width)
    codes = np.arange(-16, 32) if INTERPRETED else np.arange(-128, 256)
    for rounding, shift in itertools.product(DETERMINISTIC, range(-LEFT_SHIFTS, 8 + SHIFTS_PAST_WIDTH)):
        u = np.array([rounded(code, shift, rounding) for code in codes.tolist()])
        source = QFormat(True, 9, 9 - shift)
        for overflow, saturation_bits in overflow_choices(target):
            if (overflow, saturation_bits) == (Overflow.WRAP_SM, 0):
                continue  # it also depends on the source's width: the next test
            lowest = -target.max_code if signed and overflow == Overflow.SAT_SYM else target.min_code
            quantizer = Quantizer(target, rounding, overflow, saturation_bits)
            got, overflowed = kernel_cast(codes, source, quantizer)
            want = confined(target, overflow, saturation_bits, 0)[u - LOWEST]
            assert np.array_equal(got, want), (source, quantizer)
            assert overflowed == np.count_nonzero((u < lowest) | (u > target.max_code)), (source, quantizer)


@pytest.mark.parametrize("width", TARGET_WIDTHS)
def test_every_source_width(width):
    """WRAP_SM, the one mode that the source's width reaches, agrees with the oracle for every source up to 8 bits."""
    sources = [(True, w) for w in SOURCE_WIDTHS if w > 1] + [(False, w) for w in SOURCE_WIDTHS]
    target = QFormat(True, width, width)
    for (signed, source_width), rounding in itertools.product(sources, DETERMINISTIC):
        quantizer = Quantizer(target, rounding, Overflow.WRAP_SM)
        for shift in range(-LEFT_SHIFTS, source_width + SHIFTS_PAST_WIDTH):
            source = QFormat(signed, source_width, source_width - shift)
            codes = every_code(source)
            position = shift + width
            above = codes >> position & 1 if 0 <= position < source_width else np.zeros_like(codes)
            u = np.array([rounded(code, shift, rounding) for code in codes.tolist()]) - LOWEST
            want = [confined(target, Overflow.WRAP_SM, 0, bit)[value] for bit, value in zip(above, u, strict=True)]
            assert np.array_equal(kernel_cast(codes, source, quantizer)[0], want), (source, quantizer)


@pytest.mark.parametrize("centred", [False, True], ids=["plain", "centred"])
@pytest.mark.parametrize("bits", [1, 2, 4] if INTERPRETED else [1, 2, 3, 5])
def test_every_short_stochastic_cast(bits, centred):
    """Every 6-bit code with every draw rounds as the oracle says, for draws shorter and longer than the shift."""
    target = Quantizer(QFormat(True, 5, 5), Rounding.STOCHASTIC, random=NumpyRandom(0, bits, centred=centred))
    for shift in range(-2, 9):
        source = QFormat(True, 4 if INTERPRETED else 6, 6 - shift)
        codes, draws = (grid.reshape(-1) for grid in np.meshgrid(every_code(source), np.arange(1 << bits)))
        expected = [exact.cast(int(c), source, target, int(d)) for c, d in zip(codes, draws, strict=True)]
        np.testing.assert_array_equal(kernel_cast(codes, source, target, draws)[0], expected, err_msg=f"shift {shift}")


@st.composite
def casts(draw):
    """A source code, its format, a quantizer and a draw, any widths up to 63 bits whose left shift fits."""
    signed = draw(st.booleans())
    width = draw(st.integers(2 if signed else 1, 63))
    target_signed = draw(st.booleans())
    target_width = draw(st.integers(2 if target_signed else 1, 63))
    target_format = QFormat(target_signed, target_width, draw(st.integers(-8, 8)))
    rounding = draw(st.sampled_from(Rounding))
    random = NumpyRandom(0, draw(st.integers(1, 32)), centred=draw(st.booleans()))
    overflow = draw(st.sampled_from([mode for mode in Overflow if target_signed or mode != Overflow.WRAP_SM]))
    wraps = overflow in (Overflow.WRAP, Overflow.WRAP_SM)
    saturation_bits = draw(st.integers(0, target_width)) if wraps else 0
    target = Quantizer(target_format, rounding, overflow, saturation_bits, random)
    shift = draw(st.integers(-min(63 - width, 20), 80))
    source = QFormat(signed, width, width - target_format.frac_bits - shift)
    # Midpoints and their neighbours, of which a uniform code would hit none.
    half = 1 << max(shift - 1, 0)
    middle = draw(st.integers(-4, 4)) * half + draw(st.integers(-1, 1))
    uniform = draw(st.integers(source.min_code, source.max_code))
    code = draw(st.sampled_from([uniform, middle, source.min_code, source.max_code, -1]))
    return (
        min(max(code, source.min_code), source.max_code),
        source,
        target,
        draw(st.integers(0, (1 << random.bits) - 1)),
    )


@settings(max_examples=300 if INTERPRETED else 1000, deadline=None)
@given(casts())
def test_long_casts(example):
    """Casts between any formats up to 63 bits agree with the oracle, extremes, midpoints and long shifts included."""
    code, source, target, draw = example
    draws = np.array([draw]) if target.rounding == Rounding.STOCHASTIC else NO_DRAWS
    got, _ = kernel_cast([code], source, target, draws)
    assert got[0] == exact.cast(code, source, target, draw)


@pytest.mark.parametrize("rounding", DETERMINISTIC)
@pytest.mark.parametrize("shift", [0, 1, 61, 62, 63, 64, 65, 66, 100, 1000])
def test_rounding_at_the_ends_of_int64(shift, rounding):
    """The ends of int64 and their neighbours round exactly at shifts around and far beyond the container."""
    for code in (-(1 << 63), -(1 << 63) + 1, -(1 << 62) - 1, -(1 << 62), -1, 0, 1, 1 << 62, (1 << 63) - 1):
        assert round_shift(np.int64(code), shift, int(rounding)) == rounded(code, shift, rounding), code


def test_against_integer_division(rng):
    """A million random casts agree with a formulation by divmod, compare and modulo over whole arrays."""
    count = 2_000 if INTERPRETED else 40_000
    overflows = (Overflow.SAT, Overflow.SAT_ZERO, Overflow.SAT_SYM, Overflow.WRAP)
    for rounding, overflow in itertools.product(DETERMINISTIC, overflows):
        width, shift = int(rng.integers(2, 33)), int(rng.integers(1, 24))
        signed = bool(rng.integers(2))
        source, target = QFormat(True, 45, 45 - shift), QFormat(signed, width, width)
        # The magnitudes are spread over the target's range and a little beyond, so that both cases are common.
        codes = rng.integers(-(3 << (width + shift)) // 4, (3 << (width + shift)) // 4, count)
        floor, left = np.divmod(codes, 1 << shift)
        to_half = np.sign(2 * left - (1 << shift))
        up = {
            Rounding.TRN: np.zeros_like(codes),
            Rounding.TRN_ZERO: (codes < 0) & (left > 0),
            Rounding.RND: to_half >= 0,
            Rounding.RND_ZERO: np.where(codes < 0, to_half >= 0, to_half > 0),
            Rounding.RND_MIN_INF: to_half > 0,
            Rounding.RND_INF: np.where(codes < 0, to_half > 0, to_half >= 0),
            Rounding.RND_CONV: np.where(floor % 2 == 1, to_half >= 0, to_half > 0),
        }[rounding]
        u = floor + up
        lowest = -target.max_code if signed and overflow == Overflow.SAT_SYM else target.min_code
        fits = (u >= lowest) & (u <= target.max_code)
        want = {
            Overflow.SAT: np.clip(u, lowest, target.max_code),
            Overflow.SAT_SYM: np.clip(u, lowest, target.max_code),
            Overflow.SAT_ZERO: np.where(fits, u, 0),
            Overflow.WRAP: (u - target.min_code) % (1 << width) + target.min_code,
        }[overflow]
        got, overflowed = kernel_cast(codes, source, Quantizer(target, rounding, overflow))
        np.testing.assert_array_equal(got, want, err_msg=f"{rounding.name} {overflow.name} {target} shift {shift}")
        assert overflowed == np.count_nonzero(~fits)


def test_against_apytypes(rng):
    """More than 10^5 random signed casts agree with APyTypes in the seven roundings and two overflows it shares."""
    apytypes = pytest.importorskip("apytypes")
    names = {
        Rounding.TRN: "TO_NEG",
        Rounding.TRN_ZERO: "TO_ZERO",
        Rounding.RND: "TIES_POS",
        Rounding.RND_ZERO: "TIES_ZERO",
        Rounding.RND_MIN_INF: "TIES_NEG",
        Rounding.RND_INF: "TIES_AWAY",
        Rounding.RND_CONV: "TIES_EVEN",
    }
    count = 30 if INTERPRETED else 500
    for rounding, overflow, _ in itertools.product(DETERMINISTIC, (Overflow.SAT, Overflow.WRAP), range(20)):
        source = QFormat(True, int(rng.integers(2, 33)), int(rng.integers(-4, 12)))
        target = QFormat(True, int(rng.integers(2, 25)), int(rng.integers(-4, 12)))
        codes = rng.integers(source.min_code, source.max_code + 1, count)
        theirs = apytypes.APyFixedArray(codes.tolist(), int_bits=source.int_bits, bits=source.width).cast(
            int_bits=target.int_bits,
            bits=target.width,
            quantization=getattr(apytypes.QuantizationMode, names[rounding]),
            overflow=getattr(apytypes.OverflowMode, overflow.name),
        )
        patterns = np.array(theirs.to_bits(), np.int64)  # two's complement without the sign's weight
        want = patterns - ((patterns >> (target.width - 1)) << target.width)
        got, _ = kernel_cast(codes, source, Quantizer(target, rounding, overflow))
        np.testing.assert_array_equal(got, want, err_msg=f"{rounding.name} {overflow.name} {source} -> {target}")


# (target, rounding, overflow, saturation bits, value, result) as the vendor's user guide prints them: AMD UG1399,
# "Quantization Modes" and "Overflow Modes".
PUBLISHED = [
    ("ap_fixed<3,2>", "RND", "SAT", 1.25, 1.5),
    ("ap_fixed<3,2>", "RND", "SAT", -1.25, -1.0),
    ("ap_fixed<3,2>", "RND_ZERO", "SAT", 1.25, 1.0),
    ("ap_fixed<3,2>", "RND_ZERO", "SAT", -1.25, -1.0),
    ("ap_fixed<3,2>", "RND_MIN_INF", "SAT", 1.25, 1.0),
    ("ap_fixed<3,2>", "RND_MIN_INF", "SAT", -1.25, -1.5),
    ("ap_fixed<3,2>", "RND_INF", "SAT", 1.25, 1.5),
    ("ap_fixed<3,2>", "RND_INF", "SAT", -1.25, -1.5),
    ("ap_fixed<3,2>", "RND_CONV", "SAT", 0.75, 1.0),
    ("ap_fixed<3,2>", "RND_CONV", "SAT", -0.75, -1.0),
    ("ap_fixed<3,2>", "TRN", "SAT", 1.25, 1.0),
    ("ap_fixed<3,2>", "TRN", "SAT", -1.25, -1.5),
    ("ap_fixed<3,2>", "TRN_ZERO", "SAT", 1.25, 1.0),
    ("ap_fixed<3,2>", "TRN_ZERO", "SAT", -1.25, -1.0),
    ("ap_fixed<4,4>", "RND", "SAT", 19.0, 7.0),
    ("ap_fixed<4,4>", "RND", "SAT", -19.0, -8.0),
    ("ap_ufixed<4,4>", "RND", "SAT", 19.0, 15.0),
    ("ap_ufixed<4,4>", "RND", "SAT", -19.0, 0.0),
    ("ap_fixed<4,4>", "RND", "SAT_ZERO", 19.0, 0.0),
    ("ap_fixed<4,4>", "RND", "SAT_ZERO", -19.0, 0.0),
    ("ap_ufixed<4,4>", "RND", "SAT_ZERO", 19.0, 0.0),
    ("ap_ufixed<4,4>", "RND", "SAT_ZERO", -19.0, 0.0),
    ("ap_fixed<4,4>", "RND", "SAT_SYM", 19.0, 7.0),
    ("ap_fixed<4,4>", "RND", "SAT_SYM", -19.0, -7.0),
    ("ap_ufixed<4,4>", "RND", "SAT_SYM", 19.0, 15.0),
    ("ap_ufixed<4,4>", "RND", "SAT_SYM", -19.0, 0.0),
    ("ap_fixed<4,4>", "RND", "WRAP", 31.0, -1.0),
    ("ap_fixed<4,4>", "RND", "WRAP", -19.0, -3.0),
    ("ap_ufixed<4,4>", "RND", "WRAP", 19.0, 3.0),
    ("ap_ufixed<4,4>", "RND", "WRAP", -19.0, 13.0),
    ("ap_fixed<4,4>", "RND", "WRAP_SM", 19.0, -4.0),
    ("ap_fixed<4,4>", "RND", "WRAP_SM", -19.0, 2.0),
]


@pytest.mark.parametrize(("target", "rounding", "overflow", "value", "result"), PUBLISHED)
def test_the_vendors_examples(target, rounding, overflow, value, result):
    """The values that the vendor's user guide prints come out, of the kernel and of the oracle."""
    quantizer = Quantizer(QFormat.parse(target), Rounding[rounding], Overflow[overflow])
    source = QFormat(True, 16, 8)
    code = int(value * 256)
    want = int(result / quantizer.format.lsb)
    assert kernel_cast([code], source, quantizer)[0][0] == want
    assert exact.cast(code, source, quantizer) == want


@pytest.mark.parametrize(
    ("target", "overflow", "saturation_bits", "value", "result"),
    [
        ("UQ4.0", "WRAP", 2, -3, 0b1101),  # both top bits forced to ones although the source is negative
        ("UQ4.0", "WRAP", 4, 16, 0b1111),
        ("Q4.0", "WRAP", 1, 19, 0b0011),  # 10011: the sign is kept, the rest wraps
        ("Q4.0", "WRAP", 1, -19, -3),  # ..01101 -> 1101
        ("Q4.0", "WRAP", 3, 19, 0b0111),  # 0, then two ones, then the lsb
        ("Q4.0", "WRAP", 3, -20, -8),  # ..01100 -> 1, 00, 0
        ("Q4.0", "WRAP", 4, 100, 7),  # all bits forced: saturation
        ("Q4.0", "WRAP_SM", 1, 19, 3),  # 0011: its sign agrees
        ("Q4.0", "WRAP_SM", 1, 25, 6),  # 1001 contradicts a positive sign: complemented to 0110
        ("Q4.0", "WRAP_SM", 1, -19, -3),  # 1101 agrees
        ("Q4.0", "WRAP_SM", 1, -28, -5),  # ..00100 -> 0100 contradicts: 1011
        ("Q4.0", "WRAP_SM", 2, 19, 4),  # 0011: bit 2 equals the sign 0: 1100, then 0, 1, 00
        ("Q4.0", "WRAP_SM", 3, -19, -7),  # 1101: bit 1 is 0, not the sign 1: kept; then 1, 00, 1
        ("Q4.0", "WRAP_SM", 3, -18, -7),  # 1110: bit 1 equals the sign: 0001, then 1, 00, 1
    ],
)
def test_saturation_bits_by_hand(target, overflow, saturation_bits, value, result):
    """Saturation bits force the top bits as worked out by hand."""
    quantizer = Quantizer(QFormat.parse(target), Rounding.TRN, Overflow[overflow], saturation_bits)
    assert kernel_cast([value], QFormat(True, 16, 16), quantizer)[0][0] == result


def test_a_carry_can_leave_the_range():
    """127.5 rounds half up to 128, which saturates to 127 and wraps to -128."""
    source, code = QFormat(True, 9, 8), 255
    for overflow, result in ((Overflow.SAT, 127), (Overflow.WRAP, -128), (Overflow.SAT_ZERO, 0)):
        got, overflowed = kernel_cast([code], source, Quantizer(QFormat(True, 8, 8), Rounding.RND, overflow))
        assert (got[0], overflowed) == (result, 1)


def test_symmetric_saturation_gives_up_the_lowest_code():
    """SAT_SYM turns -128 into -127 and counts it; an unsigned target keeps 0."""
    source = QFormat(True, 8, 8)
    assert kernel_cast([-128], source, Quantizer(source, overflow=Overflow.SAT_SYM)) == (-127, 1)
    assert kernel_cast([0], source, Quantizer(QFormat(False, 8, 8), overflow=Overflow.SAT_SYM)) == (0, 0)


def test_sign_magnitude_wrap_looks_above_before_rounding():
    """WRAP_SM takes the bit above the target from the source; taken after rounding, another code would come out."""
    quantizer = Quantizer(QFormat(True, 4, 4), Rounding.RND, Overflow.WRAP_SM)
    # 15.5 = 01111.1: bit 4 of the source is 0, but rounding carries to 16 = 10000, whose bit 4 is 1.
    assert kernel_cast([31], QFormat(True, 6, 5), quantizer)[0][0] == 0
    assert exact.overflow(16, 1, quantizer) == -1


def test_shifts_beyond_the_source():
    """Below a far binary point a code is its sign: it rounds to 0, but the floor of a negative one is -1."""
    source = QFormat(True, 8, -10)  # 18 fraction bits, so |v| <= 2^-11
    for rounding in DETERMINISTIC:
        got, _ = kernel_cast([-1, 1, -128, 127], source, Quantizer(QFormat(True, 8, 8), rounding))
        negative = -1 if rounding == Rounding.TRN else 0
        assert got.tolist() == [negative, 0, negative, 0], rounding


def test_numpy_rounds_half_to_even():
    """NumPy's round is RND_CONV."""
    codes = np.arange(-2000, 2000)
    got, _ = kernel_cast(codes, QFormat(True, 16, 13), Quantizer(QFormat(True, 16, 16), Rounding.RND_CONV))
    np.testing.assert_array_equal(got, np.round(codes / 8))


def test_c_rounds_half_away_from_zero():
    """C's round, here floor(|x| + 1/2) with the sign restored, is RND_INF."""
    codes = np.arange(-2000, 2000)
    got, _ = kernel_cast(codes, QFormat(True, 16, 13), Quantizer(QFormat(True, 16, 16), Rounding.RND_INF))
    assert got.tolist() == [int(math.copysign(math.floor(abs(code / 8) + 0.5), code)) for code in codes.tolist()]


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_source_containers(dtype):
    """Codes of narrow containers are widened before they are moved: left shifts do not stay in 8 bits."""
    out = np.empty(3, np.int32)
    target = Quantizer(QFormat(True, 32, 16))
    overflowed = requantize(np.array([-128, -1, 127], dtype), target.lower(QFormat(True, 8, 8)), NO_DRAWS, out)
    assert out.tolist() == [-128 << 16, -1 << 16, 127 << 16]
    assert overflowed == 0


def test_nothing_to_cast():
    """No codes give no codes and no overflow."""
    got, overflowed = kernel_cast([], QFormat(True, 8, 8), Quantizer(QFormat(True, 8, 4)))
    assert (len(got), overflowed) == (0, 0)
