"""What `accel show schedule NETWORK[:LAYER]` prints: how the array walks a layer, and what that costs before any wait.

The loop nest is that of `accel.arch.mapping.Schedule`, outermost first; loops of one step are left out on the screen
and kept in the JSON document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.arch.mapping import Loop, Schedule
    from accel.loopnest import LoopNest
    from accel.network.graph import Network

AXES = {
    "N": "images",
    "G": "groups",
    "K": "filters",
    "C": "channels",
    "P": "output rows",
    "Q": "output columns",
    "R": "kernel rows",
    "S": "kernel columns",
    "NPQ": "output pixels of the batch",
    "CRS": "products of an output",
    "NGKPQ": "outputs",
    "operand": "operands",
}
"""Dimensions of loops in words."""

KINDS = {
    "temporal": "",
    "stream": "stream",
    "rows": "side by side over rows",
    "columns": "side by side over columns",
}
"""Kinds of loops in words."""


def show_schedule(target: str, accelerator: str, overrides: tuple[str, ...], terminal: Terminal) -> None:
    """Print the schedules of all array layers of a network ("lenet5"), or of one of them ("lenet5:C3").

    Raises ConfigError for an unknown network, layer or machine, and for what the array cannot do.
    """
    from accel.config import check_layers, load_accelerator
    from accel.estimator import schedules
    from accel.network.zoo import build

    name, _, layer = target.partition(":")
    network = build(name)
    machine = load_accelerator(accelerator, overrides)
    check_layers(machine, network)
    nests = {node.name: nest for node, nest in network.loop_nests()}
    found = schedules(network, machine.architecture)
    chosen = _chosen(network, layer, found) if layer else found
    array = machine.architecture.array
    terminal.emit(
        {
            "network": name,
            "accelerator": machine.name,
            "array": asdict(array),
            "layers": [_document(layer, nests[layer], schedule) for layer, schedule in chosen.items()],
        }
    )
    for index, (layer, schedule) in enumerate(chosen.items()):
        if index:
            terminal.say("")
        terminal.say(f"{layer} of {name} on {machine.name}: {array.rows} x {array.columns} {array.dataflow}")
        for line in lines(nests[layer], schedule, array.pes):
            terminal.say(f"  {line}" if line else "")


def lines(nest: LoopNest, schedule: Schedule, pes: int) -> Iterator[str]:
    """Yield the loop nest of a layer, then its cycles, sums and traffic, a line each."""
    from accel.report.humane import integer, percent
    from accel.report.prose import order_in_words

    yield from _nest_lines(schedule.loops)
    fill, steady, drain = schedule.fill_cycles, schedule.steady_cycles, schedule.drain_cycles
    parts = f"fill {integer(fill)} + steady {integer(steady)} + drain {integer(drain)}"
    macs = f"{integer(nest.macs)} MACs, {percent(nest.macs / (pes * max(1, schedule.compute_cycles)))} % utilization"
    last = f"the last {integer(schedule.last_results)} within {integer(schedule.last_result_cycles)}"
    yield ""
    yield f"cycles   {integer(schedule.compute_cycles)} without waits = {parts} ({schedule.timing})"
    if schedule.pace != "compute":
        yield f"         the pace is set by {schedule.pace}"
    yield f"work     {macs}"
    yield f"results  leave during {integer(schedule.result_cycles)} cycles, {last}"
    yield (
        f"folds    {integer(schedule.folds)}; {integer(schedule.parallel)} of {integer(pes)} PEs on a full one, "
        f"{percent(schedule.mapping_efficiency)} % mapping efficiency"
    )
    loops, *additions = order_in_words(asdict(schedule.order)).split("; ")
    yield f"sums     {loops}"
    yield from (f"         {words}" for words in additions)
    yield f"reads    {_counted(schedule.sram_reads)} elements on chip"
    yield f"writes   {_counted(schedule.sram_writes)}"
    yield f"first    {_counted(schedule.first_fold)} before the array can start"


def _nest_lines(loops: tuple[Loop, ...]) -> Iterator[str]:
    from accel.report.humane import integer

    depth = 0
    for loop in loops:
        if loop.steps == 1:
            continue
        by = f" by {integer(loop.tile)}" if loop.tile > 1 else ""
        text = f"{'  ' * depth}for {loop.dim} in {integer(loop.extent)}{by}"
        note = ", ".join(word for word in (AXES[loop.dim], KINDS[loop.kind]) if word)
        yield f"{text:<40}{note}"
        depth += 1
    yield f"{'  ' * depth}multiply and add"


def _counted(counts: Mapping[str, int]) -> str:
    from accel.report.humane import integer

    moved = [f"{operand.replace('_', ' ')} {integer(count)}" for operand, count in counts.items() if count]
    return ", ".join(moved) or "nothing"


def _chosen(network: Network, layer: str, found: Mapping[str, Schedule]) -> dict[str, Schedule]:
    """Return one layer's schedule. Raises ConfigError unless the array computes that layer."""
    from accel.errors import ConfigError, suggestion

    if layer in found:
        return {layer: found[layer]}
    if layer in {node.name for node in network.nodes}:
        known = ", ".join(found)
        raise ConfigError(f"{network.name}:{layer} is not computed by the array, which computes {known}")
    raise ConfigError(f"{network.name} has no layer '{layer}'.{suggestion(layer, found)}")


def _document(layer: str, nest: LoopNest, schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as plain values."""
    return {
        "name": layer,
        "macs": nest.macs,
        "loops": [{**asdict(loop), "steps": loop.steps} for loop in schedule.loops],
        "parallel": schedule.parallel,
        "folds": schedule.folds,
        "timing": schedule.timing,
        "pace": schedule.pace,
        "cycles": {
            "compute": schedule.compute_cycles,
            "fill": schedule.fill_cycles,
            "steady": schedule.steady_cycles,
            "drain": schedule.drain_cycles,
            "results": schedule.result_cycles,
            "last_results": schedule.last_result_cycles,
        },
        "last_results": schedule.last_results,
        "mapping_efficiency": schedule.mapping_efficiency,
        "order": asdict(schedule.order),
        "first_fold": schedule.first_fold,
        "sram_reads": schedule.sram_reads,
        "sram_writes": schedule.sram_writes,
    }
