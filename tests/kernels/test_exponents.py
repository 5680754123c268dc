"""Counts by exponent against the standard library's frexp."""

import math
from collections import Counter

import numpy as np

from kernels.exponents import LANES, count_exponents


def test_counts_are_those_of_frexp():
    """Zeros, both signs, powers of two and their neighbours, the largest and the smallest numbers: each in its bin."""
    edges = [0.0, -0.0, 1.0, np.nextafter(1.0, 0), -2.0, 0.75, 1e308, 2.0**-1022, -(2.0**-1022)]
    values = np.concatenate([edges, np.random.default_rng(3).normal(0, 1e3, 1001)])
    counts = np.zeros((LANES, 0x800), dtype=np.int64)
    count_exponents(values.view(np.int64), counts)
    expected = Counter(math.frexp(v)[1] + 1022 if v else 0 for v in values.tolist())
    found = counts.sum(axis=0)
    assert {e: int(found[e]) for e in np.flatnonzero(found)} == dict(expected)
