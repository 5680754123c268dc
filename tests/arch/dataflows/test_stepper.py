"""Closed forms against the register-level stepper: equal cycles, and sums that equal the matrix product."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.loopnest import Gemm, LoopNest
from tests.arch.stepper import (
    Codes,
    Conflict,
    Tile,
    Trace,
    earliest_output_stationary,
    earliest_weight_stationary,
    step_output_stationary,
    step_weight_stationary,
)

DATAFLOW_NAMES = ("os", "ws", "is")


def operands(gemm: Gemm, seed: int) -> tuple[Codes, Codes]:
    """Random int16 codes: inputs (G, M, K), weights (G, K, N)."""
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-(2**15), 2**15, (gemm.groups, gemm.m, gemm.k)),
        rng.integers(-(2**15), 2**15, (gemm.groups, gemm.k, gemm.n)),
    )


def cuts(extent: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, extent)) for first in range(0, extent, size)]


def run_output_stationary(x: Codes, w: Codes, rows: int, columns: int) -> tuple[Codes, Trace, list[int]]:
    """Fold by fold along the columns, then down the rows -> sums (G, M, N), trace, when finished sums leave."""
    places = [(g, m, n) for g in range(len(x)) for m in cuts(x.shape[1], rows) for n in cuts(w.shape[2], columns)]
    trace = earliest_output_stationary([Tile(x[g, m], w[g, :, n]) for g, m, n in places], rows, columns)
    y = np.zeros((len(x), x.shape[1], w.shape[2]), dtype=object)
    finished = []
    for (g, m, n), leaving in zip(places, trace.leaving, strict=True):
        lowest_first = list(range(m.stop - 1, m.start - 1, -1))
        for j in range(n.start, n.stop):
            column = [(cycle, value) for cycle, column, value in leaving if column == j - n.start]
            finished += [cycle for cycle, _ in column]
            y[g, lowest_first, j] = [value for _, value in column]
    return y, trace, finished


def run_weight_stationary(x: Codes, w: Codes, rows: int, columns: int) -> tuple[Codes, Trace, list[int]]:
    """Fold by fold along K, then along the columns; partial sums are added up in a buffer as they leave."""
    places = [(g, k, n) for g in range(len(x)) for n in cuts(w.shape[2], columns) for k in cuts(x.shape[2], rows)]
    trace = earliest_weight_stationary([Tile(w[g, k, n], x[g, :, k]) for g, k, n in places], rows, columns)
    y = np.zeros((len(x), x.shape[1], w.shape[2]), dtype=object)
    finished = []
    for (g, k, n), leaving in zip(places, trace.leaving, strict=True):
        for j in range(n.start, n.stop):
            column = [(cycle, value) for cycle, column, value in leaving if column == j - n.start]
            y[g, :, j] += np.array([value for _, value in column], dtype=object)
            if k.stop == x.shape[2]:
                finished += [cycle for cycle, _ in column]
    return y, trace, finished


def step(dataflow: str, x: Codes, w: Codes, rows: int, columns: int) -> tuple[Codes, Trace, list[int]]:
    """Step a dataflow -> outputs (G, M, N), the trace, when finished sums leave."""
    if dataflow == "os":
        return run_output_stationary(x, w, rows, columns)
    if dataflow == "ws":
        return run_weight_stationary(x, w, rows, columns)
    y, trace, finished = run_weight_stationary(w.swapaxes(1, 2), x.swapaxes(1, 2), rows, columns)
    return y.swapaxes(1, 2), trace, finished


def check(dataflow: str, gemm: Gemm, rows: int, columns: int, seed: int = 0) -> None:
    """The stepper's product is right, and its cycles and the spread of its results are those of the closed form."""
    x, w = operands(gemm, seed)
    y, trace, finished = step(dataflow, x, w, rows, columns)
    assert np.array_equal(y, np.matmul(x.astype(object), w.astype(object)))
    timing = DATAFLOWS[dataflow].timings["pipelined"](gemm, rows, columns)
    assert timing.folds == len(trace.leaving)
    assert timing.total == trace.cycles
    assert timing.results == max(finished) - min(finished) + 1
    made = schedule(LoopNest("array", N=gemm.m, G=gemm.groups, C=gemm.k, K=gemm.n), Array(dataflow, rows, columns))
    last = [cycle for cycle, _, _ in trace.leaving[-1]]
    assert (made.last_results, made.last_result_cycles) == (len(last), max(last) - min(last) + 1)


@pytest.mark.parametrize("dataflow", DATAFLOW_NAMES)
def test_closed_form_equals_the_stepper_on_all_tiny_shapes(dataflow):
    """Every product up to 4 x 3 x 4 on every array up to 3 x 3: the right sums in exactly the closed form's cycles."""
    extents = itertools.product(range(1, 5), range(1, 4), range(1, 5), range(1, 4), range(1, 4))
    for seed, (m, k, n, rows, columns) in enumerate(extents):
        check(dataflow, Gemm(1, m, k, n), rows, columns, seed)


@pytest.mark.parametrize("dataflow", DATAFLOW_NAMES)
@settings(max_examples=50, deadline=None)
@given(
    gemm=st.builds(Gemm, st.integers(1, 2), st.integers(1, 7), st.integers(1, 9), st.integers(1, 7)),
    rows=st.integers(1, 4),
    columns=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_closed_form_equals_the_stepper(dataflow, gemm, rows, columns, seed):
    """On random small products and arrays, groups included: the right sums in exactly the closed form's cycles."""
    check(dataflow, gemm, rows, columns, seed)


@pytest.mark.parametrize(("r", "c"), [(4, 3), (2, 3), (1, 1)])
def test_one_fold_alone(r, c):
    """One fold takes K + R + r + c - 3 cycles (os), r + M + R + c - 2 (ws): idle rows are passed, idle columns not."""
    rows, columns, streamed = 4, 3, 6
    ones = np.ones
    outputs = step_output_stationary([Tile(ones((r, streamed), int), ones((streamed, c), int))], [0], rows, columns)
    assert outputs.cycles == streamed + rows + r + c - 3
    weights = step_weight_stationary([Tile(ones((r, c), int), ones((streamed, r), int))], [0], [r], rows, columns)
    assert weights.cycles == r + streamed + rows + c - 2


def test_a_wire_is_never_used_twice():
    """The stepper refuses a fold that starts a cycle too early: edge busy, column exit busy, weights not there yet."""
    tall = Tile(np.ones((4, 2), int), np.ones((2, 2), int))  # K = 2 < r = 4: the exit decides
    long = Tile(np.ones((2, 5), int), np.ones((5, 2), int))  # K = 5 > r = 2: the edge decides
    for tile, interval in ((tall, 4), (long, 5)):
        step_output_stationary([tile, tile], [0, interval], 4, 2)
        with pytest.raises(Conflict):
            step_output_stationary([tile, tile], [0, interval - 1], 4, 2)
    weights = Tile(np.ones((3, 2), int), np.ones((2, 3), int))
    step_weight_stationary([weights, weights], [0, 3], [3, 6], 3, 2)
    for load, start in ((3, 5), (2, 5), (2, 6)):
        with pytest.raises(Conflict):
            step_weight_stationary([weights, weights], [0, load], [3, start], 3, 2)
