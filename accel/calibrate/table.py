"""What `accel calibrate` prints: every format before and after, and what they do to the network.

The contract is that of `accel.report.table`: names come from users and are never read as markup, and a terminal that
cannot show "–" gets plain letters. Everything fits 80 columns; ranges are shown where there is room for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accel.calibrate.result import Calibration, Comparison, Row
from accel.report.humane import DASH, integer, label, percent

_NAME_SIGNS = 14
_ROOM_FOR_RANGES = 94
_PLAIN_LETTERS = str.maketrans({"…": "~", "–": "-", "·": "."})

Cells = tuple[str, ...]

_HEADINGS = ("layer", "kind", "before", "after", "finer", "from", "to", "clipped %", "alone dB")
"""finer: how many fraction bits the weights of a channel have more than the format, over all channels."""


def print_calibration(calibration: Calibration, console: Console) -> None:
    """Print the formats, the figures before and after, and what the search did."""
    plain = not console.encoding.lower().startswith("utf")

    def say(words: str, style: str = "") -> Text:
        return Text(words.translate(_PLAIN_LETTERS) if plain else words, style=style)

    def table(headings: Cells, rows: Sequence[Cells], left: int) -> Table:
        made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for index, heading in enumerate(headings):
            made.add_column(say(heading), justify="left" if index < left else "right", no_wrap=True)
        for row in rows:
            made.add_row(*map(say, row))
        return made

    how = calibration.method
    if calibration.percentile is not None:
        how = f"{how} {calibration.percentile:g} %"
    console.print(say(f"{label(calibration.network)} on {label(calibration.base)}", "bold"), say(how, "dim"), sep="   ")
    hidden = set() if calibration.per_channel else {"finer"}
    if console.width < _ROOM_FOR_RANGES:
        hidden |= {"from", "to"}
    shown = [index for index, heading in enumerate(_HEADINGS) if heading not in hidden]
    lines = [_HEADINGS, *(_formats(row) for row in calibration.rows)]
    headings, *rows = (tuple(line[index] for index in shown) for line in lines)
    console.print(table(headings, rows, left=2))
    console.print()
    console.print(table(("inputs", "", "float64", "before", "after"), list(_figures(calibration)), left=2))
    share = percent(calibration.bits_after / calibration.bits_before)
    console.print(
        say(
            f"\nbits of parameters, and of inputs and activations of one input: {integer(calibration.bits_before)} "
            f"before, {integer(calibration.bits_after)} after ({share} %)"
        )
    )
    if calibration.target is not None:
        console.print(
            say(
                f"kept {calibration.target}: {calibration.taken} bits of word length taken, {calibration.given_back} "
                f"given back for the held-out inputs, {calibration.evaluations} sets of formats measured"
            )
        )


def _formats(row: Row) -> Cells:
    return (
        label(row.layer, _NAME_SIGNS),
        row.kind,
        str(row.before),
        str(row.after),
        f"{min(row.weight_shifts)}..{max(row.weight_shifts)}" if row.weight_shifts else DASH,
        f"{row.low:.3g}",
        f"{row.high:.3g}",
        percent(row.clipped),
        DASH if row.sqnr_db is None else f"{row.sqnr_db:.1f}",
    )


def _figures(calibration: Calibration) -> Iterator[Cells]:
    yield from _compared("calibration", calibration.calibration)
    if calibration.held_out is not None:
        yield from _compared("held out", calibration.held_out)


def _compared(name: str, pair: Comparison) -> Iterator[Cells]:
    before, after = pair.before, pair.after
    first = f"{integer(before.inputs)} {name}"
    if before.accuracy is not None:
        shares = (before.golden_accuracy, before.accuracy, after.accuracy)
        yield (first, "accuracy %", *map(percent, shares))
        first = ""
    yield (first, "agreement %", "", percent(before.agreement), percent(after.agreement))
    ratios = (DASH if one.sqnr_db is None else f"{one.sqnr_db:.1f}" for one in (before, after))
    yield ("", "SQNR dB", "", *ratios)
