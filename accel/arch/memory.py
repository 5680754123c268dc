"""DRAM as a first bound: every operand crosses the channel once, while the layer that it belongs to computes.

A layer takes max(compute, bytes / bandwidth): buffers are double, so transfers hide behind the layer's own computation
and the excess is its stall. The first fold cannot hide; it is reported as prefetch and not counted in the total. What
this leaves out: tiling by capacity (an operand that must be read again because its buffer is small; partial sums are
always kept on chip, the weight buffer always holds a fold), tensors that compete for one buffer, bank conflicts,
refresh, row misses, and prefetching during the layer before.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from accel.arch.hardware import Memory
from accel.arch.result import Cycles


def packed_bytes(elements: int, width_bits: int) -> int:
    """Return the bytes of `elements` codes, packed without gaps."""
    return -(-elements * width_bits // 8)


def stays_on_chip(tensor_bytes: int, memory: Memory) -> bool:
    """Tell whether a tensor between two layers fits the buffer it is written to and the one it is read from."""
    return tensor_bytes <= min(memory.input_bytes, memory.output_bytes)


def transfer_cycles(operand_bytes: Mapping[str, int], memory: Memory) -> int:
    """Return the cycles in which the channel is busy; 0 when it is not modelled."""
    if not memory.dram_bytes_per_cycle:
        return 0
    return ceil(sum(operand_bytes.values()) / memory.dram_bytes_per_cycle)


def with_stall(cycles: Cycles, dram_bytes: Mapping[str, int], memory: Memory, idle_cycles: int) -> tuple[Cycles, int]:
    """Return a layer's cycles with its wait for the channel, and for how long the channel was idle.

    idle_cycles: how long the channel was idle during the layer behind which this one streams, 0 when it starts afresh.
    """
    available_cycles = cycles.compute + idle_cycles
    busy_cycles = transfer_cycles(dram_bytes, memory)
    waiting = Cycles(cycles.fill, cycles.steady, cycles.drain, stall=max(0, busy_cycles - available_cycles))
    return waiting, max(0, available_cycles - busy_cycles)


def prefetch_cycles(first_bytes: Mapping[str, int], memory: Memory) -> int:
    """Return the cycles before a layer can start: the channel's latency and its first operands; 0 when not modelled."""
    if not memory.dram_bytes_per_cycle or not any(first_bytes.values()):
        return 0
    return memory.dram_latency_cycles + transfer_cycles(first_bytes, memory)
