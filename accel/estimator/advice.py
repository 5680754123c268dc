"""What would help each layer: the same network estimated again, on machines that differ in one thing each.

Nothing here is a formula of its own: a change is tried, and the cycles that every layer takes then are kept where they
are fewer. Changes are not added up, and what one of them costs in area or energy is left to the reader.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from accel.accelerator import Accelerator
from accel.arch.hardware import Architecture
from accel.arch.result import LayerReport, NetworkReport, Remedies
from accel.errors import ConfigError

Estimates: TypeAlias = Callable[[Accelerator, int], NetworkReport]
"""(machine, batch) -> the report of one network; raises ConfigError as `accel.estimate` does."""

BANDWIDTHS = (1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)
"""How many times its bandwidth a channel is tried with for layers that wait."""

BATCHES = (2, 4, 8, 16, 32, 64)
"""How many times the batch is tried for layers that wait for weights."""

AT_WORK = frozenset({"compute", "fill/drain", "unit"})
"""Bounds of a layer that waiting does not bound."""

WORTH_TELLING = 0.99
"""A change is told of if a layer takes at most this part of its cycles then."""


def remedies(estimates: Estimates, machine: Accelerator, batch: int = 1) -> dict[str, Remedies]:
    """Return what helps every layer that has cycles of its own, by name.

    Raises ConfigError if the machine as it is cannot be estimated; changes that cannot be are left out.
    """
    machine = replace(machine, architecture=replace(machine.architecture, technology=None))  # only cycles are told
    layers = {layer.name: layer for layer in estimates(machine, batch).layers if layer.cycles.total}
    cycles: dict[str, dict[str, int]] = {name: {} for name in layers}
    for change, changed in _changes(machine.architecture):
        for name, later in _by_name(estimates, replace(machine, architecture=changed), batch).items():
            if name in layers and later.cycles.total <= WORTH_TELLING * layers[name].cycles.total:
                cycles[name][change] = later.cycles.total
    waiting = [name for name, layer in layers.items() if layer.cycles.stall and layer.bound not in AT_WORK]
    wider = _bandwidths(estimates, machine, batch, waiting)
    fuller = _batches(estimates, machine, batch, {name for name in waiting if layers[name].bound == "weights"})
    return {name: Remedies(cycles[name], wider.get(name), fuller.get(name)) for name in layers}


def _changes(architecture: Architecture) -> Iterator[tuple[str, Architecture]]:
    """Yield what is tried: its name, and the machine."""
    memory = architecture.memory
    if memory.dram_bytes_per_cycle is not None:
        larger = replace(
            memory,
            input_bytes=2 * memory.input_bytes,
            weight_bytes=2 * memory.weight_bytes,
            output_bytes=2 * memory.output_bytes,
        )
        yield "twice the bandwidth", _with_bandwidth(architecture, 2 * memory.dram_bytes_per_cycle)
        yield "buffers of twice the size", replace(architecture, memory=larger)
        if memory.dram_latency_cycles:
            yield "no DRAM latency", replace(architecture, memory=replace(memory, dram_latency_cycles=0))
    units = {kind: replace(unit, lanes=2 * unit.lanes) for kind, unit in architecture.units.items()}
    yield "twice the lanes", replace(architecture, units=units)


def _bandwidths(estimates: Estimates, machine: Accelerator, batch: int, waiting: Collection[str]) -> dict[str, float]:
    """Return the smallest of the bandwidths tried at which layers that wait no longer do, found by bisection."""
    now = machine.architecture.memory.dram_bytes_per_cycle
    if now is None or not waiting:
        return {}
    tried: dict[int, set[str]] = {}

    def works(name: str, index: int) -> bool:
        if index not in tried:
            changed = replace(machine, architecture=_with_bandwidth(machine.architecture, BANDWIDTHS[index] * now))
            later = _by_name(estimates, changed, batch)
            tried[index] = {each for each, layer in later.items() if layer.bound in AT_WORK}
        return name in tried[index]

    last = len(BANDWIDTHS) - 1
    found = {}
    for name in waiting:
        if works(name, last):
            index = bisect_left(range(last), True, key=partial(works, name))
            found[name] = BANDWIDTHS[index] * now
    return found


def _batches(estimates: Estimates, machine: Accelerator, batch: int, waiting: set[str]) -> dict[str, int]:
    """Return the smallest of the batches tried at which layers that wait for weights no longer do."""
    found: dict[str, int] = {}
    for factor in BATCHES:
        if waiting:
            later = _by_name(estimates, machine, factor * batch)
            found |= {name: factor * batch for name in waiting if name in later and later[name].bound in AT_WORK}
            waiting = waiting - found.keys()
    return found


def _with_bandwidth(architecture: Architecture, bytes_per_cycle: float) -> Architecture:
    return replace(architecture, memory=replace(architecture.memory, dram_bytes_per_cycle=bytes_per_cycle))


def _by_name(estimates: Estimates, machine: Accelerator, batch: int) -> dict[str, LayerReport]:
    """Return the layers of an estimate; none if the machine cannot do it."""
    try:
        return {layer.name: layer for layer in estimates(machine, batch).layers}
    except ConfigError:
        return {}
