"""Vector lanes: closed form against lanes that are stepped one by one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

WIDE, NARROW = 10**9, 150

nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 2),
    G=st.integers(1, 3),
    K=st.integers(1, 4),
    C=st.integers(1, 4),
    P=st.integers(1, 3),
    Q=st.integers(1, 3),
    R=st.integers(1, 2),
    S=st.integers(1, 2),
    has_bias=st.booleans(),
)
arrays = st.builds(Array, st.just("vector"), st.integers(1, 5), st.integers(1, 5))


class Trace(NamedTuple):
    """What the lanes did: a sum an output, cycles, when results were there, vectors, operands fetched."""

    sums: list[int]
    cycles: int
    left: list[int]
    vectors: int
    fetched: int


def step(products: np.ndarray, lanes: int, limit: int) -> Trace:
    """Deal outputs (rows of products) to lanes; in a cycle every lane adds its last product and multiplies the next."""
    sums, left, waiting = [], [], list(products.tolist())
    cycles = vectors = fetched = 0
    lane: list[list[int]] = []
    totals: list[int] = []
    registers: list[int | None] = []
    while waiting or any(lane) or registers:
        finished = bool(registers) and not any(lane)
        totals = (
            [max(-limit, min(t + r, limit)) for t, r in zip(totals, registers, strict=True)] if registers else totals
        )
        if finished:
            sums += totals
            left.append(cycles)
            registers = []
        if not any(lane) and waiting:
            lane, waiting = [list(row) for row in waiting[:lanes]], waiting[lanes:]
            totals, registers = [0] * len(lane), []
            vectors += 1
        if any(lane):
            registers = [row.pop(0) for row in lane]
            fetched += len(lane)
        cycles += 1
    return Trace(sums, cycles, left, vectors, fetched)


@given(nests, arrays, st.integers(0, 2**32 - 1))
def test_closed_form_equals_the_lanes(nest, array, seed):
    """Sums, cycles, folds, results and fetched operands of random layers are those of the schedule."""
    rng = np.random.default_rng(seed)
    products = rng.integers(-90, 91, (nest.outputs, nest.gemm.k))
    made, trace = schedule(nest, array), step(products, array.pes, WIDE)
    assert trace.sums == products.sum(axis=1).tolist()
    assert made.compute_cycles == trace.cycles
    assert (made.folds, made.result_cycles) == (trace.vectors, trace.left[-1] - trace.left[0] + 1)
    assert (made.last_results, made.last_result_cycles) == ((nest.outputs - 1) % array.pes + 1, 1)
    biases = {"bias": nest.outputs} if nest.has_bias else {}
    assert made.sram_reads == {"input": trace.fetched, "weight": trace.fetched} | biases
    assert made.mapping_efficiency == pytest.approx(trace.fetched / (made.steady_cycles * array.pes))
    order = made.order
    assert (order, made.order.sequence(nest.C, nest.R, nest.S)) == (AccumulationOrder(), list(range(nest.gemm.k)))


def test_lanes_pool_and_add():
    """Eight lanes: 30 windows of 9 values in 4 rounds of 9 steps (an average: 10); 30 sums of 2 tensors in 4 of 2."""
    lanes = Array("vector", 2, 4)
    window = {"G": 5, "P": 2, "Q": 3, "R": 3, "S": 3, "height": 6, "width": 9, "stride": (3, 3)}
    made = schedule(LoopNest("pooling", "max", **window), lanes)
    assert (made.folds, made.compute_cycles, made.sram_reads) == (4, 4 * 9 + 1, {"input": 270, "weight": 0})
    assert schedule(LoopNest("pooling", "average", **window), lanes).compute_cycles == 4 * 10 + 1
    made = schedule(LoopNest("elementwise", "add", G=5, P=2, Q=3, height=2, width=3, operands=2), lanes)
    assert (made.compute_cycles, made.sram_reads["input"], made.sram_writes) == (4 * 2 + 1, 60, {"output": 30})


def test_lanes_do_not_mind_groups():
    """A depthwise layer keeps every lane busy."""
    made = schedule(LoopNest("array", G=32, P=4, Q=4, R=3, S=3, height=6, width=6), Array("vector", 16, 16))
    assert (made.steady_cycles, made.mapping_efficiency) == (2 * 9, 1.0)


def test_one_array_of_machines(rng):
    """One call on integer arrays gives, element by element, what calls on single machines give."""
    model = DATAFLOWS["vector"].timings["pipelined"]
    values = rng.integers(1, 60, (6, 200))
    together = model(Gemm(*values[:4]), values[4], values[5])
    for index, column in enumerate(values.T.tolist()):
        alone = model(Gemm(*column[:4]), column[4], column[5])
        assert all(type(count) is int for count in alone)
        assert alone == tuple(field[index] for field in together)


def test_what_lanes_do_not_do():
    """A root and an unknown timing."""
    with pytest.raises(ConfigError, match=r"lanes do products, pooling 'max', .*, not pooling 'l2'"):
        schedule(LoopNest("pooling", "l2", G=2, R=2, S=2), Array("vector", 2, 2))
    with pytest.raises(ConfigError, match="Known: pipelined"):
        schedule(LoopNest("array", K=2), Array("vector", 2, 2, "scalesim"))
