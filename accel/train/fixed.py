"""`FixedLearner`: training in the machine's own bits.

A batch is cut into parts of a fixed number of examples; parts may run on several threads, their exact gradients are
added as integers, and each parameter is stepped once (`kernels.update`). So the bits depend neither on threads nor on
parts. Random rounding reads the step's number: rows of the streams are placed by it, and a run that is taken up again
draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.data.dataset import Dataset
from accel.data.fit import fit
from accel.network.graph import Network, Parameters
from accel.numeric.array import FxArray
from accel.numeric.cast import cast_codes, encode
from accel.numeric.format import QFormat
from accel.numeric.ledger import Ledger
from accel.numeric.quantizer import Quantizer
from accel.ops.fixed_training import FixedTrainingArithmetic, wide_format
from accel.train.augment import Augment
from accel.train.learner import Arrays, Counts, Labels, Take, check_batch
from accel.train.optimizers import Sgd
from accel.train.program import Slot, TrainingProgram, lower_training
from accel.train.rule import Update, check_survival, update_of
from accel.train.schedules import Constant, Schedule
from accel.train.streams import Streams
from accel.walk import backward, forward

Codes = NDArray[Any]
T = TypeVar("T")

PART_ELEMENTS = 1 << 19
"""Elements of all tensors of a part: what one thread holds at a time, a few megabytes."""

NO_BINS = np.empty(0, np.int64)

LOSS_SCALES = range(-32, 33)
"""Where the exponent of a loss scale may move."""


@dataclass(frozen=True, eq=False)
class FixedState:
    """Parameters and velocities as codes, by slot in the program's order; step: of the whole training, from 0.

    clean_steps: without overflow since the loss scale last changed.
    """

    step: int
    stores: tuple[Codes, ...]
    velocities: tuple[Codes, ...]
    loss_scale: int
    clean_steps: int = 0


@dataclass(frozen=True)
class Gradients:
    """A part's exact gradient sums (or those of several parts), by slot, with their points, and what was counted.

    Sums of parts are added in place: those of the first part become those of the batch.
    """

    sums: tuple[NDArray[np.int64], ...]
    points: tuple[int, ...]
    counts: Counts


@dataclass(frozen=True, eq=False)
class FixedLearner:
    """Stochastic gradient descent on a machine; made by `fixed_learner`.

    streams, updates: what it remembers of draws and constants, both functions of the step.
    """

    program: TrainingProgram
    machine: Accelerator
    optimizer: Sgd
    batch: int
    jobs: int = 1
    streams: Streams = field(default_factory=Streams)
    updates: dict[tuple[Any, ...], Update] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """What learns."""
        return self.program.network

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return what decides the bits besides data, order and rate."""
        training = asdict(self.program.numbers)
        units = self.machine.architecture.units
        return {
            "arithmetic": "fixed",
            "loss": self.program.loss.name,
            "batch": self.batch,
            "optimizer": asdict(self.optimizer),
            "training": {key: str(value) for key, value in training.items()},
            "units": {kind: f"{unit.design} {dict(unit.options)}" for kind, unit in sorted(units.items())},
        }

    def start(self, parameters: Parameters) -> FixedState:
        """Encode the first values, to nearest."""
        stores, velocities = [], []
        for slot in self.program.slots:
            store = self.program.numbers.store(slot.tensor)
            codes, _ = encode(parameters[slot.node][slot.tensor], Quantizer(store))
            stores.append(codes.codes.astype(_container(store)))
            velocities.append(np.zeros(slot.shape if self.optimizer.momentum else (0, *slot.shape[1:]), np.int32))
        return FixedState(0, tuple(stores), tuple(velocities), self.program.numbers.loss_scale)

    def encode(self, values: NDArray[np.float64]) -> FxArray:
        """values: (N, *input_shape) -> codes of the input format."""
        return encode(values, self.program.input)[0]

    def examples(self, dataset: Dataset, augment: Augment) -> Take:
        """Return the way to a data set's examples: encoded once, unless every epoch distorts them anew."""
        shape = self.network.input_shape

        def fitted(chosen: NDArray[np.int64] | slice) -> NDArray[np.float64]:
            return fit(dataset.images[chosen], shape)

        if augment != Augment():
            return lambda chosen, generator: self.encode(augment.apply(fitted(chosen), generator))
        codes = np.empty((len(dataset), *shape), self.program.input.format.dtype)
        for first in range(0, len(dataset), 1000):
            part = slice(first, first + 1000)
            codes[part] = self.encode(fitted(part)).codes
        return lambda chosen, generator: FxArray.trusted(codes[chosen], self.program.input.format)

    def step(
        self, state: FixedState, x: FxArray, labels: Labels, rate: float, bins: NDArray[np.int64] | None = None
    ) -> tuple[FixedState, Counts]:
        """x: (m, *input_shape) codes, labels: (m,). bins: (slots, width) int64, |update| by powers of two of an lsb."""
        check_batch(labels, self.network)
        found = self._gradients(state, self.working(state), x, labels)
        counts = found.counts
        if self.program.numbers.loss_scale_steps and counts.errors_saturated:
            return self._left_out(state, counts)
        stores, velocities = [], []
        counted = np.zeros(6, np.int64)
        for index, slot in enumerate(self.program.slots):
            update = self._update(slot, rate, len(x), state.loss_scale, found.points[index])
            mine = NO_BINS if bins is None else bins[index]
            before = state.stores[index], state.velocities[index]
            store, velocity = self._stepped(slot, update, found.sums[index], before, state.step, counted, mine)
            stores.append(store)
            velocities.append(velocity)
        counts = _with_updates(counts, sum(sums.size for sums in found.sums), counted)
        if self.program.numbers.loss_scale_steps and counts.gradients_saturated:
            return self._left_out(state, replace(counts, moving=0, dead=0))
        return self._followed(
            replace(state, step=state.step + 1, stores=tuple(stores), velocities=tuple(velocities))
        ), counts

    def working(self, state: FixedState) -> dict[str, dict[str, FxArray]]:
        """Return the parameters as the forward pass reads them: the stored codes, or master weights cast to nearest."""
        values: dict[str, dict[str, FxArray]] = {}
        for slot, codes in zip(self.program.slots, state.stores, strict=True):
            working = self.program.numbers.working(slot.tensor)
            if self.program.numbers.master is None:
                made = FxArray.trusted(codes.astype(working.format.dtype, copy=False), working.format)
            else:
                made, _ = cast_codes(codes, self.program.numbers.master, working)
            values.setdefault(slot.node, {})[slot.tensor] = made
        return values

    def parameters(self, state: FixedState) -> Parameters:
        """Return what the forward pass computes with, as float64."""
        values = self.working(state)
        return {node: {name: fx.to_float() for name, fx in tensors.items()} for node, tensors in values.items()}

    def accuracy(self, state: FixedState, dataset: Dataset) -> float:
        """Return the share of examples whose largest output is their label (of tied outputs the first counts)."""
        correct = 0
        for first in range(0, len(dataset), 1000):
            part = slice(first, first + 1000)
            x = self.encode(fit(dataset.images[part], self.network.input_shape))
            correct += self.correct(state, x, dataset.labels[part])
        return correct / len(dataset)

    def correct(self, state: FixedState, x: FxArray, labels: Labels) -> int:
        """Return how many examples have their label as largest output."""
        values = self.working(state)

        def hits(first: int) -> int:
            arithmetic = FixedTrainingArithmetic(self.program.forward, Ledger(), first)
            tape = forward(self.network, values, arithmetic, _part(x, first, self.part))
            outputs = tape[self.network.output.name].codes
            return int((outputs.argmax(axis=1) == labels[first : first + self.part]).sum())

        return sum(self._each_part(hits, len(x)))

    def pack(self, state: FixedState) -> Arrays:
        """Return the state as arrays."""
        arrays: dict[str, NDArray[Any]] = {"scalars": np.array([state.step, state.loss_scale, state.clean_steps])}
        for slot, store, velocity in zip(self.program.slots, state.stores, state.velocities, strict=True):
            arrays |= {f"store/{slot.node}/{slot.tensor}": store, f"velocity/{slot.node}/{slot.tensor}": velocity}
        return arrays

    def unpack(self, arrays: Arrays) -> FixedState:
        """Return the state that `pack` packed."""
        step, scale, clean = (int(number) for number in arrays["scalars"])
        stores, velocities = (
            tuple(arrays[f"{kind}/{slot.node}/{slot.tensor}"] for slot in self.program.slots)
            for kind in ("store", "velocity")
        )
        return FixedState(step, stores, velocities, scale, clean)

    @property
    def part(self) -> int:
        """Return how many examples a part has: decided by the network alone."""
        elements = sum(prod(shape) for shape in self.network.shapes.values())
        return max(1, PART_ELEMENTS // elements)

    def _each_part(self, function: Callable[[int], T], examples: int) -> Iterator[T]:
        """Yield function(first) of every part, in order."""
        starts = range(0, examples, self.part)
        if self.jobs == 1 or len(starts) == 1:
            yield from map(function, starts)
            return
        with ThreadPoolExecutor(self.jobs) as pool:
            yield from pool.map(function, starts)

    def _gradients(
        self, state: FixedState, values: Mapping[str, Mapping[str, FxArray]], x: FxArray, labels: Labels
    ) -> Gradients:
        """Return the whole batch's exact gradient sums."""
        parts = self._each_part(lambda first: self._part_gradients(state, values, x, labels, first), len(x))
        total = next(parts)
        for part in parts:
            for sums, more in zip(total.sums, part.sums, strict=True):
                np.add(sums, more, out=sums)
            total = replace(total, counts=total.counts + part.counts)
        return total

    def _part_gradients(
        self, state: FixedState, values: Mapping[str, Mapping[str, FxArray]], x: FxArray, labels: Labels, first: int
    ) -> Gradients:
        """Return the exact gradient sums of the part that begins at example `first` (BP1 to BP4)."""
        program = self.program
        place = state.step * self.batch + first
        seen, missed = Ledger(), Ledger()
        onward = FixedTrainingArithmetic(program.forward, seen, place)
        tape = forward(program.network, values, onward, _part(x, first, self.part))
        outputs, mine = tape[program.network.output.name], labels[first : first + self.part]
        delta, lost = self._delta(outputs, mine, state.loss_scale, place)
        back = FixedTrainingArithmetic(program.backward, missed, place, program.unneeded)
        sums = backward(program.network, values, back, tape, delta, program.start)
        made, errors = list(seen.events.values()), list(missed.events.values())
        counts = Counts(
            examples=len(mine),
            loss=_loss(program.loss.name, outputs, mine),
            correct=int((outputs.codes.argmax(axis=1) == mine).sum()),
            activations=sum(event.total for event in made),
            activations_saturated=sum(event.overflowed for event in made),
            errors=delta.codes.size + sum(event.total for event in errors),
            errors_saturated=lost + sum(event.overflowed for event in errors),
        )
        wide = [sums[slot.node][slot.tensor] for slot in program.slots]
        return Gradients(tuple(fx.codes for fx in wide), tuple(fx.format.frac_bits for fx in wide), counts)

    def _delta(self, outputs: FxArray, labels: Labels, loss_scale: int, place: int) -> tuple[FxArray, int]:
        """Return a - y, times 2^loss_scale, in the error format, and how many saturated."""
        point = outputs.format.frac_bits
        delta = outputs.codes.astype(np.int64)
        delta[np.arange(len(labels)), labels] -= 1 << point
        cast = self.program.backward[self.program.start].output
        draws = None
        if cast.random is not None:  # on a stream of its own, behind those of the nodes
            stream = replace(cast.random, stream=cast.random.stream + 4 * len(self.network.nodes))
            rows, columns = delta.shape
            draws = stream.draws(rows, columns, place)
        return cast_codes(delta, wide_format(point - loss_scale), cast, draws)

    def _update(self, slot: Slot, rate: float, examples: int, loss_scale: int, point: int) -> Update:
        key = slot.number, rate, examples, loss_scale, point
        if key not in self.updates:
            self.updates[key] = update_of(
                self.program.numbers, self.optimizer, rate, examples, loss_scale, slot.tensor, slot.number, point
            )
        return self.updates[key]

    def _stepped(
        self,
        slot: Slot,
        update: Update,
        sums: NDArray[np.int64],
        before: tuple[Codes, Codes],
        step: int,
        counted: NDArray[np.int64],
        bins: NDArray[np.int64],
    ) -> tuple[Codes, Codes]:
        """Return a tensor's codes and velocity after the step; what happened is added to `counted` and `bins`."""
        from kernels.update import step_rows

        rows, lanes = (1, slot.shape[0]) if len(slot.shape) == 1 else (slot.shape[0], prod(slot.shape[1:]))
        random = self.streams.of_step(update.quantizers, rows, lanes, step * rows)
        after = np.empty_like(before[0]), np.empty_like(before[1])
        shapes = (rows, lanes), (rows if before[1].size else 0, lanes)
        flat, made = (tuple(map(np.reshape, pair, shapes)) for pair in (before, after))
        exact = np.ascontiguousarray(sums).reshape(rows, lanes)
        step_rows(exact, flat, made, update.rule, update.casts, random, counted, bins)
        return after

    def _left_out(self, state: FixedState, counts: Counts) -> tuple[FixedState, Counts]:
        """Return the state after a step that overflowed: nothing learned, half the loss scale."""
        scale = max(state.loss_scale - 1, LOSS_SCALES[0])
        return replace(state, step=state.step + 1, loss_scale=scale, clean_steps=0), counts + Counts(skipped=1)

    def _followed(self, state: FixedState) -> FixedState:
        """Return the state with the loss scale that follows a clean step."""
        wanted = self.program.numbers.loss_scale_steps
        if not wanted:
            return state
        if state.clean_steps + 1 < wanted:
            return replace(state, clean_steps=state.clean_steps + 1)
        return replace(state, clean_steps=0, loss_scale=min(state.loss_scale + 1, LOSS_SCALES[-1]))


def fixed_learner(
    network: Network,
    machine: Accelerator,
    *,
    loss: str,
    optimizer: Sgd,
    batch: int,
    schedule: Schedule | None = None,
    epochs: int = 1,
    jobs: int = 1,
    checked: bool = True,
) -> FixedLearner:
    """Return a learner on that machine, every rate that the schedule will reach proved to move a weight.

    checked: False leaves that proof out, for studies of what happens where no update survives.
    Raises ConfigError and ModelError for what cannot be trained, before anything is computed.
    """
    program = lower_training(network, machine, loss, batch)
    learner = FixedLearner(program, machine, optimizer, batch, jobs)
    for epoch in range(epochs):
        rate = (schedule or Constant()).rate(optimizer.rate, epoch)
        if checked:
            check_survival(program.numbers, optimizer, rate, batch)
        for slot in program.slots:
            learner._update(slot, rate, batch, program.numbers.loss_scale, 0)
    return learner


def _container(store: QFormat) -> type[np.signedinteger[Any]]:
    return np.int16 if store.width <= 16 else np.int32


def _part(x: FxArray, first: int, part: int) -> FxArray:
    return FxArray.trusted(x.codes[first : first + part], x.format)


def _with_updates(counts: Counts, parameters: int, counted: NDArray[np.int64]) -> Counts:
    """Return the counts with what `kernels.update.step_rows` counted."""
    gradients, velocities, updates, weights, dead, moving = (int(number) for number in counted)
    return replace(
        counts,
        gradients=parameters,
        gradients_saturated=gradients,
        weights=parameters,
        weights_saturated=weights + updates + velocities,
        moving=moving,
        dead=dead,
    )


def _loss(name: str, outputs: FxArray, labels: Labels) -> float:
    """Return the loss, summed over the examples; a probability of code 0 counts as half an lsb."""
    rows = np.arange(len(labels))
    if name == "cross-entropy":
        right = FxArray.trusted(outputs.codes[rows, labels], outputs.format).to_float()
        return float(-np.log(np.maximum(right, float(outputs.format.lsb) / 2)).sum())
    values = outputs.to_float()
    values[rows, labels] -= 1
    return float(0.5 * (values * values).sum())
