"""Every register at every cycle: traces obey the wires and the clock of the array, element by element.

What a register may hold is stated here once more, in NumPy and from the neighbours' values a cycle ago, so that a
stepper that gets the right sums by the wrong way is caught.
"""

from __future__ import annotations

import numpy as np
import pytest

from accel.arch.hardware import Array
from accel.cycle import EMPTY, STEPPERS, StepResult, step
from accel.cycle.trace import Kind
from accel.loopnest import Gemm
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from kernels.modes import Overflow

CASES = [  # product, rows, columns: single folds, edge folds, folds that wait for an edge, for an exit, for weights
    (Gemm(1, 2, 3, 2), 2, 2),
    (Gemm(1, 5, 7, 4), 3, 2),
    (Gemm(2, 4, 2, 5), 4, 3),
    (Gemm(1, 1, 6, 3), 2, 4),
    (Gemm(1, 3, 1, 1), 1, 1),
]
NARROW = Accumulator(7, frac_bits=0, overflow=Overflow.SAT)


def traced(dataflow: str, work: Gemm, rows: int, columns: int, rng, rule=NARROW, **options) -> StepResult:
    """Step random codes and keep everything."""
    x = FxArray(rng.integers(-8, 8, (work.groups, work.m, work.k)), "Q4.0")
    weight = FxArray(rng.integers(-8, 8, (work.groups, work.n, work.k)), "Q4.0")
    bias = FxArray(rng.integers(-40, 40, work.groups * work.n), "Q7.0")
    return step(work, Array(dataflow, rows, columns), x, weight, bias, rule, traced=True, **options)


def codes(result: StepResult, name: str) -> np.ndarray:
    """The codes of a signal (cycles, rows, columns), and a cycle before the first in which nothing is anywhere."""
    found = result.trace.signals[name].codes
    return np.concatenate([np.full((1, *found.shape[1:]), EMPTY), found])


def moves(values: np.ndarray, axis: int, cycles: int = 1) -> None:
    """Beyond the first row or column every register holds what its neighbour held so many cycles ago."""
    now, before = values[cycles:], values[:-cycles]
    if axis == 1:
        assert np.array_equal(now[:, 1:], before[:, :-1])
    else:
        assert np.array_equal(now[:, :, 1:], before[:, :, :-1])


def clipped(values: np.ndarray) -> np.ndarray:
    return values.clip(-64, 63)


@pytest.mark.parametrize(("work", "rows", "columns"), CASES)
def test_output_stationary(work, rows, columns, rng):
    """x and `last` move right, w and seeds down; sums grow by products; finished ones go down every other cycle."""
    result = traced("os", work, rows, columns, rng)
    x, last, w, seed, product, total, drain = (
        codes(result, name) for name in ("x", "last", "w", "seed", "product", "sum", "drain")
    )
    moves(x, 2)
    moves(last, 2)
    moves(w, 1)
    moves(seed, 1)
    multiplies = (x != EMPTY) & (w != EMPTY)
    assert np.array_equal(product != EMPTY, multiplies)
    assert np.array_equal(product[multiplies], x[multiplies] * w[multiplies])
    assert np.count_nonzero(multiplies) == work.groups * work.m * work.k * work.n
    before = np.where(seed[1:] != EMPTY, seed[1:], total[:-1])
    grown = np.where(multiplies[1:], clipped(before + np.where(multiplies, product, 0)[1:]), before)
    assert np.array_equal(total[1:], grown)
    finishes = (last != EMPTY) & multiplies
    assert np.array_equal(drain[finishes], total[finishes])
    passing = np.full_like(drain, EMPTY)
    passing[2:, 1:] = drain[:-2, :-1]
    assert (passing[finishes] == EMPTY).all()
    assert np.array_equal(drain[~finishes], passing[~finishes])
    between = codes(result, "drain_between")
    assert np.array_equal(between[2:], drain[1:-1])
    left = codes(result, "out")[:, 0] != EMPTY
    assert np.array_equal(left, drain[:, -1] != EMPTY)
    assert np.count_nonzero(left) == work.groups * work.m * work.n


@pytest.mark.parametrize(("work", "rows", "columns"), CASES)
@pytest.mark.parametrize(("dataflow", "streamed", "held"), [("ws", "x", "w"), ("is", "w", "x")])
def test_stationary_operands(dataflow, streamed, held, work, rows, columns, rng):
    """The streamed operand moves right, loading ones down, tokens at half speed; kept ones change only as told."""
    result = traced(dataflow, work, rows, columns, rng)
    moving, first, loading, token, waiting, kept, product, total = (
        codes(result, name) for name in (streamed, "first", "loading", "token", "waiting", held, "product", "sum")
    )
    moves(moving, 2)
    moves(first, 2)
    moves(loading, 1)
    moves(token, 1, cycles=2)
    assert np.array_equal(kept[1:], np.where(first[1:] != EMPTY, waiting[:-1], kept[:-1]))
    assert np.array_equal(waiting[1:], np.where(token[1:] != EMPTY, loading[1:], waiting[:-1]))
    multiplies = (moving != EMPTY) & (total != EMPTY)
    assert np.array_equal(product != EMPTY, multiplies)
    assert np.array_equal(product[multiplies], moving[multiplies] * kept[multiplies])
    assert np.count_nonzero(multiplies) == work.groups * work.m * work.k * work.n
    above = np.full_like(total, EMPTY)
    above[1:, 1:] = total[:-1, :-1]
    above[:, 0] = np.where(total[:, 0] != EMPTY, 0, EMPTY)
    sums = np.where(multiplies, clipped(above + np.where(multiplies, product, 0)), above)
    assert np.array_equal(total, sums)
    out = codes(result, "out")
    assert np.count_nonzero(out != EMPTY) == work.groups * work.m * work.n
    assert (total[:, -1:][out != EMPTY] != EMPTY).all()


@pytest.mark.parametrize(("work", "rows", "columns"), CASES)
@pytest.mark.parametrize("dataflow", ["adder-tree", "conv-engine"])
def test_trees(dataflow, work, rows, columns, rng):
    """Products are made at once, every level adds neighbours a cycle later, delays hand on, accumulators grow."""
    own = 1 + (rows - 1).bit_length()
    result = traced(dataflow, work, rows, columns, rng, registers=own + 2)
    x, w, product = codes(result, "x"), codes(result, "w"), codes(result, "product")
    enters = x[:, 0, 0] != EMPTY
    assert ((x != EMPTY) == enters[:, None, None]).all()
    assert np.array_equal(product[enters], x[enters] * w[enters])
    assert not product[1:][~enters[1:]].any()
    level = product
    for name in [f"level{number}" for number in range(1, own)]:
        pairs = [level[:-1, i : i + 2].sum(axis=1) for i in range(0, level.shape[1], 2)]
        level = codes(result, name)
        assert np.array_equal(level[2:], np.stack(pairs, axis=1)[1:])
    for name in ("delay1", "delay2"):
        assert np.array_equal(codes(result, name)[2:], level[1:-1])
        level = codes(result, name)
    accumulates = codes(result, "sum")[:, 0, 0] != EMPTY
    assert np.array_equal(accumulates[own + 2 :], enters[: len(enters) - own - 2])
    out = codes(result, "out")
    assert np.count_nonzero(out != EMPTY) == work.groups * work.m * work.n
    assert enters[1]
    assert (out[-1] != EMPTY).any()


@pytest.mark.parametrize("dataflow", STEPPERS)
def test_what_leaves_are_the_outputs(dataflow, rng):
    """The values that leave are the outputs, the first and the last of them when the result says."""
    result = traced(dataflow, Gemm(2, 4, 5, 3), 2, 2, rng)
    out = result.trace.signals["out"].codes[:, 0]
    assert sorted(out[out != EMPTY].tolist()) == sorted(result.outputs.ravel().tolist())
    left = np.flatnonzero((out != EMPTY).any(axis=1))
    assert left[-1] == result.cycles - 1 == result.trace.cycles - 1
    assert left[-1] - left[0] + 1 == result.result_cycles


def test_one_element_by_hand():
    """[2, 3] . [4, 5] on one output-stationary element, a bias of 7 first: 7, 15, 30."""
    x, weight, bias = (FxArray(codes, "Q8.0") for codes in ([[2, 3]], [[4, 5]], [7]))
    array = Array("os", 1, 1, bias="first")
    result = step(Gemm(1, 1, 2, 1), array, x, weight, bias, Accumulator(20), traced=True)
    shown = {name: signal.codes[:, 0, 0].tolist() for name, signal in result.trace.signals.items()}
    assert shown == {
        "x": [2, 3],
        "last": [EMPTY, 1],
        "w": [4, 5],
        "seed": [7, EMPTY],
        "product": [8, 15],
        "sum": [15, 30],
        "drain": [EMPTY, 30],
        "drain_between": [EMPTY, EMPTY],
        "out": [EMPTY, 30],
    }


def test_a_late_accumulator_shows_its_limit(rng):
    """Where the flag of a late-saturating accumulator stands, a trace shows the limit that follows."""
    result = traced(
        "os", Gemm(1, 4, 9, 4), 4, 4, rng, Accumulator(7, frac_bits=0, mode=Mode.LATE, overflow=Overflow.SAT)
    )
    assert result.overflows > 0
    for signal in result.trace.signals.values():
        if signal.kind is Kind.SUM:
            there = signal.codes[signal.codes != EMPTY]
            assert there.min() >= -64
            assert there.max() <= 63


def test_without_a_trace(rng):
    """Nothing is kept unless it is asked for."""
    x = FxArray(rng.integers(-8, 8, (2, 3)), "Q4.0")
    assert step(Gemm(1, 2, 3, 2), Array("os", 2, 2), x, x, None, NARROW).trace is None
