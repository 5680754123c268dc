"""Optimizers: frozen records whose `step` maps parameters, mean gradients and state to the next parameters and state.

`Sgd` is gradient descent with Rumelhart's momentum and L2 weight decay, the rules of `accel.golden.sgd`:

    g <- g + decay w (weights only)    v <- momentum v - rate g    w <- w + v

Biases are not decayed: they hold the mean of what they offset, not the complexity of the model. A limit keeps weights
in a number format from the start: after every step they are clipped to it, as a store that saturates would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.golden import sgd
from accel.network.graph import Parameters

State = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""What an optimizer carries from step to step, in the shape of the parameters."""


class Optimizer(Protocol):
    """Anything that steps parameters: `Sgd` here, the others in `accel.train.adaptive`."""

    @property
    def rate(self) -> float:
        """The first learning rate."""
        ...

    def start(self, parameters: Parameters) -> State:
        """Return the state before the first step."""
        ...

    def step(
        self, parameters: Parameters, gradients: Parameters, state: State, rate: float
    ) -> tuple[Parameters, State]:
        """Return parameters and state after one step with `rate`."""
        ...


@dataclass(frozen=True)
class Sgd:
    """Learning rate, momentum coefficient, weight decay, and the largest magnitude of a weight (None: any).

    Raises ConfigError unless rate > 0, 0 <= momentum < 1, decay >= 0 and limit > 0.
    """

    rate: float
    momentum: float = 0.0
    decay: float = 0.0
    limit: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.rate < np.inf:
            raise ConfigError(f"learning rate {self.rate} must be positive and finite")
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"momentum {self.momentum} must lie in [0, 1); 0 is plain gradient descent")
        if not 0 <= self.decay < np.inf:
            raise ConfigError(f"weight decay {self.decay} must be 0 or more, and finite")
        if self.limit is not None and not self.limit > 0:
            raise ConfigError(f"weight limit {self.limit} must be positive; leave it out for none")

    def start(self, parameters: Parameters) -> State:
        """Return velocities of zero."""
        return {
            node: {name: np.zeros_like(values) for name, values in tensors.items()}
            for node, tensors in parameters.items()
        }

    def step(
        self, parameters: Parameters, gradients: Parameters, state: State, rate: float
    ) -> tuple[Parameters, State]:
        """Return parameters and velocities after one step with `rate`, which a schedule made of `self.rate`."""
        stepped = {
            node: {
                name: self._tensor(values, gradients[node][name], state[node][name], rate)
                for name, values in tensors.items()
            }
            for node, tensors in parameters.items()
        }
        return (
            {node: {name: pair[0] for name, pair in tensors.items()} for node, tensors in stepped.items()},
            {node: {name: pair[1] for name, pair in tensors.items()} for node, tensors in stepped.items()},
        )

    def _tensor(
        self,
        weight: NDArray[np.float64],
        gradient: NDArray[np.float64],
        velocity: NDArray[np.float64],
        rate: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Step one tensor; one axis means a bias."""
        if weight.ndim == 1:
            return sgd.momentum(weight, velocity, gradient, rate, self.momentum)
        decayed = sgd.weight_decay(gradient, weight, self.decay)
        stepped, velocity = sgd.momentum(weight, velocity, decayed, rate, self.momentum)
        return (stepped if self.limit is None else stepped.clip(-self.limit, self.limit)), velocity
