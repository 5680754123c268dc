"""How long estimates take: `python benchmarks/bench_estimate.py [--quick]`.

Warm: the same network on the same machine again. New machine: the same network on a machine that differs in its
bandwidth, so that everything but schedules and tiles is worked out again. Cold: the first estimate of a fresh process,
without starting Python and importing. Pairs: layers times machines through `accel.arch.batch`, one core.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import alone, options, publish, seconds, spread

from accel import estimate, load_accelerator
from accel.arch.batch import Machines, cycles_of_many
from accel.network.graph import Network, chain
from accel.network.zoo import build

MACHINE = "gupta2015"
CALLS = 20
MACHINES = 20_000
COLD = (
    "import time; from accel import estimate, load_accelerator; from accel.network.zoo import build; "
    f"network, machine = build({{name!r}}), load_accelerator('{MACHINE}'); "
    "start = time.perf_counter(); estimate(network, machine); print(time.perf_counter() - start)"
)


def main() -> None:
    """Measure, print and write the result file (not with --quick)."""
    is_look = options("Time estimates.").parse_args().quick
    networks = {"alexnet conv layers": conv_layers(build("alexnet")), "resnet50": build("resnet50")}
    figures: dict[str, Any] = {}
    for name, network in networks.items():
        figures[f"{name}, warm"] = warm(network)
        figures[f"{name}, new machine"] = new_machine(network)
    for name in ("alexnet", "resnet50"):
        figures[f"{name}, cold"] = cold(name)
    for dataflow in () if is_look else ("os", "ws", "is"):
        figures[f"{dataflow}, resnet50 on {MACHINES} machines"] = many(networks["resnet50"], dataflow)
    publish("bench_estimate", figures, is_look)


def conv_layers(network: Network) -> Network:
    """Return a network's layers before it is flattened."""
    kinds = [node.layer.kind for node in network.nodes]
    kept = network.nodes[: kinds.index("flatten")]
    return chain(network.name, network.input_shape, {node.name: node.layer for node in kept})


def warm(network: Network) -> dict[str, Any]:
    """Return the time of one estimate, from the time of many."""
    machine = load_accelerator(MACHINE)
    return each(lambda: [estimate(network, machine) for _ in range(CALLS)], CALLS)


def new_machine(network: Network) -> dict[str, Any]:
    """Return the time of an estimate on a machine that was not seen before."""
    machines = iter([load_accelerator(MACHINE, [f"memory.dram_bytes_per_cycle={20 + n}"]) for n in range(8)])
    return each(lambda: estimate(network, next(machines)), 1)


def cold(name: str) -> dict[str, Any]:
    """Return the time of the first estimate of a process."""

    def once() -> float:
        words = [sys.executable, "-c", COLD.format(name=name)]
        return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    return {"seconds": spread([once() for _ in range(5)]), "runs": 5}


def many(network: Network, dataflow: str) -> dict[str, Any]:
    """Return the time of all layers on many machines, and the pairs of layer and machine a second."""
    layers = [nest for _, nest in network.loop_nests() if nest.engine == "array"]
    draw = np.random.default_rng(1)
    machines = Machines(
        dataflow, draw.integers(4, 257, MACHINES), draw.integers(4, 257, MACHINES), draw.uniform(1, 256, MACHINES)
    )
    moved = [2 * (nest.inputs + nest.weights + nest.outputs) for nest in layers]
    found = alone(lambda: cycles_of_many(layers, machines, moved))
    rates = {key: len(layers) * MACHINES / value for key, value in found["seconds"].items()}
    print(f"{dataflow}: {rates['median'] / 1e6:.1f} million pairs a second")
    return {**found, "pairs_per_second": rates["median"]}


def each(task: Callable[[], object], calls: int, runs: int = 7) -> dict[str, Any]:
    """Time a task of several calls after one warm-up, per call."""
    task()
    return {"seconds": spread([seconds(task) / calls for _ in range(runs)]), "runs": runs}


if __name__ == "__main__":
    main()
