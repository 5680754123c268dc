"""What this installation runs on: versions, processor, the cache of compiled kernels, the data sets within reach.

`warm_up` compiles every kernel that a run or `accel step` can reach, by running a small network of every layer on
machines that differ in what they ask of the kernels, and by stepping a small product through every array.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel.layers import Layer
    from accel.network.graph import Network

PACKAGES = ("bitcycle", "numpy", "numba", "llvmlite", "click", "rich", "pydantic", "jinja2", "matplotlib")
FEATURES = ("sse4.2", "avx2", "avx512f", "avx512vnni", "avxvnni", "amx-int8", "neon", "dotprod", "sve")
"""Processor features that decide how fast integer kernels are."""

WARM_MACHINES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gupta2015", ()),
    ("tpuv1", ()),
    ("gupta2015", ("numerics.accumulator.format=Q0.22", "numerics.accumulator.overflow=SAT")),
    ("gupta2015", ("numerics.accumulator.format=Q-2.24", "numerics.accumulator.overflow=SAT", "numerics.input=Q6.10")),
    ("gupta2015", ("units.reciprocal.design=non-restoring",)),
    ("gupta2015", ("numerics.rounding=STOCHASTIC", "numerics.random.generator=lfsr")),
    ("gupta2015", tuple(f"numerics.{key}=Q10.14" for key in ("input", "activation", "weight", "bias"))),
)
"""Machine and overrides of every run that warming makes: exact sums of 16 and 8 bits, sums stepped with products cut
and without, random bits, and operands so wide that sums need 64 bits."""


def examine() -> dict[str, Any]:
    """Return what was found, as plain values."""
    from kernels.cache import CACHE_FOLDER, is_warm

    return {
        "schema": "bitcycle-doctor-1",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "kernels": {"cache": str(CACHE_FOLDER), "warm": is_warm(), "writable": _is_writable(CACHE_FOLDER)},
        "datasets": _datasets(),
    }


def facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what `examine` found as lines for people."""
    yield "python", f"{document['python']} on {document['platform']}"
    for name, found in document["versions"].items():
        yield name, found or "not installed"
    cpu, kernels = document["cpu"], document["kernels"]
    yield (
        "processor",
        f"{cpu['name']}, {cpu['threads']} threads, {' '.join(cpu['features']) or 'no known features'}",
    )
    yield "matrix products", cpu["engine"]
    state = "compiled" if kernels["warm"] else "not compiled yet: the first run does it, or `accel doctor --warm`"
    yield "kernels", state
    if "warmed_in_s" in kernels:
        yield "", f"warmed in {kernels['warmed_in_s']} s"
    yield "kernel cache", kernels["cache"]
    if not kernels["writable"]:
        yield "", "cannot be written: kernels are compiled anew in every process; set NUMBA_CACHE_DIR"
    for name, found in document["datasets"].items():
        yield f"data set {name}", found


def warm_up() -> float:
    """Compile the kernels and return how many seconds that took."""
    import numpy as np

    from accel.config import load_accelerator
    from accel.config.units import sample_unit
    from accel.network.graph import Model
    from accel.network.initial import initial_parameters
    from accel.runner import run
    from accel.units.registry import DESIGNS

    started = perf_counter()
    network = _every_layer()
    model = Model(network, initial_parameters(network, 1), {})
    inputs = np.random.default_rng(1).random((2, *network.input_shape))
    for machine, overrides in WARM_MACHINES:
        run(model, load_accelerator(machine, overrides), inputs, ledger=True)
    for function, designs in DESIGNS.items():
        for design in designs:
            if function != "average":  # a constant, no unit of its own
                sample_unit(function, design)(np.ones((1, 2), dtype=np.int64))
    _look_results_up()
    _multiply_wide_codes()
    _multiply_by_every_engine()
    _step_every_array()
    _train_a_little()
    return perf_counter() - started


def _look_results_up() -> None:
    """Call units with so many codes that results are looked up: 8 and 16 bits, none that saturates and some."""
    import numpy as np

    from accel.numeric.format import QFormat
    from accel.units.registry import build_unit

    for width in (8, 16):
        source = QFormat(True, width, 4)
        for target in (source, QFormat(True, width, 2)):
            build_unit("identity", "identity", source, target)(np.zeros(1 << width, dtype=source.dtype))


def _multiply_wide_codes() -> None:
    """Reach the int64 loops, which serve only sums that float64 could not hold."""
    import numpy as np

    from accel.ops.sums import ConvProducts, DenseProducts
    from kernels.conv import Geometry

    wide = np.full((1, 1, 1, 2), 1 << 27)
    DenseProducts(wide.reshape(1, 2), wide.reshape(1, 2)).exact(0)
    ConvProducts(wide, wide[..., :1], Geometry(1, 1, 0, 0, 1, 1, 1, 1, 1), (1, 2)).exact(0)


def _multiply_by_every_engine() -> None:
    """Reach pairs and byte tiles, which small layers leave to others: codes of 8 and 16 bits, casts in 32 and in 64."""
    import numpy as np

    from kernels.amx import AMX, has_amx
    from kernels.conv import Geometry
    from kernels.maps import Filters
    from kernels.modes import Requant
    from kernels.packed import Cast, Panels, best_engine
    from kernels.products import convolve, multiply

    rq, window = Requant(0, 0, 0, 1, 8, 0, 16, 0, 0), Geometry(1, 1, 0, 0, 1, 1, 1, 2, 2)
    casts = [Cast(0, rq, np.array([bias])) for bias in (0, 1 << 40)]
    for engine in (best_engine(), AMX) if has_amx() else (best_engine(),):
        for codes in (np.ones((1, 4), np.int8), np.ones((1, 4), np.int16)):
            for how in (None, *casts):
                made = np.empty((1, 1), np.int64 if how is None else np.int16)
                multiply(codes, Panels(codes), 1, made, how, engine)
                maps, filters = codes.reshape(1, 1, 2, 2), Filters(codes, window)
                convolve(maps, filters, window, 1, made.reshape(1, 1, 1, 1), how, engine)


def _step_every_array() -> None:
    from dataclasses import replace

    from accel.config import load_accelerator
    from accel.cycle import STEPPERS
    from accel.cycle.experiment import random_experiment
    from accel.loopnest import LoopNest

    machine = load_accelerator("gupta2015")
    for dataflow in STEPPERS:
        array = replace(machine.architecture.array, dataflow=dataflow, rows=2, columns=2, timing="pipelined")
        stepped = replace(machine, architecture=replace(machine.architecture, array=array))
        random_experiment(stepped, LoopNest("array", K=2, C=2), 3, 1).step(None, traced=False)


def _train_a_little() -> None:
    """Take a training step with momentum, of 16-bit weights and of 32-bit master weights."""
    import numpy as np

    from accel.config import load_accelerator
    from accel.layers import Activation, Conv2d, Dense, Flatten, Pool2d, Softmax
    from accel.network.graph import chain
    from accel.network.initial import initial_parameters
    from accel.train.fixed import fixed_learner
    from accel.train.optimizers import Sgd

    layers: dict[str, Layer] = {"conv": Conv2d(4, 3), "sigmoid": Activation("sigmoid")}
    layers |= {mode: Pool2d(mode, 2, stride=1) for mode in ("max", "average", "l2")}
    layers |= {"ninth": Pool2d("average", 3, stride=1)}  # a sum is multiplied, not only shifted
    layers |= {"apart": Pool2d("average", 2), "flatten": Flatten(), "dense": Dense(3), "softmax": Softmax()}
    network = chain("trained", (1, 9, 9), layers)
    for overrides in ((), ("training.master=Q2.30",), ("training.rounding.error=STOCHASTIC",)):
        machine = load_accelerator("gupta2015", overrides)
        learner = fixed_learner(network, machine, loss="cross-entropy", optimizer=Sgd(0.1, 0.9), batch=2)
        state = learner.start(initial_parameters(network, 1))
        learner.step(state, learner.encode(np.ones((2, 1, 9, 9))), np.zeros(2, dtype=np.int64), 0.1)


def _every_layer() -> Network:
    """Return a small network with every pooling, every activation and every normalisation."""
    from accel.layers import Activation, Conv2d, Dense, Flatten, LayerNorm, Pool2d, Softmax
    from accel.network.graph import chain

    layers: dict[str, Layer] = {"conv": Conv2d(4, 3)}
    layers |= {function: Activation(function) for function in ("tanh", "sigmoid", "relu")}
    layers |= {mode: Pool2d(mode, 2, stride=1) for mode in ("max", "average", "l2")}
    layers |= {"ninth": Pool2d("average", 3, stride=1)}  # a sum is multiplied, not only shifted
    layers |= {"flatten": Flatten(), "dense": Dense(10), "norm": LayerNorm(), "softmax": Softmax()}
    return chain("every layer", (1, 9, 9), layers)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu() -> dict[str, Any]:
    from llvmlite import binding  # type: ignore[import-untyped]  # has no type information

    present = binding.get_host_cpu_features()
    return {
        "name": binding.get_host_cpu_name(),
        "threads": os.cpu_count() or 1,
        "features": [feature for feature in FEATURES if present.get(feature)],
        "engine": _engine(),
    }


def _engine() -> str:
    """Return the engine that multiplies, or why there is none."""
    from accel.errors import ConfigError
    from accel.ops.engine import VARIABLE, multiplier

    try:
        return f"{multiplier().value}{' (ACCEL_ENGINE)' if os.environ.get(VARIABLE) else ''}"
    except ConfigError as error:
        return f"none: {error.problems[0]}"


def _is_writable(folder: Path) -> bool:
    """Tell whether the folder, or the first of its parents that exists, takes a new file."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return True
    except OSError:
        return False


def _datasets() -> dict[str, str]:
    """Return where each data set comes from, or what it lacks; nothing is downloaded for the sake of looking."""
    from accel.data.dataset import NAMES, load
    from accel.errors import AccelError

    found = {}
    for name in NAMES:
        mirror = os.environ.get("ACCEL_MNIST_URL")
        if name == "mnist" and mirror and not os.environ.get("ACCEL_DATA"):
            found[name] = f"downloaded from {mirror} on first use"
            continue
        try:
            found[name] = load(name, "test", 1).source
        except AccelError as error:
            found[name] = f"not found: {error.problems[0]}"
    return found
