"""What a layer of the array asks of the memories, and the least that they must hold for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from accel.arch.mapping import SPATIAL, Schedule
from accel.arch.places import place_cuts
from accel.errors import ConfigError
from accel.loopnest import LoopNest


class Grain(NamedTuple):
    """The smallest tile: what lies side by side on the array; channels with whole kernels."""

    places: int
    filters: int
    channels: int


def grain_of(schedule: Schedule, nest: LoopNest) -> Grain:
    """Return how many places, filters and channels a schedule has side by side."""
    side = dict.fromkeys(("places", "filters", "channels", "products", "kernel", "outputs"), 1)
    for loop in schedule.loops:
        if loop.kind in SPATIAL:
            side[_axis(loop.dim)] *= loop.steps
    places = nest.P * nest.Q  # outputs of any kind run over the places first
    return Grain(
        min(nest.N * places, side["places"] * min(places, side["outputs"])),
        min(nest.K, side["filters"] * -(-side["outputs"] // places)),
        min(nest.C, side["channels"] * -(-side["products"] // (nest.R * nest.S))),
    )


def _axis(dim: str) -> str:
    letters = set(dim)
    if letters <= set("NPQ"):
        return "places"
    if letters <= set("RS"):
        return "kernel"
    if letters <= set("CRS"):
        return "channels" if dim == "C" else "products"
    return "filters" if dim == "K" else "outputs"


@dataclass(frozen=True)
class Demand:
    """A layer's loops with the widths of what it moves and the room that it finds.

    input_bits, weight_bits, bias_bits: width of an element that comes from DRAM, 0 if it lies on the chip.
    sum_bits: width of a partial sum. stored_bits: all that goes to DRAM when outputs are finished, 0 if they stay.
    has_loose_sums: the array gives up sums before they are finished, so they need a place whatever the tiles are.
    input_room, weight_room, output_room: bytes free in the buffers.
    most_steps: the number of steps beyond which they are too short to hide the latency of the channel.
    """

    nest: LoopNest
    grain: Grain
    input_bits: int
    weight_bits: int
    bias_bits: int
    sum_bits: int
    stored_bits: int
    has_loose_sums: bool
    input_room: int
    weight_room: int
    output_room: int
    most_steps: int

    @cached_property
    def filter_bits(self) -> int:
        """Bits of all weights of one filter and its bias."""
        return self.nest.C * self.nest.R * self.nest.S * self.weight_bits + self.bias_bits

    @cached_property
    def least_outputs(self) -> int:
        """Outputs of the smallest tile."""
        return place_cuts(self.nest, self.grain.places)[-1].largest.outputs * self.grain.filters

    @cached_property
    def least_bytes(self) -> Mapping[str, int]:
        """Bytes that the smallest tile takes of each buffer: two of them, unless one is all there is."""
        nest, grain = self.nest, self.grain
        cut = place_cuts(nest, grain.places)[-1]
        inputs = grain.channels * cut.largest.inputs * self.input_bits
        weights = grain.filters * (grain.channels * nest.R * nest.S * self.weight_bits + self.bias_bits)
        sums = nest.outputs * self.sum_bits if self.has_loose_sums else 0
        outputs = self.least_outputs * max(sums, self.stored_bits) * (2 if self.stored_bits else 1)
        bits = {
            "input": min(2 * inputs, nest.G * nest.C * cut.fresh * self.input_bits),
            "weight": min(2 * weights, nest.G * nest.K * self.filter_bits),
            "output": -(-outputs // nest.outputs),
        }
        return {buffer: -(-number // 8) for buffer, number in bits.items()}

    def check(self) -> None:
        """Raise ConfigError, with the sizes, for every buffer that is too small for the smallest tile."""
        nest, grain = self.nest, self.grain
        cut = place_cuts(nest, grain.places)[-1]
        tiles = {
            "input": f"inputs (channels: {grain.channels}, of what {cut.largest.outputs} outputs see)",
            "weight": f"weights (filters: {grain.filters}, channels: {grain.channels}, kernel {nest.R} x {nest.S})",
            "output": f"outputs (places: {cut.largest.outputs}, filters: {grain.filters})",
        }
        rooms = {"input": self.input_room, "weight": self.weight_room, "output": self.output_room}
        problems = [
            f"the smallest tile of {tiles[buffer]} takes {least} bytes, counting room for a next one, and "
            f"memory.{buffer}_bytes has {rooms[buffer]} for it; make it larger or the array smaller"
            for buffer, least in self.least_bytes.items()
            if least > rooms[buffer]
        ]
        if problems:
            raise ConfigError(problems)
