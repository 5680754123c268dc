"""The DRAM bound: bytes from widths, stalls, prefetch."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.hardware import Memory
from accel.arch.memory import packed_bytes, prefetch_cycles, stays_on_chip, transfer_cycles, with_stall
from accel.arch.result import Cycles

MEMORY = Memory(input_bytes=100, weight_bytes=100, output_bytes=80, dram_bytes_per_cycle=4.0, dram_latency_cycles=30)
operands = st.dictionaries(st.sampled_from(["input", "weight", "output"]), st.integers(0, 10**9))


@pytest.mark.parametrize(("elements", "width", "expected"), [(0, 7, 0), (1, 1, 1), (8, 1, 1), (3, 12, 5), (5, 16, 10)])
def test_packed_bytes(elements, width, expected):
    """Codes are packed without gaps, the last byte may be part empty."""
    assert packed_bytes(elements, width) == expected == ceil(Fraction(elements * width, 8))


def test_a_tensor_must_fit_both_its_buffers():
    """Between two layers a tensor is written to one buffer and read from the other."""
    assert stays_on_chip(80, MEMORY)
    assert not stays_on_chip(81, MEMORY)
    assert not stays_on_chip(81, replace(MEMORY, input_bytes=80, output_bytes=100))


@given(operands, st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.25, 1.0, 3.0, 64.0]))
def test_a_layer_takes_the_longer_of_computing_and_moving(moved, compute, idle, bandwidth):
    """Total = max(compute, transfer - idle time before); busy and idle cycles of the channel fill the time."""
    memory = replace(MEMORY, dram_bytes_per_cycle=bandwidth)
    cycles, idle_after = with_stall(Cycles(1, compute, 2, 0), moved, memory, idle)
    transfer = ceil(Fraction(sum(moved.values())) / Fraction(bandwidth))
    assert transfer_cycles(moved, memory) == transfer
    assert cycles.total == max(compute + 3, transfer - idle)
    assert (cycles.fill, cycles.steady, cycles.drain) == (1, compute, 2)
    assert transfer + idle_after == cycles.total + idle


@given(operands, st.integers(1, 10**6))
def test_more_bandwidth_never_costs_cycles(moved, compute):
    """Stalls fall, or stay, as the channel widens; a channel of 0 is not modelled and never waits."""
    stalls = [
        with_stall(Cycles(0, compute, 0, 0), moved, replace(MEMORY, dram_bytes_per_cycle=bandwidth), 0)[0].stall
        for bandwidth in (0.5, 1.0, 2.5, 16.0, 1e9, 0.0)
    ]
    assert stalls == sorted(stalls, reverse=True)
    assert stalls[-1] == 0


def test_prefetch():
    """A layer's first operands come after the channel's latency; nothing is fetched when nothing is off chip."""
    assert prefetch_cycles({"input": 9, "weight": 8}, MEMORY) == 30 + 5
    assert prefetch_cycles({}, MEMORY) == 0
    assert prefetch_cycles({"input": 9}, replace(MEMORY, dram_bytes_per_cycle=0.0)) == 0
