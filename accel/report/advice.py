"""What limits a layer and what would help, in one sentence: `advice`.

The contract: a pure function of the layer's document (that of `accel.report.estimate_document`). Every number in it was
computed by the model; where no change was tried, or none helps, the sentence ends earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.report.humane import integer, percent, significant

Layer = Mapping[str, Any]

_AWAITED = {"weights": "weights", "activations": "inputs", "output bandwidth": "outputs to leave"}
_BUSES = {"activations": "its inputs", "output bandwidth": "its sums"}
_TOLD_LOSS = 0.005
"""A smaller share of the PE-cycles is not told."""

_WAITS = 0.05
"""What helps a layer that waits for a larger share of its time is told, though something else bounds it."""

_SPARE = 0.99
"""A row or column that is busy for a larger part of the time is taken as busy."""


def advice(layer: Layer, bytes_per_cycle: float | None) -> str:
    """Say what bounds a layer, where its time goes, and what would help; "" for one that takes no time.

    bytes_per_cycle: the bandwidth of DRAM, None if it is not modelled.
    """
    cycles = layer["cycles"]
    if not cycles["total"]:
        return ""
    if cycles["stall"] and layer["bound"] in _AWAITED:
        words = _waiting(layer, bytes_per_cycle)
    elif layer["macs"]:
        words = _working(layer, bytes_per_cycle)
    else:
        words = _unit(layer)
    return words


def _waiting(layer: Layer, bytes_per_cycle: float | None) -> str:
    """Tell of a layer that waits: which bandwidth or batch ends that; if none does, what shortens it."""
    cycles, found = layer["cycles"], layer["remedies"] or {}
    words = f"waits for {_AWAITED[layer['bound']]} {percent(cycles['stall'] / cycles['total'])} % of its cycles"
    ways = []
    if found.get("bytes_per_cycle") and bytes_per_cycle:
        factor = f"{found['bytes_per_cycle'] / bytes_per_cycle:.4g}x"
        ways.append(f"{factor} the bandwidth ({significant(found['bytes_per_cycle'])} bytes/cycle)")
    if found.get("batch"):
        ways.append(f"batch {integer(found['batch'])}")
    bound = "compute-bound" if layer["macs"] else "bound by the unit"
    return (
        f"{words}; {' or '.join(ways)} would make it {bound}"
        if ways
        else words + _needs(layer, bytes_per_cycle) + _best(layer)
    )


def _working(layer: Layer, bytes_per_cycle: float | None) -> str:
    """Tell of a layer that keeps the array at work: what is lost of its peak, and what it needs of the channel."""
    if layer["bound"] in _BUSES:
        words = f"the way of {_BUSES[layer['bound']]} into and out of the array sets its pace"
    elif layer["bound"] == "fill/drain":
        words = "fills and drains for longer than it computes"
    else:
        words = "computes"
    parts = [f"{words}, at {percent(layer['utilization'])} % of the peak"]
    lost = [f"{name} {percent(share)} %" for name, share in _lost(layer) if share >= _TOLD_LOSS]
    if lost:
        parts.append(f"lost to {', '.join(lost)}")
    best = _best(layer) if layer["lost"]["waiting"] >= _WAITS else ""
    return "; ".join(parts) + _needs(layer, bytes_per_cycle) + best


def _unit(layer: Layer) -> str:
    """Tell of a function unit: what it adds, and what it hides."""
    cycles, hidden = layer["cycles"], layer["hidden_cycles"]
    if not hidden:
        return f"the unit's own pace{_best(layer)}"
    lag = cycles["steady"]
    if lag:
        return (
            f"adds {_counted(cycles['total'])}, for {integer(lag)} of them it lags behind what feeds it{_best(layer)}"
        )
    return f"works behind what feeds it and adds its depth, {_counted(cycles['total'])}"


def _lost(layer: Layer) -> list[tuple[str, float]]:
    """Return the names and shares of lost PE-cycles."""
    lost, busy = layer["lost"], layer["busy"]
    idle = [
        f"{_average(busy[edge])} of {integer(busy[f'of_{edge}'])} {edge}"
        for edge in ("rows", "columns")
        if busy and busy[edge] < _SPARE * busy[f"of_{edge}"]
    ]
    edges = f"edges ({', '.join(idle)} busy)" if idle else "idle cores and edges"
    names = {"edges": edges, "pace": "a narrower bus", "filling": "fill and drain", "waiting": "waiting"}
    return [(words, lost[name]) for name, words in names.items()]


def _needs(layer: Layer, bytes_per_cycle: float | None) -> str:
    """Tell what an even stream of all that it moves would take of the channel, "" if there is none."""
    if not layer["needed_bytes_per_cycle"] or not bytes_per_cycle:
        return ""
    return f"; needs {significant(layer['needed_bytes_per_cycle'])} of {significant(bytes_per_cycle)} bytes/cycle"


def _best(layer: Layer) -> str:
    """Name the change that was tried and shortens a layer most, "" if there is none."""
    changes = (layer["remedies"] or {}).get("cycles")
    if not changes:
        return ""
    change = min(changes, key=changes.__getitem__)
    return f"; {change} would make it {_counted(changes[change])}"


def _counted(cycles: int) -> str:
    return f"{integer(cycles)} cycle{'' if cycles == 1 else 's'}"


def _average(value: float) -> str:
    """Write an average count, a whole one without a point."""
    return integer(value) if value == round(value) else significant(value)
