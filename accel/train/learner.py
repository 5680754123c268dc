"""`Learner`: one arithmetic's way to take a step; the loop (`accel.train.loop`) knows no other difference.

State is a value: a step returns another. `pack` and `unpack` turn it into named arrays and back without losing a bit,
which is all that a checkpoint needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from accel.data.dataset import Dataset
from accel.errors import DataError
from accel.network.graph import Network, Parameters
from accel.train.augment import Augment

Arrays = Mapping[str, NDArray[Any]]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """What happened in steps; all sums, so that steps, parts of batches and epochs add up.

    loss: sum over the examples. saturated and values: casts out of range and casts made, by kind of tensor. moving:
    updates that were not zero before rounding; dead: those of them that rounding made zero. skipped: steps left out
    because something overflowed at the loss scale.
    """

    examples: int = 0
    loss: float = 0.0
    correct: int = 0
    activations: int = 0
    activations_saturated: int = 0
    errors: int = 0
    errors_saturated: int = 0
    gradients: int = 0
    gradients_saturated: int = 0
    weights: int = 0
    weights_saturated: int = 0
    moving: int = 0
    dead: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both."""
        return Counts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def mean_loss(self) -> float:
        """Loss per example."""
        return self.loss / max(1, self.examples)

    @property
    def accuracy(self) -> float:
        """Share of examples whose largest output was their label."""
        return self.correct / max(1, self.examples)

    @property
    def dead_share(self) -> float | None:
        """The dead-update rate; None where nothing moved or rounded."""
        return self.dead / self.moving if self.moving else None

    @property
    def saturated_share(self) -> float | None:
        """Share of all casts that were out of range; None in an arithmetic without casts."""
        values = self.activations + self.errors + self.gradients + self.weights
        outside = self.activations_saturated + self.errors_saturated + self.gradients_saturated + self.weights_saturated
        return outside / values if values else None


S = TypeVar("S")

Take = Callable[[NDArray[np.int64], np.random.Generator], Any]
"""Gives the chosen examples as a step wants them, distorted by what is drawn from the generator."""


class Learner(Protocol[S]):
    """An arithmetic that learns; S is its state."""

    @property
    def network(self) -> Network:
        """What learns."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What must be equal for a checkpoint to be taken up: arithmetic, formats, optimizer; plain values."""
        ...

    def start(self, parameters: Parameters) -> S:
        """Return the state before the first step."""
        ...

    def examples(self, dataset: Dataset, augment: Augment) -> Take:
        """Return the way to a data set's examples."""
        ...

    def step(self, state: S, x: Any, labels: Labels, rate: float) -> tuple[S, Counts]:
        """Return the state after one step at that learning rate, and what happened."""
        ...

    def parameters(self, state: S) -> Parameters:
        """Return the trained values as float64, exactly."""
        ...

    def accuracy(self, state: S, dataset: Dataset) -> float:
        """Return the share of examples whose largest output is their label (of tied outputs the first counts)."""
        ...

    def pack(self, state: S) -> Arrays:
        """Return the state as arrays."""
        ...

    def unpack(self, arrays: Arrays) -> S:
        """Return the state that `pack` packed."""
        ...


def check_batch(labels: Labels, network: Network) -> None:
    """Raise DataError for a batch without examples, or with a label that no output of the network stands for."""
    classes = network.shapes[network.output.name][-1]
    if not len(labels):
        raise DataError("a batch without examples teaches nothing; give it one or more")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"labels {labels.min()}..{labels.max()} do not fit the {classes} outputs of {network.name}; classes count "
            "from 0"
        )
