"""Which designs of which function units exist; a new design is one line here or in the index of its function.

Units are built once per (function, design, formats, options) and shared: they are frozen.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache

from accel.errors import ConfigError, suggestion
from accel.numeric.format import QFormat
from accel.units import relu, sigmoid, sqrt
from accel.units.exp import EXP
from accel.units.reciprocal import RECIPROCAL
from accel.units.rsqrt import RSQRT
from accel.units.softmax import PARTS, SOFTMAX
from accel.units.unit import Choice, SoftmaxUnit, UnaryUnit

__all__ = [
    "DESIGNS",
    "PARTS",
    "SOFTMAX",
    "UNARY",
    "build_softmax",
    "build_unit",
    "check_choice",
    "unit_options",
]

Builder = Callable[..., UnaryUnit]

UNARY: Mapping[str, Mapping[str, Builder]] = {
    "sigmoid": sigmoid.SIGMOID,
    "tanh": sigmoid.TANH,
    "relu": {"relu": relu.relu},
    "identity": {"identity": relu.identity},
    "sqrt": {"digit": sqrt.digit},
    "rsqrt": RSQRT,
    "exp": EXP,
    "reciprocal": RECIPROCAL,
}
"""Builders (source, target, **options) by function and design; the options are whole numbers with defaults."""

DESIGNS: Mapping[str, tuple[str, ...]] = {
    **{function: tuple(designs) for function, designs in UNARY.items()},
    "softmax": tuple(SOFTMAX),
    "average": ("constant",),
}
"""Design names by function; the first is the default."""


def unit_options(function: str, design: str) -> tuple[str, ...]:
    """Return the names of the options that a design takes. Raises ConfigError for unknown names.

    A softmax takes none of its own: its parts (`PARTS`) are chosen, each with its options.
    """
    if function in DESIGNS and function not in UNARY:
        _require(design in DESIGNS[function], f"{function} has no design '{design}'", design, DESIGNS[function])
        return ()
    return tuple(
        name
        for name, parameter in inspect.signature(_builder(function, design)).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )


@cache
def build_unit(
    function: str, design: str, source: QFormat, target: QFormat, options: tuple[tuple[str, int], ...] = ()
) -> UnaryUnit:
    """Return the unit.

    Raises ConfigError for unknown names, options that the design does not take, values it does not offer, and formats
    it cannot be built with.
    """
    builder = _builder(function, design)
    check_choice(function, Choice(design, options))
    return builder(source, target, **dict(options))


@cache
def build_softmax(
    design: str, source: QFormat, target: QFormat, exp: Choice | None = None, reciprocal: Choice | None = None
) -> SoftmaxUnit:
    """Return the unit, with the parts chosen instead of its own.

    Raises ConfigError for an unknown design, for a part that the design does not have, and for formats or options that
    it cannot be built with.
    """
    _require(design in SOFTMAX, f"softmax has no design '{design}'", design, SOFTMAX)
    for part, choice in (("exp", exp), ("reciprocal", reciprocal)):
        if choice is None:
            continue
        if part not in PARTS.get(design, ()):
            having = ", ".join(name for name, parts in PARTS.items() if part in parts)
            raise ConfigError(
                f"softmax '{design}' has no {part} unit to choose, '{choice.design}' would have no effect; "
                f"leave it out, or use {having}"
            )
        check_choice(part, choice)
    return SOFTMAX[design](source, target, exp, reciprocal)


def check_choice(function: str, choice: Choice) -> None:
    """Raise ConfigError for an unknown design, an option that the design does not take, or one that is no integer."""
    taken = unit_options(function, choice.design)
    for name, value in choice.options:
        if name not in taken:
            remedy = f"it takes {', '.join(taken)}" if taken else "it takes none"
            raise ConfigError(f"{function} '{choice.design}' has no option '{name}'; {remedy}")
        if type(value) is not int:
            raise ConfigError(f"{function} '{choice.design}' with {name} = {value!r}: a whole number is needed")


def _builder(function: str, design: str) -> Builder:
    _require(function in UNARY, f"'{function}' is not a function of one number", function, UNARY)
    _require(design in UNARY[function], f"{function} has no design '{design}'", design, UNARY[function])
    return UNARY[function][design]


def _require(known: bool, problem: str, word: str, words: Mapping[str, object] | tuple[str, ...]) -> None:
    if not known:
        raise ConfigError(f"{problem}.{suggestion(word, words)}")
