"""Which formats lack bits, and how many: found by experiment, on the machine's own bits.

All formats that could be wider are made wide, which gives the best that formats can do. Then they go back to what they
were, the least harmful first, as many at a time as the goal allows; what cannot go back without missing it is guilty.
Each guilty format is then narrowed to the fewest bits that still reach the goal. Going back from wide, instead of
widening one at a time, also finds two formats of which either alone destroys everything: curing one of them shows
nothing. The surprise: the set is minimal (nothing in it can be left out), not the only one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accel.explain.experiments import Experiments, Goal, Score
from accel.explain.kinds import Key, KindTrace
from accel.explain.suspects import WIDE, Added, Bits, Suspect, suspects
from accel.network.graph import INPUT
from accel.report.humane import percent, significant
from accel.runner.program import Program

Holds = Callable[[Added], bool]


@dataclass(frozen=True)
class Finding:
    """A format, the bits that it lacks, and the machine's score before and after it gets them (on top of the others).

    with_accumulators: bits that accumulators must have for it, by layer, where theirs would be too few.
    """

    suspect: Suspect
    lacks: Bits
    before: Score
    after: Score
    goal: Goal
    with_accumulators: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        suspect = self.suspect
        where = suspect.kind if suspect.layer == INPUT else f"{suspect.layer} {suspect.kind}"
        agreement = f"agreement {percent(self.before.agreement)} % -> {percent(self.after.agreement)} %"
        ratios = ""
        if self.goal.sqnr_db is not None:
            ratios = f", SQNR {_decibels(self.before)} -> {_decibels(self.after)}"
        room = ", ".join(f"{layer} at {width} bits" for layer, width in self.with_accumulators.items())
        return f"{where} {suspect.format} lacks {self._bits()}: {agreement}{ratios}" + (
            f" (with the accumulator of {room})" if room else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "layer": self.suspect.layer,
            "kind": self.suspect.kind,
            "format": str(self.suspect.format),
            "to_format": str(self.suspect.widened(self.lacks)),
            "lacks_integer_bits": self.lacks.integer,
            "lacks_fraction_bits": self.lacks.fraction,
            "agreement_before": self.before.agreement,
            "agreement_after": self.after.agreement,
            "sqnr_db_before": _finite(self.before.sqnr_db),
            "sqnr_db_after": _finite(self.after.sqnr_db),
            "sentence": self.sentence,
        }

    def _bits(self) -> str:
        integer, fraction = self.lacks
        sign = " (its sign)" if self.suspect.widened(self.lacks).signed != self.suspect.format.signed else ""
        parts = [
            f"{count} {word} bit{'' if count == 1 else 's'}{mark}"
            for count, word, mark in ((integer, "integer", sign), (fraction, "fraction", ""))
            if count
        ]
        return " and ".join(parts)


@dataclass(frozen=True)
class Diagnosis:
    """What was found, in the order of the network; best: the score with every format wide, None if none was tried."""

    base: Score
    goal: Goal
    findings: tuple[Finding, ...] = ()
    best: Score | None = None

    @property
    def verdict(self) -> str:
        """Say in one line how it stands with the formats."""
        told, wanted = _told(self.base, self.goal), _wanted(self.goal)
        if self.goal.met_by(self.base):
            return f"{told}, {wanted} wanted: no format lacks bits"
        assert self.best is not None
        if not self.findings:
            return (
                f"{told}, {wanted} wanted; with every format wide {_told(self.best, self.goal)}: no format is to blame"
            )
        several = len(self.findings) > 1
        lacking = f"{len(self.findings)} formats lack bits, with them" if several else "1 format lacks bits, with it"
        reached = _told(self.findings[-1].after, self.goal)
        beyond = "" if self.goal.met_by(self.best) else "; more is not to be had from formats"
        return f"{told}, {wanted} wanted: {lacking} {reached}{beyond}"


def diagnose(
    experiments: Experiments, program: Program, kinds: Mapping[Key, KindTrace], base: Score, goal: Goal
) -> Diagnosis:
    """Return which formats lack bits; base: the machine as it is, kinds: what each format does alone."""
    if goal.met_by(base):
        return Diagnosis(base, goal)
    suspected = _computable(experiments, program, kinds)
    wide = {suspect: suspect.most for suspect in suspected}
    best = experiments.score(wide) or base
    reachable = goal.within(best)
    if reachable.met_by(base):
        return Diagnosis(base, goal, best=best)

    def holds(added: Added) -> bool:
        return reachable.met_by(experiments.score(added))

    harmless_first = sorted(suspected, key=lambda suspect: _harm(suspect, kinds))
    guilty = _without(wide, harmless_first, holds)
    needed = _narrowed({suspect: guilty[suspect] for suspect in suspected if suspect in guilty}, holds)
    return Diagnosis(base, goal, _findings(experiments, needed, base, reachable), best)


def _computable(experiments: Experiments, program: Program, kinds: Mapping[Key, KindTrace]) -> list[Suspect]:
    """Return the formats to suspect, as wide as all of them can be at once; if need be, without some of them."""
    found: list[Suspect] = []
    for width in WIDE:
        found = suspects(program, kinds, width)
        if experiments.can_be_computed({suspect: suspect.most for suspect in found}):
            return found
    kept: Added = {}
    for suspect in found:
        more = {**kept, suspect: suspect.most}
        if experiments.can_be_computed(more):
            kept = more
    return list(kept)


def _harm(suspect: Suspect, kinds: Mapping[Key, KindTrace]) -> float:
    """Return a number that grows with the noise that the format makes alone."""
    ratio = kinds[suspect.layer, suspect.kind].noise.sqnr_db
    return -math.inf if ratio is None else -ratio


def _without(wide: Added, group: Sequence[Suspect], holds: Holds) -> Added:
    """Return `wide` without as many of `group` as can go: all at once, else one half after the other."""
    fewer = {suspect: bits for suspect, bits in wide.items() if suspect not in group}
    if not group or holds(fewer):
        return fewer
    if len(group) == 1:
        return wide
    middle = len(group) // 2
    return _without(_without(wide, group[:middle], holds), group[middle:], holds)


def _narrowed(guilty: Added, holds: Holds) -> Added:
    """Return the fewest bits that guilty formats need to reach the goal together.

    Each is narrowed with the others wide; where that is too little for all at once, all get bits where they lack some
    until it is enough, and then each gives back what it can. So the first one does not take all that the goal forgives.
    """
    bits = {suspect: _fewest(guilty, suspect, holds) for suspect in guilty}
    if len(guilty) > 1:
        while not holds(bits):
            more = {suspect: _one_more(held, suspect.most) for suspect, held in bits.items()}
            bits = more if more != bits else dict(guilty)
        for suspect in guilty:
            bits[suspect] = _fewest(bits, suspect, holds)
    return {suspect: added for suspect, added in bits.items() if any(added)}


def _fewest(added: Added, suspect: Suspect, holds: Holds) -> Bits:
    """Return the fewest bits of one format that still hold, fraction before integer bits; what is added now holds."""
    bits = added[suspect]
    for place in ("fraction", "integer"):
        low, high = 0, getattr(bits, place)
        while low < high:
            middle = (low + high) // 2
            if holds({**added, suspect: bits._replace(**{place: middle})}):
                high = middle
            else:
                low = middle + 1
        bits = bits._replace(**{place: high})
    return bits


def _one_more(bits: Bits, most: Bits) -> Bits:
    return Bits(
        min(bits.integer + (bits.integer > 0), most.integer), min(bits.fraction + (bits.fraction > 0), most.fraction)
    )


def _findings(experiments: Experiments, needed: Added, base: Score, goal: Goal) -> tuple[Finding, ...]:
    """Give the formats their bits one after the other, and tell what each does."""
    room = not goal.met_by(experiments.score(needed, room=False))
    findings: list[Finding] = []
    given: dict[Suspect, Bits] = {}
    before = base
    for suspect, bits in needed.items():
        already = _accumulators(experiments, given)
        given[suspect] = bits
        after = experiments.score(given, room=room) or before
        grown = {}
        if room:
            grown = {name: width for name, width in _accumulators(experiments, given).items() if name not in already}
        findings.append(Finding(suspect, bits, before, after, goal, grown))
        before = after
    return tuple(findings)


def _accumulators(experiments: Experiments, added: Added) -> dict[str, int]:
    """Return the layers whose accumulators have to grow with these formats, and the bits that they have to have."""
    program = experiments.program(added)
    numerics = experiments.accelerator.numerics
    if program is None:
        return {}
    widths = {
        suspect.layer: suspect.widened(bits).width for suspect, bits in added.items() if suspect.kind == "accumulator"
    }
    grown: dict[str, int] = {}
    for name, node in program.nodes.items():
        if node.sums is None:
            continue
        has = widths.get(name, numerics.at(name).accumulator.width)
        needs = min(node.sums.accumulator.width, node.sums.needed_bits)
        if needs > has:
            grown[name] = needs
    return grown


def _told(score: Score, goal: Goal) -> str:
    agreement = f"agreement {percent(score.agreement)} %"
    return agreement if goal.sqnr_db is None else f"{agreement} at {_decibels(score)}"


def _wanted(goal: Goal) -> str:
    agreement = f"{percent(goal.agreement)} %"
    return agreement if goal.sqnr_db is None else f"{agreement} at {goal.sqnr_db:g} dB"


def _decibels(score: Score) -> str:
    return "exact" if math.isinf(score.sqnr_db) else f"{significant(score.sqnr_db)} dB"


def _finite(ratio: float) -> float | None:
    return None if math.isinf(ratio) else ratio
