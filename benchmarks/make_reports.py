"""Make the committed pages again: `python benchmarks/make_reports.py [PAGE ...]`.

Every folder of reports/ is made by one command, listed here; reports/README.md is written with the command, the commit
and the SHA-256 of each page. Pages on MNIST want ACCEL_DATA; without it they are left as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from harness import commit

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "reports" / "README.md"

COMMANDS = {
    "lenet5-digits/report.html": "accel run -o reports/lenet5-digits",
    "lenet5-mnist/report.html": "accel run lenet5 -d mnist -o reports/lenet5-mnist",
    "lenet5-lost-bits/report.html": (
        "accel explain lenet5 -n 200 -s numerics.layers.C3.weight=Q2.0 -o reports/lenet5-lost-bits"
    ),
    "units.html": "accel show units --html reports/units.html",
    "published.html": "accel show published --html reports/published.html",
    "precision.html": "python benchmarks/sweep_precision.py",
    "parallelism.html": "python benchmarks/sweep_parallelism.py",
    "training.html": "python benchmarks/train_page.py",
}
"""Page under reports/ to the command that makes it, run at the top of the repository."""

_HEAD = """# Reports

Pages that a committed command makes; no code here. `python benchmarks/make_reports.py` makes them all again (those on
MNIST want `ACCEL_DATA`). Commit is the one whose code made the page.

| page | command | commit | SHA-256 |
|---|---|---|---|
"""
_ROW = re.compile(r"^\| \[(?P<page>[^\]]+)\]")


def make(page: str) -> str:
    """Run one command and return its row of the README."""
    command = COMMANDS[page]
    words = shlex.split(command)
    program = Path(sys.executable).with_name(words[0])
    subprocess.run([str(program), *words[1:]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    digest = hashlib.sha256((ROOT / "reports" / page).read_bytes()).hexdigest()
    return f"| [{page}]({page}) | `{command}` | {commit()} | {digest[:16]}… |"


def main() -> None:
    """Make the named pages, or all that the data at hand allow, and rewrite the table."""
    parser = argparse.ArgumentParser(description="Make the committed pages again.")
    parser.add_argument("pages", nargs="*", choices=[[], *COMMANDS], help="all when none is named")
    chosen = parser.parse_args().pages or list(COMMANDS)
    rows = {m["page"]: line for line in README.read_text().splitlines() if (m := _ROW.match(line))}
    for page in chosen:
        if "mnist" in COMMANDS[page] and "ACCEL_DATA" not in os.environ:
            print(f"{page}: left as it is, ACCEL_DATA is not set")
            continue
        rows[page] = make(page)
        print(f"{page}: made")
    README.write_text(_HEAD + "\n".join(rows[page] for page in COMMANDS if page in rows) + "\n")


if __name__ == "__main__":
    main()
