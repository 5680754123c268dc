"""The command line in a folder of its own, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from accel.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, stdout, and the lines of stderr."""

    code: int
    out: str
    errors: list[str]

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def accel(tmp_path, monkeypatch) -> Callable[..., Outcome]:
    """Run `accel ARGUMENTS` with an empty working directory; `accel("run lenet5 -n 3")`."""
    monkeypatch.chdir(tmp_path)

    def run(arguments: str, *more: object) -> Outcome:
        result = CliRunner().invoke(main, [*arguments.split(), *map(str, more)])
        return Outcome(result.exit_code, result.stdout, result.stderr.splitlines())

    return run
