"""The glossary explains what the page says."""

from __future__ import annotations

import pytest

from accel.report.glossary import GLOSSARY, anchor

TERMS = [term for terms in GLOSSARY.values() for term in terms]


def test_terms_are_unique_sentences():
    """Every term is explained once, in whole sentences, under an anchor of its own."""
    assert len({term.anchor for term in TERMS}) == len({term.name for term in TERMS}) == len(TERMS)
    for term in TERMS:
        assert term.meaning.endswith((".", "dB."))
        assert "  " not in term.meaning


NORMATIVE = (
    "total cycles, latency, interval, throughput, utilization, mapping efficiency, MAC, bound, bytes, fill, steady, "
    "drain, stall, prefetch, code, value, format, lsb, rounding, accumulator, exact, stepwise, SQNR"
)


@pytest.mark.parametrize("name", NORMATIVE.split(", "))
def test_defined_terms_are_there(name):
    """The terms that cycles and numerics define each have an entry."""
    assert anchor(name).startswith("term-")
