"""The page of a training: self-contained, complete, the same bytes from the same document."""

from __future__ import annotations

import re

import pytest

from accel.report.training_charts import learning_curves, update_histogram
from accel.report.training_page import COLUMNS, headline, history_csv, render_training, verdict
from tests.report.pages import Page

HOSTILE = "<script>alert(1)</script>"


def document(fixed: bool = True, name: str = "mlp") -> dict:
    """A training of two epochs."""
    share = 0.4 if fixed else None
    epochs = [
        {
            "number": number,
            "rate": 0.05,
            "loss": 1 / number,
            "train_accuracy": 0.5,
            "test_accuracy": 0.9,
            "saturated_share": 0.001 if fixed else None,
            "dead_share": share,
            "skipped_steps": 0,
        }
        for number in (1, 2)
    ]
    curve = [
        {
            "step": 10 * n,
            "loss": 1 / n,
            "accuracy": 0.5,
            "saturated_share": 0.0 if fixed else None,
            "dead_share": share,
        }
        for n in range(1, 9)
    ]
    return {
        "network": name,
        "arithmetic": "fixed" if fixed else "golden",
        "accelerator": "gupta2015" if fixed else None,
        "recipe": {"epochs": 2, "schedule": {"name": "Constant"}},
        "formats": {"weight": "Q2.14 RND_CONV"} if fixed else {},
        "dataset": {"name": "digits", "examples": 797},
        "epochs": epochs,
        "curve": curve,
        "provenance": {"command": "accel train", "versions": {"numpy": "2.4.6"}},
    }


@pytest.mark.parametrize("fixed", [True, False])
def test_is_one_well_formed_file(fixed):
    """Tags balance, nothing leaves the file, links have targets, two renderings are equal."""
    html = render_training(document(fixed))
    page = Page(html)
    assert page.problems == []
    assert not re.search(r"https?:|@import|url\((?!#)|src=", html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in page.values("href")} <= set(ids)
    assert html == render_training(document(fixed))


def test_everything_is_on_it():
    """Epochs, formats, the command, and a chart each for loss, accuracy and shares; float64 has no shares."""
    text = "\n".join(Page(render_training(document())).visible())
    for words in ("Loss", "Accuracy while training", "What rounding takes", "Q2.14 RND_CONV", "accel train", "0.100"):
        assert words in text, words
    assert len(learning_curves(document()["curve"], "x")) == 3
    assert len(learning_curves(document(False)["curve"], "x")) == 2
    assert learning_curves([], "x") == []


def test_words():
    """The headline says how good, the verdict what rounding took."""
    assert headline(document()) == "mlp on gupta2015: 90.0 % of the test set right after 2 epochs."
    assert "40.0 % of its updates were rounded to zero" in verdict(document())
    assert verdict(document(False)) == "Float64; the last epoch's loss is 0.500."


def test_names_are_escaped():
    """A network's name cannot become markup."""
    assert HOSTILE not in render_training(document(name=HOSTILE))


def test_the_table_has_a_row_an_epoch():
    """What float64 does not have is empty."""
    rows = history_csv(document(False)).splitlines()
    assert rows[0] == ",".join(COLUMNS)
    assert rows[1] == "1,0.05,1.0,0.5,0.9,,,0"


def test_a_histogram_of_nothing_is_none():
    """Without updates there is nothing to draw; with some there is a band of what nearest loses."""
    assert update_histogram("k", "t", "n", [("none", [0, 0, 0])], -1) is None
    chart = update_histogram("k", "t", "n", [("first", [3, 5, 2]), ("last", [5, 3, 0])], -2)
    assert ("band", "rounded to 0 by nearest") in chart.legend
