"""Sweeps over machines and networks: a SPEC in, a table of measured points and its Pareto front out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accel.sweep.spec import Spec, load_spec, spec_of

if TYPE_CHECKING:
    from accel.sweep.result import Sweep, load, sweep

__all__ = ["Spec", "Sweep", "load", "load_spec", "spec_of", "sweep"]


def __getattr__(name: str) -> Any:
    """Load what runs sweeps on first use; SPECs are read without it."""
    if name not in ("Sweep", "load", "sweep"):
        raise AttributeError(f"module 'accel.sweep' has no attribute '{name}'")
    from accel.sweep import result

    return getattr(result, name)
