"""The join of network, parameters and arithmetic: run golden and fixed side by side and compare every layer.

Inputs go through in batches of bounded memory. Threads take whole batches; each batch keeps its own ledger and its own
comparison, and all are added up in the order of the batches, so every figure is the same for any number of threads.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel import __version__
from accel.accelerator import Accelerator
from accel.arch.result import NetworkReport
from accel.network.graph import INPUT, Model
from accel.network.weights import digest, load_model
from accel.numeric.array import FxArray
from accel.numeric.cast import encode
from accel.numeric.ledger import Events, Ledger
from accel.ops.golden import GoldenArithmetic
from accel.runner.inputs import batch_size, batch_starts, checked_inputs, checked_labels
from accel.runner.program import Program, encoding_detail, lower
from accel.runner.result import Encoded, LayerResult, RunResult
from accel.runner.statistics import Deviation
from accel.walk import forward

Progress = Callable[[int], object]
"""Called with the number of inputs just finished."""


@dataclass(frozen=True)
class _Batch:
    golden: NDArray[np.float64]
    fixed: NDArray[np.float64]
    deviations: Mapping[str, Deviation]
    formats: Mapping[str, str]
    ledger: Ledger


def run(
    network: Model | str,
    accelerator: Accelerator | str | Path,
    inputs: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    jobs: int = 1,
    ledger: bool = False,
    progress: Progress | None = None,
    estimated: Callable[[NetworkReport], object] | None = None,
    context: Mapping[str, Any] | None = None,
) -> RunResult:
    """Run `inputs` through the float64 reference and, bit by bit, through the machine, and count its cycles.

    inputs: (N, *input_shape), or anything of N times that many values. labels: (N,) classes or None. ledger: also keep
    what every cast and addition cut off (`accel.numeric.ledger.Detail`). estimated: told the estimate before any
    bits are computed. context: what else run.json shall say (data set, command, seed).
    Raises DataError for inputs that do not fit or hold NaN, ConfigError and ModelError for a machine that cannot
    compute this network.
    """
    from accel.config import check_layers, load_accelerator
    from accel.estimator import estimate

    model = load_model(network) if isinstance(network, str) else network
    machine = accelerator if isinstance(accelerator, Accelerator) else load_accelerator(accelerator)
    check_layers(machine, model.network)
    images = checked_inputs(model, inputs)
    classes = checked_labels(labels, len(images))
    report = estimate(model.network, machine)
    if estimated is not None:
        estimated(report)
    program = lower(model, machine, ledger)
    starts = batch_starts(len(images), batch_size(model))
    shared = 1 if len(starts) >= jobs else jobs  # few batches leave threads for what is within one

    def compute(start: int) -> _Batch:
        batch = _compare(program, images[start : start + starts.step], start, ledger, shared)
        if progress is not None:
            progress(len(batch.golden))
        return batch

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        batches = list(pool.map(compute, starts))
    events = Ledger(ledger)
    events.merge(program.ledger)
    for batch in batches:
        events.merge(batch.ledger)
    layers = tuple(
        LayerResult(
            model.network.shapes[cost.name],
            batches[0].formats[cost.name],
            cost,
            reduce(Deviation.__add__, (batch.deviations[cost.name] for batch in batches)),
            events.at(cost.name, "output"),
            events.at(cost.name, "accumulator"),
            program.nodes[cost.name].sums,
            events.to_dict(cost.name) if ledger else None,
        )
        for cost in report.layers
    )
    return RunResult(
        report,
        layers,
        _encoded(program, images, events),
        np.concatenate([batch.golden for batch in batches]),
        np.concatenate([batch.fixed for batch in batches]),
        classes,
        _context(model, machine, images, context or {}),
    )


def layer_codes(model: Model, accelerator: Accelerator, inputs: ArrayLike) -> dict[str, FxArray]:
    """Return the codes of every node for a few inputs, as a golden vector for a hardware test."""
    program = lower(model, accelerator)
    tape = run_fixed(program, checked_inputs(model, inputs), Ledger())
    return {name: tensor for name, tensor in tape.items() if name != INPUT}


def run_fixed(
    program: Program, images: NDArray[np.float64], ledger: Ledger, first_input: int = 0, threads: int = 1
) -> dict[str, FxArray]:
    """Run one batch bit by bit and return every node's codes; threads: how many share one operation."""
    from accel.ops.fixed import FixedArithmetic

    rows_per_input = images[0].size // images.shape[-1]
    first_row = first_input * rows_per_input
    x, overflowed = encode(images, program.input, first_row)
    detail = encoding_detail(images, program.input, first_row, first_input) if ledger.detailed else None
    ledger.record(INPUT, "input", Events.made(images.size, overflowed, False, detail))
    arithmetic = FixedArithmetic(program.nodes, ledger, first_input, threads)
    return forward(program.model.network, program.parameters, arithmetic, x)


def _compare(program: Program, images: NDArray[np.float64], first_input: int, detailed: bool, threads: int) -> _Batch:
    """Run one batch both ways and compare every node."""
    ledger = Ledger(detailed)
    network = program.model.network
    fixed = run_fixed(program, images, ledger, first_input, threads)
    golden = forward(network, program.model.parameters, GoldenArithmetic(), images)
    names = [node.name for node in network.nodes]
    return _Batch(
        golden[names[-1]],
        fixed[names[-1]].to_float(),
        {name: Deviation.of(golden[name], fixed[name]) for name in names},
        {name: str(fixed[name].format) for name in names},
        ledger,
    )


def _encoded(program: Program, images: NDArray[np.float64], ledger: Ledger) -> tuple[Encoded, ...]:
    """Return what encoding did to the inputs and to every parameter."""
    values: dict[tuple[str, str], tuple[NDArray[np.float64], str]] = {
        (INPUT, "input"): (images, str(program.input.format))
    }
    for node, tensors in program.parameters.items():
        for tensor, fx in tensors.items():
            values[node, tensor] = (program.model.parameters[node][tensor], str(fx.format))
    return tuple(
        Encoded(
            INPUT if node == INPUT else f"{node}/{tensor}",
            spelling,
            float(array.min()),
            float(array.max()),
            ledger.at(node, tensor),
            ledger.to_dict(node)[tensor] if ledger.detailed else None,
        )
        for (node, tensor), (array, spelling) in values.items()
    )


def _context(
    model: Model, machine: Accelerator, images: NDArray[np.float64], extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what run.json says about where everything came from."""
    import numba

    array = machine.architecture.array
    provenance = {
        "command": " ".join(sys.argv),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": None,
        "versions": {
            "python": platform.python_version(),
            "bitcycle": __version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
        "digests": {
            "accelerator": machine.digest,
            "weights": digest(model.parameters),
            "inputs": hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest(),
        },
        "weights": dict(model.provenance),
    }
    return {
        "network_source": model.network.source,
        "accelerator_source": machine.source,
        "array": {
            "dataflow": array.dataflow,
            "rows": array.rows,
            "columns": array.columns,
            "timing": array.timing,
        },
        "dataset": None,
        "accelerator_document": dict(machine.document),
        **{key: value for key, value in extra.items() if key != "provenance"},
        "provenance": {**provenance, **extra.get("provenance", {})},
    }
