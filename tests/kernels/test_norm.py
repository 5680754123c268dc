"""Kernels of layer normalisation against plain Python integers, compiled or not."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest

from kernels.activation import Newton
from kernels.modes import Rounding
from kernels.norm import inverse_roots, scale_rows
from tests.naive import rounded

BITS = 20


def seeds(seed_bits):
    """round(2^20 / sqrt(m)) in the middle of every interval of [1, 2), then of [2, 4)."""
    count = 1 << seed_bits
    squares = [(4 << 40) * 2 * count // ((2 * count + 2 * i + 1) << octave) for octave in (0, 1) for i in range(count)]
    return np.array([(isqrt(square) + 1) // 2 for square in squares], dtype=np.int64)


def naive_root(v, seed_bits, steps):
    """The same steps in unbounded integers, shifts written as divisions."""
    size = v.bit_length() - 1
    octave = size % 2
    m = v * 2**BITS // 2**size
    y = int(seeds(seed_bits)[(octave << seed_bits) + (m * 2**seed_bits // 2**BITS) - 2**seed_bits])
    for _ in range(steps):
        square = rounded(y * y, BITS - seed_bits, Rounding.RND)
        residual = rounded(2 ** (2 * BITS + seed_bits) - m * 2**octave * square, BITS, Rounding.RND)
        y += rounded(y * residual, BITS + seed_bits + 1, Rounding.RND)
    return y, size // 2


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("seed_bits", [4, 5, 7])
def test_inverse_roots_are_the_naive_ones(rng, seed_bits, steps):
    """Every mantissa and exponent, for integers of 1 to 62 bits: powers of two, their neighbours, random ones."""
    powers = [1 << bits for bits in range(62)]
    codes = [*powers, *(p + 1 for p in powers), *(2 * p - 1 for p in powers)]
    codes += (rng.integers(1, 1 << 62, 40) >> rng.integers(0, 61, 40)).tolist()
    v = np.maximum(np.array(codes, dtype=np.int64), 1)
    y, half = np.empty_like(v), np.empty_like(v)
    inverse_roots(v, seeds(seed_bits), Newton(BITS, seed_bits, steps), y, half)
    expected = [naive_root(code, seed_bits, steps) for code in v.tolist()]
    assert list(zip(y.tolist(), half.tolist(), strict=True)) == expected


def test_rows_are_scaled_and_rounded_half_up(rng):
    """Every element times its row's factor, shifted by its row's shift, which may reach beyond the product."""
    codes = rng.integers(-(1 << 30), 1 << 30, (4, 9))
    factors, shifts = np.array([1, -3, 1 << 20, 12345]), np.array([0, 1, 31, 62])
    made = np.empty_like(codes)
    scale_rows(codes, factors, shifts, made)
    assert made.tolist() == [
        [rounded(code * int(factor), int(shift), Rounding.RND) for code in row]
        for row, factor, shift in zip(codes.tolist(), factors, shifts, strict=True)
    ]
