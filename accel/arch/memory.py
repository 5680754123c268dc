"""Bytes and buffers: how codes are packed, and when a tensor stays on the chip between two layers.

What a layer moves is chosen in `accel.arch.tiling`, when it moves is told by `accel.arch.transfer`. What both leave
out: bank conflicts, refresh, row misses, and buffers that are shared out differently from layer to layer.
"""

from __future__ import annotations

from accel.arch.hardware import Memory


def packed_bytes(elements: int, width_bits: int) -> int:
    """Return the bytes of `elements` codes, packed without gaps."""
    return -(-elements * width_bits // 8)


def stays_on_chip(tensor_bytes: int, memory: Memory) -> bool:
    """Tell whether a tensor between two layers fits the buffer it is written to and the one it is read from."""
    return tensor_bytes <= min(memory.input_bytes, memory.output_bytes)
