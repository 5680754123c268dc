"""Bytes from widths, and which tensors stay on the chip."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest

from accel.arch.hardware import Memory
from accel.arch.memory import packed_bytes, stays_on_chip

MEMORY = Memory(input_bytes=100, weight_bytes=100, output_bytes=80, dram_bytes_per_cycle=4.0, dram_latency_cycles=30)


@pytest.mark.parametrize(("elements", "width", "expected"), [(0, 7, 0), (1, 1, 1), (8, 1, 1), (3, 12, 5), (5, 16, 10)])
def test_packed_bytes(elements, width, expected):
    """Codes are packed without gaps, the last byte may be part empty."""
    assert packed_bytes(elements, width) == expected == ceil(Fraction(elements * width, 8))


def test_a_tensor_must_fit_both_its_buffers():
    """Between two layers a tensor is written to one buffer and read from the other."""
    assert stays_on_chip(80, MEMORY)
    assert not stays_on_chip(81, MEMORY)
    assert not stays_on_chip(81, replace(MEMORY, input_bytes=80, output_bytes=100))
