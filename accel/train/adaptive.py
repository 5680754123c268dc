"""Optimizers with a step size of its own for every weight: AdaGrad, RMSprop, AdaDelta, Adam (`accel.golden.adaptive`).

Each carries named tensors in the shape of the parameters, and all count their steps. Weight decay, where asked for, is
part of the gradient of weights, as for `Sgd`. They are float64 only: a root and a division per weight and step are no
datapath that one would build for 16 bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.golden import adaptive, sgd
from accel.network.graph import Parameters
from accel.train.optimizers import State

Array = NDArray[np.float64]

CLOCK = "clock"
"""Where the number of steps is kept among the tensors of nodes: CLOCK -> {"steps": (1,)}."""


@dataclass(frozen=True)
class Adaptive(ABC):
    """What they share: the rate, weight decay, epsilon. Raises ConfigError unless rate, epsilon > 0 and decay >= 0."""

    carries: ClassVar[tuple[str, ...]]
    rate: float
    decay: float = 0.0
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not 0 < self.rate < np.inf:
            raise ConfigError(f"{name}: learning rate {self.rate} must be positive and finite")
        if not 0 <= self.decay < np.inf:
            raise ConfigError(f"{name}: weight decay {self.decay} must be 0 or more, and finite")
        if not 0 < self.epsilon < np.inf:
            raise ConfigError(f"{name}: epsilon {self.epsilon} must be positive; it keeps a division finite")

    @abstractmethod
    def tensor(
        self, weight: Array, gradient: Array, carried: tuple[Array, ...], number: int, rate: float
    ) -> tuple[Array, ...]:
        """Return one tensor after step `number` (from 1), and what it carries on."""

    def start(self, parameters: Parameters) -> State:
        """Return zeros, and a clock at 0."""
        state = {
            node: {f"{name}.{kind}": np.zeros_like(values) for name, values in tensors.items() for kind in self.carries}
            for node, tensors in parameters.items()
        }
        return {CLOCK: {"steps": np.zeros(1)}, **state}

    def step(
        self, parameters: Parameters, gradients: Parameters, state: State, rate: float
    ) -> tuple[Parameters, State]:
        """Return parameters and state after one step with `rate`."""
        number = int(state[CLOCK]["steps"][0]) + 1
        moved: dict[str, dict[str, Array]] = {}
        carried: dict[str, dict[str, Array]] = {CLOCK: {"steps": np.full(1, float(number))}}
        for node, tensors in parameters.items():
            moved[node], carried[node] = {}, {}
            for name, values in tensors.items():
                gradient = gradients[node][name]
                if values.ndim > 1:
                    gradient = sgd.weight_decay(gradient, values, self.decay)
                before = tuple(state[node][f"{name}.{kind}"] for kind in self.carries)
                moved[node][name], *after = self.tensor(values, gradient, before, number, rate)
                carried[node] |= {f"{name}.{kind}": value for kind, value in zip(self.carries, after, strict=True)}
        return moved, carried


@dataclass(frozen=True)
class AdaGrad(Adaptive):
    """Divide by the root of all squared gradients."""

    carries = ("squares",)

    def tensor(
        self, weight: Array, gradient: Array, carried: tuple[Array, ...], number: int, rate: float
    ) -> tuple[Array, ...]:
        """Return the weight and the squares."""
        return adaptive.adagrad(weight, carried[0], gradient, rate, self.epsilon)


@dataclass(frozen=True)
class RmsProp(Adaptive):
    """Divide by the root of the running mean of squared gradients. Raises ConfigError unless 0 <= kept < 1."""

    carries = ("squares",)
    kept: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(type(self).__name__, self.kept)

    def tensor(
        self, weight: Array, gradient: Array, carried: tuple[Array, ...], number: int, rate: float
    ) -> tuple[Array, ...]:
        """Return the weight and the squares."""
        return adaptive.rmsprop(weight, carried[0], gradient, rate, self.kept, self.epsilon)


@dataclass(frozen=True)
class AdaDelta(Adaptive):
    """Step as far as the root of past squared steps over that of past squared gradients says; usual epsilon 1e-6."""

    carries = ("squares", "steps")
    kept: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kept(type(self).__name__, self.kept)

    def tensor(
        self, weight: Array, gradient: Array, carried: tuple[Array, ...], number: int, rate: float
    ) -> tuple[Array, ...]:
        """Return the weight, the squares and the steps."""
        return adaptive.adadelta(weight, carried[0], carried[1], gradient, rate, self.kept, self.epsilon)


@dataclass(frozen=True)
class Adam(Adaptive):
    """Running means of gradients and of their squares. Raises ConfigError unless both betas lie in [0, 1)."""

    carries = ("first", "second")
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        super().__post_init__()
        for beta in self.betas:
            _check_kept(type(self).__name__, beta)

    def tensor(
        self, weight: Array, gradient: Array, carried: tuple[Array, ...], number: int, rate: float
    ) -> tuple[Array, ...]:
        """Return the weight and both means."""
        return adaptive.adam(weight, carried[0], carried[1], gradient, number, rate, self.betas, self.epsilon)


def _check_kept(name: str, kept: float) -> None:
    if not 0 <= kept < 1:
        raise ConfigError(f"{name}: the share of a running mean that is kept is {kept}; use [0, 1)")
