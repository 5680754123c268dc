"""Dropout of hidden activations (Srivastava et al., "Dropout", JMLR 15, 2014), in its inverted form.

While training, every output of a hidden activation is zero with probability `share`, and the others are divided by
1 - share, so that nothing changes when the network is used. What is dropped follows from seed, step and node alone.
The surprise: activations give their derivative from the OUTPUT, which dropout has changed, so the mask comes off
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.golden import dropout as golden
from accel.network.graph import Network
from accel.ops.golden import GoldenOps

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Dropout:
    """The share that is dropped and the seed. Raises ConfigError unless 0 < share < 1."""

    share: float
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigError(f"dropout {self.share} must lie in (0, 1); leave it out for none")


@dataclass(frozen=True)
class DropoutArithmetic:
    """Float64 with masks on hidden activations, for one step."""

    masks: Mapping[str, Values]

    @classmethod
    def of(cls, network: Network, dropout: Dropout, step: int, batch: int) -> DropoutArithmetic:
        """Draw the masks of a step: for every activation but one that ends the network."""
        masks = {}
        for index, (node, nest) in enumerate(network.loop_nests()):
            if nest.engine == "activation" and node is not network.output:
                generator = np.random.default_rng([dropout.seed, 2, step, index])
                shape = (batch, *network.shapes[node.name])
                masks[node.name] = golden.mask(generator.random(shape), dropout.share)
        return cls(masks)

    def at(self, node: str) -> GoldenOps:
        """Return the primitives of `node`."""
        return MaskedOps(self.masks[node]) if node in self.masks else GoldenOps()


@dataclass(frozen=True, eq=False)
class MaskedOps(GoldenOps):
    """The primitives of an activation whose outputs are masked; mask: (N, ...), 0 or 1 / (1 - share)."""

    mask: Values

    def activate(self, x: Values, function: str) -> Values:
        """Apply `function`, then the mask."""
        return super().activate(x, function) * self.mask

    def activate_error(self, delta: Values, y: Values, function: str) -> Values:
        """Multiply delta by the mask and by the derivative at the output without it."""
        return super().activate_error(delta * self.mask, golden.unmasked(y, self.mask), function)
