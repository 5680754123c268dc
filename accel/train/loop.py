"""The trainer: seeded mini-batch descent, and `accuracy`, both in bounded memory.

One epoch visits every example once, in an order drawn from the seed; the gradient of a batch of m (the last one may be
smaller) is the sum over its examples divided by m. The arithmetic is a parameter: float64 here, fixed point in its
place later. The surprise: train accuracy in the history is counted as the epoch goes, on the distorted images and with
the parameters of the moment, so it costs nothing and lags behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.data.dataset import Dataset
from accel.data.fit import fit
from accel.errors import ConfigError, DataError, ModelError
from accel.network.graph import Network, Parameters
from accel.network.initial import initial_parameters
from accel.ops.golden import GoldenArithmetic
from accel.train.augment import Augment
from accel.train.losses import Loss, loss_named
from accel.train.optimizers import Sgd
from accel.train.schedules import Constant, Schedule
from accel.walk import Arithmetic, TrainingArithmetic, backward, forward

Values = NDArray[np.float64]

EVALUATION_BATCH = 250
"""Images at once in `accuracy`: LeNet-5's tensors for that many take about 40 MB."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch (counted from 1) did; test_accuracy is None without a test set."""

    number: int
    rate: float
    loss: float
    train_accuracy: float
    test_accuracy: float | None


@dataclass(frozen=True)
class TrainResult:
    """The trained values and how they came about, epoch by epoch."""

    parameters: Parameters
    history: tuple[Epoch, ...]
    seed: int


def train(
    network: Network,
    train_set: Dataset,
    test_set: Dataset | None = None,
    *,
    loss: str = "cross-entropy",
    optimizer: Sgd,
    schedule: Schedule | None = None,
    epochs: int,
    batch: int,
    seed: int,
    augment: Augment | None = None,
    parameters: Parameters | None = None,
    arithmetic: TrainingArithmetic[Values] | None = None,
    callback: Callable[[Epoch], object] | None = None,
) -> TrainResult:
    """Train `network` from its seeded first values (or `parameters`) and return what it learned.

    schedule: None keeps the rate. augment: distorts the training images, anew in every epoch. The test set is only
    looked at, never learned from. callback: called after every epoch.
    The same seed gives the same bits on one machine with one BLAS thread.
    Raises ConfigError for unusable settings or when training diverges, DataError and ModelError when data, network and
    loss do not fit together.
    """
    if epochs < 1 or batch < 1 or seed < 0:
        raise ConfigError(f"epochs {epochs} and batch {batch} must be 1 or more, seed {seed} 0 or more")
    cost = loss_named(loss)
    start = cost.start(network)
    _check_labels(network, train_set)
    if not network.parameter_specs():
        raise ModelError(f"{network.name} has no trainable tensors; there is nothing to train")
    numbers = arithmetic or GoldenArithmetic()
    values = parameters or initial_parameters(network, seed)
    state = optimizer.start(values)
    generator = np.random.default_rng([seed, 1])  # [seed, 0] drew the first values
    history = []
    for epoch in range(epochs):
        rate = (schedule or Constant()).rate(optimizer.rate, epoch)
        total, correct = 0.0, 0
        for x, labels in _batches(network, train_set, batch, augment or Augment(), generator):
            with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported below, in words
                value, hits, gradients = _gradients(network, values, numbers, cost, start, x, labels)
                values, state = optimizer.step(values, gradients, state, rate)
            total, correct = total + value * len(x), correct + hits
            if not np.isfinite(value):
                raise ConfigError(f"{_diverged(network, epoch, rate)}: the loss is {value}; lower the learning rate")
        if not all(np.isfinite(tensor).all() for tensors in values.values() for tensor in tensors.values()):
            raise ConfigError(f"{_diverged(network, epoch, rate)}: a weight is not finite; lower the learning rate")
        tested = accuracy(network, values, test_set, numbers) if test_set is not None else None
        history.append(Epoch(epoch + 1, rate, total / len(train_set), correct / len(train_set), tested))
        if callback is not None:
            callback(history[-1])
    return TrainResult(values, tuple(history), seed)


def accuracy(
    network: Network, parameters: Parameters, dataset: Dataset, arithmetic: Arithmetic[Values] | None = None
) -> float:
    """Return the share of examples whose largest output is their label (of tied outputs the first counts).

    Raises DataError for an empty set, or images and labels that do not fit the network.
    """
    _check_labels(network, dataset)
    correct = 0
    for first in range(0, len(dataset), EVALUATION_BATCH):
        part = slice(first, first + EVALUATION_BATCH)
        x = fit(dataset.images[part], network.input_shape)
        outputs = forward(network, parameters, arithmetic or GoldenArithmetic(), x)[network.output.name]
        correct += int((outputs.argmax(axis=1) == dataset.labels[part]).sum())
    return correct / len(dataset)


def _batches(
    network: Network, dataset: Dataset, batch: int, augment: Augment, generator: np.random.Generator
) -> Iterator[tuple[Values, NDArray[np.int64]]]:
    """Yield one epoch's images, fitted to the network's input, and labels."""
    order = generator.permutation(len(dataset))
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        x = fit(dataset.images[chosen], network.input_shape)
        yield augment.apply(x, generator), dataset.labels[chosen]


def _gradients(
    network: Network,
    parameters: Parameters,
    arithmetic: TrainingArithmetic[Values],
    loss: Loss,
    start: str,
    x: Values,
    labels: NDArray[np.int64],
) -> tuple[float, int, Mapping[str, Mapping[str, Values]]]:
    """Return the batch's mean loss, how many were right, and the mean gradients (BP1 to BP4)."""
    tape = forward(network, parameters, arithmetic, x)
    outputs = tape[network.output.name]
    targets = np.eye(outputs.shape[1])[labels]
    sums = backward(network, parameters, arithmetic, tape, loss.delta(outputs, targets), start)
    means = {node: {name: g / len(x) for name, g in tensors.items()} for node, tensors in sums.items()}
    return loss.value(outputs, targets), int((outputs.argmax(axis=1) == labels).sum()), means


def _check_labels(network: Network, dataset: Dataset) -> None:
    """Raise unless the set has examples and every label has an output."""
    shape = network.shapes[network.output.name]
    if not len(dataset):
        raise DataError(f"{dataset.name}: no examples; check the limit or the files")
    if len(shape) != 1 or dataset.labels.max() >= shape[0]:
        raise DataError(
            f"{dataset.name}: label {dataset.labels.max()} has no output in {network.name}, whose output is {shape}"
        )


def _diverged(network: Network, epoch: int, rate: float) -> str:
    return f"{network.name}: training diverged in epoch {epoch + 1} at learning rate {rate:g}"
