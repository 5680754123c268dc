"""First values of a network's parameters: normal, scaled by fan-in, from a seed alone.

Weights that feed a ReLU have variance 2 / fan_in (He et al., "Delving deep into rectifiers", 2015, eq. 10), all others
1 / fan_in (LeCun et al., "Efficient backprop", 1998, eq. 16; Glorot's rule with fan-in only). Weights that end a branch
around which a shortcut carries its input have 1 / n of that for n such branches (Radford et al., "Language Models are
Unsupervised Multitask Learners", 2019, sec. 2.3), so that what a long network adds up stays within a factor of e in
power. A tensor whose specification has fan_in 0, as biases have, starts at the value that its specification names.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel.layers.base import ParameterSpec
from accel.network.graph import Network, Parameters


def initial_parameters(network: Network, seed: int) -> Parameters:
    """Return first values for every trainable tensor, drawn in the order of the nodes."""
    generator = np.random.default_rng([seed, 0])  # [seed, 1] shuffles, see accel.train.loop
    rectified, residual = _feeding_relu(network), _ending_branches(network)
    gains = dict.fromkeys(rectified, 2.0) | {name: 1.0 / len(residual) for name in residual}
    return {
        node: {name: _draw(spec, gains.get(node, 1.0), generator) for name, spec in tensors.items()}
        for node, tensors in network.parameter_specs().items()
    }


def _draw(spec: ParameterSpec, gain: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return one tensor of variance gain / fan_in."""
    if not spec.fan_in:
        return np.full(spec.shape, spec.start)
    return generator.normal(0.0, np.sqrt(gain / spec.fan_in), spec.shape)


def _feeding_relu(network: Network) -> set[str]:
    """Return the nodes whose output a ReLU reads."""
    return {name for node, nest in network.loop_nests() if nest.function == "relu" for name in node.inputs}


def _ending_branches(network: Network) -> set[str]:
    """Return the weighted nodes that a sum joins to something without weights: to a shortcut."""
    weighted = {name for name, specs in network.parameter_specs().items() if any(s.fan_in for s in specs.values())}
    ends: set[str] = set()
    for node, nest in network.loop_nests():
        branches = weighted.intersection(node.inputs)
        if (nest.engine, nest.function) == ("elementwise", "add") and len(branches) == 1:
            ends |= branches
    return ends
