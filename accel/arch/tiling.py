"""Which tiles of a layer lie on the chip at a time, chosen for the least DRAM traffic.

Three orders are tried, named by what stays while the other two pass (Sze et al., "Efficient Processing of Deep Neural
Networks", 2020, ch. 5, calls them weight, input and output stationary, one level further in):

    weights outer       a tile of weights stays while the places pass; sums of several channel tiles are kept in the
    activations outer   a tile of inputs stays while the filters pass; output buffer if they fit, else spilled to DRAM
    sums outer          a tile of sums stays while the channels pass, inputs and weights come for every step

An operand that fits its buffer whole is loaded once and stays. Every other one has two slots of a tile. Groups come one
after another, several at once where whole groups fit. Tiles hold whole kernels and at least what the array takes in at
once (`Grain`), so its cycles do not depend on them; a fold may go on from one tile of places into the next. Partial
sums that leave the array between two channel tiles come back in the accumulator's width, as a bias does.

Of equal traffic, the fewest tiles of channels come first (their sums move on the chip), then steps long enough to hide
the channel's latency, then loads that run least ahead of an even stream, then the shortest steps. Where the array hands
out its sums between tiles anyway, a cut through the channels costs nothing: there, long steps and even loads come
first. None of it depends on the bandwidth, so a wider channel never makes anything slower; and what is tried does not
depend on the buffers, so a larger one never moves more. It may wait for longer all the same: its tiles are larger, and
the first of them is waited for whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from accel.arch.candidates import Flags, Grid, Ints, Order, candidates, orders, room_for
from accel.arch.demand import Demand
from accel.arch.hardware import Memory
from accel.arch.places import Places

COVERED_LATENCIES = 8
"""A step that long loses at most a sixteenth by waiting for one answer of the channel, as two slots at times do."""

EVEN_PART = 8
"""Loads are even enough if they never run further ahead of an even stream than one such part of all that moves."""


@dataclass(frozen=True)
class Tiling:
    """The chosen tiles. order: see above. steps: tiles in all.

    sums: "whole" (all channels in one tile), "kept" (on the chip) or "spilled". resident: operands that are loaded once
    and stay. dram_bits: by operand, biases with the weights; an operand that does not move is left out.
    """

    order: str
    groups: int
    places: Places
    filters: int
    channels: int
    steps: int
    sums: str
    resident: tuple[str, ...]
    dram_bits: Mapping[str, int]

    def held_weight_bits(self, demand: Demand, slots: int) -> int:
        """Return the bits that weights and biases take, in `slots` tiles if they do not stay."""
        nest = demand.nest
        if "weight" in self.resident:
            return self.groups * nest.K * demand.filter_bits
        of_filter = self.channels * nest.R * nest.S * demand.weight_bits + demand.bias_bits
        return slots * self.groups * self.filters * of_filter

    def held_input_bits(self, demand: Demand, slots: int) -> int:
        """Return the bits that inputs from DRAM take, likewise."""
        if "input" in self.resident:
            return self.groups * demand.nest.C * self.places.fresh * demand.input_bits
        return slots * self.groups * self.channels * self.places.largest.inputs * demand.input_bits

    def held_output_bits(self, demand: Demand) -> int:
        """Return the bits that sums and outputs take, each as wide as the wider of the two (see `room_for`)."""
        nest = demand.nest
        tile = self.groups * self.filters * self.places.largest.outputs
        waiting = {  # outputs whose sums wait between two tiles of channels
            "weights outer": self.groups * self.filters * nest.N * nest.P * nest.Q,
            "activations outer": self.groups * nest.K * self.places.largest.outputs,
            "sums outer": tile,
        }
        outputs = waiting[self.order] if self.sums == "kept" else tile
        is_on_array = self.order == "sums outer" and outputs > room_for(demand, demand.sum_bits)
        has_sums = demand.has_loose_sums or (self.sums != "whole" and not is_on_array)
        wide = max(demand.sum_bits * has_sums * nest.outputs, demand.stored_bits)
        slots = 2 if self.sums == "spilled" or demand.stored_bits else 1
        return -(-slots * outputs * wide // nest.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return what a report says of it; the tile in groups, images, output rows and columns, filters, channels."""
        return {
            "order": self.order,
            "tile": {
                "groups": self.groups,
                "images": self.places.images,
                "rows": self.places.rows,
                "columns": self.places.columns,
                "filters": self.filters,
                "channels": self.channels,
            },
            "steps": self.steps,
            "sums": self.sums,
            "resident": list(self.resident),
        }


def most_steps(compute_cycles: int, memory: Memory) -> int:
    """Return the number of steps beyond which they are too short to hide the channel's latency."""
    return max(1, compute_cycles // max(1, COVERED_LATENCIES * memory.dram_latency_cycles))


@lru_cache(maxsize=1 << 12)
def choose(demand: Demand) -> Tiling:
    """Return the tiling with the least DRAM traffic. Raises ConfigError if the smallest tile does not fit."""
    demand.check()
    grid = candidates(demand)
    priced = orders(demand, grid)
    bits = np.stack([order.bits for order in priced])
    ahead = np.stack([order.ahead for order in priced])
    steps = np.broadcast_to(grid.steps, bits.shape)
    least = bits.min()
    assert least < grid.never, "the smallest tile fits, so it is among the candidates"
    is_open = bits == least
    if demand.has_loose_sums:
        is_open = _long_enough(is_open, steps, demand.most_steps)
        is_even = is_open & (EVEN_PART * ahead <= least)
        is_open = is_even if is_even.any() else is_open & (ahead == ahead[is_open].min())
    is_open &= grid.channel_number == np.broadcast_to(grid.channel_number, bits.shape)[is_open].min()
    is_open = _long_enough(is_open, steps, demand.most_steps)
    is_open &= ahead == ahead[is_open].min()
    is_open &= steps == steps[is_open].max()
    order, index = np.unravel_index(np.argmax(is_open), bits.shape)
    return _tiling(demand, grid, priced[order], int(index))


def _long_enough(is_open: Flags, steps: Ints, most: int) -> Flags:
    """Return the open candidates of at most so many steps; if there are none, those of the fewest."""
    is_long = is_open & (steps <= most)
    return is_long if is_long.any() else is_open & (steps == steps[is_open].min())


def _tiling(demand: Demand, grid: Grid, order: Order, index: int) -> Tiling:
    operands = {"input": order.inputs, "weight": order.weights, "partial_sum": order.sums}
    moved = {operand: int(bits[index]) for operand, bits in operands.items()} | {"output": demand.stored_bits}
    kept = {"input": order.keeps_inputs[index], "weight": order.keeps_weights[index]}
    is_cut = grid.channel_number[index] > 1
    return Tiling(
        order=order.name,
        groups=int(grid.groups[index]),
        places=grid.cuts[grid.cut[index]],
        filters=int(grid.filters[index]),
        channels=int(grid.channels[index]),
        steps=int(grid.steps[index]),
        sums="spilled" if moved["partial_sum"] else "kept" if is_cut else "whole",
        resident=tuple(operand for operand, is_kept in kept.items() if is_kept and moved[operand]),
        dram_bits={operand: bits for operand, bits in moved.items() if bits},
    )
