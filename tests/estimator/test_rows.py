"""Layers of rows and products of two activations in the estimate: figures worked by hand, and what a batch does."""

from __future__ import annotations

import pytest

from accel.arch.hardware import UnitChoice
from accel.errors import ConfigError
from accel.estimator import estimate
from accel.layers import Activation, Dense, LayerNorm, MatMul, Scale, Softmax, SplitHeads
from accel.network.graph import INPUT, Network, Node, chain
from accel.units.machine import root_of
from accel.units.norm import norm_path
from accel.units.registry import build_softmax
from tests.machines import UNITS, machine, quantizer

ROWS = chain("rows", (6, 8), {"dense": Dense(5), "relu": Activation("relu"), "norm": LayerNorm()})

ATTENTION = Network(
    "attention",
    (6, 8),
    (
        Node("query", Dense(8), (INPUT,)),
        Node("key", Dense(8), (INPUT,)),
        Node("query.heads", SplitHeads(2), ("query",)),
        Node("key.heads", SplitHeads(2), ("key",)),
        Node("scores", MatMul(transposed=True), ("query.heads", "key.heads")),
        Node("scaled", Scale(0.5), ("scores",)),
        Node("shares", Softmax(rows=True), ("scaled",)),
    ),
)


def by_name(network, accelerator, batch=1):
    """Reports by node."""
    return {layer.name: layer for layer in estimate(network, accelerator, batch).layers}


def test_rows_are_pixels_of_the_array():
    """6 rows of 8 features on 4 x 4: two bands of rows, two strips of features, 4 folds of 8 cycles."""
    dense = by_name(ROWS, machine())["dense"]
    assert (dense.macs, dense.folds, dense.cycles.steady) == (6 * 8 * 5, 4, 4 * 8)
    assert dense.byte_counts["dram"]["weight"] == 8 * 5 * 12 // 8
    assert dense.byte_counts["dram"]["input"] == 6 * 8


def test_a_product_reads_its_second_factor_from_where_it_is():
    """Kept on chip it crosses no DRAM; else it does once, 16 bits wide as its maker wrote it, and so does the first."""
    roomy, tight = (by_name(ATTENTION, machine(output_bytes=size))["scores"] for size in (1 << 20, 64))
    assert (roomy.macs, roomy.byte_counts["dram"]) == (2 * 6 * 6 * 4, {})
    # Each head: 2 bands of 6 rows, 2 strips of 6 keys; every strip reads the 6 x 4 queries, every band the keys.
    assert roomy.byte_counts["sram"] == {"input": 2 * 2 * 24 * 2, "weight": 2 * 2 * 24 * 2, "output": 2 * 36 * 2}
    assert tight.byte_counts["dram"] == {"input": 48 * 2, "weight": 48 * 2, "output": 72 * 2}
    assert tight.prefetch_cycles > roomy.prefetch_cycles == 0


def test_a_batch_multiplies_products_and_not_weights():
    """Every input has its own keys; all share the projections' weights."""
    alone, together = (by_name(ATTENTION, machine(output_bytes=64), batch) for batch in (1, 5))
    assert together["scores"].macs == 5 * alone["scores"].macs
    assert together["scores"].folds == 5 * alone["scores"].folds
    for operand in ("input", "weight", "output"):
        dram = alone["scores"].byte_counts["dram"][operand]
        assert together["scores"].byte_counts["dram"][operand] == 5 * dram
    assert together["query"].byte_counts["dram"]["weight"] == alone["query"].byte_counts["dram"]["weight"]


def test_normalisation_is_priced_row_by_row():
    """6 rows of 5 values on 4 lanes: four rows at once, then two, a lane each: depth 18, 2 streams of 5 beats.

    The rows of a turn begin a cycle apart.
    """
    norm = by_name(ROWS, machine())["norm"]
    assert norm.cycles.total == norm.cycles.compute == 2 * (18 + 2 * 4) + 3 + 1
    assert (norm.macs, norm.bound, norm.engine) == (0, "unit", "normalisation")
    assert norm.byte_counts["dram"] == {"weight": 8, "bias": 13, "output": 60}  # 5 weights of 12 bits, biases of 20
    assert norm.byte_counts["sram"] == {"input": 2 * 60, "weight": 45, "bias": 75, "output": 60}
    assert by_name(ROWS, machine(), 3)["norm"].cycles.compute == 5 * (18 + 2 * 4) + 4 * 3 + 1


def test_a_faster_root_makes_a_faster_normalisation():
    """The root that the machine names is the one that is priced: a step less, three cycles for each of two turns."""
    quick = machine(units=UNITS | {"rsqrt": UnitChoice("lut-newton", 1, (("steps", 1),))})
    assert by_name(ROWS, machine())["norm"].cycles.total - by_name(ROWS, quick)["norm"].cycles.total == 2 * 3


def test_softmax_by_rows_is_one_row_after_another():
    """12 rows of 6 scores in one lane take 12 times what a row takes."""
    form = quantizer("Q6.10").format
    row = build_softmax("reference", form, quantizer("UQ0.16").format).row_cost(6)
    assert by_name(ATTENTION, machine())["shares"].cycles.compute == 12 * row.latency_cycles


def test_lanes_of_a_softmax_take_rows_of_their_own():
    """12 rows of 6 scores in 4 lanes: three turns of four rows, which begin a cycle apart; in 32, all rows at once.

    A single row is streamed through all lanes.
    """
    form = quantizer("Q6.10").format
    unit = build_softmax("reference", form, quantizer("UQ0.16").format)
    cycles = [
        by_name(ATTENTION, machine(units=UNITS | {"softmax": UnitChoice("reference", lanes)}))["shares"].cycles.compute
        for lanes in (4, 32)
    ]
    assert cycles[0] == 3 * (unit.row_cost(6).latency_cycles + 3)
    assert cycles[1] == unit.row_cost(6, 2).latency_cycles + 11
    single = chain("single", (40,), {"softmax": Softmax()})
    machines = machine(units=UNITS | {"softmax": UnitChoice("reference", 4)})
    assert by_name(single, machines)["softmax"].cycles.compute == unit.row_cost(40, 4).latency_cycles


def test_scaling_is_priced_by_its_factor():
    """A power of two needs a shifter, anything else a multiplier and a stage more."""
    cycles = []
    for factor in (0.5, 0.3):
        network = chain("scaled", (6, 8), {"dense": Dense(8), "scale": Scale(factor)})
        cycles.append(by_name(network, machine())["scale"].cycles.total)
    assert cycles == [12, 13]


def test_a_machine_without_the_unit_is_told_how_to_have_it():
    """The error names the layer and the line that is missing."""
    units = {kind: choice for kind, choice in UNITS.items() if kind != "normalisation"}
    with pytest.raises(
        ConfigError, match=r'norm: the machine has no unit .* \[units.normalisation\] design = "two-pass"'
    ):
        estimate(ROWS, machine(units=units))


def test_norm_path_of_many_lanes_never_beats_its_depth():
    """With a lane for every value a row takes the depth and the tree, no less."""
    assert norm_path(root_of({})).row_cost(64, 64).latency_cycles == 18 + 6
