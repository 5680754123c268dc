"""Predictions beside published figures in words: figures, signed errors, and what is far off and why.

The contract: made from the document of `accel.published.survey` alone. An error is told with its sign, as exact only if
nothing is rounded away, and counts as far off beyond `FAR`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accel.report.humane import DASH, integer, label, significant

Document = Mapping[str, Any]
"""A survey, or one machine or comparison of it, as plain values."""

FAR = 0.10
"""Relative error beyond which a prediction is called far off."""

SUM = "all"
"""The row of a table that sums up the others, as the survey calls it."""


class Summary(NamedTuple):
    """One quantity of a machine. least, most, whole: errors over its rows, and of the row that sums them up."""

    title: str
    quantity: str
    origin: str
    figures: int
    least: float | None
    most: float | None
    whole: float | None
    reason: str

    @property
    def is_far(self) -> bool:
        """Whether any row is far off."""
        return self.most is not None and self.least is not None and max(self.most, -self.least) > FAR


def headline(document: Document) -> str:
    """Say how many figures of how many machines there are."""
    machines = document["machines"]
    count = sum(1 for each in comparisons(document) if each["row"] != SUM)
    return f"{integer(len(machines))} published machines, {integer(count)} figures beside what the presets predict."


def verdict(document: Document) -> str:
    """Say how many predictions are exact, near and far off; sums over layers are not counted again."""
    single = [each for each in comparisons(document) if each["row"] != SUM]
    known = [each for each in single if each["error"] is not None]
    exact = sum(is_exact(each) for each in known)
    far = sum(abs(each["error"]) > FAR for each in known)
    return (
        f"{integer(exact)} are exact, {integer(len(known) - exact - far)} within {100 * FAR:g} %, {integer(far)} "
        f"further off; {integer(len(single) - len(known))} have no prediction. No constant belongs to a single layer."
    )


def attention(document: Document) -> list[str]:
    """Name every quantity that is far off somewhere, with its errors and the reason."""
    return [
        f"{label(each.title)}, {label(each.quantity)}: {between(each)}; {label(each.reason)}."
        for each in summaries(document)
        if each.is_far
    ]


def summaries(document: Document) -> list[Summary]:
    """Return every quantity of every machine, in order of first appearance."""
    return [summary for machine in document["machines"] for summary in _of_machine(machine)]


def between(summary: Summary) -> str:
    """Write the least and the largest error, or the one that there is."""
    if summary.least is None or summary.most is None:
        return DASH
    ends = list(dict.fromkeys(signed_percent(error) for error in (summary.least, summary.most)))
    return f"{' to '.join(ends)} %"


def comparisons(document: Document) -> list[Document]:
    """Return all comparisons of all machines."""
    return [each for machine in document["machines"] for each in machine["comparisons"]]


def is_exact(comparison: Document) -> bool:
    """Tell whether the prediction equals the published figure, with nothing rounded."""
    return bool(comparison["predicted"] == comparison["published"])


def predicted_in_words(comparison: Document) -> str:
    """Write a prediction: counts in full, other figures to four digits."""
    value = comparison["predicted"]
    return integer(value) if isinstance(value, int) else significant(value, 4)


def published_in_words(comparison: Document) -> str:
    """Write a published figure with the digits that it was printed with."""
    value = comparison["published"]
    if isinstance(value, int):
        return integer(value)
    text = f"{value:.10g}"
    return text if "." in text else f"{text}.0"


def error_in_words(comparison: Document) -> str:
    """Write the error in percent without its sign for percent: "exact", "−3.2", "+133"."""
    return "exact" if is_exact(comparison) else signed_percent(comparison["error"])


def signed_percent(error: float | None) -> str:
    """Write a relative error in percent with its sign, in two digits, from 10 % on in three."""
    if error is None:
        return DASH
    percentage = abs(100 * error)
    sign = "" if not error else "+" if error > 0 else "−"
    return sign + significant(percentage, 3 if percentage >= 10 else 2)


def capital(words: str) -> str:
    """Begin with a capital letter and leave the rest as it is."""
    return words[:1].upper() + words[1:]


def _of_machine(machine: Document) -> list[Summary]:
    grouped: dict[str, list[Document]] = {}
    for each in machine["comparisons"]:
        grouped.setdefault(each["quantity"], []).append(each)
    return [_summary(machine, quantity, found) for quantity, found in grouped.items()]


def _summary(machine: Document, quantity: str, found: Sequence[Document]) -> Summary:
    single = [each for each in found if each["row"] != SUM]
    errors = [each["error"] for each in single if each["error"] is not None]
    return Summary(
        machine["title"],
        quantity,
        found[0]["origin"],
        len(single),
        min(errors, default=None),
        max(errors, default=None),
        next((each["error"] for each in found if each["row"] == SUM), None),
        machine["reasons"].get(quantity, ""),
    )
