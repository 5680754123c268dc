"""Ledgers add up, in any number of parts, to the same counts."""

from accel.numeric.ledger import Events, Ledger


def test_merging_parts_gives_the_whole():
    """Two ledgers merged hold the sums and the extremes of both."""
    parts = Ledger(), Ledger()
    parts[0].record("C1", "output", Events(10, 1, -5, 7))
    parts[1].record("C1", "output", Events(30, 3, -9, 2))
    parts[1].record("C1", "accumulator", Events(4))
    whole = Ledger()
    for part in parts:
        whole.merge(part)
    assert whole.at("C1", "output") == Events(40, 4, -9, 7)
    assert whole.at("C1", "output").fraction == 0.1
    assert whole.at("C3", "output").fraction == 0.0


def test_observed_bits_hold_both_extremes():
    """Signed bits for a range: -8..7 needs 4, -9 needs 5, 8 needs 5, 0 needs 1."""
    ranges = {(-8, 7): 4, (-9, 7): 5, (-8, 8): 5, (0, 0): 1, (-1, 0): 1, (0, 1): 2}
    assert {limits: Events(1, 0, *limits).observed_bits for limits in ranges} == ranges
