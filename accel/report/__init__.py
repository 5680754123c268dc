"""Tables, pages and files made from results.

Everything here works on plain documents (`run.json` and the estimate's dictionary), so that a page can be made again
from a file, long after the run and without a compiler: nothing in this package reaches Numba or the runner.
"""

from __future__ import annotations

from accel.report.directory import check_place, load_run, write_run
from accel.report.export import estimate_document
from accel.report.notebook import render_estimate, render_fragment, render_sweep_fragment
from accel.report.page import render

__all__ = [
    "check_place",
    "estimate_document",
    "load_run",
    "render",
    "render_estimate",
    "render_fragment",
    "render_sweep_fragment",
    "write_run",
]
