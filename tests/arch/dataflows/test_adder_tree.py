"""The adder-tree array: closed form against a naive pipeline that multiplies, adds pair by pair and counts cycles."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

Codes = np.ndarray
WIDE, NARROW = 10**9, 150  # accumulator limits: never reached, often reached

nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 2),
    G=st.integers(1, 2),
    K=st.integers(1, 7),
    C=st.integers(1, 7),
    P=st.integers(1, 2),
    Q=st.integers(1, 2),
    R=st.integers(1, 3),
    S=st.integers(1, 2),
    has_bias=st.booleans(),
)
arrays = st.builds(Array, st.just("adder-tree"), st.integers(1, 9), st.integers(1, 5))


class Trace(NamedTuple):
    """What the stepped machine did: sums (G, M, N), cycles, when results left, loaded chunks, elements read."""

    sums: Codes
    cycles: int
    left: list[int]
    chunks: int
    reads: dict[str, int]


def operands(nest: LoopNest, seed: int) -> tuple[Codes, Codes]:
    """Windows of the input (G, M, C, R, S) and weights (G, N, C, R, S), small random codes."""
    rng = np.random.default_rng(seed)
    window = (nest.C, nest.R, nest.S)
    return (
        rng.integers(-9, 10, (nest.G, nest.gemm.m, *window)),
        rng.integers(-9, 10, (nest.G, nest.K, *window)),
    )


def step(nest: LoopNest, array: Array, x: Codes, w: Codes, limit: int) -> Trace:
    """Walk the paper's loops, one chunk of channels a cycle, through multipliers, trees and saturating accumulators.

    Everything in flight does one thing a cycle: multiply, or add neighbours, or, when one number a tree is left,
    accumulate it. So the depth of the pipeline is nowhere stated.
    """
    loops = [
        range(nest.G),
        range(nest.gemm.m),
        range(0, nest.K, array.columns),
        range(nest.R),
        range(nest.S),
        range(0, nest.C, array.rows),
    ]
    places = list(itertools.product(*loops))
    steps = nest.R * nest.S * len(loops[-1])
    reads = {"input": 0, "weight": 0}
    sums = np.zeros((nest.G, nest.gemm.m, nest.K), dtype=object)
    flying: list[tuple[int, list[list[int]]]] = []
    registers: list[int] = []
    left: list[int] = []
    cycle = 0
    while cycle < len(places) or flying:
        still_flying = []
        for number, trees in flying:
            if len(trees[0]) > 1:  # a level: neighbours meet, an odd one passes
                still_flying.append(
                    (number, [[sum(tree[i : i + 2]) for i in range(0, len(tree), 2)] for tree in trees])
                )
                continue
            registers = [0] * len(trees) if number % steps == 0 else registers
            registers = [max(-limit, min(total + tree[0], limit)) for total, tree in zip(registers, trees, strict=True)]
            if number % steps == steps - 1:
                left.append(cycle)
                g, m, tile, *_ = places[number]
                for j, total in enumerate(registers[: nest.K - tile]):
                    sums[g, m, tile + j] = total
        flying = still_flying
        if cycle < len(places):
            g, m, tile, r, s, first = places[cycle]
            trees = []
            for n in range(tile, tile + array.columns):
                trees.append([0] * array.rows)  # idle multipliers and idle trees work on zeros
                for i, c in enumerate(range(first, min(first + array.rows, nest.C))):
                    if n < nest.K:
                        trees[-1][i] = int(x[g, m, c, r, s]) * int(w[g, n, c, r, s])
                        reads["weight"] += 1
                    reads["input"] += n == tile  # all trees see the same inputs
            flying.append((cycle, trees))
        cycle += 1
    return Trace(sums, cycle, left, len(places), reads)


def check(nest: LoopNest, array: Array, seed: int) -> None:
    """Right sums, and cycles, folds, results, reads and order of addition that are those of the schedule."""
    x, w = operands(nest, seed)
    made = schedule(nest, array)
    trace = step(nest, array, x, w, WIDE)
    assert np.array_equal(trace.sums, np.einsum("gmcrs,gncrs->gmn", x, w))
    assert made.compute_cycles == trace.cycles
    assert (made.fill_cycles, made.steady_cycles) == (0, trace.chunks)
    assert made.folds == len(trace.left)
    assert made.result_cycles == trace.left[-1] - trace.left[0] + 1
    assert (made.last_results, made.last_result_cycles) == ((nest.K - 1) % array.columns + 1, 1)
    assert made.sram_reads == trace.reads | ({"bias": nest.outputs} if nest.has_bias else {})
    assert made.sram_writes == {"output": nest.outputs}
    narrow = step(nest, array, x, w, NARROW).sums
    sequence = made.order.sequence(nest.C, nest.R, nest.S)
    for g, m, n in np.ndindex(narrow.shape):
        products = (x[g, m] * w[g, n]).reshape(-1).tolist()
        total = 0
        for begin in range(0, len(sequence), made.order.group):
            total += sum(products[k] for k in sequence[begin : begin + made.order.group] if k >= 0)
            total = max(-NARROW, min(total, NARROW))
        assert total == narrow[g, m, n]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8])
def test_closed_form_equals_the_pipeline_on_small_shapes(rows):
    """Every shape up to 5 channels, 3 outputs, 2 x 2 windows and 2 places, on 1 to 3 trees of `rows` inputs."""
    extents = itertools.product((1, 2, 5), (1, 3), (1, 2), (1, 2), (1, 2), (1, 2, 3))
    for seed, (channels, filters, r, s, places, columns) in enumerate(extents):
        nest = LoopNest("array", K=filters, C=channels, P=places, R=r, S=s)
        check(nest, Array("adder-tree", rows, columns), seed)


@settings(max_examples=60)
@given(nests, arrays, st.integers(0, 2**32 - 1))
def test_closed_form_equals_the_pipeline(nest, array, seed):
    """Random small layers and arrays, groups, batches and biases included."""
    check(nest, array, seed)


def test_the_order_matters():
    """Three channels of 100, 100, -100 within +-150: one tree sums them to 100, a tree of two and a chain to 50."""
    nest = LoopNest("array", C=3)
    x, w = np.array([100, 100, -100]).reshape(1, 1, 3, 1, 1), np.ones((1, 1, 3, 1, 1), int)
    results = {rows: step(nest, Array("adder-tree", rows, 1), x, w, NARROW).sums.item() for rows in (1, 2, 3, 4)}
    assert results == {1: 50, 2: 50, 3: 100, 4: 100}


def test_order_of_additions():
    """The window's rows and columns stand outside the tiles of channels; `rows` products are one addition."""
    order = schedule(LoopNest("array", C=3, R=1, S=2), Array("adder-tree", 2, 1)).order
    assert order == AccumulationOrder(group=2, loops="RSC")
    # k = 2 c + s: column 0 of channels 0 and 1, then of channel 2 alone; then column 1.
    assert order.sequence(3, 1, 2) == [0, 2, 4, -1, 1, 3, 5, -1]
    first = schedule(LoopNest("array", C=3), Array("adder-tree", 2, 1, bias="first")).order
    assert first == AccumulationOrder(group=2, loops="RSC", bias_first=True)


def test_published_rate():
    """DianNao, 16 x 16: AlexNet's conv1 wastes 13 of 16 inputs of every tree, conv2 keeps all 256 multipliers busy."""
    diannao = Array("adder-tree", 16, 16)
    conv1 = LoopNest("array", K=96, C=3, P=55, Q=55, R=11, S=11)
    conv2 = LoopNest("array", G=2, K=128, C=48, P=27, Q=27, R=5, S=5)
    made = schedule(conv1, diannao)
    assert (made.steady_cycles, made.drain_cycles, made.mapping_efficiency) == (6 * 55 * 55 * 11 * 11, 5, 3 / 16)
    made = schedule(conv2, diannao)
    assert (made.steady_cycles, made.mapping_efficiency) == (2 * 8 * 3 * 27 * 27 * 5 * 5, 1.0)
    assert made.steady_cycles * 256 == conv2.macs


@given(nests, arrays)
def test_macs_are_conserved(nest, array):
    """Used multipliers over all steady cycles make the MACs; utilization <= mapping efficiency <= 1."""
    made = schedule(nest, array)
    assert made.mapping_efficiency * made.steady_cycles * array.pes == pytest.approx(nest.macs)
    assert nest.macs / (array.pes * made.compute_cycles) <= made.mapping_efficiency <= 1
    assert made.sram_reads["weight"] == nest.macs
    assert made.first_fold == {"input": nest.gemm.k, "weight": min(array.columns, nest.K) * nest.gemm.k}


def test_one_array_of_machines(rng):
    """One call on integer arrays gives, element by element, what calls on single machines give; counts stay exact."""
    model = DATAFLOWS["adder-tree"].timings["pipelined"]
    values = rng.integers(1, 60, (6, 200))
    together = model(Gemm(*values[:4]), values[4], values[5])
    assert together.total.dtype == np.int64
    for index, column in enumerate(values.T.tolist()):
        alone = model(Gemm(*column[:4]), column[4], column[5])
        assert all(type(count) is int for count in alone)
        assert alone == tuple(field[index] for field in together)
    extent = 2**40 + 1
    assert model(Gemm(1, extent, extent, extent), 1, 1).total == extent**3 + 1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (Array("adder-tree", 4, 4, "scalesim"), r"timing 'scalesim' .*\('adder-tree'\)\. Known: pipelined\."),
        (Array("adder-tree", 0, 4), "an array of 0 x 4 computes nothing"),
        (Array("adder_tree", 4, 4), "Did you mean 'adder-tree'"),
    ],
)
def test_what_cannot_be_mapped(array, message):
    """SCALE-Sim's timing, empty arrays and misspelt names are refused with a remedy."""
    with pytest.raises(ConfigError, match=message):
        schedule(LoopNest("array", K=3, C=5), array)
