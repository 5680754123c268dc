"""Row stationary: closed form against passes walked one by one, the limits of the chip, Eyeriss as measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.dataflows.row_mapping import Mapping, best_mapping, span, words
from accel.arch.dataflows.row_stationary import cycles
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder, Gemm, LoopNest

CHIP = Array("row-stationary", 12, 14)
NARROW = 150

nests = st.builds(
    LoopNest,
    st.just("array"),
    N=st.integers(1, 5),
    G=st.integers(1, 2),
    K=st.integers(1, 12),
    C=st.integers(1, 9),
    P=st.integers(1, 9),
    Q=st.integers(1, 6),
    R=st.integers(1, 4),
    S=st.integers(1, 4),
    height=st.just(60),
    width=st.just(60),
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    has_bias=st.booleans(),
)
sizes = st.integers(1, 6)

ALEXNET = {
    "conv1": LoopNest("array", N=4, K=96, C=3, P=55, Q=55, R=11, S=11, height=227, width=227, stride=(4, 4)),
    "conv2": LoopNest("array", N=4, G=2, K=128, C=48, P=27, Q=27, R=5, S=5, height=27, width=27, padding=(2, 2)),
    "conv3": LoopNest("array", N=4, K=384, C=256, P=13, Q=13, R=3, S=3, height=13, width=13, padding=(1, 1)),
    "conv4": LoopNest("array", N=4, G=2, K=192, C=192, P=13, Q=13, R=3, S=3, height=13, width=13, padding=(1, 1)),
    "conv5": LoopNest("array", N=4, G=2, K=128, C=192, P=13, Q=13, R=3, S=3, height=13, width=13, padding=(1, 1)),
}
MEASURED = {  # processing ms at 200 MHz, active PEs, MB of global buffer; batch 4 (Eyeriss, JSSC 2017)
    "conv1": (16.5, 154, 18.5),
    "conv2": (39.2, 135, 77.6),
    "conv3": (21.8, 156, 50.2),
    "conv4": (16.0, 156, 37.4),
    "conv5": (10.0, 156, 24.9),
}


class Trace(NamedTuple):
    """What the walk counted."""

    cycles: int
    passes: int
    results: int
    last: tuple[int, int]
    busy: int
    reads: dict[str, int]


def windows(positions: range, size: int, stride: int) -> set[int]:
    """Rows that windows at these positions see."""
    return {position * stride + r for position in positions for r in range(size)}


def tiles(extent: int, size: int) -> list[range]:
    """Cut an axis."""
    return [range(begin, min(begin + size, extent)) for begin in range(0, extent, size)]


def walk(nest: LoopNest, mapping: Mapping) -> Trace:
    """Visit every pass in order; in a pass every PE does its work, and every bus moves what is its to move."""
    n, e, m, p, q, r, t = mapping
    time = passes = busy = 0
    first = None
    reads = {"input": 0, "weight": 0, "partial_sum": 0}
    columns = len(windows(range(nest.Q), nest.S, nest.stride[1]))
    places = [
        (images, strip, channels, [f for f in tiles(nest.K, p * t) if f.start in kept], channels.stop == nest.C)
        for _ in range(nest.G)
        for images in tiles(nest.N, n)
        for strip in tiles(nest.P, e)
        for kept in tiles(nest.K, m)
        for channels in tiles(nest.C, q * r)
    ]
    for images, strip, channels, all_filters, is_last in places:
        for filters in all_filters:
            rows = len(windows(strip, nest.R, nest.stride[0]))
            weights = len(filters) * len(channels) * nest.R * nest.S
            window_words = rows * len(channels) * nest.S
            input_words = len(images) * rows * len(channels) * columns
            sums = len(images) * len(filters) * len(strip) * nest.Q
            work = [
                len(images) * nest.Q * nest.S * len(a) * len(b)
                for a in tiles(len(channels), q)
                for b in tiles(len(filters), p)
            ]
            busy += sum(work) * nest.R * len(strip)
            fill = -(-weights // 4) + window_words
            steady = max(*work, input_words - window_words, -(-sums // 4), 0)
            hops = nest.R * len(tiles(len(channels), q))
            leaving, drain = len(filters) * len(strip), hops
            while leaving > 4:  # the first four leave in the last hop
                leaving, drain = leaving - 4, drain + 1
            rounds = [(s, c) for s in range(nest.S) for c in range(min(q, len(channels)))]
            finished = fill + sum(min(p, len(filters)) for _ in rounds[:-1]) + hops
            if is_last and first is None:
                first = time + finished
            last = sums, fill + steady + drain - finished
            time += fill + steady + drain
            passes += 1
            reads["input"] += input_words
            reads["weight"] += weights
            reads["partial_sum"] += 0 if channels.start == 0 else sums
    assert first is not None
    return Trace(time, passes, time - first, last, busy, reads)


@settings(max_examples=200)
@given(nests, sizes, sizes, st.integers(1, 3), st.integers(1, 3), sizes, sizes, sizes)
def test_closed_form_equals_the_walk(nest, n, e, p, t, q, r, kept):
    """Cycles, passes, results and traffic of any mapping, fitting a chip or not."""
    mapping = Mapping(min(n, nest.N), min(e, nest.P), min(nest.K, kept * p * t), p, q, r, t)
    trace, timing, moved = walk(nest, mapping), cycles(nest, mapping), words(nest, mapping)
    assert (timing.total, timing.folds, timing.results) == (trace.cycles, trace.passes, trace.results)
    assert trace.busy == nest.macs
    assert {"input": moved.inputs, "weight": moved.weights, "partial_sum": moved.sums_in} == trace.reads


@settings(max_examples=60)
@given(nests, st.integers(4, 14), st.integers(1, 14))
@example(LoopNest("array", K=5, P=3, height=60, width=60), 4, 6)  # three sets where two lie side by side
def test_the_chosen_mapping_fits_the_chip(nest, rows, columns):
    """Register files, array, banks and weights' buffer hold what the mapping puts there; the schedule is its walk."""
    mapping = best_mapping(nest, rows, columns)
    n, e, m, p, q, r, t = mapping
    assert q * nest.S <= 12
    assert p * q * nest.S <= 224
    assert p <= 24
    assert p * t * q * r * nest.R * nest.S <= 8192 // 2
    segments, beside = -(-e // columns), max(1, columns // e)
    assert nest.R * segments * r * -(-t // beside) <= rows
    assert min(t, beside) * min(e, columns) <= columns
    strip = len(windows(range(e), nest.R, nest.stride[0])) * len(windows(range(nest.Q), nest.S, nest.stride[1]))
    banks = -(-2 * n * q * r * strip // 4096) + -(-2 * n * m * e * nest.Q // 4096)
    assert banks <= 25
    assert m == nest.K or m % (p * t) == 0
    made, trace = schedule(nest, Array("row-stationary", rows, columns)), walk(nest, mapping)
    assert (made.compute_cycles, made.folds, made.result_cycles) == (trace.cycles, trace.passes, trace.results)
    assert (made.last_results, made.last_result_cycles) == trace.last
    assert {operand: made.sram_reads[operand] for operand in trace.reads} == trace.reads
    strips = -(-nest.P // e) * -(-nest.N // n)
    assert made.sram_reads.get("bias", 0) == nest.biases * strips
    assert made.sram_writes == {"output": nest.outputs, "partial_sum": trace.reads["partial_sum"]}
    assert made.parallel == e * nest.R * -(-min(nest.C, q * r) // q) * -(-min(nest.K, p * t) // p)


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_rows_of_a_strip(positions, size, stride, dilation):
    """Exact without dilation; with it never too few, and exact where stride or dilation divides the other."""
    seen = {position * stride + r * dilation for position in range(positions) for r in range(size)}
    assert span(positions, size, stride, dilation) >= len(seen)
    if dilation == 1:
        assert span(positions, size, stride, dilation) == len(seen)


@pytest.mark.parametrize("layer", ALEXNET)
def test_eyeriss_as_measured(layer):
    """AlexNet, batch 4: active PEs exactly, cycles within 10 %, bytes of the global buffer within 3 %."""
    milliseconds, active, megabytes = MEASURED[layer]
    made = schedule(ALEXNET[layer], CHIP)
    moved = 2 * (sum(made.sram_reads.values()) + sum(made.sram_writes.values()))
    assert made.parallel == active
    assert made.compute_cycles == pytest.approx(milliseconds * 200e3, rel=0.10)
    assert moved == pytest.approx(megabytes * 1e6, rel=0.03)


def test_eyeriss_in_all():
    """The five layers together: within 4 % of the measured cycles, within 2 % of the measured bytes."""
    made = [schedule(nest, CHIP) for nest in ALEXNET.values()]
    milliseconds = sum(row[0] for row in MEASURED.values())
    megabytes = sum(row[2] for row in MEASURED.values())
    moved = sum(2 * (sum(one.sram_reads.values()) + sum(one.sram_writes.values())) for one in made)
    assert sum(one.compute_cycles for one in made) == pytest.approx(milliseconds * 200e3, rel=0.04)
    assert moved == pytest.approx(megabytes * 1e6, rel=0.02)


def test_a_first_layer_waits_for_its_sums():
    """VGG-16 conv1_1: 27 products an output are fewer than its sums need on a bus of four words a cycle."""
    nest = LoopNest("array", K=64, C=3, P=224, Q=224, R=3, S=3, height=224, width=224, padding=(1, 1))
    assert schedule(nest, CHIP).pace == "output bandwidth"
    assert schedule(ALEXNET["conv2"], CHIP).pace == "compute"


@settings(max_examples=60)
@given(nests, st.integers(4, 14), st.integers(1, 14), st.integers(0, 2**32 - 1))
def test_order_of_additions(nest, rows, columns, seed):
    """Narrow registers: chains in the PEs and up the columns, cell by cell, give what the schedule's order gives."""
    made = schedule(nest, Array("row-stationary", rows, columns))
    q = best_mapping(nest, rows, columns).q
    products = np.random.default_rng(seed).integers(-90, 91, (nest.C, nest.R, nest.S))

    def add(a: int, b: int) -> int:
        return max(-NARROW, min(a + b, NARROW))

    moving_up = 0
    for block in tiles(nest.C, q):
        for row in range(nest.R):
            register = 0
            for column in range(nest.S):
                for channel in block:
                    register = add(register, int(products[channel, row, column]))
            moving_up = add(moving_up, register)

    flat, total = products.reshape(-1).tolist(), 0
    sequence = made.order.sequence(nest.C, nest.R, nest.S)
    for begin in range(0, len(sequence), made.order.fold):
        chain = 0
        for k in sequence[begin : begin + made.order.fold]:
            chain = add(chain, flat[k] if k >= 0 else 0)
        total = add(total, chain)
    assert total == moving_up
    assert sorted(k for k in sequence if k >= 0) == list(range(nest.gemm.k))


def test_order_in_short():
    """3 channels in PEs that hold 2, 1 x 2 kernel: columns of both channels, then of the one that is left."""
    order = AccumulationOrder(fold=4, loops="CRSc", block=2)
    assert order.sequence(3, 1, 2) == [0, 2, 1, 3, 4, 5, -1, -1]


def test_products_without_a_nest(rng):
    """A product alone is a dense layer; arrays of products give what single ones give."""
    model = DATAFLOWS["row-stationary"].timings["pipelined"]
    assert model(Gemm(1, 3, 40, 20), 12, 14) == cycles(
        LoopNest("array", N=3, C=40, K=20), best_mapping(LoopNest("array", N=3, C=40, K=20), 12, 14)
    )
    values = rng.integers(1, 20, (6, 12))
    together = model(Gemm(*values[:4]), values[4], values[5])
    for index, column in enumerate(values.T.tolist()):
        assert model(Gemm(*column[:4]), column[4], column[5]) == tuple(field[index] for field in together)


@pytest.mark.parametrize(
    ("nest", "array", "message"),
    [
        (LoopNest("array", R=5, S=5), Array("row-stationary", 4, 4), r"5 rows needs 5 rows of PEs, the array has 4"),
        (LoopNest("array", S=13), CHIP, r"13 weights needs 13 words .* there are 12; use another dataflow"),
        (LoopNest("array", Q=30000, S=3), CHIP, r"needs 1 rows of 30002 inputs and one of 30000 sums"),
        (LoopNest("array"), Array("row-stationary", 4, 4, "scalesim"), r"Known: pipelined\."),
        (LoopNest("array"), Array("row-stationary", 4, 0), "an array of 4 x 0 computes nothing"),
    ],
)
def test_what_cannot_be_mapped(nest, array, message):
    """Kernels that do not fit the array or the registers, rows that do not fit the buffer."""
    with pytest.raises(ConfigError, match=message):
        schedule(nest, array)
