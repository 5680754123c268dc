"""Sweeps over machines and networks: a SPEC in, a table of measured points and its Pareto front out."""

from accel.sweep.spec import Spec, load_spec, spec_of

__all__ = ["Spec", "load_spec", "spec_of"]
