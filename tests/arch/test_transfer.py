"""The recurrence of transfers: equal to a discrete-event simulation, however it is run-length encoded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.hardware import Memory
from accel.arch.transfer import Ahead, Channel, State, Step, first_fill, run, step
from tests.arch.events import simulate

ticks = st.one_of(st.integers(0, 12), st.integers(0, 200))
steps = st.builds(Step, ticks, st.integers(1, 100), ticks)
programs = st.recursive(
    st.lists(st.tuples(st.integers(1, 6), steps), min_size=1, max_size=3).map(tuple),
    lambda inner: st.lists(st.tuples(st.integers(1, 4), inner), min_size=1, max_size=3).map(tuple),
    max_leaves=6,
)
latencies = st.one_of(st.just(0), st.integers(0, 150))


def flat(program) -> list[Step]:
    """Every step of a program, one after another."""
    found = []
    for count, body in program:
        found += count * ([body] if isinstance(body, Step) else flat(body))
    return found


def started(latency: int) -> State:
    """The first tile has just arrived."""
    return State(-latency, -latency, -latency)


@given(steps, programs, latencies)
def test_equals_the_event_simulation(first, program, latency):
    """The last computation ends when the simulation says, for any program."""
    state = run(step(started(latency), first._replace(load=0), latency, 0), program, latency)
    tiles = [first, *flat(program)]
    columns = zip(*tiles, strict=True)
    assert state.last == simulate(*(list(column) for column in columns), latency)


@given(steps, programs, latencies, st.integers(1, 400))
def test_run_length_encoding_changes_nothing(first, program, latency, count):
    """Repeating a program is running it again and again, with its whole state."""
    begin = step(started(latency), first._replace(load=0), latency, 0)
    one_by_one = begin
    for _ in range(count):
        for item in flat(program):
            one_by_one = step(one_by_one, item, latency)
    assert run(begin, ((count, program),), latency) == one_by_one


def test_a_million_tiles_take_no_longer_than_a_few():
    """Loads of 9 behind computations of 10: all are hidden; of 11: the channel sets the pace."""
    million = 10**6
    for load, expected in ((9, 10 * (million + 1)), (11, 10 + 11 * million + 1)):
        state = run(step(started(0), Step(0, 10, 0), 0, 0), ((million, Step(load, 10, 0)),), 0)
        # The second tile is loaded while the first is computed; the last one is computed after its load.
        assert state.last == (expected if load == 9 else 11 * million + 10)


def test_latency_costs_two_slots_a_round_trip():
    """A slot is asked for again when it is free: two steps in load + latency + compute, if nothing takes longer."""
    state = run(step(started(100), Step(0, 10, 0), 100, 0), ((1000, Step(5, 10, 0)),), 100)
    assert state.last == pytest.approx(1000 * (5 + 100 + 10) / 2, rel=0.01)


@given(steps, programs, st.integers(0, 100), st.integers(2, 5))
def test_a_wider_channel_is_never_slower(first, program, latency, factor):
    """All transfers `factor` times as long never make the end come earlier, seen from the arrival of the first."""

    def end(scale: int) -> int:
        def scaled(body):
            if isinstance(body, Step):
                return body._replace(load=scale * body.load, store=scale * body.store)
            return tuple((count, scaled(inner)) for count, inner in body)

        begin = step(started(latency), scaled(first)._replace(load=0), latency, 0)
        return run(begin, scaled(program), latency).last

    assert end(1) <= end(factor)


@pytest.mark.parametrize(
    ("until", "arrival"), [(Ahead.ROOM, 40 + 7 + 2), (Ahead.SLOT, 60 + 7 + 2), (Ahead.EMPTY, 100 + 7 + 2)]
)
def test_first_tiles_wait_for_room(until, arrival):
    """Free since 40, second last step computed at 60, last one at 100."""
    state, there = first_fill(State(40, 100, 60), 7, 0, until, latency=2)
    assert (there, state.channel, state.last) == (arrival, arrival - 2, 100)


def test_what_was_stored_is_loaded_after_its_stores():
    """Stores of the second last and the last step (60, 100) come first, then the load, then the latency."""
    state, there = first_fill(State(40, 100, 60, owed=30, owed_before=10), 0, 5, Ahead.ROOM, latency=2)
    assert there == 100 + 30 + 5 + 2
    assert (state.owed, state.owed_before) == (0, 0)


@pytest.mark.parametrize("bandwidth", [0.1, 0.25, 1, 3, 48.57, 77, 1e9])
@pytest.mark.parametrize("latency", [0, 30])
def test_channel_in_ticks(bandwidth, latency):
    """A byte takes 1 / bandwidth cycles, exactly as written."""
    channel = Channel.of(Memory(1, 1, 1, bandwidth, latency))
    assert channel.cycle / (8 * channel.bit) == pytest.approx(bandwidth, rel=1e-15)
    assert channel.latency == latency * channel.cycle
    assert channel.cycles(8 * 1000 * channel.bit) == math.ceil(round(1000 / bandwidth, 9))
    assert channel.cycles(channel.cycle) == 1


def test_a_channel_that_is_not_modelled_takes_no_time():
    """Neither bits nor the latency take ticks."""
    channel = Channel.of(Memory(1, 1, 1, None, 30))
    assert (channel.bit, channel.latency) == (0, 0)
