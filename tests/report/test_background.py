"""The page of the child process is the page."""

from __future__ import annotations

import subprocess

from accel.report import render
from accel.report.background import background_page


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
