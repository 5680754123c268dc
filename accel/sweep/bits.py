"""What decides the bits of a point, and the figures that follow from them.

Bits depend on network, weights, inputs, number formats and modes, and the designs of function units. On the array they
depend only through the order in which it adds up, and on that only where a sum can leave its accumulator or loses
digits on the way into it. So `bits_key` leaves out sizes, memories, clocks, cores and lanes, and an order that cannot
matter. Points with equal keys share one computation (a property test holds them against computing each).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from accel.accelerator import Accelerator
from accel.estimator import schedules
from accel.formats import node_formats
from accel.loopnest import LoopNest
from accel.network.graph import Network
from accel.numeric.accumulator import Mode
from accel.numeric.format import QFormat
from accel.numeric.plan import LayerNumerics
from accel.numeric.proof import sum_bits
from accel.workload import Workload, load_workload
from kernels.modes import Overflow

if TYPE_CHECKING:
    from accel.calibrate.evaluate import Bench  # loads kernels

WORKLOADS_REMEMBERED = 4
"""Networks whose inputs and float64 outputs a process keeps."""


@dataclass(frozen=True)
class Source:
    """Where network, weights and inputs of a point come from: everything by name, so that any process can load it."""

    network: str
    data: str
    inputs: int | None
    weights: str | None
    seed: int


@lru_cache(maxsize=WORKLOADS_REMEMBERED)
def workload_of(source: Source) -> Workload:
    """Return network, weights and inputs. Raises ModelError and DataError as `load_workload` does."""
    return load_workload(source.network, source.data, source.inputs, source.weights, source.seed)


@lru_cache(maxsize=WORKLOADS_REMEMBERED)
def workload_digests(source: Source) -> Mapping[str, str]:
    """Return SHA-256 of weights, inputs and labels, computed once a process: every job asks."""
    from accel.network.weights import digest

    workload = workload_of(source)
    labels = b"" if workload.labels is None else workload.labels.tobytes()
    return {
        "weights": digest(workload.model.parameters),
        "inputs": hashlib.sha256(repr(workload.inputs.shape).encode() + workload.inputs.tobytes()).hexdigest(),
        "labels": hashlib.sha256(labels).hexdigest(),
    }


def bits_key(network: Network, machine: Accelerator, workload: Mapping[str, str]) -> str:
    """Return the SHA-256 of what decides the bits of `network` on `machine`. workload: its digests."""
    numerics = machine.numerics
    units = {kind: (unit.design, unit.options) for kind, unit in machine.architecture.units.items()}
    formats = node_formats(network, numerics)
    nests = {node.name: (node, nest) for node, nest in network.loop_nests()}
    orders = {}
    for name, schedule in schedules(network, machine.architecture).items():
        node, nest = nests[name]
        weight = formats[node.inputs[-1]] if nest.is_product else numerics.at(name).weight.format
        if _order_matters(nest, formats[node.inputs[0]], weight, numerics.at(name)):
            orders[name] = schedule.order
    decided = (
        network.name,
        sorted(workload.items()),
        numerics.input,
        numerics.defaults,
        sorted(numerics.overrides.items(), key=lambda item: item[0]),
        sorted(units.items()),
        sorted(orders.items(), key=lambda item: item[0]),
    )
    return hashlib.sha256(repr(decided).encode()).hexdigest()


def _order_matters(nest: LoopNest, source: QFormat, weight: QFormat, bits: LayerNumerics) -> bool:
    """Whether sums can depend on the order of additions, judged from formats alone.

    They cannot where nothing is cut off on the way in and either addition is modulo 2^W or no sum of so many products
    and a bias can leave the accumulator (see `accel.numeric.sums`).
    """
    rule = bits.accumulator
    point = source.frac_bits + weight.frac_bits
    accumulator = rule.resolve(point)
    shift = accumulator.frac_bits - point
    if shift < 0:
        return True
    if rule.overflow == Overflow.WRAP or rule.mode is Mode.EXACT:
        return False
    if bits.weight_shifts:  # a bias then stands at a point of its own in every channel
        return True
    product = _magnitude(source) * _magnitude(weight) << shift
    bias = bits.bias.format
    up = accumulator.frac_bits - bias.frac_bits
    addend = _magnitude(bias) << up if up >= 0 else (_magnitude(bias) >> -up) + 1
    return sum_bits(product, nest.gemm.k, addend * nest.has_bias) > accumulator.width


def _magnitude(target: QFormat) -> int:
    """Return the largest magnitude of a code."""
    return max(-target.min_code, target.max_code)


@lru_cache(maxsize=WORKLOADS_REMEMBERED)
def _bench(source: Source) -> Bench:
    """Return the inputs with their float64 outputs, computed once a process."""
    from accel.calibrate.evaluate import Bench
    from accel.config import load_accelerator
    from accel.runner.inputs import checked_inputs, checked_labels

    workload = workload_of(source)
    images = checked_inputs(workload.model, workload.inputs)
    return Bench.of(workload.model, load_accelerator(), images, checked_labels(workload.labels, len(images)))


def bit_figures(source: Source, machine: Accelerator) -> dict[str, float | None]:
    """Compute the network bit by bit on one thread and return accuracy, agreement, sqnr_db and needed_bits.

    Raises what `accel.run` raises for a machine that cannot compute this network.
    """
    from accel.config import check_layers
    from accel.runner.program import lower

    bench = _bench(source)
    check_layers(machine, bench.model.network)
    program = lower(bench.model, machine)
    figures = replace(bench, accelerator=machine).evaluate(machine.numerics).figures
    return {
        "accuracy": figures.accuracy,
        "agreement": figures.agreement,
        "sqnr_db": figures.sqnr_db,
        "needed_bits": max((node.sums.needed_bits for node in program.nodes.values() if node.sums), default=None),
    }
