"""Programs of tiles: run-length encoded steps against tiles one by one, and their end against the event simulation."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from accel.arch.demand import Demand
from accel.arch.hardware import Memory
from accel.arch.program import layer_program, stream_program
from accel.arch.tiling import Tiling, choose
from accel.arch.transfer import Channel, Step, run, step
from tests.arch.demands import demands
from tests.arch.events import TileStep, simulate, tile_by_tile

CHANNEL = Channel.of(Memory(1, 1, 1, 0.75, 3))


def flat(program) -> list[Step]:
    """Every step, one after another."""
    found = []
    for count, body in program:
        found += count * ([body] if isinstance(body, Step) else flat(body))
    return found


def spread(tiles: list[TileStep], demand: Demand, tiling: Tiling) -> list[int]:
    """Bits to load with every tile: what changes with the outer loops comes in parts, as long as its turn before lasts.

    The bits of the next turn's first tile are split over all tiles of this turn but the first, rounded up.
    """
    outer, inner = {
        "weights outer": ("weights", tiling.places.number),
        "activations outer": ("inputs", -(-demand.nest.K // tiling.filters)),
        "sums outer": ("", 1),
    }[tiling.order]
    loads = []
    for index, tile in enumerate(tiles):
        bits = {"weights": tile.weights, "inputs": tile.inputs, "refill": tile.refill}
        turn, place = divmod(index, inner)
        if inner > 1:
            following = (turn + 1) * inner
            is_part = place and following < len(tiles)
            bits[outer] = -(-getattr(tiles[following], outer) // (inner - 1)) if is_part else 0
        loads.append(sum(bits.values()))
    return loads


@given(demands(), st.integers(1, 5000))
def test_programs_are_their_tiles(demand, cycles):
    """Loads, shares of the array's time and stores of every tile; the first fill apart; nothing is lost."""
    tiling = choose(demand)
    tiles = tile_by_tile(demand, tiling)
    fill, first, rest = layer_program(demand, tiling, cycles, CHANNEL)
    steps = [first, *flat(rest)]
    assert len(steps) == tiling.steps
    assert (fill.weight_bits, fill.input_bits) == (tiles[0].weights, tiles[0].inputs)
    assert [each.load for each in steps[1:]] == [bits * CHANNEL.bit for bits in spread(tiles, demand, tiling)[1:]]
    assert first.load == 0
    assert sum(each.compute for each in steps) == cycles * CHANNEL.cycle
    stored = demand.stored_bits + sum(tile.spill for tile in tiles)
    assert sum(each.store for each in steps) == stored * CHANNEL.bit
    for each, tile in list(zip(steps, tiles, strict=True))[1:]:
        exact = Fraction(cycles * CHANNEL.cycle * tile.products, demand.nest.macs)
        assert 0 <= exact - each.compute < 1
        share = Fraction(demand.stored_bits * tile.finished, demand.nest.outputs)
        assert 0 <= share + tile.spill - each.store / CHANNEL.bit < 1


@given(demands(), st.integers(1, 5000), st.sampled_from([0.5, 1.0, 4.0]), st.integers(0, 40))
def test_layers_end_when_the_event_simulation_says(demand, cycles, bandwidth, latency):
    """From the arrival of the first tiles to the end of the last computation, in ticks."""
    channel = Channel.of(Memory(1, 1, 1, bandwidth, latency))
    tiling = choose(demand)
    _, first, rest = layer_program(demand, tiling, cycles, channel)
    end = run(step(channel.start(), first, channel.latency, 0), rest, channel.latency).last
    loads = [bits * channel.bit for bits in spread(tile_by_tile(demand, tiling), demand, tiling)]
    steps = [first, *flat(rest)]
    computes, stores = [each.compute for each in steps], [each.store for each in steps]
    assert end == simulate(loads, computes, stores, channel.latency)
    assert end >= cycles * channel.cycle


@given(st.integers(0, 99), st.integers(0, 999), st.integers(0, 999), st.integers(1, 30), st.integers(1, 500))
def test_streams_come_and_go_in_equal_parts(weights, inputs, stored, parts, cycles):
    """A unit's values in `parts`; what is left over belongs to the first."""
    fill, first, rest = stream_program(weights, inputs, stored, parts, cycles, CHANNEL)
    steps = [first, *flat(rest)]
    assert len(steps) == parts
    assert fill.weight_bits == weights
    assert fill.input_bits * CHANNEL.bit + sum(each.load for each in steps) == inputs * CHANNEL.bit
    assert sum(each.store for each in steps) == stored * CHANNEL.bit
    assert sum(each.compute for each in steps) == cycles * CHANNEL.cycle
    assert first.compute - steps[-1].compute < parts
