"""The <Tm, Tn> engine: closed form against the paper's loops in a naive pipeline, and the paper's own figures."""

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
WIDE, NARROW = 10**9, 150  # limits of what the output buffer holds: never reached, often reached

nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 2),
    G=st.integers(1, 2),
    K=st.integers(1, 6),
    C=st.integers(1, 7),
    P=st.integers(1, 2),
    Q=st.integers(1, 2),
    R=st.integers(1, 2),
    S=st.integers(1, 3),
    has_bias=st.booleans(),
)
arrays = st.builds(Array, st.just("conv-engine"), st.integers(1, 9), st.integers(1, 5))

HALF_ALEXNET = [(3, 48, 55, 11), (48, 128, 27, 5), (256, 192, 13, 3), (192, 192, 13, 3), (192, 128, 13, 3)]
"""Input maps, output maps, output rows, kernel rows of the paper's five layers."""


class Trace(NamedTuple):
    """What the stepped engine did: sums (G, M, N), cycles, when finished results left, tiles, elements moved."""

    sums: Codes
    cycles: int
    left: list[int]
    tiles: int
    reads: dict[str, int]
    writes: dict[str, int]


def operands(nest: LoopNest, seed: int) -> tuple[Codes, Codes]:
    """Windows of the input (G, M, C, R, S) and weights (G, N, C, R, S), small random codes."""
    rng = np.random.default_rng(seed)
    window = (nest.C, nest.R, nest.S)
    return rng.integers(-9, 10, (nest.G, nest.gemm.m, *window)), rng.integers(-9, 10, (nest.G, nest.K, *window))


def step(nest: LoopNest, array: Array, x: Codes, w: Codes, limit: int) -> Trace:
    """Walk the paper's loops: one pixel enters a cycle; a tile starts when the pipeline of the one before is empty.

    In the pipeline a step multiplies, then adds neighbours until one number a tree is left, then adds that to what the
    output buffer holds. So the depth of the pipeline is nowhere stated.
    """
    Tn, Tm = array.rows, array.columns
    sums: dict[tuple[int, int, int], int] = {}
    additions: dict[tuple[int, int, int], int] = dict.fromkeys(np.ndindex(nest.G, nest.gemm.m, nest.K), 0)
    reads = {"input": 0, "weight": 0, "partial_sum": 0}
    writes = {"output": 0, "partial_sum": 0}
    left, tiles, cycle = [], 0, 0
    whole = -(-nest.C // Tn) * nest.R * nest.S
    for g, to, ti in itertools.product(range(nest.G), range(0, nest.K, Tm), range(0, nest.C, Tn)):
        tiles += 1
        maps = range(ti, min(ti + Tn, nest.C))
        filters = range(to, min(to + Tm, nest.K))
        pixels = list(itertools.product(range(nest.R), range(nest.S), range(nest.gemm.m)))
        reads["weight"] += len(filters) * len(maps) * nest.R * nest.S  # into registers, once a kernel position
        flying: list[tuple[int, list[list[int]]]] = []
        while pixels or flying:
            moving = []
            for m, trees in flying:
                if len(trees[0]) > 1:
                    moving.append((m, [[sum(tree[i : i + 2]) for i in range(0, len(tree), 2)] for tree in trees]))
                    continue
                for n, tree in zip(filters, trees, strict=True):
                    place = (g, m, n)
                    reads["partial_sum"] += additions[place] > 0
                    sums[place] = max(-limit, min(sums.get(place, 0) + tree[0], limit))
                    additions[place] += 1
                    writes["output" if additions[place] == whole else "partial_sum"] += 1
                if additions[g, m, to] == whole:
                    left.append(cycle)
            flying = moving
            if pixels:
                i, j, m = pixels.pop(0)
                reads["input"] += len(maps)
                trees = [[int(x[g, m, c, i, j]) * int(w[g, n, c, i, j]) for c in maps] for n in filters]
                flying.append((m, [tree + [0] * (Tn - len(tree)) for tree in trees]))
            cycle += 1
    result = np.array([[[sums[g, m, n] for n in range(nest.K)] for m in range(nest.gemm.m)] for g in range(nest.G)])
    return Trace(result, cycle, left, tiles, reads, writes)


def check(nest: LoopNest, array: Array, seed: int) -> None:
    """Right sums, and cycles, folds, results, traffic and order of addition that are those of the schedule."""
    x, w = operands(nest, seed)
    made = schedule(nest, array)
    trace = step(nest, array, x, w, WIDE)
    assert np.array_equal(trace.sums, np.einsum("gmcrs,gncrs->gmn", x, w))
    assert made.compute_cycles == trace.cycles
    assert made.folds == trace.tiles
    assert made.steady_cycles == trace.tiles * nest.gemm.m * nest.R * nest.S
    assert made.result_cycles == trace.left[-1] - trace.left[0] + 1
    assert made.last_result_cycles == trace.left[-1] - trace.left[-nest.gemm.m] + 1
    assert made.last_results == nest.gemm.m * ((nest.K - 1) % array.columns + 1)
    biases = {"bias": nest.G * nest.K} if nest.has_bias else {}
    assert made.sram_reads == trace.reads | biases
    assert made.sram_writes == trace.writes
    narrow = step(nest, array, x, w, NARROW).sums
    sequence = made.order.sequence(nest.C, nest.R, nest.S)
    for g, m, n in np.ndindex(narrow.shape):
        products = (x[g, m] * w[g, n]).reshape(-1).tolist()
        total = 0
        for begin in range(0, len(sequence), made.order.group):
            total += sum(products[k] for k in sequence[begin : begin + made.order.group] if k >= 0)
            total = max(-NARROW, min(total, NARROW))
        assert total == narrow[g, m, n]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_closed_form_equals_the_pipeline_on_small_shapes(rows):
    """Every shape up to 5 channels, 3 filters, 2 x 2 kernels and 2 places, on 1 to 3 trees of `rows` products."""
    extents = itertools.product((1, 2, 5), (1, 3), (1, 2), (1, 2), (1, 2), (1, 2, 3))
    for seed, (channels, filters, r, s, places, columns) in enumerate(extents):
        nest = LoopNest("array", K=filters, C=channels, P=places, R=r, S=s)
        check(nest, Array("conv-engine", rows, columns), seed)


@settings(max_examples=40)
@given(nests, arrays, st.integers(0, 2**32 - 1))
def test_closed_form_equals_the_pipeline(nest, array, seed):
    """Random small layers and engines, groups, batches and biases included."""
    check(nest, array, seed)


def test_published_cycles():
    """<64, 7> on half an AlexNet: every layer and the total as printed in the paper, to the cycle."""
    engine = Array("conv-engine", 7, 64, "zhang2015")
    layers = [LoopNest("array", C=n, K=m, P=r, Q=r, R=k, S=k) for n, m, r, k in HALF_ALEXNET]
    cycles = [schedule(layer, engine).compute_cycles for layer in layers]
    assert cycles == [366025, 255430, 171051, 129444, 86296]
    assert sum(cycles) == 1_008_246


def test_published_rate():
    """Both halves take 20.2 ms at 100 MHz; the paper measured 21.61 ms in all, which is its 61.62 GFLOPS."""
    macs = sum(n * m * r * r * k * k for n, m, r, k in HALF_ALEXNET)
    assert 2 * 2 * macs / 21.61e-3 == pytest.approx(61.62e9, rel=1e-4)
    predicted = 2 * 1_008_246 / 100e6
    assert predicted == pytest.approx(21.61e-3, rel=0.07)


def test_a_causal_pipeline_has_a_depth():
    """Seven products, three levels of adders, an addition: 4 cycles more than the paper's formula has for one tile."""
    one_tile = LoopNest("array", K=48, C=3, P=55, Q=55, R=11, S=11)
    made = {timing: schedule(one_tile, Array("conv-engine", 7, 64, timing)) for timing in ("pipelined", "zhang2015")}
    assert made["zhang2015"].compute_cycles == 366025
    assert made["pipelined"].compute_cycles == 366025 + 4
    assert made["pipelined"].drain_cycles == 4


def test_order_of_additions():
    """Channel tiles outermost, then kernel row and column; Tn products are one addition."""
    order = schedule(LoopNest("array", C=3, R=1, S=2), Array("conv-engine", 2, 1)).order
    assert order == AccumulationOrder(group=2, loops="CRS")
    # k = 2 c + s: channels 0 and 1 at column 0, at column 1; then channel 2 alone.
    assert order.sequence(3, 1, 2) == [0, 2, 1, 3, 4, -1, 5, -1]


@pytest.mark.parametrize("timing", ["pipelined", "zhang2015"])
def test_one_array_of_machines(timing, rng):
    """One call on integer arrays gives, element by element, what calls on single machines give; counts stay exact."""
    model = DATAFLOWS["conv-engine"].timings[timing]
    values = rng.integers(1, 60, (6, 200))
    together = model(Gemm(*values[:4]), values[4], values[5])
    assert together.total.dtype == np.int64
    for index, column in enumerate(values.T.tolist()):
        alone = model(Gemm(*column[:4]), column[4], column[5])
        assert all(type(count) is int for count in alone)
        assert alone == tuple(field[index] for field in together)
    extent = 2**40 + 1
    assert model(Gemm(1, extent, 1, extent), 1, 1).steady == extent**2


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (Array("conv-engine", 4, 4, "scalesim"), r"timing 'scalesim' .*\('conv-engine'\)\. Known: pipelined, zhang"),
        (Array("conv-engine", 0, 4), "an array of 0 x 4 computes nothing"),
        (Array("os", 4, 4, "zhang2015"), r"timing 'zhang2015' is not a model of this array \('os'\)"),
        (Array("conv engine", 4, 4), "Did you mean 'conv-engine'"),
    ],
)
def test_what_cannot_be_mapped(array, message):
    """Other tools' timings, empty arrays and misspelt names are refused with a remedy."""
    with pytest.raises(ConfigError, match=message):
        schedule(LoopNest("array", K=3, C=5), array)
