"""How many products an int32 sum may take: a bound from the weights themselves and from the range of their factors.

    low <= x <= high:  every partial sum of w[k] x[k], in any order, lies between
        -(P max(0, -low) + N max(0, high)) and P max(0, high) + N max(0, -low),

P being the sum of the positive weights and N that of the magnitudes of the negative ones, for a product adds to one end
only. That lies far below max|w| * max|x| * n where weights differ in size, and inputs without a sign (pixels, what a
ReLU leaves) halve it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels._jit import kernel

RUN = 8  # codes of a filter whose magnitudes are summed
BEYOND = 1 << 31


class Mass(NamedTuple):
    """No aligned run of `length` codes of a filter has larger sums of its positive, its negative, its magnitudes."""

    length: int
    positive: int
    negative: int
    both: int


def run_masses(weights):
    """Return the masses of runs of RUN, 2 RUN, 4 RUN, ... codes, of which the last holds all of a filter's.

    weights: (filters, K) int8 or int16, C-contiguous.
    """
    runs = np.empty((2, len(weights), -(-weights.shape[1] // RUN)), dtype=np.int64)
    sum_runs(weights, runs)
    length = RUN
    masses = [_mass(length, runs)]
    while runs.shape[2] > 1:
        joined = runs[:, :, ::2].copy()
        joined[:, :, : runs.shape[2] // 2] += runs[:, :, 1::2]
        runs, length = joined, 2 * length
        masses.append(_mass(length, runs))
    return tuple(masses)


def _mass(length, runs):
    positive, negative = (int(each.max(initial=0)) for each in runs)
    return Mass(length, positive, negative, int(runs.sum(axis=0).max(initial=0)))


@kernel
def sum_runs(matrix, masses):
    """Sum positive codes, and magnitudes of negative ones.

    matrix: (n, K) int8 or int16 · masses: (2, n, runs) int64, written.
    """
    for i in range(masses.shape[1]):
        for run in range(masses.shape[2]):
            positive = negative = np.int64(0)
            for k in range(run * RUN, min((run + 1) * RUN, matrix.shape[1])):
                positive += max(np.int64(matrix[i, k]), 0)
                negative += max(-np.int64(matrix[i, k]), 0)
            masses[0, i, run] = positive
            masses[1, i, run] = negative


def code_range(codes):
    """Return the smallest and the largest code; zeros are always among them, because tiles are filled up with zeros."""
    return int(codes.min(initial=0)), int(codes.max(initial=0))


def largest_sum(mass, low, high):
    """Return what no partial sum of such a run exceeds in magnitude for factors from low <= 0 to high >= 0."""
    ends = mass.positive * high - mass.negative * low, mass.negative * high - mass.positive * low
    return min(max(ends), mass.both * max(high, -low))


def bound_of(masses, low, high):
    """Return what no sum of whole filters exceeds in magnitude; None where nobody looked at their masses."""
    return largest_sum(masses[-1], low, high) if masses else None


def longest_chunk(masses, low, high, chunk):
    """Return the most products per int32 sum: `chunk`, or what these weights allow with factors from low to high."""
    return max([chunk, *(mass.length for mass in masses if largest_sum(mass, low, high) < BEYOND)])
