"""The constants of one update in integers, proved to fit, and refused when no update could survive them.

The datapath is stated in `kernels.update`. With a batch of m and g = floor(log2 m), the stored gradient is the batch's
sum with its point moved by g, so the rate's constant is rate 2^g / m, and the decay's is decay m / 2^g, because the
rate multiplies both. What the loss scale put into the errors leaves the gradient with the same move of its point.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

from accel.errors import ConfigError
from accel.numeric.cast import encode
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.training import Kind, TrainingNumerics, on_stream
from accel.train.optimizers import Sgd
from kernels.modes import Rounding
from kernels.update import Rule

_MOST_BITS = 62
"""Magnitude bits of any value of a step: it is added to one more of its size in 64 bits."""

_NEAREST = (
    Rounding.RND,
    Rounding.RND_ZERO,
    Rounding.RND_MIN_INF,
    Rounding.RND_INF,
    Rounding.RND_CONV,
)


@dataclass(frozen=True)
class Update:
    """One parameter tensor's step: constants, and casts of gradient, velocity, update and weight, random streams set.

    casts: as the kernel takes them, each the numbers of a Requant. quantizers: of gradient, momentum, update, for their
    draws.
    """

    rule: Rule
    casts: tuple[tuple[int, ...], ...]
    quantizers: tuple[Quantizer, Quantizer, Quantizer]


def batch_shift(batch: int) -> int:
    """Return floor(log2 m), by which the point of a sum over m examples moves."""
    return batch.bit_length() - 1


def update_of(
    numbers: TrainingNumerics,
    optimizer: Sgd,
    rate: float,
    batch: int,
    loss_scale: int,
    tensor: str,
    number: int,
    sum_frac_bits: int,
) -> Update:
    """Return the step of a parameter tensor whose exact gradient sums have that many fraction bits, scaled or not.

    Raises ConfigError when a constant does not fit its format or a product 64 bits.
    """
    gradient = on_stream(numbers.gradient, number, Kind.GRADIENT)
    momentum = on_stream(numbers.momentum, number, Kind.MOMENTUM)
    update = on_stream(numbers.update_of(tensor), number, Kind.UPDATE)
    store = numbers.store(tensor)
    whole = batch_shift(batch)
    factor, factor_point = rate_code(numbers.rate, rate * (1 << whole) / batch, rate)
    decayed = 0.0 if tensor == "bias" else optimizer.decay * batch / (1 << whole)
    decay = _constant(numbers.decay, decayed, "weight decay", "training.decay")
    coefficient = _constant(numbers.coefficient, optimizer.momentum, "momentum", "training.coefficient")

    decay_point = numbers.decay.frac_bits + store.frac_bits
    descent_point = max(gradient.format.frac_bits, decay_point) if decay else gradient.format.frac_bits
    step_point = factor_point + descent_point
    velocity_point = numbers.coefficient.frac_bits + momentum.format.frac_bits
    point = max(step_point, velocity_point) if coefficient else step_point
    rule = Rule(
        rate=factor,
        decay=decay,
        coefficient=coefficient,
        gradient_shift=descent_point - gradient.format.frac_bits,
        decay_shift=descent_point - decay_point if decay else 0,
        step_shift=point - step_point,
        velocity_shift=point - velocity_point if coefficient else 0,
        weight_shift=store.frac_bits - update.format.frac_bits,
    )
    moved = momentum.format.frac_bits if optimizer.momentum else point
    _prove(rule, gradient.format, momentum.format, store, update.format, moved if optimizer.momentum else point)
    casts = (
        gradient.lower(_wide(sum_frac_bits + loss_scale + whole)),
        momentum.lower(_wide(point)),
        update.lower(_wide(moved)),
        Quantizer(store).lower(store),
    )
    idle = Quantizer(momentum.format)  # draws nothing
    return Update(rule, tuple(map(tuple, casts)), (gradient, momentum if optimizer.momentum else idle, update))


def rate_code(target: QFormat | None, constant: float, rate: float) -> tuple[int, int]:
    """Return the rate's constant as (code, fraction bits); a power of two as a code and a shift of its own.

    Raises ConfigError when the format does not hold it, naming the rates that it does hold.
    """
    if target is None:
        mantissa, exponent = frexp(constant)
        power = exponent - 1 if mantissa < 2**-0.5 else exponent  # the nearest in ratio
        return (1 << max(power, 0), max(-power, 0))
    code = int(encode([constant], Quantizer(target))[0].codes[0])
    low, high = float(target.lsb) / 2, target.max_value
    if code == 0 or constant > high + low:
        raise ConfigError(
            f"learning rate {rate:g} becomes the constant {constant:.3g} at this batch, which training.rate = "
            f"{target} does not hold; use a rate of {low * rate / constant:.3g} to {high * rate / constant:.3g}, "
            'another format, or "shift"'
        )
    return code, target.frac_bits


def check_survival(numbers: TrainingNumerics, optimizer: Sgd, rate: float, batch: int) -> None:
    """Raise ConfigError when even the largest gradient's step is rounded to zero; names the smallest rate that works.

    Weight decay may add to a gradient but is no reason to train, so it is left out.
    """
    whole = batch_shift(batch)
    factor, point = rate_code(numbers.rate, rate * (1 << whole) / batch, rate)
    largest = factor * 2.0**-point * numbers.gradient.format.max_value
    stages = [("update", numbers.update_of("weight"), 1 - optimizer.momentum)]
    if optimizer.momentum:
        stages.append(("momentum", numbers.momentum, 1.0))
    for name, cast, share in stages:
        least = _least(cast) * share
        if largest < least:
            raise ConfigError(
                f"learning rate {rate:g} underflows training.{name} = {cast.format}: the largest gradient that "
                f"{numbers.gradient.format} holds moves a weight by {largest:.3g}, and everything below {least:.3g} is "
                f"rounded to zero; the smallest rate that works is {least * rate / largest:.3g}"
            )


def _least(cast: Quantizer) -> float:
    """Return the smallest magnitude that a cast ever rounds away from zero."""
    lsb = float(cast.format.lsb)
    if cast.rounding in _NEAREST:
        return lsb / 2
    if cast.rounding == Rounding.STOCHASTIC and cast.random is not None:
        return lsb * 2.0 ** -(cast.random.bits + cast.random.centred)
    return lsb if cast.rounding == Rounding.TRN_ZERO else 0.0


def _constant(target: QFormat, value: float, what: str, key: str) -> int:
    """Encode an optimizer's constant. Raises ConfigError when it becomes 0 or does not fit."""
    code = int(encode([value], Quantizer(target))[0].codes[0])
    if value and (code == 0 or value > target.max_value + float(target.lsb)):
        raise ConfigError(
            f"{what}: the constant {value:.3g} does not fit {key} = {target} "
            f"({float(target.lsb):.3g}..{target.max_value:.3g}); change the format or the setting"
        )
    return code


def _prove(rule: Rule, gradient: QFormat, momentum: QFormat, store: QFormat, update: QFormat, point: int) -> None:
    """Raise ConfigError unless every value of a step stays within 62 bits, from the formats alone."""
    descent = (-gradient.min_code << rule.gradient_shift) + ((rule.decay * -store.min_code) << rule.decay_shift)
    source = (rule.rate * descent << rule.step_shift) + ((rule.coefficient * -momentum.min_code) << rule.velocity_shift)
    raised = -momentum.min_code << max(0, update.frac_bits - momentum.frac_bits)
    stepped = (-update.min_code << rule.weight_shift) - store.min_code
    bits = max(source, raised, stepped, source << max(0, update.frac_bits - point)).bit_length()
    if bits > _MOST_BITS:
        raise ConfigError(
            f"a step of gradient {gradient}, momentum {momentum} and weight {store} needs {bits} bits, {_MOST_BITS} "
            "are the most that is computed; use fewer fraction bits in [training]"
        )


def _wide(frac_bits: int) -> QFormat:
    return QFormat(True, 63, 63 - frac_bits)
