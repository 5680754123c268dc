"""From a document of plain values to an `Accelerator`: every key on its own first, then what must go together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from accel.accelerator import Accelerator
from accel.arch.hardware import Architecture, Array, Memory, UnitChoice
from accel.config.numerics import build_numerics
from accel.config.problems import Places, Problem, echo, shape_problems
from accel.config.schema import AcceleratorTable, NumericsTable, UnitsTable
from accel.errors import suggestion
from accel.units.registry import DESIGNS

_PLAIN_DESIGNS = {"pooling": ("window",), "elementwise": ("adder",)}
"""Units that are built in one way only, so that `accel.units.registry` has no choice to offer."""


def build(document: Mapping[str, Any], places: Places) -> Accelerator:
    """Return the machine that `document` describes. Raises ConfigError that tells every problem, with its place."""
    try:
        table = AcceleratorTable.model_validate(document)
    except ValidationError as error:
        problems = shape_problems(error, AcceleratorTable)
        raise places.error([*problems, *_in_sound_tables(document, problems)]) from None
    found: list[Problem] = []
    numerics = build_numerics(table.numerics, found)
    units = build_units(table.units, found)
    if found or numerics is None:
        raise places.error(found)
    array, memory = Array(**table.array.model_dump()), Memory(**table.memory.model_dump())
    return Accelerator(
        name=table.name,
        numerics=numerics,
        architecture=Architecture(array, units, memory, float(table.clock_hz)),
        source=f"{table.source} Assumed: {table.assumed}" if table.assumed else table.source,
        document=document,
        digest=document_digest(document),
    )


def build_units(table: UnitsTable, problems: list[Problem]) -> dict[str, UnitChoice]:
    """Return the design of every unit, noting in `problems` the ones that do not exist."""
    choices = {}
    for key in UnitsTable.model_fields:
        unit, known = getattr(table, key), {**DESIGNS, **_PLAIN_DESIGNS}[key]
        design = unit.design if unit.design is not None else known[0]
        if design not in known:
            why = f": not a design of this unit.{suggestion(design, known)}"
            problems.append(Problem(("units", key, "design"), f"design = {echo(design)}", why))
        choices[key] = UnitChoice(design, unit.lanes)
    return choices


def document_digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document's canonical JSON, which the order and layout of a file do not change."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _in_sound_tables(document: Mapping[str, Any], problems: list[Problem]) -> list[Problem]:
    """Return what does not go together within tables that are sound on their own, so that nothing waits its turn."""
    found: list[Problem] = []
    broken = {problem.path[0] for problem in problems if problem.path}
    if "numerics" not in broken:
        build_numerics(NumericsTable.model_validate(document["numerics"]), found)
    if "units" not in broken:
        build_units(UnitsTable.model_validate(document.get("units", {})), found)
    return found
