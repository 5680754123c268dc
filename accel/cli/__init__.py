"""The command line: `accel VERB ...`, one module a verb, loaded when it is called.

Verb modules import click and nothing heavy at their top, so that help and usage errors appear at once; everything else
is imported inside the verb. Errors go to stderr, one line each; the exit codes are those of `accel.errors`, and 130
when interrupted.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import shlex
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

import accel
from accel.errors import AccelError, suggestion

VERBS = (
    "run",
    "check",
    "explain",
    "calibrate",
    "estimate",
    "step",
    "train",
    "sweep",
    "report",
    "diff",
    "export",
    "show",
    "doctor",
)

COMMAND = "accel.command"
VERBOSE = "accel.verbose"
"""Keys of click's `Context.meta`: the command line as it was typed, and whether -v was given."""

INTERNAL_ERROR = 70
INTERRUPTED = 130


class Verbs(click.Group):
    """The group of all verbs: loads them lazily and turns every error into its message and exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Be a process: what `accel` and `python -m accel` call; it ends as soon as its output is written."""
        code: list[int] = []
        atexit.register(_leave, code)  # registered first, so it comes after everybody else's
        try:
            return super().__call__(*args, **kwargs)
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                code.append(end.code or 0)
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help page."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb, None for an unknown name."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"accel.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb. Raises UsageError with the closest known name."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"'{args[0]}' is not a verb.{suggestion(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the command line before click takes it apart."""
        ctx.meta[COMMAND] = shlex.join(["accel", *args])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; every way to fail ends here."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except AccelError as error:
            _fail(ctx, error.problems, error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _fail(ctx, ("interrupted",), INTERRUPTED)
        except SystemExit:  # rich, when whoever reads its output has gone
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                _reader_left(ctx)
            if ctx.meta.get(VERBOSE):
                traceback.print_exc()
            what = " ".join(f"{type(error).__name__}: {error}".split())
            _fail(
                ctx,
                (f"internal error ({what}); please report this command: {ctx.meta[COMMAND]}",),
                INTERNAL_ERROR,
            )


def _fail(ctx: click.Context, problems: tuple[str, ...], exit_code: int) -> NoReturn:
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    ctx.exit(exit_code)


def _leave(code: list[int]) -> None:
    """End the process with `code`, without taking apart what it has loaded: that takes as long as loading Numba."""
    if not code:  # something else ends it
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (AttributeError, OSError, ValueError):  # closed, or nobody reads: Python has its own words for that
        return
    os._exit(code[0])


def _reader_left(ctx: click.Context) -> NoReturn:
    """Stop quietly when whoever reads our output has gone (`accel show rounding | head -1`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails once more while it flushes
    ctx.exit(INTERRUPTED)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(accel.__version__, prog_name="accel")
def main() -> None:
    """Bit-accurate, cycle-counted simulation of fixed-point neural-network accelerators.

    `accel run` needs no arguments. Exit codes: 0 pass, 1 check failed, 2 usage or configuration, 3 model or data
    unusable, 4 external tool missing, 5 nothing compared, 70 internal error, 130 interrupted.
    """
    _settle()


def _settle() -> None:
    """Set what a process of seconds wants, before NumPy is loaded.

    Threads take whole batches (-j), and a BLAS with threads of its own would fight them; one thread also makes sums,
    and so `accel train`, the same on every run. Collecting garbage while modules load costs a tenth of the start, and
    pydantic would look through every package that is installed for plugins of its own.
    """
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(100_000)
