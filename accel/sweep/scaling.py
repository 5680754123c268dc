"""Speed-up and efficiency over processing elements, and the knee: how much parallelism a network is worth.

The knee is where efficiency over execution time is largest, that is speed-up times efficiency: Eager, Zahorjan,
Lazowska, "Speedup Versus Efficiency in Parallel Systems", IEEE Transactions on Computers 38(3), 1989, section IV. On a
smooth curve the marginal doubling there buys a factor of the square root of two; below it more, beyond it less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SIZES = frozenset({"array.rows", "array.columns", "cores.number"})
"""Keys that change how many processing elements there are."""

LEAST_SIZES = 3
"""Sizes of a curve below which there is nothing to say."""


def scaling_of(axes: Sequence[Mapping[str, Any]], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Return one curve for every combination of the axes that do not change the number of elements.

    axes: {"name", "keys", "values"}; rows: of the table of a sweep, of which only measured points count. A curve has
    the best latency of every size: {"labels", "points": [{"pes", "latency_cycles", "speedup", "efficiency"}], "knee"
    (a place in points)}. speedup: against the smallest size of the curve; efficiency: speedup over that of the sizes.
    """
    sizing = [axis["name"] for axis in axes if axis["keys"] and set(axis["keys"]) <= SIZES]
    if not sizing or not {"pes", "latency_cycles", "status"} <= set(columns):
        return []
    others = [axis["name"] for axis in axes if axis["name"] not in sizing]
    place = {name: columns.index(name) for name in (*others, "pes", "latency_cycles", "status")}
    best: dict[tuple[Any, ...], dict[int, int]] = {}
    labels: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        pes, latency = row[place["pes"]], row[place["latency_cycles"]]
        if row[place["status"]] == "failed" or pes is None or latency is None:
            continue
        key = tuple(_same(row[place[name]]) for name in others)
        if key not in labels:
            labels[key] = {name: row[place[name]] for name in others}
        sizes = best.setdefault(key, {})
        sizes[pes] = min(latency, sizes.get(pes, latency))
    curves = [_curve(labels[key], sizes) for key, sizes in best.items() if len(sizes) >= LEAST_SIZES]
    for name in others:
        curves = _without(name, curves)
    return curves


def _same(label: Any) -> Any:
    """Return what stands for a label in a key."""
    return tuple(label) if isinstance(label, list) else label


def _without(name: str, curves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the curves without the axis `name`, if it makes no difference to any of them."""
    merged: dict[str, dict[str, Any]] = {}
    for curve in curves:
        labels = {axis: value for axis, value in curve["labels"].items() if axis != name}
        same = merged.setdefault(repr(labels), {**curve, "labels": labels})
        if same["points"] != curve["points"]:
            return curves
    return list(merged.values())


def _curve(labels: Mapping[str, Any], sizes: Mapping[int, int]) -> dict[str, Any]:
    ordered = sorted(sizes.items())
    smallest, slowest = ordered[0]
    points = [
        {
            "pes": pes,
            "latency_cycles": latency,
            "speedup": slowest / latency,
            "efficiency": slowest / latency * smallest / pes,
        }
        for pes, latency in ordered
    ]
    return {"labels": dict(labels), "points": points, "knee": knee(points)}


def knee(points: Sequence[Mapping[str, Any]]) -> int:
    """Return the place of the point with the largest speed-up times efficiency, the smallest of equals."""
    worth = [point["speedup"] * point["efficiency"] for point in points]
    return worth.index(max(worth))
