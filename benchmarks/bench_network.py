"""Whole networks against ONNX Runtime float32: `python benchmarks/bench_network.py [--quick] [--only WORD]`.

Ours is the bit-accurate forward pass of `accel run` on the default machine (16-bit codes): float64 inputs are encoded,
every layer is computed, all codes are kept. The peer is the same network with the same weights in float32; its outputs
are checked against golden first. Inputs go through ours in the batches of a run, dealt to one or two threads, through
the peer at once, with as many threads of its own. A profile by node says where the time of one thread goes.

The convolutions of ResNet-50 run one image, one layer at a time, from codes to codes (bias and output cast included),
from seeded weights; "in sum" counts every shape as often as the network has it. Memory is what the process grows by at
its peak while one layer runs, and the layer's input and weights, over the bytes of its input, weights and output.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
import onnx_peer
from harness import growth_bytes, options, paired, publish, spread
from numpy.typing import NDArray

import accel
from accel.layers import Conv2d
from accel.network.graph import Model, chain
from accel.network.initial import initial_parameters
from accel.network.zoo import build
from accel.numeric.array import FxArray
from accel.numeric.cast import encode
from accel.numeric.ledger import Ledger
from accel.ops.fixed import FixedArithmetic
from accel.runner.execute import run_fixed
from accel.runner.inputs import batch_size, batch_starts
from accel.runner.program import Program, lower
from accel.walk import forward

MACHINE = "gupta2015"
THREADS = (1, 2)
NETWORKS = (("lenet5", "digits"), ("lenet5-relu", "digits"), ("mlp", "mnist"))
INPUTS = 1000
SINGLE_CALLS = 20
"""Calls per timing of a single input, which takes well below a millisecond."""

BIG_BYTES = 1 << 20
"""Layers with smaller tensors are left out of the memory figure: the allocator's pages are larger than they are."""


def network(name: str, weights: str, count: int, threads: int, runs: int) -> dict[str, Any]:
    """Time `count` inputs through a network of the zoo."""
    model = accel.load_network(name, weights)
    images = np.random.default_rng(1).random((count, *model.network.input_shape))
    peer = onnx_peer.session(model, threads)
    onnx_peer.check(model, peer, images[:50])
    program, singles = lower(model, accel.load_accelerator(MACHINE)), images.astype(np.float32)
    with ThreadPoolExecutor(threads) as pool:
        timed = paired(
            fixed_forward(program, images, pool, threads),
            lambda: peer(singles),
            runs,
            SINGLE_CALLS if count == 1 else 1,
        )
    return {"inputs": count, "threads": threads, "peer": f"onnxruntime float32, {threads} threads", **timed}


def fixed_forward(
    program: Program, images: NDArray[np.float64], pool: ThreadPoolExecutor, threads: int
) -> Callable[[], object]:
    """Return the bit-accurate forward pass over all images, in the batches that a run makes for that many threads."""
    starts = batch_starts(len(images), batch_size(program.model))
    last = program.model.network.output.name

    def batch(start: int) -> FxArray:
        within = threads if len(starts) < threads else 1
        return run_fixed(program, images[start : start + starts.step], Ledger(), start, within)[last]

    if threads == 1 or len(starts) == 1:
        return lambda: [batch(start) for start in starts]
    return lambda: list(pool.map(batch, starts))


class TimedArithmetic:
    """An arithmetic that adds up how long each node takes."""

    def __init__(self, arithmetic: FixedArithmetic, seconds: dict[str, float]) -> None:
        self._arithmetic, self._seconds = arithmetic, seconds

    def at(self, node: str) -> Any:
        """Return the node's primitives, timed."""
        return _TimedOps(self._arithmetic.at(node), node, self._seconds)


class _TimedOps:
    def __init__(self, ops: Any, node: str, seconds: dict[str, float]) -> None:
        self._ops, self._node, self._seconds = ops, node, seconds

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._ops, name)
        if not callable(value):
            return value

        def timed(*arguments: Any) -> Any:
            started = perf_counter()
            made = value(*arguments)
            self._seconds[self._node] = self._seconds.get(self._node, 0.0) + perf_counter() - started
            return made

        return timed


def profile(name: str, weights: str, count: int, runs: int) -> dict[str, Any]:
    """Tell where the time of one thread goes: encoding and every node, in the batches of a run."""
    model = accel.load_network(name, weights)
    images = np.random.default_rng(1).random((count, *model.network.input_shape))
    program = lower(model, accel.load_accelerator(MACHINE))
    taken: list[dict[str, float]] = []
    for _ in range(runs + 1):
        seconds: dict[str, float] = {"encode": 0.0}
        for start in batch_starts(count, batch_size(program.model)):
            started = perf_counter()
            codes = encode(images[start : start + batch_size(program.model)], program.input)[0]
            seconds["encode"] += perf_counter() - started
            arithmetic = TimedArithmetic(FixedArithmetic(program.nodes, Ledger()), seconds)
            forward(program.model.network, program.parameters, arithmetic, codes)
        taken.append(seconds)
    return {
        f"{name}, {count} inputs, 1 threads: {node}": {"seconds": spread([each[node] for each in taken[1:]])}
        for node in taken[-1]
    }


def resnet_layers() -> Iterator[tuple[str, int, Model]]:
    """Yield every different convolution of ResNet-50 as a network of one layer, and how often it occurs."""
    whole = build("resnet50")
    shapes = Counter(
        (whole.input_shapes(node)[0], node.layer) for node in whole.nodes if isinstance(node.layer, Conv2d)
    )
    for seed, ((shape, layer), times) in enumerate(shapes.items()):
        single = chain("layer", shape, {"conv": layer})
        size, stride = layer.window.size[0], layer.window.stride[0]
        name = f"{shape[0]}x{shape[1]}x{shape[2]} {size}x{size}/{stride} -> {layer.filters}"
        yield name, times, Model(single, initial_parameters(single, seed), {})


@dataclass(frozen=True)
class Convolution:
    """One layer ready on both sides: `ours` from codes to codes, `peer` in float32."""

    name: str
    times: int
    ours: Callable[[], FxArray]
    peer: Callable[[], object]
    input_and_weight_bytes: int

    @classmethod
    def prepare(cls, name: str, times: int, model: Model, threads: int) -> Convolution:
        """Lower one layer, build its peer and check that."""
        image = np.random.default_rng(2).random((1, *model.network.input_shape))
        run = onnx_peer.session(model, threads)
        onnx_peer.check(model, run, image)
        program, single = lower(model, accel.load_accelerator(MACHINE)), image.astype(np.float32)
        codes = encode(image, program.input)[0]

        def ours() -> FxArray:
            arithmetic = FixedArithmetic(program.nodes, Ledger(), threads=threads)
            return forward(program.model.network, program.parameters, arithmetic, codes)["conv"]

        held = codes.codes.nbytes + program.parameters["conv"]["weight"].codes.nbytes
        return cls(name, times, ours, lambda: run(single), held)


def resnet(threads: int, runs: int, quick: bool) -> dict[str, Any]:
    """Time the convolutions of ResNet-50, each different one and all of them in a row; also their memory."""
    prepared = [Convolution.prepare(*layer, threads) for layer in islice(resnet_layers(), 2 if quick else None)]
    about = {"threads": threads, "peer": f"onnxruntime float32, {threads} threads"}
    figures: dict[str, Any] = {
        f"resnet50 {layer.name}, {threads} threads": {
            "times_in_network": layer.times,
            **about,
            **paired(layer.ours, layer.peer, runs),
        }
        for layer in prepared
    }
    row = [layer for layer in prepared for _ in range(layer.times)]
    figures[f"resnet50 convolutions in sum, {threads} threads"] = about | paired(
        lambda: [layer.ours() for layer in row], lambda: [layer.peer() for layer in row], runs
    )
    if threads == 1:
        figures["resnet50 convolutions, peak memory / tensors"] = memory(prepared)
    return figures


def memory(layers: list[Convolution]) -> dict[str, Any]:
    """Return the peak of every large convolution over its tensors."""
    found: dict[str, dict[str, int]] = {}
    for layer in layers:
        peak = growth_bytes(layer.ours) + layer.input_and_weight_bytes
        found[layer.name] = {
            "tensor_bytes": layer.input_and_weight_bytes + layer.ours().codes.nbytes,
            "peak_bytes": peak,
        }
    large = {name: each for name, each in found.items() if each["tensor_bytes"] >= BIG_BYTES}
    largest = max(large, key=lambda name: large[name]["tensor_bytes"])
    ratios = {name: each["peak_bytes"] / each["tensor_bytes"] for name, each in large.items()}
    return {
        "peer": "the layer's own input, weights and output",
        "largest_layer": largest,
        "largest_layer_ratio": ratios[largest],
        "ratio": spread(list(ratios.values())),
        "layers": large,
    }


def main() -> None:
    """Measure and write benchmarks/results/bench_network.json (not with --quick or --only)."""
    parser = options("Time networks against ONNX Runtime.")
    parser.add_argument("--only", default="", help="only figures whose name holds this word; writes no result file")
    chosen = parser.parse_args()
    runs, count = (2, 60) if chosen.quick else (9, INPUTS)
    figures: dict[str, Any] = {}
    for threads in THREADS:
        for name, weights in NETWORKS:
            for inputs in (count, 1):
                title = f"{name}, {inputs} inputs, {threads} threads"
                if chosen.only in title:
                    figures[title] = network(name, weights, inputs, threads, runs)
                if chosen.only in title and inputs == count and threads == 1:
                    figures |= profile(name, weights, count, runs)
        if chosen.only in "resnet50":
            figures |= resnet(threads, runs, chosen.quick)
    publish("bench_network", figures, chosen.quick or bool(chosen.only))


if __name__ == "__main__":
    main()
