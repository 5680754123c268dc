"""All tilings of one layer side by side, as integer arrays, and what each of them moves between DRAM and chip.

What the orders are, what stays and what is spilled is told in `accel.arch.tiling`; here is the arithmetic of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accel.arch.demand import Demand
from accel.arch.places import Places, even_sizes, place_cuts
from accel.loopnest import LoopNest

INT64_BITS = 63
"""Numbers of as many bits are int64; where any could be larger, all are Python's integers, in arrays of objects."""

CLOSE = 1e-9
"""Relative error of prices in float64, with a wide margin."""

Ints: TypeAlias = NDArray[Any]
Flags: TypeAlias = NDArray[np.bool_]


class Grid(NamedTuple):
    """Candidates: tile sizes (groups, which cut of the places, filters, channels) and how many tiles there are.

    never: bits of a tiling that does not fit, more than any that does.
    """

    cuts: tuple[Places, ...]
    groups: Ints
    cut: Ints
    filters: Ints
    channels: Ints
    group_number: Ints
    cut_number: Ints
    filter_number: Ints
    channel_number: Ints
    never: int

    @property
    def steps(self) -> Ints:
        """Tiles in all."""
        return self.group_number * self.cut_number * self.filter_number * self.channel_number


class Order(NamedTuple):
    """One order of all candidates: bits moved in all and by operand, and by how much loads run ahead of even ones."""

    name: str
    bits: Ints
    ahead: Ints
    inputs: Ints
    weights: Ints
    sums: Ints
    keeps_inputs: Flags
    keeps_weights: Flags


def candidates(demand: Demand) -> Grid:
    """Return the candidates: the axes of one group cut in every way, and several whole groups at once.

    Where 64 bits could be too few, only those that move least, up to `CLOSE`, by their prices in float64: exact numbers
    of any size take their time. What fits a buffer is told exactly even so, for such numbers are below 2^53.
    """
    nest, grain = demand.nest, demand.grain
    cuts = place_cuts(nest, grain.places)
    of_group = np.meshgrid(
        np.arange(len(cuts)),
        even_sizes(nest.K, grain.filters),
        even_sizes(nest.C, grain.channels),
        indexing="ij",
    )
    cut, filters, channels = (axis.ravel() for axis in of_group)
    together = np.array(even_sizes(nest.G))
    whole = np.zeros_like(together)
    sizes = np.array(
        (
            np.concatenate((np.ones_like(cut), together)),
            np.concatenate((cut, whole)),
            np.concatenate((filters, whole + nest.K)),
            np.concatenate((channels, whole + nest.C)),
        )
    )
    never = _more_than_any(demand, cuts)
    if never.bit_length() <= INT64_BITS:
        return _grid(nest, cuts, sizes, np.int64, never)
    bits = np.stack([order.bits for order in orders(demand, _grid(nest, cuts, sizes, np.float64, never))])
    is_close = (bits <= (1 + CLOSE) * bits.min()).any(axis=0)
    return _grid(nest, cuts, sizes[:, is_close], object, never)


def _grid(nest: LoopNest, cuts: tuple[Places, ...], sizes: Ints, kind: type, never: int) -> Grid:
    """Return the grid of sizes (groups, cut, filters, channels by row) in numbers of one kind."""
    cut = sizes[1]
    groups, _, filters, channels = sizes.astype(kind)
    cut_number = np.array([places.number for places in cuts], kind)[cut]
    numbers = -(-nest.G // groups), cut_number, -(-nest.K // filters), -(-nest.C // channels)
    return Grid(cuts, groups, cut, filters, channels, *numbers, never)


def _more_than_any(demand: Demand, cuts: tuple[Places, ...]) -> int:
    """Return a number above every number of the candidates: each operand as often as the finest tiles would bring it.

    What is held is no more than what is moved and kept together, and there are no more tiles than outputs times
    channels, whose sums would be spilled with a bit each at least.
    """
    nest = demand.nest
    inputs = nest.G * nest.C * max(places.inputs for places in cuts) * max(1, demand.input_bits) * nest.K
    weights = nest.G * nest.K * max(1, demand.filter_bits) * max(places.number for places in cuts)
    return 4 * (inputs + weights + nest.C * nest.outputs * max(1, demand.sum_bits))


def orders(demand: Demand, grid: Grid) -> list[Order]:
    """Price every candidate in every order; `grid.never` where something does not fit."""
    nest, groups = demand.nest, grid.groups
    by_cut = np.array([(p.largest.outputs, p.largest.inputs, p.inputs) for p in grid.cuts], groups.dtype)
    outputs, seen, all_seen = by_cut[grid.cut].T
    outputs = groups * grid.filters * outputs
    inputs = groups * grid.channels * seen * demand.input_bits
    weights = groups * grid.filters * (grid.channels * nest.R * nest.S * demand.weight_bits + demand.bias_bits)
    all_inputs = groups * nest.C * grid.cuts[0].fresh * demand.input_bits
    all_weights = groups * nest.K * demand.filter_bits
    turns = 1 + (grid.group_number > 1)
    keeps_inputs = turns * all_inputs <= 8 * demand.input_room
    keeps_weights = turns * all_weights <= 8 * demand.weight_room
    fits = keeps_inputs | (2 * inputs <= 8 * demand.input_room)
    fits &= keeps_weights | (2 * weights <= 8 * demand.weight_room)

    positions = np.where(keeps_inputs, grid.cuts[0].fresh, all_seen)
    inputs_once = nest.G * nest.C * positions * demand.input_bits
    inputs_again = np.where(keeps_inputs, inputs_once, grid.filter_number * inputs_once)
    weights_once = np.full_like(groups, nest.G * nest.K * demand.filter_bits)
    weights_again = np.where(keeps_weights, weights_once, grid.cut_number * weights_once)
    of_strip = outputs * grid.filter_number  # all filters of a tile of places, and all places of a tile of filters
    of_column = groups * grid.filters * nest.N * nest.P * nest.Q

    by_weights = np.where(keeps_inputs, all_inputs, 0) + weights, grid.filter_number
    by_places = np.where(keeps_weights, all_weights, 0) + inputs, grid.cut_number
    cases = (
        ("weights outer", inputs_again, weights_once, by_weights, sums_outside(demand, grid, outputs, of_column)),
        ("activations outer", inputs_once, weights_again, by_places, sums_outside(demand, grid, outputs, of_strip)),
        ("sums outer", inputs_again, weights_again, by_places, sums_inside(demand, grid, outputs)),
    )
    found = []
    for name, of_inputs, of_weights, (in_first_pass, passes), (is_possible, of_sums) in cases:
        moved = of_inputs + of_weights + of_sums
        ahead = np.maximum(inputs + weights, in_first_pass - moved // (grid.group_number * passes))
        bits = np.where(fits & is_possible, moved, grid.never)
        found.append(Order(name, bits, ahead, of_inputs, of_weights, of_sums, keeps_inputs, keeps_weights))
    return found


def sums_outside(demand: Demand, grid: Grid, tile: Ints, kept: Ints) -> tuple[Flags, Ints]:
    """Return where the outputs of a tile have a place, and the bits of spilled sums, if channels are an outer loop.

    tile: outputs of a tile. kept: sums that wait between two channel tiles, if they can.
    """
    is_whole = grid.channel_number == 1
    fits_whole = tile <= room_for(demand, demand.sum_bits if demand.has_loose_sums else 0)
    is_kept = kept <= room_for(demand, demand.sum_bits)
    fits_spilled = tile <= room_for(demand, demand.sum_bits, is_moving=True)
    spilled = 2 * (grid.channel_number - 1) * demand.nest.outputs * demand.sum_bits
    is_possible = np.where(is_whole, fits_whole, is_kept | fits_spilled)
    return is_possible, np.where(is_whole | is_kept, 0, spilled)


def sums_inside(demand: Demand, grid: Grid, tile: Ints) -> tuple[Flags, Ints]:
    """Return the same if channels are the innermost loop: the sums of the smallest tile may stay on the array."""
    is_kept = tile <= room_for(demand, demand.sum_bits)
    if not demand.has_loose_sums:
        is_kept |= (tile <= demand.least_outputs) & (tile <= room_for(demand, 0))
    return (grid.channel_number > 1) & is_kept, np.zeros_like(tile)


def room_for(demand: Demand, sum_bits: int, is_moving: bool = False) -> int:
    """Return how many outputs of a tile the output buffer takes, each as wide as its sum or as what is stored of it.

    Two tiles if anything moves to DRAM, because one of them is on its way then. All of them if they take no room.
    """
    outputs = demand.nest.outputs
    wide = max(sum_bits * outputs, demand.stored_bits)
    if not wide:
        return outputs
    return 8 * demand.output_room * outputs // (wide * (2 if is_moving or demand.stored_bits else 1))
