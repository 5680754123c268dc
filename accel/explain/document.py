"""`explain`: everything about where bits get lost, as the plain values of run.json's key "explain"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.accelerator import Accelerator
from accel.explain.diagnosis import Diagnosis, diagnose
from accel.explain.experiments import Batch, Experiments, Goal, Score
from accel.explain.hybrids import Departure, LayerTrace, classes, record, trace
from accel.explain.kinds import KINDS, Key, KindTrace, kinds_alone
from accel.explain.noise import Array
from accel.network.graph import INPUT, Model
from accel.runner.inputs import batch_size, checked_inputs, checked_labels
from accel.runner.program import Program, lower

THRESHOLD = 0.995
"""Agreement that a machine shall keep when nobody says otherwise: one input in 200 may change its class."""

BATCH = 64
"""Inputs that go through at once, at most: threads take whole batches, and explanations are of few inputs."""

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows how far a stage is: given its name and its number of steps, offers what is called after some of them."""


@dataclass(frozen=True)
class _Traced:
    """One batch, or several added up; outputs: golden, (N, ...)."""

    layers: dict[str, LayerTrace]
    kinds: dict[Key, KindTrace]
    departures: list[Departure]
    outputs: tuple[Array, ...]

    def __add__(self, other: _Traced) -> _Traced:
        return _Traced(
            {name: layer + other.layers[name] for name, layer in self.layers.items()},
            {key: kind + other.kinds[key] for key, kind in self.kinds.items()},
            self.departures + other.departures,
            self.outputs + other.outputs,
        )


@contextmanager
def _unseen(stage: str, steps: int) -> Iterator[Callable[[int], object]]:
    yield lambda done: None


def explain(
    model: Model,
    accelerator: Accelerator,
    inputs: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    threshold: float = THRESHOLD,
    threshold_sqnr_db: float | None = None,
    jobs: int = 1,
    stage: Stage = _unseen,
) -> dict[str, Any]:
    """Return where `model` loses bits on `accelerator`, for run.json's key "explain".

    inputs: (N, *input_shape), or anything of N times that many values. labels: (N,) classes or None. threshold,
    threshold_sqnr_db: what the machine shall keep at the network's output: share of inputs in golden's class, SQNR
    (None: any); a machine that does not is diagnosed. sqnr_db is None where nothing was added.
    Raises DataError for inputs that do not fit or hold NaN, ConfigError and ModelError for a machine that cannot
    compute this network.
    """
    from accel.config import check_layers

    check_layers(accelerator, model.network)
    images = checked_inputs(model, inputs)
    named = checked_labels(labels, len(images))
    program = lower(model, accelerator)
    size = min(BATCH, batch_size(model))
    starts = range(0, len(images), size)

    with stage("inputs", len(images)) as advance, ThreadPoolExecutor(max(1, jobs)) as pool:

        def follow(start: int) -> _Traced:
            tapes = record(program, images[start : start + size], start)
            layers, departures = trace(program, tapes)
            output = tapes.golden[model.network.output.name]
            advance(len(output))
            return _Traced(layers, kinds_alone(program, tapes), departures, (output,))

        traced = reduce(_Traced.__add__, pool.map(follow, starts))
    batches = [
        Batch(start, images[start : start + size], golden) for start, golden in zip(starts, traced.outputs, strict=True)
    ]
    base = Score.of(traced.layers[model.network.output.name].fixed_until)
    with stage("experiments", 2 * len(traced.kinds)) as advance:
        experiments = Experiments(model, accelerator, batches, jobs, advance)
        diagnosis = diagnose(experiments, program, traced.kinds, base, Goal(threshold, threshold_sqnr_db))
    return {
        "inputs": len(images),
        "threshold": threshold,
        "threshold_sqnr_db": threshold_sqnr_db,
        **_outcome(program, traced, named),
        "layers": _layers(program, traced),
        "changed": _changed(traced.departures, named),
        **_diagnosis(diagnosis),
    }


def _outcome(program: Program, traced: _Traced, labels: NDArray[np.int64] | None) -> dict[str, Any]:
    """Return what the whole machine does to the network's output, and what encoding does to its input."""
    output = traced.layers[program.model.network.output.name].fixed_until
    accuracy: dict[str, float | None] = {"golden": None, "fixed": None}
    if labels is not None:
        golden = np.concatenate([classes(values) for values in traced.outputs])
        fixed = golden.copy()
        for departure in traced.departures:
            fixed[departure.index] = departure.fixed
        accuracy = {"golden": float(np.mean(golden == labels)), "fixed": float(np.mean(fixed == labels))}
    return {"accuracy": accuracy, **output.to_dict(), "input": traced.kinds[INPUT, "input"].to_dict()}


def _layers(program: Program, traced: _Traced) -> list[dict[str, Any]]:
    described = []
    for node in program.model.network.nodes:
        layer = traced.layers[node.name]
        kinds = {kind: traced.kinds[node.name, kind] for kind in KINDS if (node.name, kind) in traced.kinds}
        described.append(
            {
                "name": node.name,
                "kind": node.layer.kind,
                "format": str(program.nodes[node.name].target),
                "sqnr_db": {
                    "total": layer.total.sqnr_db,
                    "own": layer.own.sqnr_db,
                    "inherited": layer.inherited.sqnr_db,
                },
                "output": {
                    "fixed_from": layer.fixed_from.to_dict(),
                    "fixed_until": layer.fixed_until.to_dict(),
                    "only": layer.only.to_dict(),
                },
                "kinds": {kind: made.to_dict() for kind, made in kinds.items()},
            }
        )
    return described


def _changed(departures: list[Departure], labels: NDArray[np.int64] | None) -> list[dict[str, Any]]:
    return [
        {
            "input": each.index,
            "label": None if labels is None else int(labels[each.index]),
            "golden": each.golden,
            "fixed": each.fixed,
            "left_at": each.left_at,
        }
        for each in departures
    ]


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "diagnosis": [finding.to_dict() for finding in diagnosis.findings],
        "verdict": diagnosis.verdict,
    }
