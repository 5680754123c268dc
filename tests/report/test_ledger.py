"""The ledger as rows and sentences."""

from __future__ import annotations

import pytest

from accel.report import ledger
from tests.report.examples import explained_run


@pytest.fixture
def explained():
    """A run with a ledger."""
    return explained_run()


def test_rows_are_in_network_order(explained):
    """The input comes first, then every layer's tensors in the order in which it handles them, each once."""
    found = [(row.layer, row.kind) for row in ledger.rows(explained)]
    assert found[:5] == [
        ("input", "input"),
        ("C1", "weight"),
        ("C1", "bias"),
        ("C1", "accumulator"),
        ("C1", "output"),
    ]
    assert [layer for layer, kind in found if kind == "output"] == [layer["name"] for layer in explained["layers"]]
    assert len(set(found)) == len(found)


def test_parameters_told_only_where_they_were_encoded(explained):
    """A parameter that its layer does not tell comes from the list of encoded tensors, in its place."""
    del explained["layers"][0]["ledger"]["weight"]
    row = next(row for row in ledger.rows(explained) if (row.layer, row.kind) == ("C1", "weight"))
    assert (row.format, row.values, row.dropped_bits) == ("Q2.14", 784000, 11)
    assert ledger.rows(explained)[1] == row


def test_places_in_words(explained):
    """A value has the number of its input and a position, a parameter a position only."""
    by_tensor = {(row.layer, row.kind): row for row in ledger.rows(explained)}
    assert by_tensor["C3", "accumulator"].first == "input 3 [7, 0, 9]"
    assert by_tensor["F6", "bias"].first == "[4]"
    assert by_tensor["C1", "output"].first == "–"


def test_sentences(explained):
    """How many tensors, which fared worst by share, and how much was rounded."""
    count, worst, rounding = ledger.in_words(explained)
    assert count == "Of 28 tensors, 4 met values out of range."
    assert worst == "Worst: F6 bias, 2.38 % of 84 values, by up to 9 lsb, first at [4]."
    explained["layers"][0]["ledger"]["accumulator"] |= {"wrapped": 10**8}
    assert ledger.in_words(explained)[1] == "Worst: C1 accumulator, 100,000,000 additions."
    cast = [row for row in ledger.rows(explained) if row.rounded is not None]
    share = sum(row.rounded for row in cast) / sum(row.values for row in cast)
    assert rounding == f"Rounding changed {100 * share:.1f} % of all values that were cast."


def test_a_clean_ledger(explained):
    """Where everything fit, that is said; nobody having looked at values says nothing of rounding."""
    counts = {"values": 7, "saturated": 0, "wrapped": 0}
    for layer in explained["layers"]:
        layer["ledger"] = {"output": counts}
    explained["encoded"] = []
    assert ledger.in_words(explained) == ("All values of 12 tensors fit.",)
    assert {row.rounded for row in ledger.rows(explained)} == {None}


def test_no_ledger(run):
    """A run without one has no rows and nothing to say."""
    assert ledger.rows(run) == []
    assert ledger.in_words(run) == ()
    assert ledger.place(run["layers"][0], "output") == ""
    assert not ledger.wraps(run["layers"][0], "output")
