"""The training studies in miniature: every script's --quick way runs and tells what its record would hold."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("threadpoolctl", reason="the studies want the bench extra")
pytestmark = [
    pytest.mark.mnist,
    pytest.mark.skipif("ACCEL_DATA" not in os.environ, reason="ACCEL_DATA names no MNIST folder"),
]


@pytest.fixture
def script(monkeypatch):
    """Import a script of benchmarks/ by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


@pytest.mark.parametrize("kind", ["dnn", "cnn"])
def test_the_rounding_study(script, kind):
    """One quick epoch of a run has a history, and histograms of its updates; float64 has none."""
    study = script("train_gupta")
    made = study.train(kind, "RND_CONV 8", 1, 1, True)
    assert made["history"][0]["dead_share"] > 0.5
    assert sum(made["histograms"]["first epoch"]) > 0
    assert study.train(kind, "golden", 1, 1, True)["histograms"] == {}


def test_the_documents_rows(script, tmp_path, monkeypatch):
    """A shortened row gives the same figures in both arithmetics, to a few per cent, at the right iterations; a run
    that was kept is read, not made again."""
    study = script("train_documents")
    runs = [study._job((study.ROWS[2].name, arithmetic, 1, True, tmp_path)) for arithmetic in ("golden", "fixed")]
    assert list(runs[0]["accuracy"]) == [300]
    figures = study.side_by_side(runs, study.ROWS[2].name, 300)
    assert abs(figures["fixed"]["mean"] - figures["golden"]["mean"]) < 0.05
    monkeypatch.setattr(study, "run", None)
    assert study._job((study.ROWS[2].name, "fixed", 1, True, tmp_path)) == runs[1]


def test_batches_follow_the_files_or_are_shuffled(script):
    """Every epoch takes each example once; shuffled ones in an order of its own, which the seed decides."""
    study = script("train_documents")
    plain, shuffled, *_ = (replace(row, documents={6: None}) for row in (study.ROWS[2], *study.VARIANTS))
    for row in (plain, shuffled):
        taken = [chosen.tolist() for chosen in study.batches(row, 60, 1)]
        assert taken == [chosen.tolist() for chosen in study.batches(row, 60, 1)]
        first, second = ([each for batch in epoch for each in batch] for epoch in (taken[:3], taken[3:]))
        assert sorted(first) == sorted(second) == list(range(60))
        assert (first == second) == (row is plain)


def test_inputs_are_divided_or_only_centred(script):
    """Both are centred by pixel; one has a deviation of 1."""
    study = script("train_documents")
    divided, centred = (study.standardised("test", 200, divided).x for divided in (True, False))
    assert abs(centred.mean(axis=0)).max() < 1e-12
    assert divided.std() == pytest.approx(1)
    assert divided == pytest.approx(centred / centred.std())


def test_the_page_is_written(script, tmp_path, monkeypatch):
    """From whatever records there are."""
    page = script("train_page")
    monkeypatch.setattr(sys, "argv", ["train_page.py", str(tmp_path / "training.html")])
    page.main()
    assert (tmp_path / "training.html").read_text().startswith("<!doctype html>")
