"""What `accel explain` prints: the waterfall of noise, tensor kinds alone, inputs that change, what lacks bits.

The contract is that of `accel.report.table`: names come from users and are never read as markup, and a terminal that
cannot show "–" gets plain letters. Both tables fit 80 columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accel.explain.kinds import KINDS
from accel.network.graph import INPUT
from accel.report.humane import DASH, integer, label, percent, significant

Explained = Mapping[str, Any]
Row = tuple[str, ...]

CHANGES_SHOWN = 10
_NAME_SIGNS = 14
_PLAIN_LETTERS = str.maketrans({"…": "~", "–": "-", "·": "."})


def print_explanation(explained: Explained, title: str, console: Console) -> None:
    """Print the record that `explain` returned; title: network and machine."""
    plain = not console.encoding.lower().startswith("utf")

    def say(words: str, style: str = "") -> Text:
        return Text(words.translate(_PLAIN_LETTERS) if plain else words, style=style)

    accuracy = explained["accuracy"]
    console.print(say(label(title), "bold"), say(f"{integer(explained['inputs'])} inputs", "dim"), sep="   ")
    headings = ("layer", "format", "own", "inherited", "total", "until %", "from %", "only %")
    console.print(_table(headings, _waterfall(explained), say, left=2))
    console.print(
        say(
            "dB of SQNR at the layer: what it adds itself, what it inherits, both. Agreement at the output with the "
            "network in fixed point until the layer, from it on, only there. No figure: no noise.\n",
            "dim",
        )
    )
    console.print(_table(("alone, dB", *KINDS), _alone(explained), say, left=1))
    for sentence in _too_narrow(explained):
        console.print(say(f"range {sentence}", "yellow"))
    for sentence in _changes(explained["changed"]):
        console.print(say(sentence))
    if accuracy["fixed"] is not None:
        console.print(say(f"accuracy {percent(accuracy['fixed'])} % fixed, {percent(accuracy['golden'])} % float64"))
    console.print(say(explained["verdict"], "bold"))
    for finding in explained["diagnosis"]:
        console.print(Text.assemble(say("lacks bits ", "yellow"), say(finding["sentence"])))


def _waterfall(explained: Explained) -> list[Row]:
    encoded = explained["input"]
    first = (INPUT, encoded["format"], _ratio(encoded["sqnr_db"]), DASH, _ratio(encoded["sqnr_db"]), *(DASH,) * 3)
    rows: list[Row] = [first]
    for layer in explained["layers"]:
        ratios, output = layer["sqnr_db"], layer["output"]
        rows.append(
            (
                label(layer["name"], _NAME_SIGNS),
                label(layer["format"]),
                *(_ratio(ratios[part]) for part in ("own", "inherited", "total")),
                *(percent(output[part]["agreement"]) for part in ("fixed_until", "fixed_from", "only")),
            )
        )
    return rows


def _alone(explained: Explained) -> list[Row]:
    """Return layers on the array, kind by kind."""
    return [
        (
            label(layer["name"], _NAME_SIGNS),
            *(_ratio(layer["kinds"][kind]["sqnr_db"]) if kind in layer["kinds"] else "" for kind in KINDS),
        )
        for layer in explained["layers"]
        if "accumulator" in layer["kinds"]
    ]


def _too_narrow(explained: Explained) -> list[str]:
    """Say which formats have fewer integer bits than golden values need."""
    places = [("", INPUT, explained["input"])]
    places += [
        (label(layer["name"], _NAME_SIGNS), kind, told)
        for layer in explained["layers"]
        for kind, told in layer["kinds"].items()
        if kind != "input"  # told where it is made
    ]
    return [
        f"{f'{name} {kind}'.strip()} {told['format']} has {told['integer_bits']} integer bits, "
        f"golden values need {told['integer_bits_needed']}"
        for name, kind, told in places
        if told["integer_bits_needed"] > told["integer_bits"]
    ]


def _changes(changed: Sequence[Mapping[str, Any]]) -> list[str]:
    sentences = []
    for each in changed[:CHANGES_SHOWN]:
        known = "" if each["label"] is None else f" (label {each['label']})"
        place = "when it is encoded" if each["left_at"] == INPUT else f"at {label(each['left_at'])}"
        sentences.append(
            f"input {each['input']}{known}: float64 says {each['golden']}, the machine {each['fixed']}; leaves {place}"
        )
    more = len(changed) - CHANGES_SHOWN
    return [*sentences, f"{integer(more)} more inputs change their class"] if more > 0 else sentences


def _table(headings: Sequence[str], rows: Sequence[Row], say: Any, left: int) -> Table:
    """Build a table whose first `left` columns are words and the others numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column, heading in enumerate(headings):
        table.add_column(say(heading), justify="left" if column < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(say(cell, "bold" if column == 0 else "") for column, cell in enumerate(row)))
    return table


def _ratio(decibels: float | None) -> str:
    return DASH if decibels is None else significant(decibels)
