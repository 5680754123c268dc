"""Small sweeps that tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accel.sweep.engine import InProcess, Interrupts
from accel.sweep.run import Listener, Outcome, run_sweep
from accel.sweep.spec import Spec, spec_of

CYCLES: dict[str, Any] = {
    "sweep": {"networks": ["softmax-regression"]},
    "objectives": {"latency_cycles": "min", "pes": "min"},
    "axes": {"array.rows": [4, 8, 16], "array.dataflow": ["os", "ws"]},
}
"""Six points, no bits."""

BITS: dict[str, Any] = {
    "sweep": {"networks": ["softmax-regression"], "inputs": 20},
    "objectives": {"accuracy": "max", "latency_cycles": "min"},
    "axes": {
        "array.rows": [4, 8],
        "word": {
            "8": {"numerics.activation": "Q4.4", "numerics.weight": "Q2.6"},
            "12": {"numerics.activation": "Q4.8", "numerics.weight": "Q2.10"},
        },
    },
}
"""Four points with two kinds of bits."""


def spec(document: dict[str, Any], **sweep: Any) -> Spec:
    """A sweep from plain values, with keys of [sweep] changed."""
    return spec_of({**document, "sweep": {**document["sweep"], **sweep}})


def here(wanted: Spec, directory: Path, **more: Any) -> Outcome:
    """Run a sweep in this process."""
    interrupts = more.pop("interrupts", None) or Interrupts(lambda words: None)
    listener = more.pop("listener", None) or Listener()
    return run_sweep(wanted, directory, more.pop("engine", InProcess), interrupts=interrupts, listener=listener)


def table(outcome: Outcome) -> list[dict[str, Any]]:
    """The rows of an outcome by column."""
    return [dict(zip(outcome.document["columns"], row, strict=True)) for row in outcome.document["rows"]]
