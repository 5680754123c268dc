"""The glossary explains what the page says."""

from __future__ import annotations

import pytest

from accel.report.glossary import GLOSSARY, UNIT_TERMS, anchor


@pytest.mark.parametrize("glossary", [GLOSSARY, UNIT_TERMS], ids=["run", "units"])
def test_terms_are_unique_sentences(glossary):
    """Every term of a page is explained once, in whole sentences, under an anchor of its own."""
    found = [term for terms in glossary.values() for term in terms]
    assert len({term.anchor for term in found}) == len({term.name for term in found}) == len(found)
    for term in found:
        assert term.meaning.endswith((".", "dB."))
        assert "  " not in term.meaning


NORMATIVE = (
    "total cycles, latency, interval, throughput, utilization, mapping efficiency, MAC, bound, bytes, fill, steady, "
    "drain, stall, prefetch, code, value, format, lsb, rounding, accumulator, exact, stepwise, SQNR, "
    "late, certificate, at risk, replay, ledger, wrapped, rounded, bits cut, excess, own noise, inherited noise, "
    "occupancy, diagnosis, energy, refill, average power, area, ulp, monotonic, symmetric, table bits, logit scale, "
    "argmax flip, row sum"
)


@pytest.mark.parametrize("name", NORMATIVE.split(", "))
def test_defined_terms_are_there(name):
    """The terms that cycles and numerics define each have an entry."""
    assert anchor(name).startswith("term-")
