"""One run from the command line: a word about compiling, a progress bar, the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from accel.accelerator import Accelerator
    from accel.arch.result import NetworkReport
    from accel.cli.terminal import Terminal
    from accel.workload import Workload


def warn_if_cold(terminal: Terminal) -> None:
    """Say that kernels will be compiled, when none has been on this machine."""
    from kernels.cache import is_warm

    if not is_warm():
        terminal.note("compiling kernels for this machine; they are kept, so this happens once")


def execute(
    workload: Workload,
    machine: Accelerator,
    *,
    jobs: int,
    seed: int,
    command: str,
    terminal: Terminal,
    ledger: bool = False,
    estimated: Callable[[dict[str, Any]], object] | None = None,
) -> dict[str, Any]:
    """Run the workload and return the content of run.json. Raises what `accel.runner.run` raises.

    estimated: told what the estimate decides of that content, before any bits are computed.
    """
    from accel.config import check_layers
    from accel.report import estimate_document
    from accel.runner import run

    def tell(report: NetworkReport) -> None:
        if estimated is not None:
            figures = estimate_document(report)
            estimated(
                {
                    "layers": figures["layers"],
                    "pes": figures["pes"],
                    "accelerator_document": dict(machine.document),
                }
            )

    check_layers(machine, workload.model.network)  # before anything is compiled for it
    warn_if_cold(terminal)
    context = {"dataset": dict(workload.dataset), "provenance": {"command": command, "seed": seed}}
    with terminal.progress("inputs", len(workload.inputs)) as advance:
        result = run(
            workload.model,
            machine,
            workload.inputs,
            workload.labels,
            jobs=jobs,
            ledger=ledger,
            progress=advance,
            estimated=tell,
            context=context,
        )
    return result.to_dict()
