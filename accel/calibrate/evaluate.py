"""How well a machine does in given formats: accuracy, agreement with float64, and SQNR at the network's output.

`Bench` keeps the float64 outputs of its inputs and measures one set of formats after another. Codes of nodes that
another set computes in the same formats from the same inputs are the same codes, so they are not computed again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.errors import ConfigError, DataError, suggestion
from accel.network.graph import INPUT, Model, Network
from accel.numeric.array import FxArray
from accel.numeric.ledger import Ledger
from accel.numeric.plan import Numerics
from accel.ops.fixed import FixedArithmetic
from accel.ops.golden import GoldenArithmetic
from accel.runner.execute import run_fixed
from accel.runner.inputs import batch_size
from accel.runner.program import Program, lower
from accel.walk import forward, forward_from

KEPT_BYTES = 512 << 20
"""Codes that are kept for the next set of formats; beyond it everything is computed again."""

BATCH = 64
"""Inputs that go through at once: few enough for several threads to share a calibration set."""

METRICS = ("accuracy", "agreement", "sqnr")


@dataclass(frozen=True)
class Figures:
    """What one set of formats does over some inputs.

    accuracy, golden_accuracy: share classified as labelled, fixed and float64; None without labels. agreement: share
    of inputs for which both name one class. noise: sum (fixed - golden)^2 / sum golden^2 at the network's output.
    """

    inputs: int
    accuracy: float | None
    golden_accuracy: float | None
    agreement: float
    noise: float

    @property
    def sqnr_db(self) -> float | None:
        """The noise as a ratio in dB, None where it is undefined: no noise, or no signal."""
        return None if self.noise in (0.0, math.inf) else -10.0 * math.log10(self.noise)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "inputs": self.inputs,
            "accuracy": self.accuracy,
            "golden_accuracy": self.golden_accuracy,
            "agreement": self.agreement,
            "sqnr_db": self.sqnr_db,
        }


@dataclass(frozen=True)
class Target:
    """What must be kept: `metric` of `METRICS` at least `least` (a share, or dB)."""

    metric: str
    least: float

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read "accuracy=0.97". Raises ConfigError that offers what is known."""
        metric, equals, number = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(f"'{text}' is not METRIC=LEAST; write for example agreement=0.995")
        if metric not in METRICS:
            raise ConfigError(f"'{metric}' cannot be kept.{suggestion(metric, METRICS)}")
        try:
            least = float(number)
        except ValueError:
            raise ConfigError(f"{metric}={number}: '{number}' is not a number") from None
        if not math.isfinite(least) or (metric != "sqnr" and not 0.0 <= least <= 1.0):
            raise ConfigError(f"{metric}={number}: {'dB are finite' if metric == 'sqnr' else 'shares are 0 to 1'}")
        return cls(metric, least)

    def reached(self, figures: Figures) -> float:
        """Return the metric's value. Raises DataError for an accuracy without labels."""
        if self.metric == "agreement":
            return figures.agreement
        if self.metric == "sqnr":
            return -10.0 * math.log10(figures.noise) if figures.noise else math.inf
        if figures.accuracy is None:
            raise DataError("accuracy needs labels and these inputs have none; keep agreement or sqnr instead")
        return figures.accuracy

    def holds(self, figures: Figures) -> bool:
        """Whether the target is kept."""
        return self.reached(figures) >= self.least

    def __str__(self) -> str:
        return f"{self.metric} {self.least:g}{' dB' if self.metric == 'sqnr' else ''}"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One set of formats and its figures; tapes: codes of every node, a tape a batch (none where they are too many)."""

    numerics: Numerics
    figures: Figures
    tapes: tuple[Mapping[str, FxArray], ...]


@dataclass(frozen=True, eq=False)
class Bench:
    """A network on a machine with inputs to hold every set of formats against.

    images: (N, *input_shape) in batches; golden: their float64 outputs; labels: (N,) in batches, or None.
    """

    model: Model
    accelerator: Accelerator
    images: tuple[NDArray[np.float64], ...]
    golden: tuple[NDArray[np.float64], ...]
    labels: tuple[NDArray[np.int64], ...] | None
    jobs: int

    @classmethod
    def of(
        cls,
        model: Model,
        accelerator: Accelerator,
        images: NDArray[np.float64],
        labels: NDArray[np.int64] | None,
        jobs: int = 1,
    ) -> Bench:
        """Compute the float64 outputs of checked inputs."""
        size = min(batch_size(model), BATCH)
        starts = range(0, len(images), size)
        batches = tuple(images[start : start + size] for start in starts)
        last = model.network.output.name
        golden = tuple(forward(model.network, model.parameters, GoldenArithmetic(), batch)[last] for batch in batches)
        classes = None if labels is None else tuple(labels[start : start + size] for start in starts)
        return cls(model, accelerator, batches, golden, classes, max(1, jobs))

    def evaluate(self, numerics: Numerics, near: Evaluation | None = None) -> Evaluation:
        """Measure one set of formats; `near`: another one, whose codes are taken where they must be the same.

        Raises ConfigError when the machine cannot compute in these formats.
        """
        program = lower(self.model, replace(self.accelerator, numerics=numerics))
        same: frozenset[str] = frozenset()
        if near is not None and near.tapes:
            same = _unchanged(self.model.network, near.numerics, numerics)
        firsts = np.cumsum([0, *(len(batch) for batch in self.images)]).tolist()
        last, is_kept = self.model.network.output.name, self._tape_bytes() <= KEPT_BYTES

        def computed(index: int) -> Mapping[str, FxArray]:
            known = {name: near.tapes[index][name] for name in same} if near is not None else {}
            tape = _codes(program, self.images[index], firsts[index], known)
            return tape if is_kept else {last: tape[last]}

        indices = range(len(self.images))
        if min(self.jobs, len(indices)) == 1:
            tapes = tuple(map(computed, indices))
        else:
            with ThreadPoolExecutor(self.jobs) as pool:
                tapes = tuple(pool.map(computed, indices))
        figures = self._figures([tape[last].to_float() for tape in tapes])
        return Evaluation(numerics, figures, tapes if is_kept else ())

    def _tape_bytes(self) -> int:
        """Return the memory of all tapes with codes of 32 bits, the most that data formats have."""
        values = sum(prod(shape) for shape in self.model.network.shapes.values())
        return 4 * values * sum(len(batch) for batch in self.images)

    def _figures(self, fixed: list[NDArray[np.float64]]) -> Figures:
        golden_classes, classes = (np.concatenate([_classes(part) for part in parts]) for parts in (self.golden, fixed))
        signal = sum(float(np.vdot(part, part)) for part in self.golden)
        noise = sum(float(np.vdot(made - part, made - part)) for part, made in zip(self.golden, fixed, strict=True))
        labels = None if self.labels is None else np.concatenate(self.labels)
        return Figures(
            len(classes),
            None if labels is None else float(np.mean(classes == labels)),
            None if labels is None else float(np.mean(golden_classes == labels)),
            float(np.mean(classes == golden_classes)),
            0.0 if noise == 0.0 else noise / signal if signal else math.inf,
        )


def _codes(
    program: Program, images: NDArray[np.float64], first_input: int, kept: Mapping[str, FxArray]
) -> Mapping[str, FxArray]:
    """Return the codes of every node for one batch, of which `kept` (INPUT among them) are known already."""
    if INPUT not in kept:
        return run_fixed(program, images, Ledger(), first_input)
    arithmetic = FixedArithmetic(program.nodes, Ledger(), first_input)
    return forward_from(program.model.network, program.parameters, arithmetic, kept)


def _unchanged(network: Network, before: Numerics, after: Numerics) -> frozenset[str]:
    """Return INPUT and the nodes that make the same codes in both."""
    if before.input != after.input:
        return frozenset()
    same = {INPUT}
    for node in network.nodes:
        if same.issuperset(node.inputs) and before.at(node.name) == after.at(node.name):
            same.add(node.name)
    return frozenset(same)


def _classes(outputs: NDArray[np.float64]) -> NDArray[np.intp]:
    classes: NDArray[np.intp] = np.argmax(outputs.reshape(len(outputs), -1), axis=1)
    return classes
