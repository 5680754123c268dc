"""Are draws a pure function of seed, stream, row and column, and are impossible generators refused?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from accel.errors import ConfigError
from accel.numeric.random import Lfsr, NumpyRandom


@pytest.mark.parametrize("random", [Lfsr(), Lfsr(8, 9, 5, 2), Lfsr(32, 1, 32), NumpyRandom(3, 11, 4)], ids=repr)
def test_rows_and_columns_can_be_drawn_apart(random):
    """Rows from k on are the tail of all rows, and fewer columns are the left of more: draws are a pure function."""
    every = random.draws(60, 9)
    for first_row in (0, 1, 17, 59):
        assert np.array_equal(random.draws(60 - first_row, 9, first_row), every[first_row:])
    assert np.array_equal(random.draws(60, 4), every[:, :4])
    assert random.draws(0, 9).shape == (0, 9)
    assert random.draws(9, 0).shape == (9, 0)


def test_rows_far_away():
    """Rows beyond any period are reached: row r is row r modulo the period of the draws."""
    lfsr = Lfsr(16, 77, 16)
    assert np.array_equal(lfsr.draws(3, 5, first_row=10**15), lfsr.draws(3, 5, first_row=10**15 % 65535))


@pytest.mark.parametrize("kind", [Lfsr, NumpyRandom])
def test_lanes_and_streams_differ(kind):
    """No two of 8 lanes of 4 streams draw the same sequence."""
    lanes = [kind(seed=1, bits=16, stream=stream).draws(50, 8).T.tolist() for stream in range(4)]
    assert len({tuple(lane) for stream in lanes for lane in stream}) == 32


def test_numpy_draws_are_uniform():
    """Draws of 4 bits fall into 16 bins with a chi-square below its 1 - 10^-6 quantile (15 degrees of freedom)."""
    drawn = NumpyRandom(5, 4).draws(400, 100)
    counts = np.bincount(drawn.reshape(-1), minlength=16)
    assert counts.size == 16
    assert ((counts - 2500) ** 2 / 2500).sum() < chi2.ppf(1 - 1e-6, 15)


def test_seed_and_stream_are_kept_apart():
    """(seed 0, stream 1) and (seed 1, stream 0) draw differently."""
    assert not np.array_equal(NumpyRandom(0, 32, 1).draws(4, 4), NumpyRandom(1, 32, 0).draws(4, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lfsr(seed=0), "seed 0"),
        (lambda: Lfsr(8, seed=256), "1..255"),
        (lambda: Lfsr(width=10), "8, 12, 16, 32"),
        (lambda: Lfsr(width=8, bits=9), "1..8"),
        (lambda: Lfsr(bits=0), "1..16"),
        (lambda: Lfsr(stream=-1), "stream -1"),
        (lambda: NumpyRandom(seed=-1), "seed -1"),
        (lambda: NumpyRandom(bits=33), "1..32"),
    ],
)
def test_generators_that_cannot_be(make, message):
    """A generator that cannot be built is refused with its limits."""
    with pytest.raises(ConfigError, match=message):
        make()
