"""Layer overrides held against a network: names and keys that nothing would ever read are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from accel.accelerator import Accelerator
from accel.errors import ConfigError, suggestion
from accel.network.graph import Network


def check_layers(accelerator: Accelerator, network: Network) -> None:
    """Raise ConfigError for every [numerics.layers.NAME] that `network` has no node or no use for."""
    problems = list(_problems(accelerator, network))
    if problems:
        raise ConfigError(problems)


def _problems(accelerator: Accelerator, network: Network) -> Iterator[str]:
    nests = {node.name: nest for node, nest in network.loop_nests()}
    numerics = cast("Mapping[str, Mapping[str, object]]", accelerator.document.get("numerics", {}))
    written = cast("Mapping[str, Mapping[str, object]]", numerics.get("layers", {}))
    for name in accelerator.numerics.overrides:
        where = f"{accelerator.name} [numerics.layers.{name}]"
        if name not in nests:
            yield f"{where}: {network.name} has no layer '{name}'.{suggestion(name, nests)}"
            continue
        engine = nests[name].engine
        needs = {"weight": "array", "bias": "array", "accumulator": "array", "softmax": "softmax"}
        for key in written.get(name, {}):
            if engine != needs.get(key, engine):
                yield f"{where}: '{key}' has no effect, the {engine} unit of this layer has none; leave it out"
