"""First values of a network's parameters: normal, scaled by fan-in, from a seed alone.

Weights that feed a ReLU have variance 2 / fan_in (He et al., "Delving deep into rectifiers", 2015, eq. 10), all others
1 / fan_in (LeCun et al., "Efficient backprop", 1998, eq. 16; Glorot's rule with fan-in only). A tensor whose
specification has fan_in 0, as biases have, starts at zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel.layers.base import ParameterSpec
from accel.network.graph import Network, Parameters


def initial_parameters(network: Network, seed: int) -> Parameters:
    """Return first values for every trainable tensor, drawn in the order of the nodes."""
    generator = np.random.default_rng([seed, 0])  # [seed, 1] shuffles, see accel.train.loop
    rectified = _feeding_relu(network)
    return {
        node: {name: _draw(spec, 2.0 if node in rectified else 1.0, generator) for name, spec in tensors.items()}
        for node, tensors in network.parameter_specs().items()
    }


def _draw(spec: ParameterSpec, gain: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return one tensor of variance gain / fan_in."""
    if not spec.fan_in:
        return np.zeros(spec.shape)
    return generator.normal(0.0, np.sqrt(gain / spec.fan_in), spec.shape)


def _feeding_relu(network: Network) -> set[str]:
    """Return the nodes whose output a ReLU reads."""
    return {name for node, nest in network.loop_nests() if nest.function == "relu" for name in node.inputs}
