"""The points of a sweep: what each sets, its content hash, and the machine that it stands for.

A hash is the SHA-256 of everything that decides a point's figures: network, weights, inputs, labels, the base machine,
the keys that the point sets, the batch, the model of the cycles, and our version. So a point is known again in a later
sweep of another shape.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from accel import __version__
from accel.accelerator import Accelerator
from accel.config.build import build, document_digest
from accel.config.overrides import override
from accel.config.problems import Places, one_line
from accel.errors import ConfigError
from accel.sweep.axes import Choice, Settings, Value, override_text
from accel.sweep.spec import Spec

MAX_POINTS = 1_000_000
"""Points of one sweep; a larger grid is for `search = "random"` or `"pareto"`."""

NETWORK = "network"
"""The name of the axis of networks."""

_PROSE = ("description", "source", "assumed")
"""Keys of an accelerator file that decide nothing."""


@dataclass(frozen=True)
class Point:
    """One network on one machine. labels: what is shown of it, by axis; settings: keys laid over the base machine."""

    network: str
    labels: tuple[tuple[str, Value], ...]
    settings: Settings
    hash: str


class Contexts:
    """What all points of a network share, as digests. workloads: by network, what decides weights and inputs."""

    def __init__(self, spec: Spec, workloads: Mapping[str, Mapping[str, str]]) -> None:
        self.base = document_digest({key: value for key, value in spec.base.items() if key not in _PROSE})
        self.spec = spec
        self._shared = {
            network: json.dumps(
                [__version__, network, dict(workloads.get(network, {})), self.base, spec.sweep.batch, spec.sweep.model]
            ).encode()
            for network in {*spec.sweep.networks, *(name for name, _ in spec.listed if name)}
        }

    def point(self, network: str, labels: Sequence[tuple[str, Value]], settings: Settings) -> Point:
        """Return a point with its hash, which the order of its keys does not change."""
        decided = hashlib.sha256(self._shared[network])
        decided.update("\n".join(sorted(map(_text, settings))).encode())
        return Point(network, tuple(labels), settings, decided.hexdigest())


def _text(setting: tuple[str, Value]) -> str:
    """Return a setting as canonical text; large grids repeat few of them."""
    return json.dumps(setting) if isinstance(setting[1], list) else _text_of(*setting, type(setting[1]).__name__)


@lru_cache(maxsize=1 << 16)
def _text_of(key: str, value: Value, kind: str) -> str:
    """Return the text; kind keeps 1, 1.0 and true apart, which are equal to a cache."""
    return json.dumps((key, value))


def size(spec: Spec) -> int:
    """Return how many points the grid of a spec has."""
    return len(spec.sweep.networks) * math.prod(len(axis.choices) for axis in spec.axes)


def planned(spec: Spec, contexts: Contexts) -> list[Point]:
    """Return all points of a grid, a random choice of one, or a list, in order; a search finds its own.

    Raises ConfigError when they are too many to be enumerated.
    """
    if spec.sweep.search == "list":
        return [
            contexts.point(name, [(NETWORK, name), *settings], settings)
            for network, settings in spec.listed
            for name in ([network] if network else spec.sweep.networks)
        ]
    total = size(spec)
    if spec.sweep.search == "random":
        count = min(spec.sweep.samples or 0, total)
        chosen = random.Random(spec.sweep.seed).sample(range(total), count)  # noqa: S311 - a design, not a secret
        return [_of_grid(spec, contexts, index) for index in sorted(chosen)]
    if total > MAX_POINTS:
        raise ConfigError(
            f"the grid has {total:,} points, {MAX_POINTS:,} are the most; shorten an axis, or set "
            'search = "random" with samples, or "pareto" with trials'
        )
    return list(_grid(spec, contexts))


def _grid(spec: Spec, contexts: Contexts) -> Iterator[Point]:
    names = [axis.name for axis in spec.axes]
    for network in spec.sweep.networks:
        for choices in itertools.product(*(axis.choices for axis in spec.axes)):
            yield _chosen(contexts, network, names, choices)


def _of_grid(spec: Spec, contexts: Contexts, index: int) -> Point:
    """Return the point of that index in the order of the grid."""
    choices: list[Choice] = []
    for axis in reversed(spec.axes):
        index, place = divmod(index, len(axis.choices))
        choices.insert(0, axis.choices[place])
    return _chosen(contexts, spec.sweep.networks[index], [axis.name for axis in spec.axes], choices)


def _chosen(contexts: Contexts, network: str, names: Sequence[str], choices: Sequence[Choice]) -> Point:
    labels = [(NETWORK, network), *((name, choice.label) for name, choice in zip(names, choices, strict=True))]
    return contexts.point(network, labels, tuple(each for choice in choices for each in choice.settings))


def of_choices(spec: Spec, contexts: Contexts, network: str, places: Sequence[int]) -> Point:
    """Return the point with the choice at `places[i]` of axis i."""
    choices = [axis.choices[place] for axis, place in zip(spec.axes, places, strict=True)]
    return _chosen(contexts, network, [axis.name for axis in spec.axes], choices)


def machine_of(base: Mapping[str, Any], settings: Settings) -> Accelerator:
    """Return the base machine with the settings of a point. Raises ConfigError for what does not go together."""
    changed = override(base, [override_text(key, value) for key, value in settings])
    if changed.refused:
        raise ConfigError(changed.refused)
    try:
        return build(changed.document, Places(str(base.get("name", "machine")), {}, changed.origins))
    except ConfigError as error:
        raise ConfigError(one_line(problem) for problem in error.problems) from None
