"""The loop: seeded mini-batch descent in any arithmetic, stopped and taken up again at any step; and `accuracy`.

One epoch visits every example once, in an order drawn from the seed; the gradient of a batch of m (the last one may be
smaller) is the mean over its examples. The surprise: train accuracy in the history is counted as the epoch goes, on the
distorted images and with the parameters of the moment, so it costs nothing and lags behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from accel.data.dataset import Dataset
from accel.errors import ConfigError, DataError, ModelError
from accel.network.graph import Network, Parameters
from accel.network.initial import initial_parameters
from accel.ops.golden import GoldenArithmetic
from accel.train.augment import Augment
from accel.train.checkpoint import Epoch, Point, Snapshot
from accel.train.golden import GoldenLearner, golden_accuracy
from accel.train.learner import Counts, Learner, Take
from accel.train.losses import loss_named
from accel.train.optimizers import Optimizer
from accel.train.schedules import Constant, Schedule
from accel.walk import Arithmetic, TrainingArithmetic

Values = NDArray[np.float64]
S = TypeVar("S")

CURVE_POINTS = 150
"""Points of a learning curve, at most: enough to draw, and each a mean over enough steps to be read."""


@dataclass(frozen=True)
class TrainResult:
    """The trained values and how they came about, epoch by epoch and along the way."""

    parameters: Parameters
    history: tuple[Epoch, ...]
    seed: int
    curve: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is done with a learner. patience: epochs without a lower training loss before it stops, None: never.

    Raises ConfigError for numbers that mean nothing.
    """

    epochs: int
    batch: int
    seed: int
    rate: float
    schedule: Schedule = field(default_factory=Constant)
    augment: Augment = field(default_factory=Augment)
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.seed < 0:
            raise ConfigError(
                f"epochs {self.epochs} and batch {self.batch} must be 1 or more, seed {self.seed} 0 or more"
            )
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience {self.patience}: stop after 1 epoch or more without progress, or leave it out")


@dataclass(frozen=True)
class Hooks:
    """Called on the way, each optional: after every step with what it did, after every epoch, and with snapshots.

    start: called before the first step with how many are done already, which is none unless training is taken up.
    keep_every: steps between snapshots; one more is kept after every epoch, and one when training is interrupted.
    """

    step: Callable[[Counts], object] | None = None
    epoch: Callable[[Epoch], object] | None = None
    keep: Callable[[Snapshot], object] | None = None
    start: Callable[[int], object] | None = None
    keep_every: int = 0


def train(
    network: Network,
    train_set: Dataset,
    test_set: Dataset | None = None,
    *,
    loss: str = "cross-entropy",
    optimizer: Optimizer,
    schedule: Schedule | None = None,
    epochs: int,
    batch: int,
    seed: int,
    augment: Augment | None = None,
    parameters: Parameters | None = None,
    arithmetic: TrainingArithmetic[Values] | None = None,
    callback: Callable[[Epoch], object] | None = None,
) -> TrainResult:
    """Train `network` in float64 from its seeded first values (or `parameters`) and return what it learned.

    schedule: None keeps the rate. augment: distorts the training images, anew in every epoch. The test set is only
    looked at, never learned from. callback: called after every epoch.
    The same seed gives the same bits on one machine with one BLAS thread.
    Raises ConfigError for unusable settings or when training diverges, DataError and ModelError when data, network and
    loss do not fit together.
    """
    plan = Plan(epochs, batch, seed, optimizer.rate, schedule or Constant(), augment or Augment())
    cost = loss_named(loss)
    cost.start(network)
    learner = GoldenLearner(network, cost, optimizer, arithmetic or GoldenArithmetic())
    return learn(learner, plan, train_set, test_set, parameters=parameters, hooks=Hooks(epoch=callback))


def learn(
    learner: Learner[S],
    plan: Plan,
    train_set: Dataset,
    test_set: Dataset | None = None,
    *,
    parameters: Parameters | None = None,
    snapshot: Snapshot | None = None,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Let a learner learn, from its first values or from a snapshot. Raises as `train` does."""
    network = learner.network
    check_data(network, train_set)
    if test_set is not None:
        check_data(network, test_set)
    if not network.parameter_specs():
        raise ModelError(f"{network.name} has no trainable tensors; there is nothing to train")
    run = _Run(learner, plan, train_set, test_set, hooks or Hooks())
    return run.go(run.first(parameters) if snapshot is None else snapshot)


def accuracy(
    network: Network, parameters: Parameters, dataset: Dataset, arithmetic: Arithmetic[Values] | None = None
) -> float:
    """Return the share of examples whose largest output is their label (of tied outputs the first counts).

    Raises DataError for an empty set, or images and labels that do not fit the network.
    """
    check_data(network, dataset)
    return golden_accuracy(network, parameters, dataset, arithmetic)


def check_data(network: Network, dataset: Dataset) -> None:
    """Raise DataError unless the set has examples and every label has an output."""
    shape = network.shapes[network.output.name]
    if not len(dataset):
        raise DataError(f"{dataset.name}: no examples; check the limit or the files")
    if len(shape) != 1 or dataset.labels.max() >= shape[0]:
        raise DataError(
            f"{dataset.name}: label {dataset.labels.max()} has no output in {network.name}, whose output is {shape}"
        )


class _Run:
    """One call of `learn`: what stays the same from step to step."""

    def __init__(
        self, learner: Learner[Any], plan: Plan, train_set: Dataset, test_set: Dataset | None, hooks: Hooks
    ) -> None:
        self.learner, self.plan, self.hooks = learner, plan, hooks
        self.train_set, self.test_set = train_set, test_set
        self.take: Take = learner.examples(train_set, plan.augment)
        steps = plan.epochs * -(-len(train_set) // plan.batch)
        self.point_every = max(1, -(-steps // CURVE_POINTS))

    def first(self, parameters: Parameters | None) -> Snapshot:
        """Return the snapshot before the first step."""
        values = parameters or initial_parameters(self.learner.network, self.plan.seed)
        generator = np.random.default_rng([self.plan.seed, 1])  # [seed, 0] drew the first values
        order = generator.permutation(len(self.train_set))
        arrays = self.learner.pack(self.learner.start(values))
        return Snapshot(0, 0, 0, order, generator.bit_generator.state, Counts(), Counts(), (), (), arrays)

    def go(self, snapshot: Snapshot) -> TrainResult:
        """Train from a snapshot to the end."""
        now, state = replace(snapshot, arrays={}), self.learner.unpack(snapshot.arrays)
        generator = np.random.default_rng()
        generator.bit_generator.state = snapshot.generator
        if self.hooks.start is not None:
            self.hooks.start(snapshot.step)
        while now.epoch < self.plan.epochs and not self._is_stuck(now):
            try:
                now, state = self._step(now, state, generator)
            except KeyboardInterrupt:
                self._keep(now, state)
                raise
            if now.position >= len(self.train_set):
                now = self._end_epoch(now, state, generator)
                self._keep(now, state)
            elif self.hooks.keep_every and now.step % self.hooks.keep_every == 0:
                self._keep(now, state)
        return TrainResult(self.learner.parameters(state), now.history, self.plan.seed, now.curve)

    def _step(self, now: Snapshot, state: Any, generator: np.random.Generator) -> tuple[Snapshot, Any]:
        """Take one step; a snapshot's generator is that before the next one."""
        chosen = now.order[now.position : now.position + self.plan.batch]
        rate = self._rate(now)
        x = self.take(chosen, generator)
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported below, in words
            state, counts = self.learner.step(state, x, self.train_set.labels[chosen], rate)
        if not np.isfinite(counts.loss):
            raise ConfigError(f"{self._diverged(now)}: the loss is {counts.mean_loss}; lower the learning rate")
        now = replace(
            now,
            position=now.position + len(chosen),
            step=now.step + 1,
            generator=generator.bit_generator.state,
            so_far=now.so_far + counts,
            lately=now.lately + counts,
        )
        if now.step % self.point_every == 0:
            late = now.lately
            point = Point(now.step, late.mean_loss, late.accuracy, late.saturated_share, late.dead_share)
            now = replace(now, curve=(*now.curve, point), lately=Counts())
        if self.hooks.step is not None:
            self.hooks.step(counts)
        return now, state

    def _end_epoch(self, now: Snapshot, state: Any, generator: np.random.Generator) -> Snapshot:
        """Note what the epoch did and draw the order of the next."""
        values = self.learner.parameters(state)
        if not all(np.isfinite(tensor).all() for tensors in values.values() for tensor in tensors.values()):
            raise ConfigError(f"{self._diverged(now)}: a weight is not finite; lower the learning rate")
        tested = None if self.test_set is None else self.learner.accuracy(state, self.test_set)
        total = now.so_far
        epoch = Epoch(
            number=now.epoch + 1,
            rate=self._rate(now),
            loss=total.loss / len(self.train_set),
            train_accuracy=total.correct / len(self.train_set),
            test_accuracy=tested,
            saturated_share=total.saturated_share,
            dead_share=total.dead_share,
            skipped_steps=total.skipped,
        )
        if self.hooks.epoch is not None:
            self.hooks.epoch(epoch)
        return replace(
            now,
            epoch=now.epoch + 1,
            position=0,
            order=generator.permutation(len(self.train_set)),
            generator=generator.bit_generator.state,
            so_far=Counts(),
            history=(*now.history, epoch),
        )

    def _keep(self, now: Snapshot, state: Any) -> None:
        if self.hooks.keep is not None:
            self.hooks.keep(replace(now, arrays=self.learner.pack(state)))

    def _rate(self, now: Snapshot) -> float:
        return self.plan.schedule.rate(self.plan.rate, now.epoch)

    def _is_stuck(self, now: Snapshot) -> bool:
        """Tell whether the last `patience` epochs brought no lower loss than those before them."""
        patience, losses = self.plan.patience, [epoch.loss for epoch in now.history]
        return patience is not None and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])

    def _diverged(self, now: Snapshot) -> str:
        name = self.learner.network.name
        return f"{name}: training diverged in epoch {now.epoch + 1} at learning rate {self._rate(now):g}"
