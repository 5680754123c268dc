"""Every error a user can cause, with the exit code the command line answers with.

The contract: a message says what is wrong, where, and how to mend it; one error may carry several problems
(`problems`), because a file is checked whole before anything is refused. Anything else that escapes is a bug of
ours and exits with 70.
"""

from __future__ import annotations

from collections.abc import Iterable


class AccelError(Exception):
    """The parent of all errors of this package; `exit_code` is what the process returns."""

    exit_code = 70

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class CheckFailedError(AccelError):
    """A golden-versus-fixed check compared and did not pass."""

    exit_code = 1


class ConfigError(AccelError, ValueError):
    """A command, a format, an accelerator file or an option that cannot be used."""

    exit_code = 2


class ModelError(AccelError, ValueError):
    """A network or its weights cannot be used: missing, corrupt, wrong shapes, or it does not fit the machine."""

    exit_code = 3


class DataError(AccelError, ValueError):
    """Inputs or a data set cannot be used: missing, corrupt, truncated, wrong shape, NaN."""

    exit_code = 3


class ToolError(AccelError):
    """An external tool or an optional package is missing or too old."""

    exit_code = 4


class NothingComparedError(AccelError):
    """A check was asked for but held nothing against anything."""

    exit_code = 5


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of `known`, else a list of what is known, else ""."""
    import difflib  # only errors need it

    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(names)}." if names else ""
