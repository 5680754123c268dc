"""[numerics] -> `Numerics`: each layer's table laid over the defaults, key by key.

Weights, biases and inputs are encoded once, before the machine runs, so they are always rounded to nearest and clipped;
`rounding` and `overflow` are what the machine does to the outputs of its layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.config.lines import KeyPath
from accel.config.problems import Problem, attempt
from accel.config.schema import AccumulatorTable, LayerTable, NumericsTable, RandomTable, written
from accel.errors import ConfigError
from accel.numeric.accumulator import Accumulator
from accel.numeric.format import QFormat
from accel.numeric.plan import LayerNumerics, Numerics
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr, NumpyRandom, Random
from kernels.modes import Rounding

_LAYER_KEYS = tuple(key for key in LayerTable.model_fields if key not in ("accumulator", "weight_shifts"))
"""Keys of [numerics] that a layer may have its own of."""


def build_numerics(table: NumericsTable, problems: list[Problem]) -> Numerics | None:
    """Return the bits of every node, or None after noting in `problems` what does not go together."""
    root: KeyPath = ("numerics",)
    random: Random | None = None
    if "random" in table.model_fields_set:
        # A refused generator is one problem; a stand-in keeps it from becoming one in every layer.
        random = attempt(problems, (*root, "random"), random_source, table.random) or Lfsr()
    bits = {key: getattr(table, key) for key in _LAYER_KEYS}
    sums = attempt(problems, (*root, "accumulator"), _sums, table.accumulator)
    defaults = None if sums is None else _layer(bits, sums, random, root, problems)
    if sums is None or defaults is None:  # every layer would only repeat it
        return None
    overrides = {}
    for name, layer in table.layers.items():
        path = (*root, "layers", name)
        own = attempt(problems, (*path, "accumulator"), _sums, layer.accumulator)
        overrides[name] = _layer(bits | written(layer), sums | (own or {}), random, path, problems)
    return Numerics(Quantizer(table.input), defaults, {name: layer for name, layer in overrides.items() if layer})


def _layer(
    bits: Mapping[str, Any],
    sums: Mapping[str, Any],
    random: Random | None,
    path: KeyPath,
    problems: list[Problem],
) -> LayerNumerics | None:
    """Return the bits of one node from its settings; `path` is the table to blame."""
    accumulator = attempt(problems, (*path, "accumulator"), Accumulator, **sums)
    output = attempt(problems, (*path, "activation"), _output, bits["activation"], bits, random)
    if output is None or accumulator is None:
        return None
    softmax = attempt(problems, (*path, "softmax"), _output, bits["softmax"], bits, random)
    if softmax is None:
        return None
    weight, bias = Quantizer(bits["weight"]), Quantizer(bits["bias"])
    return LayerNumerics(weight, bias, accumulator, output, softmax, bits.get("weight_shifts", ()))


def _output(target: QFormat, bits: Mapping[str, Any], random: Random | None) -> Quantizer:
    """Return the cast of a layer's output. Raises ConfigError when the modes and the format do not fit."""
    is_stochastic = bits["rounding"] == Rounding.STOCHASTIC
    if is_stochastic and random is None:
        raise ConfigError('STOCHASTIC rounding draws random bits; add numerics.random.generator = "lfsr"')
    source = random if is_stochastic else None
    return Quantizer(target, bits["rounding"], bits["overflow"], bits["saturation_bits"], source)


def _sums(table: AccumulatorTable) -> dict[str, Any]:
    """Return what the table says in the words of `Accumulator`. Raises ConfigError when it gives its shape twice."""
    settings = written(table)
    shape = settings.pop("format", None)
    if shape is None:
        return settings
    if settings.keys() & {"width", "frac_bits"}:
        raise ConfigError("give either format, or width and frac_bits, not both")
    return settings | {"width": shape.width, "frac_bits": shape.frac_bits}


def random_source(table: RandomTable) -> Random:
    """Return the generator. Raises ConfigError for settings that it cannot have."""
    settings = written(table)
    if settings.pop("generator", "lfsr") == "lfsr":
        return Lfsr(**settings)
    if "width" in settings:
        raise ConfigError('width is the number of bits of an LFSR; generator = "numpy" has none, leave it out')
    return NumpyRandom(**settings)
