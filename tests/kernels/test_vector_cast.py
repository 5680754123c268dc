"""Are casts in vectors those of the one place that rounds? Codes and values, every mode, ties, ends and beyond."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from kernels import quantize, vector_cast, vector_encode
from kernels._jit import kernel
from kernels.modes import Overflow, Rounding
from kernels.tile import VECTOR

INTERPRETED = bool(numba.config.DISABLE_JIT)
MODES = [mode for mode in Rounding if mode != Rounding.STOCHASTIC]
NO_DRAWS = np.empty(0, np.int64)
every_cast = pytest.mark.parametrize(
    ("rounding", "overflow"), [(mode, overflow) for mode in MODES for overflow in (Overflow.SAT, Overflow.SAT_SYM)]
)


@every_cast
@pytest.mark.parametrize(("source_bits", "width"), [(-3, 9), (0, 8), (5, 16), (44, 12), (12, 30)])
@pytest.mark.parametrize("signed", [True, False])
def test_codes_in_vectors_are_those_of_single_ones(rng, rounding, overflow, source_bits, width, signed):
    """Ties and their neighbours, codes far out of range, and sums at both ends of 62 bits."""
    target = QFormat(signed, width, width)
    rq = Quantizer(target, rounding, overflow).lower(QFormat(True, 55, 55 - source_bits))
    assert vector_cast.is_vector_cast(rq)
    size = 40 if INTERPRETED else 4000
    near = rng.integers(-(4 << width), 4 << width, size) << max(source_bits, 0)
    ties = (2 * rng.integers(-3000, 3000, size) + 1) << max(source_bits - 1, 0)
    far = rng.integers(-(1 << 54), 1 << 54, size)
    codes = np.concatenate([near, ties, ties - 1, ties + 1, far, [-(1 << 54), (1 << 54) - 1, 0]])
    alone, together = (np.zeros(codes.size, target.dtype) for _ in range(2))
    expected = quantize.requantize(codes, rq, NO_DRAWS, alone)
    assert vector_cast.requantize(codes, rq, together) == expected
    assert np.array_equal(alone, together)


@every_cast
@pytest.mark.parametrize("frac_bits", [0, 7, 12])
@pytest.mark.parametrize("width", [8, 16, 30])
def test_values_in_vectors_are_those_of_exact_integers(rng, rounding, overflow, frac_bits, width):
    """Random, tie, subnormal, huge and infinite values: the same codes and counts as by exact integers."""
    target = QFormat(True, width, width - frac_bits)
    rq = Quantizer(target, rounding, overflow).lower(target)._replace(source_width=64)
    assert vector_encode.is_vector_encode(rq, frac_bits)
    size = 30 if INTERPRETED else 3000
    spread = rng.normal(0, 2.0 ** (width - frac_bits - 1), size)
    ties = (rng.integers(-4000, 4000, size) + 0.5) * 2.0**-frac_bits
    edges = [0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, np.inf, -np.inf, 0.5, -1.5, 2.0**52 + 1, -0.5 + 2**-54]
    bound = 2.0 ** (width - 1 - frac_bits) - np.array([0, 0.25, 0.5, 0.75, 1]) * 2.0**-frac_bits
    values = np.concatenate(
        [spread, ties, np.nextafter(ties, 9e9), np.nextafter(ties, -9e9), np.array(edges), bound, -bound]
    )
    alone, together = (np.zeros(values.size, target.dtype) for _ in range(2))
    expected = quantize.encode(values.view(np.int64), frac_bits, rq, NO_DRAWS, alone)
    assert vector_encode.encode(values, float(1 << frac_bits), rq, together) == (expected, 0)
    finite = np.isfinite(values)  # an infinity is any number out of range to one, an end of the range to the other
    assert np.array_equal(alone[finite], together[finite])
    assert (together[values == np.inf] == target.max_code).all()


@pytest.mark.parametrize("count", [0, 1, VECTOR, VECTOR + 3])
@pytest.mark.parametrize("first", [-1, 4])
@pytest.mark.parametrize(("read", "wide"), [(np.int64, np.int64), (np.int32, np.int64), (np.int32, np.int32)])
@pytest.mark.skipif(INTERPRETED, reason="there are no compiled vectors to compare")
def test_compiled_runs_equal_their_plain_meaning(rng, count, first, read, wide):
    """Where a run starts, what is added, what was found before, and that nothing around it is written."""
    rq = Quantizer(QFormat(True, 11, 5), Rounding.RND_CONV, Overflow.SAT).lower(QFormat(True, 40, 20))
    how = vector_cast.vector_cast(rq, 3)
    source = rng.integers(-(1 << 16), 1 << 16, (3, 30)).astype(read)
    bias = rng.integers(-(1 << 15), 1 << 15, 30).astype(wide)

    def run(codes, found, count):
        vector_cast.cast_run(source, 31, count, how, 77, bias, first, codes, 5, found)

    seen = []
    for function in (run, numba.njit(run)):
        codes, found = np.full((2, 20), 99, np.int16), np.zeros((3, VECTOR), wide)
        found[0], found[1], found[2, 0] = 5, -5, 2
        function(codes, found, count)
        seen.append((codes.tolist(), found[0].min(), found[1].max(), found[2].sum()))
    assert seen[0] == seen[1]
    assert seen[0][0][0][:5] == [99] * 5


@every_cast
@pytest.mark.parametrize("shift", [-4, 0, 1, 13, 30])
@pytest.mark.parametrize("up", [0, 3])
def test_narrow_casts_are_exact_to_their_bound(rounding, overflow, shift, up):
    """The largest sums that `fits_narrow` admits, of both signs, and the first that it does not."""
    rq = Quantizer(QFormat(True, 16, 8), rounding, overflow).lower(QFormat(True, 48, 40 - shift))
    assert rq.shift == shift
    bias = np.array([-1234, 77], np.int64)
    bound = (((1 << 31) - (1 << max(shift, 0)) - 1 >> max(-shift, 0)) - 1234) >> up
    assert vector_cast.fits_narrow(rq, up, bound, bias)
    assert not vector_cast.fits_narrow(rq, up, bound + 1, bias)
    sums = np.array([bound, -bound, bound - 1, 0, 1, -1], np.int32)
    codes, found = np.zeros(sums.size, np.int16), np.zeros((3, VECTOR), np.int32)
    run_narrow(sums, vector_cast.vector_cast(rq, up), -1234, bias.astype(np.int32), codes, found)
    v = (sums.astype(np.int64) << up) - 1234
    expected = np.zeros(sums.size, np.int16)
    overflowed = quantize.requantize(v, rq, NO_DRAWS, expected)
    assert codes.tolist() == expected.tolist()
    assert (found[0].min(), found[1].max(), found[2].sum()) == (min(v.min(), 0), max(v.max(), 0), overflowed)


@kernel
def run_narrow(sums, how, plus, bias, codes, found):
    """Cast a run from its first sum to its first code."""
    vector_cast.cast_run(sums, 0, sums.size, how, plus, bias, -1, codes, 0, found)


def test_what_vectors_do_not_know():
    """Wrapping, random bits, modes yet to come, targets and points too wide, values that would lose their last bits."""
    rq = Quantizer(QFormat(True, 16, 4), Rounding.RND, Overflow.SAT).lower(QFormat(True, 40, 20))
    assert vector_cast.is_vector_cast(rq)
    for change in (
        {"overflow": int(Overflow.WRAP)},
        {"rounding": int(Rounding.STOCHASTIC)},
        {"rounding": 8},
        {"width": 31},
    ):
        assert not vector_cast.is_vector_cast(rq._replace(**change))
    assert not vector_cast.is_vector_cast(rq._replace(shift=62))
    assert not vector_encode.is_vector_encode(rq, -1)
    wraps = rq._replace(overflow=int(Overflow.WRAP))
    assert vector_encode.is_vector_encode(wraps, 3)
    for change in ({"saturation_bits": 1}, {"rounding": 7}, {"rounding": 8}, {"width": 31}):
        assert not vector_encode.is_vector_encode(wraps._replace(**change), 3)
