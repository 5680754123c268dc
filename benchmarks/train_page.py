"""The page of the training studies, from their records: `python benchmarks/train_page.py [FILE]`.

Reads benchmarks/results/train_documents.json and train_gupta.json, whichever there are, and writes
reports/training.html.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness import RESULTS

from accel.files import write_file
from accel.report.training_study import render_study

PAGE = Path(__file__).resolve().parent.parent / "reports" / "training.html"


def main() -> None:
    """Write the page."""
    records = []
    for name in ("train_documents", "train_gupta"):
        path = RESULTS / f"{name}.json"
        records.append(json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    write_file(target, render_study(*records).encode())
    print(target)


if __name__ == "__main__":
    main()
