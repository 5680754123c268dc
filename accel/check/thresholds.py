"""`Thresholds`: limits that a run must keep; each limit that is given becomes one `Case`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from accel.check.case import Case
from accel.errors import DataError


@dataclass(frozen=True)
class Thresholds:
    """Limits on a run's document (run.json); None leaves a quantity unchecked.

    min_accuracy: of the machine, 0..1. min_agreement: share of inputs on which machine and float64 name one class.
    min_sqnr_db, max_error_lsb: of the worst layer. max_cycles: latency of one input.
    """

    min_accuracy: float | None = None
    min_agreement: float | None = None
    min_sqnr_db: float | None = None
    max_error_lsb: float | None = None
    max_cycles: int | None = None

    def __bool__(self) -> bool:
        """Tell whether any limit was given."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def check(self, document: Mapping[str, Any]) -> tuple[Case, ...]:
        """Hold a run against every limit. Raises DataError for an accuracy without labels."""
        return tuple(self._cases(document))

    def _cases(self, document: Mapping[str, Any]) -> Iterator[Case]:
        if self.min_accuracy is not None:
            accuracy = document["accuracy"]["fixed"]
            if accuracy is None:
                raise DataError("min-accuracy needs labels and these inputs have none; check min-agreement instead")
            yield _at_least("min-accuracy", accuracy, self.min_accuracy)
        if self.min_agreement is not None:
            yield _at_least("min-agreement", document["agreement"], self.min_agreement)
        if self.min_sqnr_db is not None:
            yield self._sqnr(document["layers"], self.min_sqnr_db)
        if self.max_error_lsb is not None:
            yield self._error(document["layers"], self.max_error_lsb)
        if self.max_cycles is not None:
            cycles = document["latency_cycles"]
            text = f"latency {cycles} cycles, wanted at most {self.max_cycles}"
            yield Case("max-cycles", cycles <= self.max_cycles, text)

    @staticmethod
    def _sqnr(layers: list[Mapping[str, Any]], limit: float) -> Case:
        # A layer without any error has no SQNR: it cannot be the worst.
        ratios = {layer["name"]: layer["error"]["sqnr_db"] for layer in layers if layer["error"]["sqnr_db"] is not None}
        if not ratios:
            return Case("min-sqnr", True, f"no layer has any error, wanted at least {limit:g} dB")
        worst = min(ratios, key=ratios.__getitem__)
        first = next((f", first below in {name}" for name, ratio in ratios.items() if ratio < limit), "")
        text = f"worst in {worst}: {ratios[worst]:.2f} dB, wanted at least {limit:g} dB{first}"
        return Case("min-sqnr", ratios[worst] >= limit, text)

    @staticmethod
    def _error(layers: list[Mapping[str, Any]], limit: float) -> Case:
        errors = {layer["name"]: layer["error"]["max_lsb"] for layer in layers}
        worst = max(errors, key=errors.__getitem__)
        first = next((f", first beyond in {name}" for name, error in errors.items() if error > limit), "")
        text = f"worst in {worst}: {errors[worst]:.3f} lsb, wanted at most {limit:g} lsb{first}"
        return Case("max-error", errors[worst] <= limit, text)


def _at_least(name: str, measured: float, limit: float) -> Case:
    return Case(name, measured >= limit, f"{measured:.4f}, wanted at least {limit:g}")
