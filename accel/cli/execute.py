"""One run from the command line: a word about compiling, a progress bar, the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel.accelerator import Accelerator
    from accel.cli.terminal import Terminal
    from accel.workload import Workload


def warn_if_cold(terminal: Terminal) -> None:
    """Say that kernels will be compiled, when none has been on this machine."""
    from kernels._jit import is_warm

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
) -> dict[str, Any]:
    """Run the workload and return the content of run.json. Raises what `accel.runner.run` raises."""
    from accel.config import check_layers
    from accel.runner import run

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
            context=context,
        )
    return result.to_dict()
