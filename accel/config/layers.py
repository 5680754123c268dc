"""Layer overrides held against a network: names and keys that nothing would ever read are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from accel.accelerator import Accelerator
from accel.errors import ConfigError, suggestion
from accel.network.graph import Network

_NEEDS = {
    "weight": ("array", "normalisation"),
    "weight_shifts": ("array",),
    "bias": ("array", "normalisation"),
    "accumulator": ("array",),
    "softmax": ("softmax",),
}
"""What executes a layer that has a use for the key."""

_OF_PARAMETERS = ("weight", "weight_shifts", "bias")
"""Keys that a product of two activations has no use for, although an array computes it."""


def check_layers(accelerator: Accelerator, network: Network) -> None:
    """Raise ConfigError for every [numerics.layers.NAME] that `network` has no node or no use for."""
    problems = list(_problems(accelerator, network))
    if problems:
        raise ConfigError(problems)


def _problems(accelerator: Accelerator, network: Network) -> Iterator[str]:
    nests = {node.name: nest for node, nest in network.loop_nests()}
    numerics = cast("Mapping[str, Mapping[str, object]]", accelerator.document.get("numerics", {}))
    written = cast("Mapping[str, Mapping[str, object]]", numerics.get("layers", {}))
    for name, layer in accelerator.numerics.overrides.items():
        where = f"{accelerator.name} [numerics.layers.{name}]"
        if name not in nests:
            yield f"{where}: {network.name} has no layer '{name}'.{suggestion(name, nests)}"
            continue
        nest = nests[name]
        engine, channels = nest.engine, nest.G * nest.K
        for key in written.get(name, {}):
            if engine not in _NEEDS.get(key, (engine,)) or (nest.is_product and key in _OF_PARAMETERS):
                yield f"{where}: '{key}' has no effect, the {engine} unit of this layer has none; leave it out"
            elif key == "weight_shifts" and len(layer.weight_shifts) != channels:
                count = len(layer.weight_shifts)
                yield f"{where}: 'weight_shifts' has {count} numbers; give one for each of the {channels} channels"
