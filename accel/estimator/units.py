"""The work of every layer that the array does not do: unit records at the layer's formats, and the machine's lanes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from accel.arch.cost import ELEMENTWISE, POOLING, UnitWork, element_work, row_work, window_work
from accel.errors import ConfigError, suggestion
from accel.loopnest import LoopNest
from accel.numeric.format import QFormat
from accel.numeric.proof import square_sum_format
from accel.units.average import average_cost
from accel.units.cost import UnitCost
from accel.units.machine import Units, activation_of, root_of, softmax_of
from accel.units.norm import norm_path
from accel.units.registry import DESIGNS, build_unit

PLAIN_DESIGNS: Mapping[str, tuple[str, ...]] = {
    "pooling": ("window",),
    "elementwise": ("adder",),
    "normalisation": ("two-pass",),
}
"""Units that are built in one way: windows gathered value by value, elements one by one, rows read twice."""

ROOT_DESIGN = "digit"
"""The square root that ends an L2 pooling."""


def unit_kind(nest: LoopNest) -> str:
    """Return the key of the unit that executes a nest, as [units] of an accelerator file has it."""
    return nest.function if nest.engine == "activation" else nest.engine


def unit_work(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    """Return the work of one layer.

    Raises ConfigError for an engine or a function without a cost model, and for a unit that the machine does not have.
    """
    if nest.engine not in _WORKS:
        raise ConfigError(_unpriced("engine", nest.engine, ("array", *_WORKS)))
    kind = unit_kind(nest)
    designs = {**DESIGNS, **PLAIN_DESIGNS}
    if kind not in designs:
        raise ConfigError(_unpriced(nest.engine, kind, designs))
    if kind not in units:
        raise ConfigError(
            f"the machine has no unit '{kind}'; add for example [units.{kind}] design = \"{designs[kind][0]}\""
        )
    if units[kind].design not in designs[kind]:
        hint = suggestion(units[kind].design, designs[kind])
        raise ConfigError(f"the unit '{kind}' has no design '{units[kind].design}'.{hint}")
    return _WORKS[nest.engine](nest, units, source, target)


def _activation(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    return element_work(nest.outputs, _lanes(nest, units), activation_of(units, nest.function, source, target).cost)


def _elementwise(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    return element_work(nest.outputs, _lanes(nest, units), _known(ELEMENTWISE, nest))


def _softmax(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    values = nest.G * nest.K
    return row_work(
        nest.outputs // values, _lanes(nest, units), partial(softmax_of(units, source, target).row_cost, values)
    )


def _normalisation(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    return row_work(nest.N * nest.P, _lanes(nest, units), partial(norm_path(root_of(units)).row_cost, nest.K))


def _pooling(nest: LoopNest, units: Units, source: QFormat, target: QFormat) -> UnitWork:
    values = nest.R * nest.S
    gather = _known(POOLING, nest)
    finish = UnitCost(0)
    if nest.function == "average":
        finish = average_cost(values)
    elif nest.function == "l2":
        finish = build_unit("sqrt", ROOT_DESIGN, square_sum_format(source, values), target).cost
    return window_work(nest.outputs, values, _lanes(nest, units), gather, finish)


_WORKS = {
    "activation": _activation,
    "elementwise": _elementwise,
    "softmax": _softmax,
    "normalisation": _normalisation,
    "pooling": _pooling,
}


def _lanes(nest: LoopNest, units: Units) -> int:
    return units[unit_kind(nest)].lanes


def _known(costs: Mapping[str, UnitCost], nest: LoopNest) -> UnitCost:
    if nest.function not in costs:
        raise ConfigError(_unpriced(nest.engine, nest.function, costs))
    return costs[nest.function]


def _unpriced(what: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    return f"{what} '{name}' has no cost model, and nothing is free.{suggestion(name, known)}"
