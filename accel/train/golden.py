"""`GoldenLearner`: training in float64, or in any arithmetic on float64 arrays; the reference for fixed point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.data.dataset import Dataset
from accel.data.fit import fit
from accel.network.graph import Network, Parameters
from accel.ops.golden import GoldenArithmetic
from accel.ops.memory import keep_blocks
from accel.train.augment import Augment
from accel.train.dropout import Dropout, DropoutArithmetic
from accel.train.learner import Arrays, Counts, Labels, Take, check_batch
from accel.train.losses import Loss
from accel.train.optimizers import Optimizer, State
from accel.walk import Arithmetic, TrainingArithmetic, backward, forward

Values = NDArray[np.float64]

EVALUATION_BATCH = 250
"""Images at once in `golden_accuracy`: LeNet-5's tensors for that many take about 40 MB."""


@dataclass(frozen=True, eq=False)
class GoldenState:
    """Values and what the optimizer carries; step: of the whole training, from 0."""

    step: int
    values: Parameters
    state: State


@dataclass(frozen=True, eq=False)
class GoldenLearner:
    """Any optimizer on float64; `start` is the node at whose output the loss gives its delta."""

    structure: Network
    loss: Loss
    optimizer: Optimizer
    arithmetic: TrainingArithmetic[Values]
    dropout: Dropout | None = None

    @property
    def network(self) -> Network:
        """What learns."""
        return self.structure

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return what decides the bits besides data, order and rate."""
        return {
            "arithmetic": "golden",
            "loss": self.loss.name,
            "optimizer": {"name": type(self.optimizer).__name__, **asdict(self.optimizer)},  # type: ignore[call-overload]  # optimizers are dataclasses
            "dropout": None if self.dropout is None else asdict(self.dropout),
        }

    def start(self, parameters: Parameters) -> GoldenState:
        """Return the state before the first step."""
        keep_blocks()
        return GoldenState(0, parameters, self.optimizer.start(parameters))

    def examples(self, dataset: Dataset, augment: Augment) -> Take:
        """Return the way to a data set's examples, fitted to the network's input as they are needed."""

        def take(chosen: NDArray[np.int64], generator: np.random.Generator) -> Values:
            return augment.apply(fit(dataset.images[chosen], self.structure.input_shape), generator)

        return take

    def step(self, state: GoldenState, x: Values, labels: Labels, rate: float) -> tuple[GoldenState, Counts]:
        """x: (m, *input_shape), labels: (m,) -> the next state; gradients are means over the batch (BP1 to BP4)."""
        check_batch(labels, self.structure)
        numbers = self.arithmetic
        if self.dropout is not None:
            numbers = DropoutArithmetic.of(self.structure, self.dropout, state.step, len(x))
        tape = forward(self.structure, state.values, numbers, x)
        outputs = tape[self.structure.output.name]
        targets = np.eye(outputs.shape[1])[labels]
        delta = self.loss.delta(outputs, targets)
        sums = backward(self.structure, state.values, numbers, tape, delta, self.loss.start(self.structure))
        means = {node: {name: g / len(x) for name, g in tensors.items()} for node, tensors in sums.items()}
        values, carried = self.optimizer.step(state.values, means, state.state, rate)
        counts = Counts(
            examples=len(x),
            loss=self.loss.value(outputs, targets) * len(x),
            correct=int((outputs.argmax(axis=1) == labels).sum()),
        )
        return GoldenState(state.step + 1, values, carried), counts

    def parameters(self, state: GoldenState) -> Parameters:
        """Return the trained values."""
        return state.values

    def accuracy(self, state: GoldenState, dataset: Dataset) -> float:
        """Return the share of examples whose largest output is their label."""
        return golden_accuracy(self.structure, state.values, dataset, self.arithmetic)

    def pack(self, state: GoldenState) -> Arrays:
        """Return the state as arrays."""
        arrays: dict[str, NDArray[Any]] = {"scalars": np.array([state.step])}
        for kind, nested in (("value", state.values), ("state", state.state)):
            arrays |= {f"{kind}/{node}/{name}": v for node, named in nested.items() for name, v in named.items()}
        return arrays

    def unpack(self, arrays: Arrays) -> GoldenState:
        """Return the state that `pack` packed."""
        nested: dict[str, dict[str, dict[str, Values]]] = {"value": {}, "state": {}}
        for key, array in arrays.items():
            if key != "scalars":
                kind, node, name = key.split("/")
                nested[kind].setdefault(node, {})[name] = array
        return GoldenState(int(arrays["scalars"][0]), nested["value"], nested["state"])


def golden_accuracy(
    network: Network, parameters: Parameters, dataset: Dataset, arithmetic: Arithmetic[Values] | None = None
) -> float:
    """Return the share of examples whose largest output is their label (of tied outputs the first counts)."""
    correct = 0
    for first in range(0, len(dataset), EVALUATION_BATCH):
        part = slice(first, first + EVALUATION_BATCH)
        x = fit(dataset.images[part], network.input_shape)
        outputs = forward(network, parameters, arithmetic or GoldenArithmetic(), x)[network.output.name]
        correct += int((outputs.argmax(axis=1) == dataset.labels[part]).sum())
    return correct / len(dataset)
