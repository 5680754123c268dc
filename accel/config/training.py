"""[training] -> `TrainingNumerics`: what is left out of the table follows the forward pass of [numerics].

Formats here hold for every layer: [numerics.layers] is about inference. A machine without the table trains by its
defaults, so that nothing has to be written to try it.
"""

from __future__ import annotations

from dataclasses import replace

from accel.config.lines import KeyPath
from accel.config.numerics import random_source
from accel.config.problems import Problem, attempt
from accel.config.schema import TrainingTable
from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.plan import Numerics
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Random
from accel.numeric.training import TrainingNumerics
from kernels.modes import Rounding

_ROOT: KeyPath = ("training",)


def build_training(table: TrainingTable, numerics: Numerics, problems: list[Problem]) -> TrainingNumerics | None:
    """Return the bits of training, or None after noting in `problems` what does not go together."""
    random = attempt(problems, (*_ROOT, "random"), random_source, table.random)
    if random is None:
        return None
    bits, rounding = numerics.defaults, table.rounding
    weight = table.weight or bits.weight.format
    defaults = replace(
        bits,
        weight=Quantizer(weight),
        bias=Quantizer(table.bias or weight),
        output=_cast(table.activation or bits.output.format, rounding.activation, random),
        softmax=_cast(bits.softmax.format, rounding.activation, random),
        weight_shifts=(),
    )
    before = len(problems)
    if table.master is not None:
        attempt(problems, (*_ROOT, "master"), _check_master, table.master, weight, defaults.bias.format)
    if table.update is not None:
        stores = {table.master} if table.master else {weight, defaults.bias.format}
        attempt(problems, (*_ROOT, "update"), _check_update, table.update, stores)
    if len(problems) > before:
        return None
    return TrainingNumerics(
        forward=Numerics(Quantizer(table.input or numerics.input.format), defaults),
        error=_cast(table.error, rounding.error, random),
        gradient=_cast(table.gradient, rounding.gradient, random),
        momentum=_cast(table.momentum, rounding.momentum, random),
        update=_cast(table.update or weight, rounding.update, random),
        update_follows=table.update is None,
        master=table.master,
        rate=table.rate,
        coefficient=table.coefficient,
        decay=table.decay,
        loss_scale=table.loss_scale,
        loss_scale_steps=table.loss_scale_steps,
    )


def _cast(target: QFormat, rounding: Rounding, random: Random) -> Quantizer:
    return Quantizer(target, rounding, random=random if rounding == Rounding.STOCHASTIC else None)


def _check_master(master: QFormat, weight: QFormat, bias: QFormat) -> None:
    for name, working in (("weight", weight), ("bias", bias)):
        if not master.signed or master.frac_bits < working.frac_bits or master.int_bits < working.int_bits:
            raise ConfigError(
                f"{master} does not hold every {name} of {working}; use a signed format with at least "
                f"{working.int_bits} integer and {working.frac_bits} fraction bits"
            )


def _check_update(update: QFormat, stores: set[QFormat]) -> None:
    for store in stores:
        if not update.signed or update.frac_bits > store.frac_bits:
            raise ConfigError(
                f"{update} is finer than what it is added to ({store}) or unsigned; use a signed format with at most "
                f"{store.frac_bits} fraction bits, or keep finer parameters with training.master"
            )
