"""A small run of `benchmarks/differential.py`, whose ten million comparisons each are a command of their own."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("apytypes")
BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SECTIONS = (
    "casts, Python integers",
    "casts, APyTypes",
    "stochastic casts",
    "values to codes",
    "products, APyTypes",
    "sums, APyTypes",
    "sums, float64 BLAS",
    "sums, Python integers",
    "accumulators step by step",
)


@pytest.fixture
def differential(monkeypatch):
    """The benchmark and its oracles, loaded as the command loads them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("differential", "oracles", "harness"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import differential

    return differential


@pytest.mark.parametrize("name", SECTIONS)
def test_no_mismatch(differential, name):
    """Every section compares some ten thousand results and finds all of them equal."""
    assert tuple(differential.SECTIONS) == SECTIONS
    section, share = differential.SECTIONS[name]
    count = int(10_000 * min(share, 1))
    tally = section(count, np.random.default_rng(30))
    assert tally.compared >= count
    assert (tally.mismatches, tally.first) == (0, None)


def test_a_mismatch_is_found_and_told(differential, monkeypatch):
    """An oracle that takes RND for RND_INF disagrees, and the case says where."""
    right = differential.oracles.rounded

    def wrong(v, shift, mode):
        return right(v, shift, "RND_INF" if mode == "RND" else mode)

    monkeypatch.setattr(differential.oracles, "rounded", wrong)
    tally = differential.casts_of_integers(60_000, np.random.default_rng(31))
    assert tally.mismatches > 0
    assert "rounding=<Rounding.RND: 2>" in tally.first


def test_accumulators_are_driven_out_of_range(differential, monkeypatch):
    """Clipping where a machine wraps is noticed: the random sums do leave their accumulators."""
    right = differential.oracles.accumulated
    monkeypatch.setattr(
        differential.oracles,
        "accumulated",
        lambda products, bias, register: right(products, bias, register._replace(wraps=False)),
    )
    tally = differential.steps_of_integers(1_000_000, np.random.default_rng(32))
    assert tally.mismatches > 0
    assert "WRAP of" in tally.first
