"""The units of one machine: what its file chooses, built between the formats of one node.

Both joins ask here, so that bits and cycles come from the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from accel.arch.hardware import UnitChoice
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.units.norm import LayerNormUnit, layer_norm
from accel.units.registry import build_softmax, build_unit, check_choice
from accel.units.rsqrt import RSQRT, NewtonRoot
from accel.units.unit import Choice, SoftmaxUnit, UnaryUnit

Units = Mapping[str, UnitChoice]

ROOT_FORMAT = QFormat(False, 21, 1)
"""Of a root inside a normalisation, which takes its mantissa only."""


def activation_of(units: Units, function: str, source: QFormat, target: QFormat) -> UnaryUnit:
    """Return the unit for an activation. Raises ConfigError as `build_unit` does."""
    choice = units[function]
    return build_unit(function, choice.design, source, target, choice.options)


def softmax_of(units: Units, source: QFormat, target: QFormat) -> SoftmaxUnit:
    """Return the softmax unit with the exp and reciprocal units that the machine names (none: the design's own)."""
    return build_softmax(units["softmax"].design, source, target, _part(units, "exp"), _part(units, "reciprocal"))


def layer_norm_of(
    units: Units, source: QFormat, target: QFormat, weight: FxArray, bias: FxArray, epsilon: float
) -> LayerNormUnit:
    """Return the unit that normalises rows with these parameters. Raises ConfigError for what cannot be built."""
    return layer_norm(source, target, weight, bias, epsilon, root_of(units))


def root_of(units: Units) -> NewtonRoot:
    """Return the reciprocal root inside the machine's normalisation (none named: the first design)."""
    return _root(_part(units, "rsqrt") or Choice(next(iter(RSQRT))))


@cache
def _root(choice: Choice) -> NewtonRoot:
    check_choice("rsqrt", choice)
    return RSQRT[choice.design](ROOT_FORMAT, ROOT_FORMAT, **dict(choice.options))


def _part(units: Units, name: str) -> Choice | None:
    return Choice(units[name].design, units[name].options) if name in units else None
