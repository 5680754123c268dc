"""What moves inside an array: closed forms by hand for every dataflow, and a walk through every element's loops."""

from __future__ import annotations

import itertools

import pytest

from accel.arch.dataflows import DATAFLOWS, schedule
from accel.arch.hardware import Array
from accel.arch.mapping import Schedule
from accel.arch.movement import WITH_REGISTER_FILES, movement
from accel.loopnest import LoopNest

NESTS = {
    "conv": LoopNest("array", K=5, C=3, P=4, Q=3, R=3, S=2, height=6, width=4),
    "batch": LoopNest("array", N=2, K=4, C=9, P=2, Q=5, R=2, S=3, height=3, width=7),
    "grouped": LoopNest("array", G=2, K=3, C=4, P=3, Q=3, R=2, S=2, height=4, width=4),
    "depthwise": LoopNest("array", G=7, P=4, Q=4, R=3, S=3, height=6, width=6),
    "strided": LoopNest("array", K=4, C=2, P=3, Q=4, R=3, S=3, height=7, width=9, stride=(2, 2)),
    "dense": LoopNest("array", N=3, K=11, C=23),
}
ROWS, COLUMNS = 4, 3


def by_hand(dataflow: str, nest: LoopNest) -> tuple[dict[str, float], dict[str, float]]:
    """Words in and out of registers and words that arrive, as the papers describe each array."""
    macs, outputs, weights = nest.macs, nest.outputs, nest.G * nest.K * nest.C * nest.R * nest.S
    places = nest.N * nest.P * nest.Q
    beats = outputs * nest.R * nest.S * -(-nest.C // ROWS)  # additions of a tree, ROWS channels at a time
    registers, transfers = {
        # A PE keeps its sum; an output leaves once.
        "os": ({"partial_sum": 2 * macs}, {"partial_sum": outputs}),
        # Weights are loaded once; sums pass every PE.
        "ws": ({"weight": macs}, {"weight": weights}),
        # A column of the im2col matrix is loaded once.
        "is": ({"input": macs}, {"input": places * nest.G * nest.C * nest.R * nest.S}),
        "adder-tree": ({"partial_sum": 2 * beats}, {"partial_sum": outputs}),
        # Weights stay while the pixels pass; every step sends its sum to the buffer.
        "conv-engine": ({"weight": macs}, {"weight": weights, "partial_sum": beats}),
        "vector": ({"partial_sum": 2 * macs}, {"partial_sum": outputs}),
    }[dataflow]
    return registers, {"input": macs, "weight": macs, "partial_sum": macs} | transfers


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("dataflow", [name for name in DATAFLOWS if name not in WITH_REGISTER_FILES])
def test_one_register_a_PE(dataflow, name):
    """Closed forms by hand, edge tiles included."""
    nest = NESTS[name]
    found = movement(nest, schedule(nest, Array(dataflow, ROWS, COLUMNS)))
    registers, transfers = by_hand(dataflow, nest)
    assert found.registers == pytest.approx(registers, rel=1e-12)
    assert found.transfers == pytest.approx(transfers, rel=1e-12)


def arrivals(nest: LoopNest, plan: Schedule) -> dict[str, int]:
    """Walk every loop; count, for every element and tile on the array, the words of every operand that it needs.

    A sum that an element passes on is one word for every output and every round of its channels.
    """
    seen: dict[str, set[tuple[object, ...]]] = {"input": set(), "weight": set(), "partial_sum": set()}
    ends = {"N": nest.N, "G": nest.G, "K": nest.K, "C": nest.C, "P": nest.P, "Q": nest.Q, "R": nest.R, "S": nest.S}
    for steps in itertools.product(*(range(loop.steps) for loop in plan.loops)):
        at = dict.fromkeys(ends, 0)
        place: list[int] = []
        for loop, step in zip(plan.loops, steps, strict=True):
            at[loop.dim] += step * loop.tile
            if loop.kind != "stream":
                place.append(step)
        if any(at[dim] >= end for dim, end in ends.items()):
            continue
        n, g, k, c, p, q, r, s = (at[dim] for dim in "NGKCPQRS")
        row, column = p * nest.stride[0] + r, q * nest.stride[1] + s
        where = tuple(place)
        seen["input"].add((where, n, g, c, row, column))
        seen["weight"].add((where, g, k, c, r, s))
        seen["partial_sum"].add((where, n, g, k, p, q))
    return {operand: len(words) for operand, words in seen.items()}


@pytest.mark.parametrize("name", NESTS)
def test_register_files(name):
    """A row-stationary element gets each word of its tile once, and reads three and writes one for every product."""
    nest = NESTS[name]
    plan = schedule(nest, Array("row-stationary", 12, 14))
    found, walked = movement(nest, plan), arrivals(nest, plan)
    assert found.registers == {"input": nest.macs, "weight": nest.macs, "partial_sum": 2 * nest.macs}
    assert found.transfers == pytest.approx(walked, rel=1e-9)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_no_word_moves_less_than_it_must(dataflow):
    """Every word arrives at least once, and none more often than there are products."""
    for nest in NESTS.values():
        found = movement(nest, schedule(nest, Array(dataflow, 12, 14)))
        once = {"input": nest.inputs, "weight": nest.weights, "partial_sum": nest.outputs}
        for operand, words in found.transfers.items():
            assert once[operand] * (1 - 1e-12) <= words <= nest.macs * (1 + 1e-12)
