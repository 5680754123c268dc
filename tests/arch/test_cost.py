"""Function units: closed forms against values that pass one by one."""

from hypothesis import given
from hypothesis import strategies as st

from accel.arch.cost import UnitWork, element_work, row_work, window_work
from accel.units.cost import UnitCost

costs = st.builds(UnitCost, st.integers(1, 20), st.integers(1, 20))
counts = st.integers(1, 60)
lanes = st.integers(1, 9)


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
    step = work.behind(result_cycles)
    first_to_last = result_cycles if elements > 1 else 1
    ends = last_result([cycle + 1 for cycle in leaving], cost)
    assert work.behind(first_to_last).cycles.total == ends - (first_to_last - 1)
    assert step.hidden_cycles + step.cycles.steady == work.entering_cycles
    assert step.result_cycles == max(result_cycles, work.entering_cycles)


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
    work = row_work(rows, UnitCost(cost.latency_cycles, cost.interval_cycles, passes=2))
    assert work.alone().cycles.total == last_result([0] * rows, cost) + 1
    assert work.passes == 2


def test_a_unit_hides_completely_behind_a_slow_layer():
    """Ten values behind a hundred cycles of results add the unit's depth only."""
    step = UnitWork(10, 4).behind(100)
    assert (step.cycles.total, step.hidden_cycles, step.result_cycles) == (4, 10, 100)
