"""Function units: closed forms against values that pass one by one."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch import dataflows
from accel.arch.cost import Results, UnitWork, array_step, element_work, row_work, window_work
from accel.arch.hardware import Array
from accel.loopnest import LoopNest
from accel.units.cost import UnitCost

costs = st.builds(UnitCost, st.integers(1, 20), st.integers(1, 20))
counts = st.integers(1, 60)
lanes = st.integers(1, 9)


def evenly(cycles: int) -> Results:
    """Results that come one by one, without tiles."""
    return Results(cycles, Fraction(1), cycles)


def last_result(arrivals: list[int], cost: UnitCost) -> int:
    """Pass values through one lane: each is taken when it is there and the lane is free -> cycle of the last result."""
    taken = -cost.interval_cycles
    for arrival in arrivals:
        taken = max(arrival, taken + cost.interval_cycles)
    return taken + cost.latency_cycles - 1


@given(counts, lanes, costs)
def test_elements_alone(elements, lanes, cost):
    """The busiest lane takes its values one after another; the count ends with the last result."""
    per_lane = max(len(range(lane, elements, lanes)) for lane in range(lanes))
    step = element_work(elements, lanes, cost).alone()
    assert step.cycles.total == last_result([0] * per_lane, cost) + 1
    assert step.hidden_cycles == 0


@given(counts, st.integers(1, 200), costs)
def test_elements_behind_a_layer(elements, result_cycles, cost):
    """When results come evenly, the unit ends as many cycles after the layer as the closed form says."""
    steps = max(1, elements - 1)
    leaving = [index * (result_cycles - 1) // steps for index in range(elements)]
    work = element_work(elements, 1, cost)
    step = work.behind(evenly(result_cycles))
    first_to_last = result_cycles if elements > 1 else 1
    ends = last_result([cycle + 1 for cycle in leaving], cost)
    assert work.behind(evenly(first_to_last)).cycles.total == ends - (first_to_last - 1)
    assert step.hidden_cycles + step.cycles.steady == work.entering_cycles
    assert step.results.cycles == max(result_cycles, work.entering_cycles)


@pytest.mark.parametrize("unit_lanes", [1, 2, 3, 8])
@pytest.mark.parametrize("dataflow", ["os", "ws", "is", "adder-tree", "conv-engine", "vector"])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("filters", [4, 6, 11])
def test_elements_behind_tiles_of_results(dataflow, kernel, filters, unit_lanes):
    """A unit behind an array that gives its results tile by tile: values are queued as they leave, and counted out.

    Every tile's results leave as evenly as the last one's do; tiles follow each other as evenly as they can.
    """
    nest = LoopNest("array", K=filters, C=5, P=6, Q=5, R=kernel, S=kernel, height=8, width=8)
    made = array_step(dataflows.schedule(nest, Array(dataflow, 4, 4))).results
    number = round(1 / made.last_share)
    apart = (made.cycles - made.last_cycles) / max(1, number - 1)
    of_tile = [-(-nest.outputs * tile // number) for tile in range(number + 1)]
    arrivals = [
        int(tile * apart + index * made.last_cycles / (end - begin))
        for tile, (begin, end) in enumerate(pairwise(of_tile))
        for index in range(end - begin)
    ]
    free = [0] * unit_lanes
    for index, arrival in enumerate(arrivals):
        free[index % unit_lanes] = max(arrival + 1, free[index % unit_lanes]) + 1
    lag = max(free) - 1 - made.cycles
    step = element_work(nest.outputs, unit_lanes, UnitCost(1)).behind(made)
    assert step.cycles.steady == pytest.approx(max(0, lag), abs=2 + 0.02 * made.cycles)
    assert step.results.cycles == made.cycles + step.cycles.steady


def test_the_last_tile_of_a_convolution_engine_is_waited_for():
    """4 x 8 x 8 outputs in two tiles of 2 maps, each finished in the last 64 of its cycles, two a cycle: one lane lags.

    On average there is a result every fifth cycle, and one lane would do. Two lanes take them as they come.
    """
    nest = LoopNest("array", K=4, C=2, P=8, Q=8, R=3, S=3, height=10, width=10)
    results = array_step(dataflows.schedule(nest, Array("conv-engine", 2, 2))).results
    assert (results.last_share, results.last_cycles) == (Fraction(1, 2), 64)
    assert results.cycles > 256
    assert element_work(256, 1, UnitCost(1)).behind(results).cycles.steady == 128 - 64
    assert element_work(256, 2, UnitCost(1)).behind(results).cycles.steady == 0


@given(counts, st.integers(1, 9), lanes, costs, costs)
def test_windows_alone(windows, values, lanes, gather, finish):
    """A lane gathers a window value by value and cannot hand it on before `finish` has taken the one before."""
    per_lane = -(-windows // lanes)
    start = gathered = -finish.interval_cycles
    for window in range(per_lane):
        earliest = 0 if window == 0 else max(gathered + 1, start + finish.interval_cycles)
        start, gathered = earliest, earliest + (values - 1) * gather.interval_cycles
    total = window_work(windows, values, lanes, gather, finish).alone().cycles.total
    assert total == gathered + 1 + gather.latency_cycles + finish.latency_cycles - 1


@given(counts, costs)
def test_rows_alone(rows, cost):
    """Rows follow each other after an interval; the last one ends a row's time after it began."""
    work = row_work(rows, 1, lambda lanes: UnitCost(cost.latency_cycles, cost.interval_cycles, passes=2))
    assert work.alone().cycles.total == last_result([0] * rows, cost) + 1
    assert work.passes == 2


@given(counts, lanes, st.integers(1, 40), st.integers(1, 12))
def test_rows_are_dealt_to_lanes(rows, lanes, values, depth):
    """Whatever number of rows is worked on at a time, none is done sooner; each row is a stream through its lanes."""

    def cost(lanes: int) -> UnitCost:
        cycles = depth + -(-values // lanes)
        return UnitCost(cycles, cycles)

    def ends(at_once: int) -> int:
        free = 0
        for first in range(0, rows, at_once):
            together = range(min(at_once, rows - first))
            free = max(free + begin + cost(lanes // at_once).latency_cycles for begin in together)
        return free

    total = row_work(rows, lanes, cost).alone().cycles.total
    assert total == min(ends(at_once) for at_once in range(1, lanes + 1))
    assert total <= rows * cost(lanes).latency_cycles
    assert row_work(rows, lanes + 1, cost).alone().cycles.total <= total


def test_a_unit_hides_completely_behind_a_slow_layer():
    """Ten values behind a hundred cycles of results add the unit's depth only."""
    step = UnitWork(10, 4).behind(evenly(100))
    assert (step.cycles.total, step.hidden_cycles, step.results.cycles) == (4, 10, 100)
