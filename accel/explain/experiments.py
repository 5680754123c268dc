"""Experiments: a machine with other formats, run bit by bit and held against golden at the network's output."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

from accel.accelerator import Accelerator
from accel.errors import ConfigError, DataError
from accel.explain.hybrids import Output
from accel.explain.noise import Array
from accel.explain.suspects import Added, widen
from accel.network.graph import Model
from accel.numeric.ledger import Ledger
from accel.runner.execute import run_fixed
from accel.runner.program import Program, lower


@dataclass(frozen=True)
class Score:
    """How good a machine is: share of inputs that keep golden's class, SQNR of its output (infinite: exact)."""

    agreement: float
    sqnr_db: float

    @classmethod
    def of(cls, output: Output) -> Score:
        """Return the score of what reached the output."""
        ratio = output.noise.sqnr_db
        return cls(output.agreement, math.inf if ratio is None else ratio)


@dataclass(frozen=True)
class Goal:
    """How good a machine shall be; sqnr_db None: classes alone count."""

    agreement: float
    sqnr_db: float | None = None

    def met_by(self, score: Score | None) -> bool:
        """Tell whether a score is good enough; None, what cannot be computed, never is."""
        if score is None:
            return False
        return score.agreement >= self.agreement and (self.sqnr_db is None or score.sqnr_db >= self.sqnr_db)

    def within(self, best: Score) -> Goal:
        """Return the goal as far as the best that formats can do reaches: the same share of it, or 1 dB less."""
        agreement = self.agreement if best.agreement >= self.agreement else self.agreement * best.agreement
        sqnr_db = self.sqnr_db
        if sqnr_db is not None and best.sqnr_db < sqnr_db:
            sqnr_db = best.sqnr_db - 1
        return Goal(agreement, sqnr_db)


@dataclass(frozen=True)
class Batch:
    """Inputs (N, *input_shape), the index of the first of them in the run, and golden's output for them."""

    first_input: int
    images: Array
    golden: Array


@dataclass(frozen=True)
class Experiments:
    """One network, one machine, some inputs; advance: told 1 after every experiment."""

    model: Model
    accelerator: Accelerator
    batches: Sequence[Batch]
    jobs: int
    advance: Callable[[int], object]

    def score(self, added: Added, *, room: bool = True) -> Score | None:
        """Return the score of the machine with formats widened, None when it cannot be built or computed."""
        program = self.program(added, room=room)
        if program is None:
            return None

        def compare(batch: Batch) -> Output:
            return Output.of(batch.golden, _output(program, batch.images, batch.first_input))

        try:
            with ThreadPoolExecutor(max(1, self.jobs)) as pool:
                outputs = list(pool.map(compare, self.batches))
        except (ConfigError, DataError):  # a unit for these formats, or codes that leave 63 bits
            return None
        self.advance(1)
        return Score.of(reduce(Output.__add__, outputs))

    def can_be_computed(self, added: Added) -> bool:
        """Tell whether the machine with formats widened can be built and computes an input."""
        program = self.program(added)
        if program is None:
            return False
        try:
            _output(program, self.batches[0].images[:1], 0)
        except (ConfigError, DataError):
            return False
        return True

    def program(self, added: Added, *, room: bool = True) -> Program | None:
        """Return the network on the machine with formats widened, None for formats that it cannot have."""
        try:
            return lower(self.model, widen(self.accelerator, self.model.network, added, room))
        except ConfigError:
            return None


def _output(program: Program, images: Array, first_input: int) -> Array:
    return run_fixed(program, images, Ledger(), first_input)[program.model.network.output.name].to_float()
