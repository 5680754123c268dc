"""The work of every layer that the array does not do: unit records at the layer's formats, and the machine's lanes."""

from __future__ import annotations

from collections.abc import Mapping

from accel.arch.cost import ELEMENTWISE, POOLING, UnitWork, element_work, row_work, window_work
from accel.arch.hardware import UnitChoice
from accel.errors import ConfigError, suggestion
from accel.loopnest import LoopNest
from accel.numeric.format import QFormat
from accel.numeric.proof import square_sum_format
from accel.units.average import average_cost
from accel.units.cost import UnitCost
from accel.units.registry import DESIGNS, build_softmax, build_unit

PLAIN_DESIGNS: Mapping[str, tuple[str, ...]] = {"pooling": ("window",), "elementwise": ("adder",)}
"""Designs of units that need no record: windows gathered value by value, elements added one by one."""

ROOT_DESIGN = "digit"
"""The square root that ends an L2 pooling."""


def unit_kind(nest: LoopNest) -> str:
    """Return the key of the unit that executes a nest, as [units] of an accelerator file has it."""
    return nest.function if nest.engine == "activation" else nest.engine


def unit_work(nest: LoopNest, units: Mapping[str, UnitChoice], source: QFormat, target: QFormat) -> UnitWork:
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
    return _WORKS[nest.engine](nest, units[kind], source, target)


def _activation(nest: LoopNest, unit: UnitChoice, source: QFormat, target: QFormat) -> UnitWork:
    return element_work(nest.outputs, unit.lanes, build_unit(nest.function, unit.design, source, target).cost)


def _elementwise(nest: LoopNest, unit: UnitChoice, source: QFormat, target: QFormat) -> UnitWork:
    return element_work(nest.outputs, unit.lanes, _known(ELEMENTWISE, nest))


def _softmax(nest: LoopNest, unit: UnitChoice, source: QFormat, target: QFormat) -> UnitWork:
    values = nest.G * nest.K
    cost = build_softmax(unit.design, source, target).row_cost(values, unit.lanes)
    return row_work(nest.outputs // values, cost)


def _pooling(nest: LoopNest, unit: UnitChoice, source: QFormat, target: QFormat) -> UnitWork:
    values = nest.R * nest.S
    gather = _known(POOLING, nest)
    finish = UnitCost(0)
    if nest.function == "average":
        finish = average_cost(values)
    elif nest.function == "l2":
        finish = build_unit("sqrt", ROOT_DESIGN, square_sum_format(source, values), target).cost
    return window_work(nest.outputs, values, unit.lanes, gather, finish)


_WORKS = {"activation": _activation, "elementwise": _elementwise, "softmax": _softmax, "pooling": _pooling}


def _known(costs: Mapping[str, UnitCost], nest: LoopNest) -> UnitCost:
    if nest.function not in costs:
        raise ConfigError(_unpriced(nest.engine, nest.function, costs))
    return costs[nest.function]


def _unpriced(what: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    return f"{what} '{name}' has no cost model, and nothing is free.{suggestion(name, known)}"
