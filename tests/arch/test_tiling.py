"""The choice of tiles: bytes counted tile by tile, the least of all that fit, and what larger buffers do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch import dataflows
from accel.arch.candidates import candidates, orders
from accel.arch.demand import Demand, Grain, grain_of
from accel.arch.hardware import Array, Memory
from accel.arch.tiling import choose, most_steps
from accel.errors import ConfigError
from accel.loopnest import LoopNest
from tests.arch.demands import ROOMY, demands
from tests.arch.events import place_tiles, positions, tile_by_tile


@given(demands())
def test_bytes_are_those_of_every_tile(demand):
    """Fetching tile by tile, with buffers as sets, moves what the closed forms say, by operand."""
    tiling = choose(demand)
    steps = tile_by_tile(demand, tiling)
    assert len(steps) == tiling.steps
    counted = {
        "input": sum(step.inputs for step in steps),
        "weight": sum(step.weights for step in steps),
        "partial_sum": sum(step.refill + step.spill for step in steps),
        "output": demand.stored_bits,
    }
    assert tiling.dram_bits == {operand: bits for operand, bits in counted.items() if bits}


@given(demands())
def test_numbers_of_any_size_are_chosen_among_alike(demand):
    """Python's integers, which take over where 64 bits could be too few, choose as 64 bits do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accel.arch.candidates.INT64_BITS", 0)
        assert candidates(demand).filters.dtype == object
        assert choose.__wrapped__(demand) == choose(demand)


@pytest.mark.parametrize("size", [10**4, 10**6])
def test_products_of_any_size(size):
    """A cube of a product: larger buffers move less, never less than its operands, and nothing wraps."""
    nest = LoopNest("array", P=size, K=size, C=size, height=size)
    once = 3 * 8 * size**2
    moved = [
        sum(
            choose(
                Demand(nest, Grain(16, 16, 1), 8, 8, 0, 32, once // 3, False, *3 * [room], 1 << 80)
            ).dram_bits.values()
        )
        for room in (1 << 12, 1 << 20, 4 * size**2)
    ]
    assert moved == sorted(moved, reverse=True)
    assert moved[-1] == once
    # The best that can be done with r bytes is about 2 n^3 / sqrt(r) of both operands.
    assert once + 2 * 8 * size**3 / (1 << 12) <= moved[0] <= once + 16 * 8 * size**3 / (1 << 5)


@given(demands())
def test_tiles_fit_their_buffers(demand):
    """Two tiles of what passes, all of what stays, sums where they are kept: counted as coordinates."""
    nest, tiling = demand.nest, choose(demand)
    places = place_tiles(nest, tiling)
    seen = max(len(positions(nest, tile)) for tile in places)
    turns = 2 if tiling.groups < nest.G else 1
    kernel = nest.R * nest.S
    if "input" in tiling.resident:
        whole = len(positions(nest, [at for tile in places for at in tile]))
        inputs = turns * tiling.groups * nest.C * whole * demand.input_bits
    else:
        inputs = 2 * tiling.groups * tiling.channels * seen * demand.input_bits
    if "weight" in tiling.resident:
        weights = turns * tiling.groups * nest.K * demand.filter_bits
    else:
        of_filter = tiling.channels * kernel * demand.weight_bits + demand.bias_bits
        weights = 2 * tiling.groups * tiling.filters * of_filter
    assert inputs <= 8 * demand.input_room
    assert weights <= 8 * demand.weight_room
    outputs = tiling.groups * tiling.filters * max(map(len, places))
    stored = outputs * demand.stored_bits / nest.outputs
    if tiling.sums == "spilled":
        assert 2 * outputs * demand.sum_bits <= 8 * demand.output_room
    elif tiling.sums == "whole":
        sums = outputs * demand.sum_bits if demand.has_loose_sums else 0
        assert max(sums, stored) * (2 if stored else 1) <= 8 * demand.output_room
    else:
        kept = {
            "weights outer": tiling.groups * tiling.filters * nest.N * nest.P * nest.Q,
            "activations outer": tiling.groups * nest.K * max(map(len, places)),
            "sums outer": outputs,
        }[tiling.order]
        on_array = tiling.order == "sums outer" and not demand.has_loose_sums and outputs <= demand.least_outputs
        assert on_array or kept * demand.sum_bits * (2 if stored else 1) <= 8 * demand.output_room
    assert tiling.held_input_bits(demand, 2) <= 8 * demand.input_room
    assert tiling.held_weight_bits(demand, 2) == (weights // turns if "weight" in tiling.resident else weights)


@given(demands())
def test_sums_and_outputs_fit_their_buffer(demand):
    """What the output buffer holds: sums where they wait, two tiles where something moves, never more than its room."""
    tiling, outputs = choose(demand), demand.nest.outputs
    held = tiling.held_output_bits(demand)
    assert held <= 8 * demand.output_room
    tile = tiling.groups * tiling.filters * max(map(len, place_tiles(demand.nest, tiling)))
    assert held * outputs >= tile * demand.stored_bits * (2 if demand.stored_bits else 1)
    if tiling.sums == "spilled":
        assert held * outputs >= 2 * tile * max(demand.sum_bits * outputs, demand.stored_bits)
    elif tiling.sums == "whole" and not demand.has_loose_sums:
        assert held * outputs < tile * demand.stored_bits * 2 + outputs
    elif tiling.order != "sums outer":
        assert held >= tile * demand.sum_bits


@given(demands(fitting=False), st.data())
def test_larger_buffers_never_move_more(demand, data):
    """DRAM bits fall, or stay, as each buffer grows; at last every operand crosses once."""
    least = demand.least_bytes
    names = {"input": "input_room", "weight": "weight_room", "output": "output_room"}
    rooms = {names[buffer]: least[buffer] + data.draw(st.integers(0, 200)) for buffer in names}
    small = choose(replace(demand, **rooms))
    grown = {name: room + data.draw(st.integers(0, 200)) for name, room in rooms.items()}
    large = choose(replace(demand, **grown))
    assert sum(large.dram_bits.values()) <= sum(small.dram_bits.values())
    nest = demand.nest
    once = nest.inputs * demand.input_bits + nest.G * nest.K * demand.filter_bits + demand.stored_bits
    assert once <= sum(large.dram_bits.values())
    assert sum(choose(demand).dram_bits.values()) == once


@given(demands())
def test_nothing_that_fits_moves_less(demand):
    """The chosen one has the least bits of all candidates in all orders, and steps that are long enough if any are."""
    tiling, grid = choose(demand), candidates(demand)
    priced = orders(demand, grid)
    moved = sum(tiling.dram_bits.values()) - demand.stored_bits
    assert moved == min(int(order.bits.min()) for order in priced)
    is_as_cut = grid.channel_number == -(-demand.nest.C // tiling.channels)
    steps = np.concatenate([grid.steps[(order.bits == moved) & is_as_cut] for order in priced])
    assert tiling.steps in steps
    assert tiling.steps <= demand.most_steps or (steps > demand.most_steps).all()


@given(demands())
def test_tiles_hold_what_the_array_takes_in(demand):
    """Every tile but those at the edges has at least the places, filters and channels that lie side by side."""
    tiling, grain = choose(demand), demand.grain
    assert tiling.places.largest.outputs >= grain.places
    assert tiling.filters >= min(grain.filters, demand.nest.K)
    assert tiling.channels >= min(grain.channels, demand.nest.C)
    assert tiling.filters % grain.filters == 0 or tiling.filters == demand.nest.K


@given(demands(fitting=False), st.sampled_from(["input", "weight", "output"]))
def test_a_buffer_too_small_is_told_with_its_sizes(demand, buffer):
    """One byte less than the smallest tile takes is refused; the least itself is enough."""
    least = demand.least_bytes
    names = {each: f"{each}_room" for each in least}
    exact = replace(demand, **{names[each]: least[each] for each in least})
    choose(exact)
    if least[buffer]:
        with pytest.raises(ConfigError, match=rf"takes {least[buffer]} bytes.* memory.{buffer}_bytes has"):
            choose(replace(exact, **{names[buffer]: least[buffer] - 1}))


def test_every_buffer_is_told_at_once():
    """Three buffers of nothing are three problems."""
    nest = LoopNest("array", K=4, C=4, P=4, Q=4, R=3, S=3, height=6, width=6)
    demand = Demand(nest, Grain(4, 4, 1), 8, 8, 0, 20, 8 * nest.outputs, False, 0, 0, 0, 1)
    with pytest.raises(ConfigError) as error:
        choose(demand)
    assert len(error.value.problems) == 3
    assert error.value.problems[0] == (
        "the smallest tile of inputs (channels: 1, of what 4 outputs see) takes 36 bytes, counting room for a next "
        "one, and memory.input_bytes has 0 for it; make it larger or the array smaller"
    )


def layer(has_loose_sums: bool = True, most_steps: int = 1000, **rooms: int) -> Demand:
    """8 filters of 8 channels, 3 x 3, over 16 x 16 outputs: 8 bits, sums of 32."""
    nest = LoopNest("array", K=8, C=8, P=16, Q=16, R=3, S=3, height=18, width=18)
    return Demand(
        nest, Grain(4, 4, 1), 8, 8, 0, 32, 0, has_loose_sums,
        **{"input_room": ROOMY, "weight_room": ROOMY, "output_room": ROOMY, **rooms}, most_steps=most_steps,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rooms", "sums", "resident", "moved"),
    [
        ({"has_loose_sums": False}, "whole", ("input", "weight"), {"input": 2592, "weight": 576}),
        # 576 bytes of weights do not fit, nor do two tiles of 4 filters: channels are cut, inputs stay.
        ({"weight_room": 575}, "kept", ("input",), {"input": 2592, "weight": 576}),
        # Neither fits: the sums of all places stay while a channel after the other passes.
        ({"input_room": 2591, "weight_room": 575}, "kept", (), {"input": 2592, "weight": 576}),
    ],
)
def test_choices_worked_by_hand(rooms, sums, resident, moved):
    """What stays decides what is moved; here nothing has to be moved twice."""
    tiling = choose(layer(**rooms))
    assert {operand: bits // 8 for operand, bits in tiling.dram_bits.items()} == moved
    assert (tiling.sums, tiling.resident) == (sums, resident)


def test_loads_come_evenly_where_a_cut_through_the_channels_costs_nothing():
    """Sums that stay on the array are worth more than even loads; sums that leave it anyway are not.

    All channels in one tile want the 576 bytes of weights, more than an eighth of 3168, before the first output.
    """
    whole, cut = choose(layer(has_loose_sums=False)), choose(layer())
    assert (whole.sums, cut.sums) == ("whole", "kept")
    assert whole.dram_bits == cut.dram_bits
    first = tile_by_tile(layer(), cut)[0]
    assert 8 * (first.inputs + first.weights) <= sum(cut.dram_bits.values())
    assert choose(layer(most_steps=1)).steps == 1


def test_sums_are_spilled_where_that_is_cheapest():
    """Wide weights pass once in three tiles of channels; 256 sums go out and come back twice, 8 bits each.

    Kept, they would take 256 bytes of the 64; 16 of 64 places at a time would bring the weights four times.
    """
    nest = LoopNest("array", K=4, C=16, P=8, Q=8)
    demand = Demand(nest, Grain(1, 4, 1), 0, 64, 0, 8, 0, True, ROOMY, 511, 64, 1000)
    tiling = choose(demand)
    assert (tiling.order, tiling.sums, tiling.channels) == ("weights outer", "spilled", 6)
    assert tiling.dram_bits == {"weight": 16 * 4 * 64, "partial_sum": 2 * 2 * 256 * 8}
    more = choose(replace(demand, output_room=256))
    assert (more.sums, more.dram_bits) == ("kept", {"weight": 16 * 4 * 64})


def test_record_of_a_tiling():
    """What a report says of it: plain values."""
    record = choose(layer(has_loose_sums=False)).to_dict()
    assert record["tile"].keys() == {"groups", "images", "rows", "columns", "filters", "channels"}
    assert (record["sums"], record["resident"]) == ("whole", ["input", "weight"])
    assert record["steps"] >= 1


@pytest.mark.parametrize(
    ("dataflow", "expected"),
    [
        ("os", Grain(8, 4, 1)),
        ("ws", Grain(1, 4, 1)),
        ("is", Grain(4, 1, 1)),
        ("adder-tree", Grain(1, 4, 6)),
        ("conv-engine", Grain(1, 4, 6)),
        ("vector", Grain(32, 1, 1)),
    ],
)
def test_what_arrays_take_in(dataflow, expected):
    """8 x 4 elements: places and filters of a fold, channels with whole kernels."""
    nest = LoopNest("array", K=16, C=6, P=10, Q=10, R=3, S=3, height=12, width=12)
    array = Array(dataflow, 8, 4)
    assert grain_of(dataflows.schedule(nest, array), nest) == expected


def test_short_steps_are_avoided_where_the_channel_is_slow_to_answer():
    """Steps of at least eight latencies, one at least; without a latency every cycle may be a step."""
    assert most_steps(1000, Memory(1, 1, 1, 1.0, 10)) == 12
    assert most_steps(10, Memory(1, 1, 1, 1.0, 10)) == 1
    assert most_steps(1000, Memory(1, 1, 1, 1.0)) == 1000
