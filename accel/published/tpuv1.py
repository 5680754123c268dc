"""TPUv1: peak, ridge and the roofs of six applications, and rates of estimates beside the measured ones.

N. P. Jouppi et al., "In-Datacenter Performance Analysis of a Tensor Processing Unit", ISCA 2017. Its roofline has MACs
per byte of weights for an axis. In a dense layer those are the inputs of a batch: so the four applications made of
products have a stand-in that needs nothing else of them (`stand_in`).
"""

from __future__ import annotations

from typing import Any

from accel.accelerator import Accelerator
from accel.arch.result import Cycles
from accel.arch.roofline import ridge, roofline
from accel.estimator import estimate
from accel.layers.dense import Dense
from accel.network.graph import Network, chain
from accel.published.comparison import MEASURED, PRINTED, Comparison
from accel.published.figures import Published

_TABLE = "applications"
_TERA = 1e12


def compare(published: Published, machine: Accelerator) -> tuple[Comparison, ...]:
    """Return peak and ridge, then the roof and the rate of every application; convolutions have no predicted rate."""
    figures = published.tables
    pes, bandwidth = machine.architecture.array.pes, machine.architecture.memory.dram_bytes_per_cycle
    made = [
        Comparison("", "", "peak", "TOPS", _tops(pes, machine), figures["peak_tops"], PRINTED),
        Comparison("", "", "ridge", "MACs per byte", ridge(pes, bandwidth), figures["ridge"], PRINTED),
    ]
    for one in figures["applications"]:
        roof = roof_tops(one["macs_per_byte"], machine)
        made.append(Comparison(_TABLE, one["name"], "roof", "TOPS", roof, one["roof_tops"], PRINTED))
    network = stand_in(published)
    for one in figures["applications"]:
        rate = rate_tops(network, machine, one["macs_per_byte"]) if one["is_dense"] else None
        made.append(Comparison(_TABLE, one["name"], "rate", "TOPS", rate, one["measured_tops"], MEASURED))
    return tuple(made)


def roof_tops(macs_per_byte: int, machine: Accelerator) -> float:
    """Return the most that machine and weight memory allow, in 10^12 operations a second (two a MAC)."""
    architecture = machine.architecture
    bandwidth = architecture.memory.dram_bytes_per_cycle
    place = roofline(macs_per_byte, Cycles(0, 1, 0, 0), 1, architecture.array.pes, bandwidth)
    return _tops(place.attainable, machine)


def rate_tops(network: Network, machine: Accelerator, batch: int) -> float:
    """Return what an estimate of a network attains when batches follow each other."""
    report = estimate(network, machine, batch)
    return _tops(sum(layer.macs for layer in report.layers) / report.interval_cycles, machine)


def stand_in(published: Published) -> Network:
    """Return the chain of equal dense layers that stands for an application of products."""
    form = published.tables["assumptions"]
    layers = {f"product {index + 1}": Dense(form["features"], bias=False) for index in range(form["layers"])}
    return chain("products", (form["features"],), layers)


def roof(published: Published, machine: Accelerator) -> dict[str, Any]:
    """Return what a drawing of the roofline needs: peak in TOPS, ridge, and every application's intensity."""
    pes, bandwidth = machine.architecture.array.pes, machine.architecture.memory.dram_bytes_per_cycle
    return {
        "peak_tops": _tops(pes, machine),
        "ridge": ridge(pes, bandwidth),
        "macs_per_byte": {one["name"]: one["macs_per_byte"] for one in published.tables["applications"]},
    }


def _tops(macs_per_cycle: float, machine: Accelerator) -> float:
    return 2 * macs_per_cycle * machine.architecture.clock_hz / _TERA
