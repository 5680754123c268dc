"""Sentences about where bits get lost, made from `document["explain"]` (`accel explain`).

Each is a pure function of that record. What to do about a layer is said by the diagnosis, which comes with the record
because it was found by experiment; here it is only repeated, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from accel.report.humane import DASH, integer, label, percent

Explain = Mapping[str, Any]

_INPUT = "input"
_NAME_SIGNS = 32
_PLACES_NAMED = 4
_CHANGES_SHOWN = 20


class Changes(NamedTuple):
    """Inputs whose class fixed point changes: those that a page lists, and how many more there are."""

    shown: Sequence[Mapping[str, Any]]
    more: int


class Alone(NamedTuple):
    """What one tensor kind costs alone; sqnr_db: None for no noise; diagnosed: named by the diagnosis."""

    format: str
    sqnr_db: float | None
    integer_bits_needed: int | None
    integer_bits: int | None
    too_narrow: bool
    diagnosed: bool


class Kinds(NamedTuple):
    """A table: (layer, a cell per name or None) in network order."""

    names: list[str]
    rows: list[tuple[str, list[Alone | None]]]


def diagnoses(explain: Explain | None) -> list[str]:
    """Return the sentences of the diagnosis, none for a run that was not explained."""
    return [] if explain is None else [_sentence(each["sentence"]) for each in explain["diagnosis"]]


def outcome(explain: Explain) -> str:
    """Say how often all of fixed point decides as golden, and whether that is enough; a verdict says more."""
    if explain.get("verdict"):
        return f"Traced with {integer(explain['inputs'])} inputs. {_sentence(explain['verdict'])}"
    agreement, threshold = _agreement(explain), percent(explain["threshold"])
    if agreement is None:
        return ""
    words = f"Fixed point agrees with float64 on {percent(agreement)} % of {integer(explain['inputs'])} inputs"
    return f"{words}; {threshold} % were asked for."


def departures(explain: Explain) -> str:
    """Say how many inputs changed their class, and in which layers they left golden."""
    changed = explain["changed"]
    if not changed:
        return "No input changes its class."
    places = Counter(place_in_words(each["left_at"]) for each in changed).most_common()
    named = ", ".join(f"{integer(count)} at {place}" for place, count in places[:_PLACES_NAMED])
    rest = sum(count for _, count in places[_PLACES_NAMED:])
    if len(changed) == 1:
        return f"1 input changes its class; it leaves golden at {places[0][0]}."
    elsewhere = f", {integer(rest)} elsewhere" if rest else ""
    return f"{integer(len(changed))} inputs change their class; they leave golden: {named}{elsewhere}."


def place_in_words(left_at: str | None) -> str:
    """Name the layer in which an input leaves golden; its class may be lost as soon as it is encoded."""
    return "encoding" if left_at == _INPUT else label(left_at or DASH, _NAME_SIGNS)


def changes(explain: Explain | None) -> Changes:
    """Return the changed inputs that a page shows."""
    found = [] if explain is None else explain["changed"]
    return Changes(found[:_CHANGES_SHOWN], max(0, len(found) - _CHANGES_SHOWN))


def tensor_kinds(explain: Explain | None) -> Kinds:
    """Return what every tensor kind of every layer costs alone."""
    if explain is None:
        return Kinds([], [])
    encoded = [{"name": _INPUT, "kinds": {_INPUT: explain["input"]}}] if explain.get("input") else []
    layers = [*encoded, *(layer for layer in explain["layers"] if layer.get("kinds"))]
    names = list(dict.fromkeys(kind for layer in layers for kind in layer["kinds"]))
    guilty = {(each["layer"], each["kind"]) for each in explain["diagnosis"]}
    return Kinds(names, [(layer["name"], [_alone(layer, kind, guilty) for kind in names]) for layer in layers])


def _alone(layer: Mapping[str, Any], kind: str, diagnosed: Set[tuple[str, str]]) -> Alone | None:
    told = layer["kinds"].get(kind)
    if told is None:
        return None
    needed, available = told["integer_bits_needed"], told["integer_bits"]
    too_narrow = needed is not None and available is not None and needed > available
    return Alone(
        told["format"] or DASH, told["sqnr_db"], needed, available, too_narrow, (layer["name"], kind) in diagnosed
    )


def _sentence(words: str) -> str:
    """Write what a program says as a sentence of a page."""
    text = label(words).replace("->", "→")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _agreement(explain: Explain) -> float | None:
    """Return the agreement of the whole network in fixed point: fixed from its first layer on."""
    first = next(iter(explain["layers"]), None)
    return None if first is None else first["output"]["fixed_from"]["agreement"]
