"""What faithfulness costs: `python benchmarks/bench_fidelity.py [--quick]`.

Certificate: the bit-accurate forward pass of lenet5-relu with a narrow saturating accumulator, sums certified and only
those at risk stepped (ours), against stepping through every addition (peer); same bits, checked here. Ledger: the
forward pass with the detailed ledger (ours) against the one that only counts (peer). One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dataclasses import replace

import numpy as np
from harness import options, paired, publish

import accel
from accel.data.dataset import load
from accel.data.fit import fit
from accel.numeric.ledger import Ledger
from accel.numeric.sums import Engine
from accel.runner.execute import run_fixed
from accel.runner.program import Program, lower

INPUTS = 256
NETWORK = "lenet5-relu"


def program(*overrides: str) -> Program:
    """Return the network on the default machine with some keys changed."""
    return lower(accel.load_network(NETWORK, "digits"), accel.load_accelerator("gupta2015", overrides))


def stepping(lowered: Program) -> Program:
    """Return the same program with every addition stepped."""
    nodes = {
        name: replace(node, sums=replace(node.sums, engine=Engine.STEPWISE)) if node.sums else node
        for name, node in lowered.nodes.items()
    }
    return replace(lowered, nodes=nodes)


def certificate(images: np.ndarray, width: int, runs: int) -> dict[str, object]:
    """Time certified sums against stepping through all of them, at one accumulator width."""
    certified = program(f"numerics.accumulator.width={width}", "numerics.accumulator.overflow=SAT")
    stepped = stepping(certified)
    ledger = Ledger()
    ours, peer = run_fixed(certified, images, ledger), run_fixed(stepped, images, Ledger())
    assert all(np.array_equal(ours[name].codes, peer[name].codes) for name in ours), "the certificate changed a bit"
    sums = [events for (_, kind), events in ledger.events.items() if kind == "accumulator"]
    engines = {name: node.sums.engine.value for name, node in certified.nodes.items() if node.sums}
    return {
        "peer": "stepping through every addition",
        "outputs": sum(events.total for events in sums),
        "outputs_at_risk": sum(events.at_risk for events in sums),
        "additions_overflowed": sum(events.overflowed for events in sums),
        "layers_certified": sorted(name for name, engine in engines.items() if engine == "certified"),
        **paired(lambda: run_fixed(certified, images, Ledger()), lambda: run_fixed(stepped, images, Ledger()), runs),
    }


def ledger(images: np.ndarray, runs: int, *overrides: str) -> dict[str, object]:
    """Time a run with the detailed ledger against one that only counts."""
    lowered = program(*overrides)
    return {
        "peer": "ledger off (counts only)",
        **paired(lambda: run_fixed(lowered, images, Ledger(True)), lambda: run_fixed(lowered, images, Ledger()), runs),
    }


def main() -> None:
    """Measure and write benchmarks/results/bench_fidelity.json."""
    is_look = options("Time certificates and the ledger.").parse_args().quick
    runs, inputs = (1, 16) if is_look else (9, INPUTS)
    images = fit(load("digits", "test", inputs).images, accel.load_network(NETWORK).network.input_shape)
    figures: dict[str, object] = {
        f"{width}-bit saturating accumulator, certified / stepped": certificate(images, width, runs)
        for width in (36, 33, 32, 31)
    }
    figures["ledger on / off, default machine"] = ledger(images, runs)
    figures["ledger on / off, 31-bit saturating accumulator"] = ledger(
        images, runs, "numerics.accumulator.width=31", "numerics.accumulator.overflow=SAT"
    )
    figures["ledger on / off, products cut to 20 fraction bits"] = ledger(
        images, runs, "numerics.accumulator.width=36", "numerics.accumulator.frac_bits=20"
    )
    publish("bench_fidelity", figures, is_look)


if __name__ == "__main__":
    main()
