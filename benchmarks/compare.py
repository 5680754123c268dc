"""What became slower between two result files: `python benchmarks/compare.py OLD.json NEW.json [--threshold 0.1]`.

Compared are the medians of everything measured: ratios against a peer where a figure has one, for they outlive a noisy
machine, else seconds or bytes. More is worse. A figure has become worse when its median grew by more than the
threshold and its least value lies above the old median, so that the spread alone does not count. Files from different
machines, or with other thread settings, are refused unless --force. Exit code 1 tells that something became worse, 2
that there is nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

KEYS = ("ratio", "seconds", "mebibytes")
"""What may be compared, the first of them that a figure has."""

Figure = Mapping[str, Any]


class Row(NamedTuple):
    """One figure in both files. change: new median over old median."""

    name: str
    key: str
    old: float
    new: float
    change: float
    is_worse: bool


class UnusableError(Exception):
    """Two files that cannot be compared, in words for people."""


def load(path: Path) -> dict[str, Any]:
    """Read a result file. Raises UnusableError when it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnusableError(f"{path}: not JSON ({error})") from None
    if not isinstance(document, dict) or not {"benchmark", "machine", "figures"} <= document.keys():
        raise UnusableError(f"{path}: not a result file; those are written by the scripts beside this one")
    return document


def check_comparable(old: Figure, new: Figure, forced: bool) -> None:
    """Raise UnusableError for results of two benchmarks, and, unless forced, of two machines."""
    if old["benchmark"] != new["benchmark"]:
        raise UnusableError(f"results of {old['benchmark']} and of {new['benchmark']}; give two files of one benchmark")
    for what in ("processor", "cores", "threads"):
        here, there = (document["machine"].get(what) for document in (old, new))
        if here != there and not forced:
            raise UnusableError(
                f"measured on two machines ({what}: {here} and {there}); measure both on one, or --force the comparison"
            )


def rows(old: Figure, new: Figure, threshold: float) -> list[Row]:
    """Return what both files have measured, the worst change first. Raises UnusableError when that is nothing."""
    found = []
    for name, before in old["figures"].items():
        after = new["figures"].get(name)
        key = next((key for key in KEYS if key in before and after and key in after), None)
        if key is None:
            continue
        (_, was), (least, now) = _spread(before[key]), _spread(after[key])
        found.append(Row(name, key, was, now, now / was, now > was * (1 + threshold) and least > was))
    if not found:
        raise UnusableError("the files have no figure in common")
    return sorted(found, key=lambda row: -row.change)


def _spread(value: float | Figure) -> tuple[float, float]:
    """Return the least and the median."""
    return (value["min"], value["median"]) if isinstance(value, Mapping) else (value, value)


def table(found: list[Row]) -> str:
    """Return the rows as text."""
    width = max(len(row.name) for row in found)
    lines = [f"{'figure':{width}}  {'':9} {'old':>10} {'new':>10} {'change':>8}"]
    lines += [
        f"{row.name:{width}}  {row.key:9} {row.old:10.4g} {row.new:10.4g} {row.change - 1:+8.1%}"
        f"{'  worse' if row.is_worse else ''}"
        for row in found
    ]
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Compare two files and return the exit code."""
    parser = argparse.ArgumentParser(description="Compare two result files of one machine.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--threshold", type=float, default=0.1, help="growth that counts as worse  [default: 0.1]")
    parser.add_argument("--force", action="store_true", help="compare even results of two machines")
    chosen = parser.parse_args(words)
    try:
        old, new = load(chosen.old), load(chosen.new)
        check_comparable(old, new, chosen.force)
        found = rows(old, new, chosen.threshold)
    except UnusableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{old['benchmark']}: {old['commit']} to {new['commit']}")
    print(table(found))
    missing = sorted(old["figures"].keys() - new["figures"].keys())
    if missing:
        print(f"no longer measured: {', '.join(missing)}")
    return int(any(row.is_worse for row in found))


if __name__ == "__main__":
    sys.exit(main())
