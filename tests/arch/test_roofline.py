"""Names of bounds and of what is behind them, and where layers stand under the roof."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.result import Cycles
from accel.arch.roofline import bounds, losses, ridge, roofline

OPERANDS = ("weight", "bias", "input", "partial_sum", "output")


@pytest.mark.parametrize(
    ("work", "transfers", "stall", "expected"),
    [
        ({"compute": 9, "fill/drain": 2}, {}, 0, ("compute", "fill/drain", 2)),
        ({"compute": 9, "fill/drain": 10}, {}, 0, ("fill/drain", "compute", 9)),
        # It waits, and the channel is busy for longer than the array: 13 cycles of 14.
        ({"compute": 9, "fill/drain": 2}, {"weight": 5, "bias": 1, "input": 4, "output": 3}, 3,
         ("weights", "compute", 11)),
        ({"compute": 9, "fill/drain": 2}, {"weight": 5, "input": 7, "output": 3}, 5, ("activations", "compute", 11)),
        ({"compute": 5, "fill/drain": 0}, {"weight": 5, "input": 7, "output": 3, "partial_sum": 5}, 16,
         ("output bandwidth", "activations", 12)),
        # It waits a little although the channel is not the slower side: the array still bounds it.
        ({"compute": 90, "fill/drain": 2}, {"input": 40}, 8, ("compute", "activations", 40)),
        # It waits for longer than it works, for its first tiles.
        ({"compute": 9, "fill/drain": 2}, {"input": 4}, 20, ("activations", "compute", 11)),
        ({"activations": 9, "fill/drain": 2}, {"input": 4}, 0, ("activations", "activations", 4)),
        ({"unit": 7}, {}, 0, ("unit", "none", 0)),
        ({"unit": 7}, {"output": 9}, 4, ("output bandwidth", "unit", 7)),
        ({"unit": 7}, {"output": 5}, 0, ("unit", "output bandwidth", 5)),
    ],
)  # fmt: skip
def test_bounds_are_named(work, transfers, stall, expected):
    """The longer side, array or channel, and the most of it; then the same without that."""
    working = sum(work.values())
    assert tuple(bounds(work, transfers, Cycles(0, working, 0, stall))) == expected


@pytest.mark.parametrize(
    ("transfers", "first", "stall", "expected"),
    [
        # All that it moves comes before it starts, and it waits for that.
        ({}, {"input": 50}, 45, ("activations", "compute", 11)),
        ({}, {"input": 50, "weight": 60}, 105, ("weights", "activations", 47)),
        # What it waits for is what it moves while it works; the first tiles came in time.
        ({"input": 40}, {"weight": 500}, 29, ("activations", "compute", 11)),
        # Both: 20 of the 49 cycles that it waits are those of the first tiles.
        ({"input": 40}, {"weight": 20}, 49, ("activations", "weights", 20)),
        # It moves nothing and waits: for the room that outputs before it take.
        ({}, {}, 30, ("output bandwidth", "compute", 11)),
        # It waits for less than it works.
        ({}, {"weight": 500}, 9, ("compute", "weights", 9)),
    ],
)
def test_first_tiles_count_as_far_as_they_are_waited_for(transfers, first, stall, expected):
    """11 cycles of work; first tiles bound a layer if it waits for them, never if others hide them."""
    cycles = Cycles(0, 9, 2, stall)
    assert tuple(bounds({"compute": 9, "fill/drain": 2}, transfers, cycles, first)) == expected


@pytest.mark.parametrize(
    ("cycles", "utilization", "efficiency", "expected"),
    [
        (Cycles(10, 60, 10, 20), 0.6, 1.0, (0.0, 0.0, 0.2, 0.2)),
        (Cycles(0, 100, 0, 0), 0.25, 0.25, (0.75, 0.0, 0.0, 0.0)),
        (Cycles(0, 100, 0, 0), 0.25, 0.5, (0.5, 0.25, 0.0, 0.0)),
    ],
)
def test_losses_and_utilization_are_all_there_is(cycles, utilization, efficiency, expected):
    """Edges, a narrower bus, fill and drain, waiting: with what is used they are 1."""
    lost = losses(cycles, utilization, efficiency)
    assert tuple(lost) == pytest.approx(expected)
    assert sum(lost) + utilization == pytest.approx(1)


@given(
    st.dictionaries(st.sampled_from(["compute", "fill/drain"]), st.integers(0, 10**6), min_size=1),
    st.dictionaries(st.sampled_from(OPERANDS), st.integers(0, 10**6)),
    st.integers(0, 10**6),
)
def test_without_its_bound_a_layer_is_not_slower(work, transfers, waits):
    """The next bound takes no longer than the layer does, and is another one unless the operand bounds both sides."""
    cycles = Cycles(0, sum(work.values()), 0, max(waits, sum(transfers.values()) - sum(work.values()), 0))
    found = bounds(work, transfers, cycles)
    assert found.next_cycles <= cycles.total
    assert found.next_bound != found.bound
    assert (found.next_bound == "none") == (found.next_cycles == 0)


def test_roofline_of_tpuv1():
    """Jouppi et al., ISCA 2017: 65 536 MACs, 34 GB/s at 700 MHz: ridge 1350 MACs per byte; MLP0 has 200."""
    bandwidth = 34e9 / 700e6
    assert ridge(65536, bandwidth) == pytest.approx(1349, abs=1)
    place = roofline(200 * 1000, Cycles(0, 100, 0, 0), 1000, 65536, bandwidth)
    assert 2 * place.attainable * 700e6 / 1e12 == pytest.approx(13.6, abs=0.05)
    assert (place.intensity, place.attained) == (200.0, 2000.0)
    assert roofline(2888 * 1000, Cycles(0, 100, 0, 0), 1000, 65536, bandwidth).attainable == 65536


def test_without_a_channel_the_roof_is_flat():
    """No bytes, or no channel that is modelled: only the peak is left."""
    assert ridge(64, None) is None
    assert roofline(100, Cycles(0, 10, 0, 0), 0, 64, 4.0).attainable == 64
    assert roofline(100, Cycles(0, 10, 0, 0), 50, 64, None).intensity == 2.0
