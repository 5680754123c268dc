"""Tiles one by one: what the run-length encoded programs and the recurrence of `accel.arch` must equal.

`tile_by_tile` walks the loops over tiles with plain ranges, knows which elements every tile needs as sets of
coordinates, and keeps the buffers as sets. `simulate` is a discrete-event simulation of one transfer engine with a
queue, one array and double buffers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import product

from accel.arch.demand import Demand
from accel.arch.tiling import Tiling


@dataclass
class TileStep:
    """What one tile brings, computes and leaves: bits by operand, products, outputs finished."""

    weights: int
    inputs: int
    refill: int
    products: int
    spill: int
    finished: int


def _cut(extent: int, size: int) -> list[range]:
    return [range(first, min(extent, first + size)) for first in range(0, extent, size)]


def place_tiles(nest, tiling: Tiling) -> list[list[tuple[int, int, int]]]:
    """Lists of output places (n, p, q): whole images, or rows of one image, or columns of one row."""
    places = tiling.places
    images, rows, columns = (
        _cut(extent, size)
        for extent, size in ((nest.N, places.images), (nest.P, places.rows), (nest.Q, places.columns))
    )
    return [list(product(n, p, q)) for n in images for p in rows for q in columns]


def positions(nest, tile) -> set[tuple[int, int, int]]:
    """Input positions (n, row, column) that the windows of a tile of places see; padding is not there."""
    seen = set()
    for n, p, q in tile:
        for r, s in product(range(nest.R), range(nest.S)):
            row = p * nest.stride[0] + r * nest.dilation[0] - nest.padding[0]
            column = q * nest.stride[1] + s * nest.dilation[1] - nest.padding[1]
            if 0 <= row < nest.height and 0 <= column < nest.width:
                seen.add((n, row, column))
    return seen


def tile_by_tile(demand: Demand, tiling: Tiling) -> list[TileStep]:
    """Every tile in order, with what has to be fetched for it when it is not in its buffer."""
    nest = demand.nest
    places = place_tiles(nest, tiling)
    groups, filters, channels = (
        _cut(extent, size)
        for extent, size in ((nest.G, tiling.groups), (nest.K, tiling.filters), (nest.C, tiling.channels))
    )
    if tiling.order == "weights outer":
        order = [(g, k, c, p) for g in groups for k in filters for c in channels for p in range(len(places))]
    elif tiling.order == "activations outer":
        order = [(g, k, c, p) for g in groups for p in range(len(places)) for c in channels for k in filters]
    else:
        order = [(g, k, c, p) for g in groups for p in range(len(places)) for k in filters for c in channels]
    held: dict[str, set] = {"input": set(), "weight": set()}
    sums: dict[tuple, int] = {}
    steps = []
    for g, k, c, p in order:
        needs = {
            "input": {(x, y, *at) for x in g for y in c for at in positions(nest, places[p])},
            "weight": {(x, y, z) for x in g for y in k for z in c},
        }
        fetched = {}
        for operand, tile in needs.items():
            if operand in tiling.resident:
                fetched[operand] = tile - held[operand]
                held[operand] |= tile
            else:
                fetched[operand] = set() if tile == held[operand] else tile
                held[operand] = tile
        kernel = nest.R * nest.S
        biases = sum(1 for _, _, z in fetched["weight"] if z == 0) * demand.bias_bits
        outputs = [(x, y, at) for x in g for y in k for at in places[p]]
        begun = sum(1 for output in outputs if output in sums)
        for output in outputs:
            sums[output] = sums.get(output, 0) + len(c)
        finished = sum(1 for output in outputs if sums[output] == nest.C)
        is_spilled = tiling.sums == "spilled"
        steps.append(
            TileStep(
                weights=len(fetched["weight"]) * kernel * demand.weight_bits + biases,
                inputs=len(fetched["input"]) * demand.input_bits,
                refill=begun * demand.sum_bits * is_spilled,
                products=len(outputs) * len(c) * kernel,
                spill=(len(outputs) - finished) * demand.sum_bits * is_spilled,
                finished=finished,
            )
        )
    assert all(count == nest.C for count in sums.values())
    assert sum(step.products for step in steps) == nest.macs
    return steps


def simulate(loads: list[int], computes: list[int], stores: list[int], latency: int) -> int:
    """Return when the last tile is computed, counted from the moment in which the first one has arrived.

    The engine serves its queue in order; a slot is free again when the tile two before it is computed; a tile is there
    `latency` after its last bit has crossed; an output slot is free again when it has been stored.
    """
    queue: list[tuple[str, int, int]] = []
    for tile, load in enumerate(loads):
        if tile and load:
            queue.append(("load", tile, load))
        if tile >= 2 and stores[tile - 2]:
            queue.append(("store", tile - 2, stores[tile - 2]))
    arrived = {tile for tile, load in enumerate(loads) if not load} | {0}
    stored = {tile for tile, store in enumerate(stores) if not store}
    computed: set[int] = set()
    # The engine has been free since the last bit of the first tile crossed.
    events: list[tuple[int, int, str, int]] = [(-latency, 0, "engine", -1), (0, 1, "array", -1)]
    number, engine_is_free, array_is_free, next_tile, end = 2, False, False, 0, 0
    while events:
        now, _, kind, tile = heapq.heappop(events)
        if kind == "engine":
            engine_is_free = True
        elif kind == "array":
            array_is_free = True
        elif kind == "arrival":
            arrived.add(tile)
        elif kind == "stored":
            stored.add(tile)
            engine_is_free = True
        elif kind == "computed":
            computed.add(tile)
            array_is_free, end = True, now
        if events and events[0][0] == now:
            continue  # everything that happens now has happened before anything starts
        if engine_is_free and queue:
            job, index, ticks = queue[0]
            waits_for = index - 2 if job == "load" else index
            if waits_for < 0 or waits_for in computed:
                queue.pop(0)
                engine_is_free = False
                if job == "load":
                    heapq.heappush(events, (now + ticks, number, "engine", index))
                    heapq.heappush(events, (now + ticks + latency, number + 1, "arrival", index))
                else:
                    heapq.heappush(events, (now + ticks, number, "stored", index))
                number += 2
        is_ready = next_tile < len(computes) and next_tile in arrived and (next_tile < 2 or next_tile - 2 in stored)
        if array_is_free and is_ready:
            array_is_free = False
            heapq.heappush(events, (now + computes[next_tile], number, "computed", next_tile))
            number += 1
            next_tile += 1
    assert next_tile == len(computes), "nothing is left waiting"
    return end
