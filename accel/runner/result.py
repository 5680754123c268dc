"""`RunResult`: everything one run found out; `to_dict` is the content of run.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.arch.result import LayerReport, NetworkReport
from accel.numeric.ledger import Events
from accel.numeric.sums import SumPlan
from accel.report.directory import SCHEMA
from accel.report.export import energy_totals, layer_energy
from accel.runner.limits import not_modelled
from accel.runner.statistics import EXPONENTS, Deviation


@dataclass(frozen=True)
class LayerResult:
    """One layer: its output's format and shape, its cycles, its deviation from golden, its events.

    ledger: everything by tensor kind (`Ledger.to_dict`), None unless it was asked for.
    """

    shape: tuple[int, ...]
    format: str
    cost: LayerReport
    deviation: Deviation
    output: Events
    accumulator: Events
    sums: SumPlan | None
    ledger: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.cost.name

    def to_dict(self) -> dict[str, Any]:
        """Return the layer's part of run.json."""
        cost, cycles = self.cost, self.cost.cycles
        kept = {} if self.ledger is None else {"ledger": dict(self.ledger)}
        return {
            "name": cost.name,
            "kind": cost.kind,
            "shape": list(self.shape),
            "format": self.format,
            "macs": cost.macs,
            "cycles": {
                "total": cycles.total,
                "compute": cycles.compute,
                "fill": cycles.fill,
                "steady": cycles.steady,
                "drain": cycles.drain,
                "stall": cycles.stall,
            },
            "hidden_cycles": cost.hidden_cycles,
            "prefetch_cycles": cost.prefetch_cycles,
            "folds": cost.folds,
            "utilization": cost.utilization,
            "mapping_efficiency": cost.mapping_efficiency,
            "bytes": {level: dict(operands) for level, operands in cost.byte_counts.items()},
            "buffers": cost.buffers_dict(),
            "bound": cost.bound,
            **layer_energy(cost),
            "saturated": self.output.fraction,
            "error": {"max_lsb": self.deviation.max_lsb, "sqnr_db": self.deviation.sqnr_db},
            "range": {"min": self.deviation.low, "max": self.deviation.high},
            "histogram": {"edges": list(EXPONENTS), "counts": self.deviation.histogram.tolist()},
            "accumulator": self._accumulator(),
            **kept,
        }

    def _accumulator(self) -> dict[str, Any] | None:
        if self.sums is None:
            return None
        order = self.sums.order
        return {
            "format": str(self.sums.accumulator),
            "mode": self.sums.rule.mode.value,
            "overflow": self.sums.rule.overflow.name,
            "needed_bits": self.sums.needed_bits,
            "observed_bits": self.accumulator.observed_bits,
            "overflowed": self.accumulator.overflowed,
            "outputs": self.accumulator.total,
            "additions": self.accumulator.total * self.sums.additions,
            "at_risk": self.accumulator.at_risk,
            "engine": self.sums.engine.value,
            "replayed": self.accumulator.at_risk > 0,
            "order": {
                "group": order.group,
                "fold": order.fold,
                "bias_first": order.bias_first,
                "loops": order.loops,
                "block": order.block,
            },
        }


@dataclass(frozen=True)
class Encoded:
    """One float64 tensor and what became of it when it was encoded: the inputs, or a parameter ("C1/weight")."""

    tensor: str
    format: str
    low: float
    high: float
    events: Events
    ledger: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the tensor's part of run.json."""
        return {
            "tensor": self.tensor,
            "format": self.format,
            "range": {"min": self.low, "max": self.high},
            "saturated": self.events.fraction,
            **({} if self.ledger is None else {"ledger": dict(self.ledger)}),
        }


@dataclass(frozen=True)
class RunResult:
    """One network on one machine over some inputs, golden and fixed.

    encoded: the inputs first, then every parameter.
    golden, fixed: outputs of the last layer, (N, K) float64 (fixed: values of the codes). labels: (N,) or None.
    context: names, sources, data set, provenance: plain values that go into run.json as they are.
    """

    estimate: NetworkReport
    layers: tuple[LayerResult, ...]
    encoded: tuple[Encoded, ...]
    golden: NDArray[np.float64]
    fixed: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    context: Mapping[str, Any]

    @property
    def accuracy(self) -> dict[str, float | None]:
        """Share of inputs classified as labelled, golden and fixed; None without labels."""
        if self.labels is None:
            return {"golden": None, "fixed": None}
        return {
            "golden": float(np.mean(_classes(self.golden) == self.labels)),
            "fixed": float(np.mean(_classes(self.fixed) == self.labels)),
        }

    @property
    def latency_cycles(self) -> int:
        """Cycles from the first operand of one input to its last result."""
        return self.estimate.latency_cycles

    @property
    def agreement(self) -> float:
        """Share of inputs for which golden and fixed name the same class."""
        return float(np.mean(_classes(self.golden) == _classes(self.fixed)))

    @property
    def first_disagreement(self) -> dict[str, int | None] | None:
        """The first input on which they differ, None when there is none."""
        golden, fixed = _classes(self.golden), _classes(self.fixed)
        differing = np.flatnonzero(golden != fixed)
        if not differing.size:
            return None
        index = int(differing[0])
        label = None if self.labels is None else int(self.labels[index])
        return {"input": index, "golden": int(golden[index]), "fixed": int(fixed[index]), "label": label}

    def to_dict(self) -> dict[str, Any]:
        """Return run.json: plain numbers, text, lists; units in the key names; no NaN or infinity."""
        estimate = self.estimate
        microseconds = 1e6 / estimate.clock_hz
        return {
            "schema": SCHEMA,
            "network": estimate.network,
            "accelerator": estimate.accelerator,
            "inputs": len(self.golden),
            "accuracy": self.accuracy,
            "agreement": self.agreement,
            "latency_cycles": estimate.latency_cycles,
            "latency_us": estimate.latency_cycles * microseconds,
            "interval_cycles": estimate.interval_cycles,
            "interval_us": estimate.interval_cycles * microseconds,
            "inputs_per_second": estimate.inputs_per_second,
            "clock_hz": estimate.clock_hz,
            "pes": estimate.pes,
            "schedule": estimate.schedule,
            **energy_totals(estimate),
            "softmax": self._softmax(),
            "ledger": any(layer.ledger is not None for layer in self.layers),
            "layers": [layer.to_dict() for layer in self.layers],
            "encoded": [tensor.to_dict() for tensor in self.encoded],
            "first_disagreement": self.first_disagreement,
            **self.context,
            "not_modelled": list(not_modelled(estimate)),
        }

    def _softmax(self) -> dict[str, float | int] | None:
        """Row sums of the fixed softmax and inputs whose largest probability is shared by several classes."""
        if not self.layers or self.layers[-1].cost.kind != "softmax":
            return None
        sums = self.fixed.sum(axis=1)
        ties = (self.fixed == self.fixed.max(axis=1, keepdims=True)).sum(axis=1) > 1
        return {"row_sum_min": float(sums.min()), "row_sum_max": float(sums.max()), "ties": int(ties.sum())}

    def _repr_html_(self) -> str:
        """Show the report's per-layer table in a notebook."""
        from accel.report import render_fragment

        return render_fragment(self.to_dict())


def _classes(outputs: NDArray[np.float64]) -> NDArray[np.intp]:
    classes: NDArray[np.intp] = np.argmax(outputs.reshape(len(outputs), -1), axis=1)
    return classes
