"""[units] -> `UnitChoice`s: designs that exist, options that they take, values that they offer.

What a design lets one choose stands in the signature of its builder, so that a new option needs no line here. A value
is tried by building the unit once between two common formats; whether it fits the formats of a network is known only
when one runs. [units.exp], [units.reciprocal], [units.sqrt], [units.rsqrt] and [units.average] are parts of other
units: they appear among the choices only when the file writes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from accel.arch.hardware import UnitChoice
from accel.config.problems import Problem, attempt, echo
from accel.config.schema import PartTable, UnitsTable, UnitTable
from accel.errors import suggestion
from accel.numeric.format import QFormat
from accel.units.registry import DESIGNS, build_softmax, build_unit, unit_options
from accel.units.softmax import PARTS
from accel.units.unit import Choice, SoftmaxUnit, UnaryUnit

_PLAIN_DESIGNS = {"pooling": ("window",), "elementwise": ("adder",), "normalisation": ("two-pass",)}
"""Units that are built in one way only, so that `accel.units.registry` has no choice to offer."""

_SIGNED, _UNSIGNED, _PROBABILITY = (QFormat.parse(text) for text in ("Q6.10", "UQ6.10", "UQ0.16"))


def build_units(table: UnitsTable, problems: list[Problem]) -> dict[str, UnitChoice]:
    """Return the unit of every kind, noting in `problems` designs, options and values that do not exist."""
    choices = {}
    for key in UnitsTable.model_fields:
        unit = getattr(table, key)
        if isinstance(unit, UnitTable) or key in table.model_fields_set:
            choice = _choice(key, unit, problems)
            if choice is not None:
                choices[key] = choice
    _check_parts(choices, problems)
    return choices


def sample_unit(function: str, design: str, options: tuple[tuple[str, int], ...] = ()) -> UnaryUnit | SoftmaxUnit:
    """Build a unit for activations as most machines have them, unsigned where it has no negative arguments.

    Raises ConfigError as the registry does.
    """
    if function == "softmax":
        return build_softmax(design, _SIGNED, _PROBABILITY)
    if function in ("exp", "reciprocal", "sqrt", "rsqrt"):
        return build_unit(function, design, _UNSIGNED, _SIGNED, options)
    return build_unit(function, design, _SIGNED, _SIGNED, options)


def _part(units: Mapping[str, UnitChoice], part: str) -> Choice | None:
    """Return the design that a machine chooses for a part ("exp") of another unit, None when it leaves it open."""
    unit = units.get(part)
    return None if unit is None else Choice(unit.design, unit.options)


def _choice(key: str, table: PartTable, problems: list[Problem]) -> UnitChoice | None:
    """Return one unit as its table describes it, or None after noting what is wrong."""
    designs = {**DESIGNS, **_PLAIN_DESIGNS}[key]
    design = table.design if table.design is not None else designs[0]
    if design not in designs:
        why = f": not a design of this unit.{suggestion(design, designs)}"
        problems.append(Problem(("units", key, "design"), f"design = {echo(design)}", why))
        return None
    before = len(problems)
    options = tuple(sorted((table.model_extra or {}).items()))
    for name, value in options:
        _check_option(key, design, name, value, problems)
    if len(problems) == before and len(options) > 1:
        attempt(problems, ("units", key), sample_unit, key, design, options)
    lanes = table.lanes if isinstance(table, UnitTable) else 1
    return UnitChoice(design, lanes, options) if len(problems) == before else None


def _check_option(key: str, design: str, name: str, value: object, problems: list[Problem]) -> None:
    """Note an option that the design does not take, a value that is no whole number or that it does not offer."""
    path = ("units", key, name)
    taken = _options(key, design)
    if name not in taken:
        problems.append(Problem(path, f"unknown key '{name}'", f".{_where_instead(key, design, name)}"))
    elif type(value) is not int:
        problems.append(Problem(path, f"{name} = {echo(value)}", ": a whole number is needed"))
    else:
        attempt(problems, path, sample_unit, key, design, ((name, value),))


def _where_instead(key: str, design: str, name: str) -> str:
    """Return which other design or which part takes an option that this design does not, else what it does take."""
    others = [other for other in DESIGNS.get(key, ()) if name in _options(key, other)]
    if others:
        return f" '{design}' has no such option; these have: {', '.join(others)}."
    parts = PARTS.get(design, ()) if key == "softmax" else ()
    having = [part for part in parts if any(name in _options(part, other) for other in DESIGNS[part])]
    if having:
        return f" It belongs to a part: {' or '.join(f'[units.{part}]' for part in having)}."
    own = ("design", "lanes") if "lanes" in _fields(key) else ("design",)
    return suggestion(name, (*own, *_options(key, design)))


def _options(key: str, design: str) -> tuple[str, ...]:
    return unit_options(key, design) if key in DESIGNS else ()


def _fields(key: str) -> Mapping[str, object]:
    table = UnitsTable.model_fields[key].default
    assert isinstance(table, PartTable)
    return type(table).model_fields


def _check_parts(choices: Mapping[str, UnitChoice], problems: list[Problem]) -> None:
    """Note parts that the softmax of this machine does not have, or cannot be built with."""
    softmax = choices.get("softmax")
    if softmax is None:
        return
    chosen = {part: _part(choices, part) for part in ("exp", "reciprocal")}
    for part, choice in chosen.items():
        if choice is not None and part not in PARTS.get(softmax.design, ()):
            chosen[part] = None
            why = f": has no effect, the softmax '{softmax.design}' has no such part; leave it out"
            problems.append(Problem(("units", part), part, why, is_combination=True))
    if any(chosen.values()):
        attempt(problems, ("units", "softmax"), build_softmax, softmax.design, _SIGNED, _PROBABILITY, **chosen)
