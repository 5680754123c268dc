"""What `accel show published` prints: a line for every published figure, beside what the preset predicts of it.

The document is that of `accel.published.survey`, whole in JSON; on the screen a machine's constants are left out but
those that were chosen with its figures in view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accel.cli.terminal import Terminal


def show_published(html: Path | None, terminal: Terminal) -> None:
    """Print all comparisons, or write their page. Raises ConfigError when that cannot be written."""
    from accel.published.survey import survey

    document = survey()
    terminal.emit(document)
    if html is None:
        for index, machine in enumerate(document["machines"]):
            if index:
                terminal.say("")
            for line in lines(machine, document["standings"]["chosen"]):
                terminal.say(line)
        return
    from accel.files import write_file
    from accel.report.published_page import render_published

    write_file(html, render_published(document).encode())
    terminal.say(f"written: {html}")


def lines(machine: Mapping[str, Any], chosen: str) -> Iterator[str]:
    """Yield what was run, a line for each figure in columns, and what was `chosen` (in words) with them in view."""
    from accel.report import published_words as words
    from accel.report.settings import in_words

    yield f"{machine['title']} ({machine['machine']}): {machine['setting']}"
    rows = [("quantity", "row", "predicted", "published", "error %", "")]
    for each in machine["comparisons"]:
        quantity = f"{each['quantity']} {each['unit']}".strip()
        origin = f"{each['origin']}{', from memory' if each['recalled'] else ''}"
        predicted, published = words.predicted_in_words(each), words.published_in_words(each)
        rows.append((quantity, each["row"], predicted, published, words.error_in_words(each), origin))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.ljust(width) if column in (0, 1, 5) else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
    constants = [each for each in machine["constants"] if each["standing"] == "chosen"]
    if constants:
        yield f"  {chosen}: " + "; ".join(f"{each['key']} = {in_words(each['value'])}" for each in constants)
