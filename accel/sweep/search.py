"""`search = "pareto"`: NSGA-II proposes points generation by generation, until the budget is spent.

Deb, Pratap, Agarwal, Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE TEC 6(2), 2002, as
optuna has it. The seed decides all proposals: a generation is asked for as a whole and told in the order of asking, so
neither the number of workers nor an interruption changes anything, and a search that goes on finds again, from the
store, what it had measured. A point that is proposed twice is measured once and counts twice against the budget.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accel.errors import ConfigError
from accel.sweep.measure import FAILED, Row
from accel.sweep.measures import MAX
from accel.sweep.optional import optional
from accel.sweep.points import NETWORK, Contexts, Point, of_choices, size
from accel.sweep.spec import DEFAULT_TRIALS, Spec

POPULATION = 24
"""Points of a generation."""

Evaluate = Callable[[Sequence[Point]], Mapping[str, Row] | None]
"""Measures points and returns their rows by hash, None when it was interrupted."""


def search(spec: Spec, contexts: Contexts, evaluate: Evaluate) -> list[Point]:
    """Propose points until the budget is spent or every point of the grid is known; return them in order, each once.

    Raises ToolError without optuna, ConfigError when there is nothing to choose from.
    """
    study, optuna = _study(spec)
    if size(spec) < 2:
        raise ConfigError('search = "pareto" has a single point to choose from; give an axis more values')
    trials = spec.sweep.trials or (DEFAULT_TRIALS if spec.sweep.seconds is None else None)
    end = math.inf if spec.sweep.seconds is None else time.monotonic() + spec.sweep.seconds
    found: dict[str, Point] = {}
    worst: dict[str, float] = {}
    asked = 0
    while (trials is None or asked < trials) and time.monotonic() < end and len(found) < size(spec):
        count = POPULATION if trials is None else min(POPULATION, trials - asked)
        generation = [study.ask() for _ in range(count)]
        asked += count
        points = [_proposed(spec, contexts, trial) for trial in generation]
        found.update((point.hash, point) for point in points)
        rows = evaluate(list({point.hash: point for point in points}.values()))
        if rows is None:
            break
        for trial, point in zip(generation, points, strict=True):
            _tell(spec, study, optuna, trial, rows[point.hash], worst)
    return list(found.values())


def _study(spec: Spec) -> tuple[Any, Any]:
    optuna = optional("optuna", 'search = "pareto"', "pip install 'bitcycle[sweep]'")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=spec.sweep.seed)
    directions = ["maximize" if way == MAX else "minimize" for way in spec.objectives.values()]
    return optuna.create_study(directions=directions, sampler=sampler), optuna


def _proposed(spec: Spec, contexts: Contexts, trial: Any) -> Point:
    """Return the point that a trial chooses: along axes of numbers by place, elsewhere without an order."""
    networks = spec.sweep.networks
    network = trial.suggest_categorical(NETWORK, networks) if len(networks) > 1 else networks[0]
    places = []
    for index, axis in enumerate(spec.axes):
        last = len(axis.choices) - 1
        name = f"{index} {axis.name}"
        if last == 0:
            places.append(0)
        elif axis.is_ordered:
            places.append(trial.suggest_int(name, 0, last))
        else:
            places.append(trial.suggest_categorical(name, list(range(last + 1))))
    return of_choices(spec, contexts, network, places)


def _tell(spec: Spec, study: Any, optuna: Any, trial: Any, row: Row, worst: dict[str, float]) -> None:
    """Tell the search what a point came to. One outside the constraints competes by how far outside it is."""
    if row.status == FAILED:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return
    for constraint in spec.constraints:
        excess = constraint.excess(row.figures)
        # A figure that was not computed because another constraint failed adds nothing of its own.
        trial.set_constraint(str(constraint), excess if math.isfinite(excess) else 0.0)
    values = []
    for name, way in spec.objectives.items():
        value = row.figures.get(name)
        if value is not None:
            keep = min if way == MAX else max
            worst[name] = keep(worst.get(name, value), value)
        values.append(worst.get(name, 0.0) if value is None else value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # optuna's notes on its own experiments are not the user's concern
        study.tell(trial, values)
