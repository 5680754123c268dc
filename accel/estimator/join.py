"""The join of network, numerics and architecture: cycles, bytes and bounds of every layer, without computing a value.

Layers run one after another; only function units stream behind the layer that feeds them. An engine without a cost
model is an error that names it: nothing costs zero silently. A change of shape moves nothing; its bound says "none".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from accel.accelerator import Accelerator
from accel.arch import dataflows
from accel.arch.cost import UnitWork, array_step, bound
from accel.arch.hardware import Architecture
from accel.arch.mapping import Schedule
from accel.arch.memory import prefetch_cycles, with_stall
from accel.arch.result import Cycles, LayerReport, NetworkReport
from accel.errors import ConfigError
from accel.estimator.placement import Placement, place
from accel.estimator.traffic import array_traffic, unit_traffic
from accel.estimator.units import unit_kind, unit_work
from accel.formats import node_formats
from accel.loopnest import LoopNest
from accel.network.graph import Model, Network, Node
from accel.numeric.format import QFormat

Work = Schedule | UnitWork
"""What executes a layer, priced: an array by its schedule, or a unit."""


def estimate(network: Network | Model | str, accelerator: Accelerator | str | Path, batch: int = 1) -> NetworkReport:
    """Return the cycles, bytes and bounds of a network on a machine, `batch` inputs computed layer by layer.

    A text names a network of the zoo, an accelerator preset or a file.
    Raises ConfigError or ModelError for unknown names, and ConfigError for all that the machine cannot do, at once.
    """
    structure, machine = _network(network), _machine(accelerator)
    architecture = machine.architecture
    nests = _nests(structure, architecture, batch)
    formats = node_formats(structure, machine.numerics)
    works = _works(structure, nests, formats, architecture)
    placement = place(structure, nests, formats, architecture.memory, batch)
    layers = tuple(_layers(structure, nests, formats, works, placement, machine))
    latency_cycles = sum(layer.cycles.total for layer in layers)
    return NetworkReport(
        network=structure.name,
        accelerator=machine.name,
        batch=batch,
        clock_hz=architecture.clock_hz,
        pes=architecture.array.pes,
        layers=layers,
        latency_cycles=latency_cycles,
        interval_cycles=latency_cycles,
    )


def schedules(network: Network, architecture: Architecture, batch: int = 1) -> dict[str, Schedule]:
    """Return the schedule of every node that the array computes. Raises ConfigError for what it cannot be given."""
    nests = _nests(network, architecture, batch)
    return {
        name: dataflows.schedule(nest, architecture.array) for name, nest in nests.items() if nest.engine == "array"
    }


def _layers(
    network: Network,
    nests: Mapping[str, LoopNest],
    formats: Mapping[str, QFormat],
    works: Mapping[str, Work],
    placement: Placement,
    machine: Accelerator,
) -> Iterator[LayerReport]:
    """Walk the nodes in order; what streams behind a node shares its time and its idle cycles on the DRAM channel."""
    architecture = machine.architecture
    result_cycles = idle_cycles = 0
    for node in network.nodes:
        nest, work = nests[node.name], works.get(node.name)
        if work is None:
            yield _unmoved(node)
            continue
        is_behind = node.name in placement.behind
        if isinstance(work, Schedule):
            step = array_step(work)
            traffic = array_traffic(node.name, nest, work, formats, machine.numerics.at(node.name), placement)
        else:
            step = work.behind(result_cycles) if is_behind else work.alone()
            lanes = architecture.units[unit_kind(nest)].lanes
            traffic = unit_traffic(node.name, nest, work, lanes, formats, placement)
        idle_cycles = idle_cycles if is_behind else 0
        cycles, idle_cycles = with_stall(step.cycles, traffic.dram, architecture.memory, idle_cycles)
        result_cycles = step.result_cycles
        schedule = work if isinstance(work, Schedule) else None
        yield LayerReport(
            name=node.name,
            kind=node.layer.kind,
            engine=nest.engine,
            macs=nest.macs,
            cycles=cycles,
            hidden_cycles=step.hidden_cycles,
            prefetch_cycles=prefetch_cycles(traffic.first, architecture.memory),
            folds=schedule.folds if schedule else 0,
            utilization=nest.macs / (architecture.array.pes * max(1, cycles.total)),
            mapping_efficiency=schedule.mapping_efficiency if schedule else 0.0,
            byte_counts={"dram": traffic.dram, "sram": traffic.sram},
            bound=bound(nest.engine, cycles, traffic.dram),
        )


def _unmoved(node: Node) -> LayerReport:
    """Report a change of shape: the codes stay where they are, only their addresses are read differently."""
    return LayerReport(
        name=node.name,
        kind=node.layer.kind,
        engine="none",
        macs=0,
        cycles=Cycles(0, 0, 0, 0),
        hidden_cycles=0,
        prefetch_cycles=0,
        folds=0,
        utilization=0.0,
        mapping_efficiency=0.0,
        byte_counts={"dram": {}, "sram": {}},
        bound="none",
    )


def _works(
    network: Network, nests: Mapping[str, LoopNest], formats: Mapping[str, QFormat], architecture: Architecture
) -> dict[str, Work]:
    """Price every node that moves something. Raises ConfigError naming every node that cannot be priced."""
    works: dict[str, Work] = {}
    problems: list[str] = []
    for node in network.nodes:
        nest = nests[node.name]
        try:
            if nest.engine == "array":
                works[node.name] = dataflows.schedule(nest, architecture.array)
            elif nest.engine != "none":
                works[node.name] = unit_work(nest, architecture.units, formats[node.inputs[0]], formats[node.name])
        except ConfigError as error:
            problems.extend(f"{network.name}: {node.name}: {problem}" for problem in error.problems)
    if problems:
        raise ConfigError(problems)
    return works


def _nests(network: Network, architecture: Architecture, batch: int) -> dict[str, LoopNest]:
    """Return the nests of all nodes for a batch. Raises ConfigError for an impossible batch or machine, all at once."""
    array, memory = architecture.array, architecture.memory
    least: dict[str, tuple[float, int]] = {
        "batch": (batch, 1),
        "array.rows": (array.rows, 1),
        "array.columns": (array.columns, 1),
        **{f"units.{kind}.lanes": (unit.lanes, 1) for kind, unit in architecture.units.items()},
        "memory.input_bytes": (memory.input_bytes, 0),
        "memory.output_bytes": (memory.output_bytes, 0),
        "memory.dram_bytes_per_cycle": (memory.dram_bytes_per_cycle, 0),
        "memory.dram_latency_cycles": (memory.dram_latency_cycles, 0),
    }
    problems = [
        f"{name} = {value} is too small; use {low} or more" for name, (value, low) in least.items() if value < low
    ]
    if not architecture.clock_hz > 0:
        problems.append(f"clock_hz = {architecture.clock_hz} is too small; use more than 0")
    try:
        dataflows.chosen(array)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return {node.name: nest if batch == 1 else replace(nest, N=batch) for node, nest in network.loop_nests()}


def _network(network: Network | Model | str) -> Network:
    if isinstance(network, str):
        from accel.network.zoo import build  # only names need the zoo

        return build(network)
    return network.network if isinstance(network, Model) else network


def _machine(accelerator: Accelerator | str | Path) -> Accelerator:
    if isinstance(accelerator, Accelerator):
        return accelerator
    from accel.config import load_accelerator  # only files need pydantic

    return load_accelerator(accelerator)
