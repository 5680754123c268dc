"""The constants that predictions depend on, with the values that are in use: never a copy of them.

Keys are those of the accelerator file, or have a place for a prefix: "chip." and "cost." of `row_mapping`, "engine." of
`conv_engine`, "assumptions." of the file of figures. A rule that is no number says itself what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accel.accelerator import Accelerator
from accel.arch.dataflows import conv_engine, row_mapping
from accel.published.figures import STANDINGS, Published


def constants(published: Published, machine: Accelerator) -> list[dict[str, Any]]:
    """Return key, value, standing and note of every constant, those first that were chosen with the table in view."""
    values = in_use(published, machine)
    order = list(STANDINGS)
    return [
        {
            "key": constant.key,
            "value": constant.says or values[constant.key],
            "standing": constant.standing,
            "note": constant.note,
        }
        for constant in sorted(published.constants, key=lambda constant: order.index(constant.standing))
    ]


def in_use(published: Published, machine: Accelerator) -> dict[str, Any]:
    """Return the constants of a machine's array, memory and clock, of its dataflow's model, and our assumptions."""
    document = machine.document
    values = {"clock_hz": document["clock_hz"]}
    values |= _dotted("array", document["array"]) | _dotted("memory", document["memory"])
    values |= _dotted("assumptions", published.tables.get("assumptions", {}))
    dataflow = values.pop("array.dataflow")
    if dataflow == "row-stationary":
        values |= _dotted("chip", row_mapping.EYERISS._asdict())
        values |= {"cost.dram": row_mapping.DRAM_COST, "cost.buffer": row_mapping.BUFFER_COST}
    if dataflow == "conv-engine":
        values["engine.depth"] = conv_engine.PUBLISHED_DEPTH
    return values


def _dotted(prefix: str, table: object) -> dict[str, Any]:
    """Return the values of a table by prefix and key."""
    assert isinstance(table, Mapping)  # a checked accelerator file has tables there
    return {f"{prefix}.{key}": value for key, value in table.items()}
