"""What all pages share: templates, style, the sorting script, and the words that templates may use (`fill`).

The contract: everything a template prints is escaped, nothing undefined is printed as empty, and the script that a
page admits by its digest is the script it carries.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from accel.report import energy, humane, lost, prose
from accel.report.glossary import anchor

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_TEMPLATES = files("accel.report") / "templates"


def fill(template: str, scripts: Sequence[str] = ("sort.js",), **context: Any) -> str:
    """Return a template with this context; pages get style, their scripts as one and its digest beside it."""
    script = "\n".join(_text(name) for name in scripts)
    return parsed(template).render(
        style=_text("page.css"),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **context,
    )


def parsed(template: str) -> Template:
    """Return a template ready to be filled; it is read and compiled once in a process."""
    return _environment().get_template(template)


def _printable(value: object) -> object:
    """Take control characters out of any text that is printed; what is markup already has none of the user's."""
    return humane.label(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _sortable(value: float) -> str:
    """Write a number for the sorting script."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@cache
def _environment() -> Environment:
    """Return the template environment: everything escaped, nothing undefined."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("accel.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        integer=humane.integer,
        significant=humane.significant,
        percentage=humane.percent,
        duration=humane.duration,
        frequency=humane.frequency,
        extents=humane.shape,
        dataflow=prose.dataflow_in_words,
        order=prose.order_in_words,
        certificate=prose.certificate_in_words,
        replay=prose.replay_in_words,
        compact=humane.compact,
        amount=energy.amount,
        bits=prose.available_bits,
        sortable=_sortable,
    )
    environment.globals.update(
        DASH=humane.DASH,
        headline=prose.headline,
        verdict=prose.verdict,
        attention=prose.attention,
        softmax=prose.softmax_in_words,
        representable=prose.representable,
        certificates=prose.certificates_in_words,
        changes=lost.changes,
        departures=lost.departures,
        diagnoses=lost.diagnoses,
        outcome=lost.outcome,
        place=lost.place_in_words,
        tensor_kinds=lost.tensor_kinds,
        term=anchor,
    )
    return environment


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()
