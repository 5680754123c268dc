"""Schedules: published figures, a naive walk over folds, conservation laws, arrays of machines, errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

CONV1 = LoopNest("array", K=96, C=3, P=55, Q=55, R=11, S=11, height=227, width=227, stride=(4, 4))
"""AlexNet conv1: M 3025, K 363, N 96."""

DATAFLOW_NAMES = ("os", "ws", "is")
TIMINGS = ("pipelined", "scalesim")

extents = st.integers(1, 40)
nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 3),
    G=st.integers(1, 3),
    K=extents,
    C=st.integers(1, 9),
    P=st.integers(1, 9),
    Q=st.integers(1, 9),
    R=st.integers(1, 3),
    S=st.integers(1, 3),
    has_bias=st.booleans(),
)
arrays = st.builds(
    Array, st.sampled_from(DATAFLOW_NAMES), st.integers(1, 20), st.integers(1, 20), st.sampled_from(TIMINGS)
)


def matrix(m: int, k: int, n: int) -> LoopNest:
    """A single product as a nest."""
    return LoopNest("array", N=m, C=k, K=n)


def walk(nest: LoopNest, array: Array) -> list[tuple[int, int, int]]:
    """Visit every fold -> its used rows, used columns and streamed length."""
    groups, M, K, N = nest.gemm
    over_rows, over_columns, streamed = {"os": (M, N, K), "ws": (K, N, M), "is": (K, M, N)}[array.dataflow]
    starts = itertools.product(range(groups), range(0, over_rows, array.rows), range(0, over_columns, array.columns))
    return [
        (min(array.rows, over_rows - row), min(array.columns, over_columns - column), streamed)
        for _, row, column in starts
    ]


def test_scalesim_alexnet_conv1():
    """SCALE-Sim reports 112283 cycles for AlexNet conv1 on a weight-stationary array of 32 x 32."""
    assert CONV1.gemm == Gemm(1, 3025, 363, 96)
    assert schedule(CONV1, Array("ws", 32, 32, "scalesim")).compute_cycles == 112283


def test_scalesim_gemm():
    """SCALE-Sim reports 10175 cycles for M, N, K = 256, 128, 256 on an output-stationary array of 32 x 32."""
    assert schedule(matrix(m=256, n=128, k=256), Array("os", 32, 32, "scalesim")).compute_cycles == 10175


@given(nests, arrays)
def test_scalesim_totals(nest, array):
    """Every fold of a SCALE-Sim array costs the same, the last cycle is not counted."""
    array = Array(array.dataflow, array.rows, array.columns, "scalesim")
    _, M, K, N = nest.gemm
    R, C = array.rows, array.columns
    fold = {"os": R + C + K - 2, "ws": 2 * R + C + M - 2, "is": 2 * R + C + N - 2}[array.dataflow]
    assert schedule(nest, array).compute_cycles == len(walk(nest, array)) * fold - 1


@given(nests, arrays)
def test_folds_do_every_mac_once(nest, array):
    """Used PEs times streamed length, summed over folds, are the MACs; so mapping efficiency times steady PE cycles."""
    folds = walk(nest, array)
    made = schedule(nest, array)
    assert made.folds == len(folds)
    assert sum(r * c * streamed for r, c, streamed in folds) == nest.macs
    assert made.mapping_efficiency == pytest.approx(sum(r * c for r, c, _ in folds) / (len(folds) * array.pes))
    steady = made.steady_cycles + (array.timing == "scalesim")
    assert steady == sum(streamed for _, _, streamed in folds)
    assert made.mapping_efficiency * steady * array.pes == pytest.approx(nest.macs)


@given(nests, arrays)
def test_parts_of_a_schedule(nest, array):
    """No part is negative, results leave within the total, and utilization <= mapping efficiency <= 1."""
    made = schedule(nest, array)
    assert min(made.fill_cycles, made.steady_cycles, made.drain_cycles) >= 0
    assert made.compute_cycles == made.fill_cycles + made.steady_cycles + made.drain_cycles
    lacking = array.timing == "scalesim"  # its total is an index
    assert 1 - lacking <= made.result_cycles <= made.compute_cycles + lacking
    utilization = nest.macs / (array.pes * (made.compute_cycles + lacking))
    assert utilization <= made.mapping_efficiency * (1 + 1e-12) <= 1 + 2e-12


@given(nests, arrays)
def test_traffic_is_that_of_the_folds(nest, array):
    """Every fold reads what lies on or streams through the array; all but one partial sum of an output come back."""
    folds = walk(nest, array)
    made = schedule(nest, array)
    by_rows, by_columns = sum(r * s for r, _, s in folds), sum(c * s for _, c, s in folds)
    held = sum(r * c for r, c, _ in folds)
    reads = {
        "os": {"input": by_rows, "weight": by_columns},
        "ws": {"weight": held, "input": by_rows},
        "is": {"input": held, "weight": by_rows},
    }[array.dataflow]
    sums = nest.outputs if array.dataflow == "os" else by_columns
    assert {operand: made.sram_reads[operand] for operand in reads} == reads
    assert made.sram_writes["output"] == nest.outputs
    assert made.sram_writes.get("partial_sum", 0) == made.sram_reads.get("partial_sum", 0) == sums - nest.outputs
    last_of_k = -(-nest.gemm.k // array.rows)  # of as many folds one finishes its sums and needs the bias
    biases = {
        "os": sum(c for _, c, _ in folds),
        "ws": sum(c for _, c, _ in folds) // last_of_k,
        "is": sum(s for _, _, s in folds) // last_of_k,
    }[array.dataflow]
    assert made.sram_reads.get("bias", 0) == (biases if nest.has_bias else 0)
    r, c, streamed = folds[0]
    first = {
        "os": {"input": r * streamed, "weight": c * streamed},
        "ws": {"weight": r * c, "input": r * streamed},
        "is": {"input": r * c, "weight": r * streamed},
    }
    assert made.first_fold == first[array.dataflow]


@given(nests, arrays, st.integers(0, 5), st.integers(0, 5))
def test_more_pes_never_need_more_folds(nest, array, more_rows, more_columns):
    """A larger array folds at most as often."""
    larger = Array(array.dataflow, array.rows + more_rows, array.columns + more_columns, array.timing)
    assert schedule(nest, larger).folds <= schedule(nest, array).folds


@given(nests, arrays)
def test_groups_follow_each_other(nest, array):
    """G groups never take longer than G times one, nor shorter than the streams of all of them."""
    one = schedule(LoopNest("array", N=nest.gemm.m, C=nest.gemm.k, K=nest.gemm.n), array)
    all_groups = schedule(nest, array)
    lacking = array.timing == "scalesim"
    assert all_groups.compute_cycles + lacking <= nest.G * (one.compute_cycles + lacking)
    assert all_groups.compute_cycles >= nest.G * one.steady_cycles


@given(nests, arrays)
def test_order_of_additions(nest, array):
    """Output-stationary cells add in one chain; the others hand a partial sum on after every `rows` products."""
    expected = AccumulationOrder() if array.dataflow == "os" else AccumulationOrder(group=1, fold=array.rows)
    assert schedule(nest, array).order == expected


@pytest.mark.parametrize("dataflow", DATAFLOW_NAMES)
@pytest.mark.parametrize("timing", TIMINGS)
def test_closed_forms_work_on_arrays_of_machines(dataflow, timing, rng):
    """One call on integer arrays gives, element by element, what calls on single machines give."""
    model = DATAFLOWS[dataflow].timings[timing]
    values = rng.integers(1, 60, (6, 200))
    gemm, rows, columns = Gemm(*values[:4]), values[4], values[5]
    together = model(gemm, rows, columns)
    assert together.total.dtype == np.int64
    for index, column in enumerate(values.T.tolist()):
        alone = model(Gemm(*column[:4]), column[4], column[5])
        assert all(type(count) is int for count in alone)
        assert alone == tuple(field[index] for field in together)


@pytest.mark.parametrize("dataflow", DATAFLOW_NAMES)
def test_counts_are_exact_at_any_size(dataflow):
    """Counts beyond 64 bits stay exact: one PE takes a cycle per MAC, and one to load its first stationary operand."""
    extent = 2**40 + 1
    timing = DATAFLOWS[dataflow].timings["pipelined"](Gemm(1, extent, extent, extent), 1, 1)
    assert timing.total == extent**3 + (0 if dataflow == "os" else 1)


@pytest.mark.parametrize(
    ("nest", "array", "message"),
    [
        (CONV1, Array("os", 0, 4), "an array of 0 x 4 computes nothing"),
        (CONV1, Array("ws", 4, -1), "an array of 4 x -1 computes nothing"),
        (matrix(0, 5, 3), Array("is", 4, 4), "1 products of 0 x 5 by 5 x 3 cannot be mapped"),
        (CONV1, Array("osx", 4, 4), "'osx' is not a dataflow. Did you mean 'os'"),
        (CONV1, Array("os", 4, 4, "pipeline"), "timing 'pipeline' .* Did you mean 'pipelined'"),
        (CONV1, Array("is", 4, 4, "fast"), "Known: pipelined, scalesim"),
    ],
)
def test_what_cannot_be_mapped(nest, array, message):
    """Empty arrays and products, unknown dataflows and timing models are refused with a remedy."""
    with pytest.raises(ConfigError, match=message):
        schedule(nest, array)
