"""The join of network, numerics and architecture: cycles, bytes, bounds and energy, without computing a value.

Layers run one after another; only function units stream behind the layer that feeds them. What a layer waits for is
told by `accel.arch.transfer`; the first DRAM fill of all is not counted, that of a later layer is as far as the layer
before it cannot hide it. An engine without a cost model is an error that names it: nothing costs zero silently. A
change of shape moves nothing; its bound says "none".
"""

from __future__ import annotations

from math import inf
from pathlib import Path

from accel.accelerator import Accelerator
from accel.arch import dataflows
from accel.arch.cores import check_cores
from accel.arch.hardware import Architecture
from accel.arch.mapping import Schedule
from accel.arch.result import NetworkReport
from accel.errors import ConfigError
from accel.estimator.plan import Plan, area, plan
from accel.estimator.shown import Estimate
from accel.estimator.walk import interval_ticks, timed, walk
from accel.network.graph import Model, Network


def estimate(network: Network | Model | str, accelerator: Accelerator | str | Path, batch: int = 1) -> NetworkReport:
    """Return the cycles, bytes and bounds of a network on a machine, `batch` inputs at once.

    A text names a network of the zoo, an accelerator preset or a file.
    Raises ConfigError or ModelError for unknown names, and ConfigError for all that the machine cannot do, at once.
    """
    structure, machine = resolved(network, accelerator)
    _check(machine.architecture, batch)
    if machine.architecture.cores.schedule == "layer pipelined":
        from accel.estimator.pipeline import pipelined  # the rarer way to run a network

        return pipelined(structure, machine, batch)
    cores = machine.architecture.cores.number or 1
    return _layer_by_layer(plan(structure, machine, batch, cores), machine, cores)


def schedules(network: Network, architecture: Architecture, batch: int = 1) -> dict[str, Schedule]:
    """Return the schedule of every node that the array computes. Raises ConfigError for what it cannot be given."""
    _check(architecture, batch)
    return {
        node.name: dataflows.schedule(nest.batched(batch), architecture.array)
        for node, nest in network.loop_nests()
        if nest.engine == "array"
    }


def _layer_by_layer(laid_out: Plan, machine: Accelerator, cores: int) -> NetworkReport:
    """Return the report of chains that follow each other, with the next input right behind this one."""
    channel, memory = laid_out.prices.channel, laid_out.prices.memory
    pes = cores * machine.architecture.array.pes
    states = walk(laid_out.chains, memory, channel)
    reports = dict(laid_out.unmoved)
    begin = 0
    for chain, state in zip(laid_out.chains, states, strict=True):
        end = channel.cycles(state.last)
        for layer in (timed(chain, end - begin, pes), *chain.followers):
            reports[layer.name] = layer
        begin = end
    return Estimate(
        network=laid_out.network.name,
        accelerator=machine.name,
        batch=laid_out.batch,
        clock_hz=machine.architecture.clock_hz,
        pes=pes,
        layers=tuple(reports[node.name] for node in laid_out.network.nodes),
        latency_cycles=begin,
        interval_cycles=channel.cycles(interval_ticks(laid_out.chains, states, memory, channel)),
        cores=cores,
        dram_bytes_per_cycle=memory.dram_bytes_per_cycle,
        technology=machine.architecture.technology,
        area=area(machine, cores),
    )


def _check(architecture: Architecture, batch: int) -> None:
    """Raise ConfigError for an impossible batch or machine, all problems at once."""
    array, memory = architecture.array, architecture.memory
    least: dict[str, tuple[float, int]] = {
        "batch": (batch, 1),
        "array.rows": (array.rows, 1),
        "array.columns": (array.columns, 1),
        **{f"units.{kind}.lanes": (unit.lanes, 1) for kind, unit in architecture.units.items()},
        "memory.input_bytes": (memory.input_bytes, 0),
        "memory.weight_bytes": (memory.weight_bytes, 0),
        "memory.output_bytes": (memory.output_bytes, 0),
        "memory.dram_latency_cycles": (memory.dram_latency_cycles, 0),
    }
    problems = [
        f"{name} = {value} is too small; use {low} or more" for name, (value, low) in least.items() if value < low
    ]
    bandwidth = memory.dram_bytes_per_cycle
    if bandwidth is not None and not 0 < bandwidth < inf:
        what = "has no end; use a finite number" if bandwidth == inf else "moves nothing; use more than 0"
        problems.append(
            f"memory.dram_bytes_per_cycle = {bandwidth} {what}, or leave it out (None) for a channel that is not "
            "modelled"
        )
    if not 0 < architecture.clock_hz < inf:
        what = "has no end; use a finite number" if architecture.clock_hz == inf else "is too small; use more than 0"
        problems.append(f"clock_hz = {architecture.clock_hz} {what}")
    problems += check_cores(architecture.cores)
    try:
        dataflows.chosen(array)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)


def resolved(network: Network | Model | str, accelerator: Accelerator | str | Path) -> tuple[Network, Accelerator]:
    """Return the structure and the machine that names, models and files stand for."""
    if isinstance(network, str):
        from accel.network.zoo import build  # only names need the zoo

        network = build(network)
    structure = network.network if isinstance(network, Model) else network
    if isinstance(accelerator, Accelerator):
        return structure, accelerator
    from accel.config import load_accelerator  # only files need pydantic

    return structure, load_accelerator(accelerator)
