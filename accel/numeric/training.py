"""`TrainingNumerics`: the formats of everything that training adds to inference, one for each kind of tensor.

The recipe is that of Gupta et al., "Deep Learning with Limited Numerical Precision", ICML 2015, sec. 3 and 4: 16-bit
tensors, exact wide sums that are cast once, and stochastic rounding where small numbers meet large ones, which is the
update of a weight: |rate * gradient| below half an lsb vanishes under nearest rounding, every time. Nothing wraps.

The surprise: the mean over a batch of m costs no division. A gradient is the sum over the batch with its binary point
moved by floor(log2 m), and what is left of 1/m, between 1 and 2, is part of the learning rate's constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from accel.numeric.format import QFormat
from accel.numeric.plan import Numerics
from accel.numeric.quantizer import Quantizer
from kernels.modes import Rounding

FRACTION = QFormat(False, 16, 0)
"""Of constants below 1."""

SMALL_FRACTION = QFormat(False, 16, -8)
"""Of constants below 2^-8."""


class Kind(IntEnum):
    """The kinds of tensors that may round at random; each draws from a stream of its own."""

    ERROR = 0
    GRADIENT = 1
    UPDATE = 2
    MOMENTUM = 3


@dataclass(frozen=True)
class TrainingNumerics:
    """The bits of training on one machine.

    forward: of the forward pass; its weight and bias formats are the working copies. error, gradient, momentum: casts
    of delta, of the batch's gradient and of the velocity. update: cast of a step; its format None follows what is
    stepped. master: format of the stored parameters, None: they are stored as the forward pass reads them.
    rate: format of the learning rate's constant, None: the nearest power of two. coefficient, decay: formats of the
    momentum coefficient and of the weight decay. loss_scale: errors carry a factor of 2^loss_scale, which the cast to a
    gradient takes out again. loss_scale_steps: 0 keeps the factor; otherwise a step with any overflow is left out and
    halves it, and so many steps without one double it.
    """

    forward: Numerics
    error: Quantizer
    gradient: Quantizer
    momentum: Quantizer
    update: Quantizer
    update_follows: bool = True
    master: QFormat | None = None
    rate: QFormat | None = FRACTION
    coefficient: QFormat = FRACTION
    decay: QFormat = SMALL_FRACTION
    loss_scale: int = 0
    loss_scale_steps: int = 0

    def working(self, tensor: str) -> Quantizer:
        """Return the format that the forward pass reads a parameter in ("bias", or anything else for weights)."""
        return self.forward.defaults.bias if tensor == "bias" else self.forward.defaults.weight

    def store(self, tensor: str) -> QFormat:
        """Return the format that a parameter is kept in from step to step."""
        return self.master or self.working(tensor).format

    def update_of(self, tensor: str) -> Quantizer:
        """Return the cast of a step of that parameter."""
        return replace(self.update, format=self.store(tensor)) if self.update_follows else self.update


def on_stream(quantizer: Quantizer, number: int, kind: Kind) -> Quantizer:
    """Return the cast with the random stream of tensor `number` (or node) and `kind`: base + 4 number + kind."""
    if quantizer.rounding != Rounding.STOCHASTIC or quantizer.random is None:
        return quantizer
    random = quantizer.random
    return replace(quantizer, random=replace(random, stream=random.stream + 4 * number + kind))
