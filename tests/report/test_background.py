"""The page of the child process is the page."""

from __future__ import annotations

import subprocess

from accel.report import render
from accel.report.background import background_page, is_of


def test_the_child_renders_the_same_bytes(run):
    """A page rendered beside the run equals one rendered here."""
    with background_page() as page:
        assert page(run)() == render(run)


def test_a_failed_child_is_made_good(run, monkeypatch):
    """When the child cannot start properly, the page is rendered here."""
    started = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, **pipes: started([words[0], "-c", "import nothing"], **pipes)
    )
    with background_page() as page:
        assert page(run)() == render(run)


def of(run, **changes):
    """Return what an estimate tells of a run beforehand."""
    layers = [{key: layer[key] for key in layer.keys() - BITS} for layer in run["layers"]]
    return {"layers": layers, "pes": run["pes"], "accelerator_document": run["accelerator_document"], **changes}


BITS = {"format", "saturated", "error", "range", "histogram", "accumulator"}
"""Keys of a layer that no estimate has."""


def test_what_is_drawn_ahead_is_what_would_be_drawn(run):
    """With the charts of the estimate drawn beforehand, the page is the same."""
    with background_page() as page:
        page.begin(of(run))
        assert page(run)() == render(run)


def test_charts_of_another_estimate_are_drawn_again(run):
    """An estimate that the run does not bear out leaves no trace on the page."""
    layers = of(run)["layers"]
    other = {**layers[0], "macs": layers[0]["macs"] + 1, "utilization": 0.5}
    strange = of(run, layers=[other, *layers[1:]])
    assert is_of(of(run), run)
    assert not is_of(strange, run)
    assert not is_of(of(run, layers=layers[1:]), run)
    assert not is_of(of(run, pes=run["pes"] + 1), run)
    with background_page() as page:
        page.begin(strange)
        assert page(run)() == render(run)


def test_a_child_that_dies_early_is_made_good(run, monkeypatch):
    """A child that reads nothing neither stops the estimate nor the page."""
    started = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda words, **pipes: started([words[0], "-c", ""], **pipes))
    with background_page() as page:
        page.begin(of(run, filler="x" * 300_000))
        assert page(run)() == render(run)


def test_an_unfinished_page_keeps_nobody():
    """Leaving the block with nothing but a large estimate sent ends the child."""
    with background_page() as page:
        page.begin({"layers": [], "pes": 1, "accelerator_document": {"filler": "x" * 1_000_000}})
