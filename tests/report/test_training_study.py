"""The page of the studies: well-formed with both records, with one and with none; its words are their figures."""

from __future__ import annotations

import re

import pytest

from accel.report.training_study import comparisons, headline, in_words, render_study, studies
from tests.report.pages import Page

RECORD = {"command": "python benchmarks/x.py", "created": "2026-01-01", "commit": "abc", "machine": {"cores": 2}}


def documents() -> dict:
    """Two rows of one run, and a network that the documents give no figure for."""
    curve = [[10, 2.0, None, None], [20, 1.0, None, None], [30, 0.5, None, None]]
    figures = {"all runs": {"seconds": 3.0}}
    for iterations, golden, fixed in ((500, 0.925, 0.923), (1000, 0.939, 0.9405)):
        name = f"784-50-10 sigmoid, full batch, {iterations} iterations"
        figures[name] = {
            "document": 0.93,
            "golden": {"accuracy": [golden] * 3, "mean": golden, "spread": 0.002, "curve": curve},
            "fixed": {"accuracy": [fixed] * 3, "mean": fixed, "spread": 0.001, "curve": curve},
        }
    figures["lenet5, 12 epochs"] = {**next(iter(figures.values())), **figures[name], "document": None}
    return {**RECORD, "figures": figures}


def rounding() -> dict:
    """A network in float64 and twice in 16 bits."""
    runs = []
    for arithmetic, error, dead in (("golden", 0.02, None), ("STOCHASTIC 8", 0.021, 0.9), ("RND_CONV 8", 0.3, 1.0)):
        history = [
            {"epoch": n, "loss": 1.0, "test_error": error, "dead_share": dead, "saturated_share": 0.0} for n in (1, 2)
        ]
        histograms = {} if dead is None else {"first epoch": [0, 4, 6, 1], "last epoch": [5, 6, 0, 0]}
        runs.append({"kind": "dnn", "arithmetic": arithmetic, "history": history, "histograms": histograms})
    return {**RECORD, "figures": {"bins_lowest": -2, "runs": runs}}


@pytest.mark.parametrize("records", [(documents(), rounding()), (documents(), None), (None, rounding()), (None, None)])
def test_is_one_well_formed_file(records):
    """Tags balance, links have targets, nothing leaves the file; twice the same bytes."""
    html = render_study(*records)
    page = Page(html)
    assert page.problems == []
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)
    assert html == render_study(*records)


def test_words_are_the_figures():
    """The headline names the worst difference and what the fewest bits did with each rounding."""
    words = headline(documents(), rounding())
    assert "On the documents' 2 rows and 1 more, 16 bits end within 0.20 points of float64." in words
    assert "DNN with 8 fraction bits: 2.10 % test error with stochastic rounding, 30.0 % with nearest." in words
    assert headline(None, None) == "No record of a study yet."
    rows = comparisons(documents())
    assert [row.seeds for row in rows] == [3, 3, 3]
    assert [row.length for row in rows] == ["500 iterations", "1,000 iterations", "12 epochs"]
    assert rows[0].name == rows[1].name == "784-50-10 sigmoid, full batch"
    assert rows[0].golden_spread == pytest.approx(0.2)
    assert comparisons(None) == []
    assert in_words("RND_CONV 10") == "nearest, FL 10"


def test_one_seed_has_no_spread():
    """A single run differs from nothing."""
    record = documents()
    row = record["figures"]["lenet5, 12 epochs"]
    for arithmetic in ("golden", "fixed"):
        row[arithmetic] = {**row[arithmetic], "accuracy": [0.9], "spread": 0.0}
    assert comparisons(record)[-1].golden_spread is comparisons(record)[-1].fixed_spread is None
    assert Page(render_study(record, None)).problems == []


def test_charts_are_drawn_once_for_a_run_and_for_nearest_only():
    """Rows of one run share a curve; updates are drawn where they stall."""
    text = "\n".join(Page(render_study(documents(), rounding())).visible())
    assert text.count("Cross-entropy of the training batches") == 2
    (study,) = studies(rounding())
    assert [chart.title for chart in study.charts] == ["DNN: test error", "DNN: updates, nearest, FL 8"]
