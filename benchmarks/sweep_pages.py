"""What the two sweep scripts share: run a sweep in a directory of its own, keep its page and its figures."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accel.files import write_file
from accel.report.sweep_page import render_sweep
from accel.report.sweep_words import attention, headline, verdict
from accel.sweep.document import JSON, write_sweep
from accel.sweep.engine import Interrupts, engine_of
from accel.sweep.run import run_sweep
from accel.sweep.spec import spec_of


def make(name: str, document: Mapping[str, Any], out: Path, jobs: int, command: str) -> None:
    """Run the sweep and write out/NAME.html and out/NAME.json; print what it found."""
    interrupts = Interrupts(lambda words: print(words, file=sys.stderr))
    with tempfile.TemporaryDirectory() as scratch, interrupts.watched():
        outcome = run_sweep(
            spec_of(document),
            Path(scratch),
            lambda: engine_of("local", jobs, None),
            interrupts=interrupts,
            command=command,
        )
        if outcome.interrupted:
            raise SystemExit(130)
        page = render_sweep(outcome.document)
        write_sweep(Path(scratch), outcome.document, page)
        write_file(out / f"{name}.json", (Path(scratch) / JSON).read_bytes())
        write_file(out / f"{name}.html", page.encode())
    for words in (headline(outcome.document), verdict(outcome.document), *attention(outcome.document)):
        print(words)
    print(f"written: {out / name}.html, {name}.json")
