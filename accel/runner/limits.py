"""What an estimate leaves out, in words: one sentence each, those that hold for this machine (`not_modelled`)."""

from __future__ import annotations

from accel.arch.energy import NEVER_COUNTED
from accel.arch.result import NetworkReport

ALWAYS = (
    "bank conflicts on the chip: every buffer serves the array, the units and the channel at the same time",
    "the size of what holds a burst of results between the array and a unit that takes them more slowly",
    "host transfers, instruction issue and control between layers",
)

NO_CHANNEL = "the time of DRAM transfers: the machine names no bandwidth, so nothing waits; bytes are counted"

CHANNEL = "DRAM refresh and row misses: the channel delivers its bytes per cycle after a fixed latency"

ONE_AFTER_ANOTHER = (
    "layers at work at the same time: only function units take results of a layer that is not finished, and only "
    "operands of the next layer are fetched ahead"
)

PIPELINED = (
    "single collisions on the DRAM channel: cores share what it carries in an interval",
    "handing tensors from core to core: it takes no time",
)

NO_TECHNOLOGY = "energy and area: the machine names no technology to estimate them with"


def not_modelled(report: NetworkReport) -> tuple[str, ...]:
    """Return what the cycles, the energy and the area of an estimate leave out."""
    channel = (NO_CHANNEL,) if report.dram_bytes_per_cycle is None else (CHANNEL,)
    overlap = PIPELINED if report.stages else (ONE_AFTER_ANOTHER,)
    return (*ALWAYS, *channel, *overlap, *_estimates(report))


def _estimates(report: NetworkReport) -> tuple[str, ...]:
    """Return what energy and area leave out."""
    if report.energy is None or report.area is None:
        return (NO_TECHNOLOGY,)
    lacking = [f"energy of {_listed((*report.energy.unpriced, *NEVER_COUNTED))}"]
    if report.area.components:
        lacking.append(f"area of {_listed(report.area.unpriced)}")
    else:
        lacking.append(f"area: {report.area.technology} has no figure for any of it")
    return tuple(lacking)


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
