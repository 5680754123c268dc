"""Losses: the value averaged over a batch, and delta, its derivative per example (the 1/m is applied to gradients).

Cross-entropy C = -sum y log a is taken together with the softmax before it: at the softmax's INPUT the derivative is
a - y (BP1). Mean squared error is C = 1/2 sum (a - y)^2, whose derivative at the network's OUTPUT is a - y too. So both
deltas are one expression, and all that differs is the node where `accel.walk.backward` starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, ModelError, suggestion
from accel.network.graph import Network

Batch = NDArray[np.float64]


def cross_entropy(outputs: Batch, targets: Batch) -> float:
    """outputs (probabilities), targets: (N, K) -> mean over the batch of -sum_k y_k log a_k.

    A probability that underflowed to 0 counts as the smallest normal number, so the value stays finite.
    """
    logs = np.log(np.maximum(outputs, np.finfo(np.float64).tiny))
    return float(-(targets * logs).sum() / len(outputs))


def mean_squared_error(outputs: Batch, targets: Batch) -> float:
    """outputs, targets: (N, K) -> mean over the batch of 1/2 sum_k (a_k - y_k)^2."""
    return float(0.5 * ((outputs - targets) ** 2).sum() / len(outputs))


@dataclass(frozen=True)
class Loss:
    """One cost; `at_softmax_input` says at which node's output its delta a - y is the derivative."""

    name: str
    value: Callable[[Batch, Batch], float]
    at_softmax_input: bool

    def delta(self, outputs: Batch, targets: Batch) -> Batch:
        """outputs, targets: (N, K) -> (N, K): the derivative of each example's cost."""
        return outputs - targets

    def start(self, network: Network) -> str:
        """Return the node at whose output `delta` is given. Raises ModelError if the network does not suit."""
        output = network.output
        if not self.at_softmax_input:
            return output.name
        if output.layer.kind != "softmax":
            raise ModelError(
                f"{self.name} needs a network that ends in a softmax; {network.name} ends in {output.layer.kind}: "
                "use the mse loss or add a softmax"
            )
        return output.inputs[0]


LOSSES = {
    loss.name: loss for loss in (Loss("cross-entropy", cross_entropy, True), Loss("mse", mean_squared_error, False))
}


def loss_named(name: str) -> Loss:
    """Return an entry of LOSSES. Raises ConfigError for an unknown name."""
    if name not in LOSSES:
        raise ConfigError(f"'{name}' is not a loss.{suggestion(name, LOSSES)}")
    return LOSSES[name]
