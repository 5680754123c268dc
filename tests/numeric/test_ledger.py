"""Ledgers add up, in any number of parts, to the same figures, and tell them as JSON."""

from __future__ import annotations

import itertools
import json

import pytest

from accel.numeric.ledger import KINDS, Detail, Events, Ledger

few = Detail(rounded=3, dropped_bits=4, largest_excess_lsb=0, first_index=None)
many = Detail(rounded=5, dropped_bits=2, largest_excess_lsb=9, first_index=(1, 0, 7))
early = Detail(rounded=0, dropped_bits=0, largest_excess_lsb=1, first_index=(0, 9, 9))
unit = Detail(None, None, None, (2, 0, 0))


def test_merging_parts_gives_the_whole():
    """Two ledgers merged hold the sums and the extremes of both."""
    parts = Ledger(), Ledger()
    parts[0].record("C1", "output", Events(10, 1, 0, -5, 7))
    parts[1].record("C1", "output", Events(30, 1, 2, -9, 2))
    parts[0].record("C1", "accumulator", Events(4, at_risk=2))
    parts[1].record("C1", "accumulator", Events(4, at_risk=1))
    whole = Ledger()
    for part in parts:
        whole.merge(part)
    assert whole.at("C1", "output") == Events(40, 2, 2, -9, 7)
    assert whole.at("C1", "output").overflowed == 4
    assert whole.at("C1", "output").fraction == 0.1
    assert whole.at("C1", "accumulator") == Events(8, at_risk=3)
    assert whole.at("C3", "output").fraction == 0.0


def test_observed_bits_hold_both_extremes():
    """Signed bits for a range: -8..7 needs 4, -9 needs 5, 8 needs 5, 0 needs 1."""
    ranges = {(-8, 7): 4, (-9, 7): 5, (-8, 8): 5, (0, 0): 1, (-1, 0): 1, (0, 1): 2}
    assert {limits: Events(1, 0, 0, *limits).observed_bits for limits in ranges} == ranges


def test_overflows_are_saturations_or_wraps():
    """A cast only counts its overflows; what they became depends on its overflow mode."""
    assert Events.made(9, 4, wraps=False) == Events(9, saturated=4)
    assert Events.made(9, 4, wraps=True, detail=few) == Events(9, 0, 4, detail=few)
    assert Events.made(9, 4, wraps=True).overflowed == Events.made(9, 4, wraps=False).overflowed == 4


def test_details_add_up():
    """Rounded values are summed, bits and excess are maxima, the first index is the smallest of those there are."""
    assert few + many == Detail(8, 4, 9, (1, 0, 7))
    assert few + many + early == Detail(8, 4, 9, (0, 9, 9))
    assert few + few == Detail(6, 4, 0, None)


def test_a_figure_that_one_part_cannot_tell_is_untold():
    """A unit's inside rounds unseen: the sum with it has an index and no other figure."""
    assert unit + many == Detail(None, None, None, (1, 0, 7))


@pytest.mark.parametrize("order", list(itertools.permutations([few, many, early])))
def test_details_in_any_order(order):
    """The order in which parts are added, and how they are grouped, changes nothing."""
    a, b, c = (Events(7, 1, 1, -2, 3, detail) for detail in order)
    assert (a + b) + c == a + (b + c) == Events(21, 3, 3, -2, 3, Detail(8, 4, 9, (0, 9, 9)))


def test_detail_that_covers_only_some_values_is_dropped():
    """Nobody looked at some of the values: the sum has no detail; if there were no such values, it has."""
    assert (Events(2, detail=few) + Events(1)).detail is None
    assert (Events(1) + Events(2, detail=few)).detail is None
    assert (Events() + Events(2, detail=few)).detail == (Events(2, detail=few) + Events()).detail == few


def test_a_plain_ledger_tells_counts():
    """Without detail there are three figures a kind, kinds in the order of the work, other nodes left out."""
    ledger = Ledger()
    ledger.record("C1", "output", Events(40, 3, 1))
    ledger.record("C1", "weight", Events(6, 1))
    ledger.record("F6", "weight", Events(8))
    told = ledger.to_dict("C1")
    assert told == {
        "weight": {"values": 6, "saturated": 1, "wrapped": 0},
        "output": {"values": 40, "saturated": 3, "wrapped": 1},
    }
    assert list(told) == ["weight", "output"]
    assert ledger.to_dict("S2") == {}


def test_a_detailed_ledger_tells_all():
    """With detail every kind has all keys, null where nobody could tell, and survives JSON."""
    ledger = Ledger(detailed=True)
    ledger.record("C1", "output", Events(40, 3, 1, detail=many))
    ledger.record("C1", "weight", Events(6, 1))
    told = ledger.to_dict("C1")
    assert told["output"] == {
        "values": 40,
        "saturated": 3,
        "wrapped": 1,
        "rounded": 5,
        "dropped_bits": 2,
        "largest_excess_lsb": 9,
        "first_index": [1, 0, 7],
    }
    nothing = {"rounded": None, "dropped_bits": None, "largest_excess_lsb": None, "first_index": None}
    assert told["weight"] == {"values": 6, "saturated": 1, "wrapped": 0, **nothing}
    assert json.loads(json.dumps(told)) == told


def test_kinds_have_names():
    """A kind that nobody would ever read is refused where it is recorded."""
    ledger = Ledger()
    for kind in KINDS:
        ledger.record("C1", kind, Events(1))
    with pytest.raises(AssertionError, match="weights"):
        ledger.record("C1", "weights", Events(1))
