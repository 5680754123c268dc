"""Which designs of which function units exist; a new design is one line here.

Units are built once per (function, design, formats) and shared: they are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from accel.errors import ConfigError, suggestion
from accel.numeric.format import QFormat
from accel.units import exp, reciprocal, relu, sigmoid, softmax, sqrt
from accel.units.unit import SoftmaxUnit, UnaryUnit

UNARY: Mapping[str, Mapping[str, Callable[[QFormat, QFormat], UnaryUnit]]] = {
    "sigmoid": {"lut-linear": sigmoid.sigmoid},
    "tanh": {"lut-linear": sigmoid.tanh},
    "relu": {"relu": relu.relu},
    "identity": {"identity": relu.identity},
    "sqrt": {"digit": sqrt.digit},
    "exp": {"pow2-linear": exp.pow2_linear},
    "reciprocal": {"lut-newton": reciprocal.lut_newton},
}

SOFTMAX: Mapping[str, Callable[[QFormat, QFormat], SoftmaxUnit]] = {
    "reference": softmax.reference,
}

DESIGNS: Mapping[str, tuple[str, ...]] = {
    **{function: tuple(designs) for function, designs in UNARY.items()},
    "softmax": tuple(SOFTMAX),
}
"""Design names by function; the first is the default."""


@cache
def build_unit(function: str, design: str, source: QFormat, target: QFormat) -> UnaryUnit:
    """Return the unit. Raises ConfigError for unknown names and for formats it cannot be built with."""
    if function not in UNARY:
        raise ConfigError(f"'{function}' is not a function of one number.{suggestion(function, UNARY)}")
    if design not in UNARY[function]:
        raise ConfigError(f"{function} has no design '{design}'.{suggestion(design, UNARY[function])}")
    return UNARY[function][design](source, target)


@cache
def build_softmax(design: str, source: QFormat, target: QFormat) -> SoftmaxUnit:
    """Return the unit. Raises ConfigError for an unknown design and for formats it cannot be built with."""
    if design not in SOFTMAX:
        raise ConfigError(f"softmax has no design '{design}'.{suggestion(design, SOFTMAX)}")
    return SOFTMAX[design](source, target)
