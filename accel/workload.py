"""`Workload`: a network with its weights and the inputs that a verb or a sweep lets through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from accel.network.graph import Model

RANDOM = "random"
RANDOM_INPUTS = 4
"""How many random inputs there are when nobody says: networks without a data set are large ones."""


@dataclass(frozen=True)
class Workload:
    """inputs: (N, *input_shape) float64; labels: (N,) or None; dataset: what run.json says about them."""

    model: Model
    inputs: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    dataset: Mapping[str, str]

    def take(self, limit: int | None) -> Workload:
        """Return the first `limit` inputs, all of them when None."""
        labels = None if self.labels is None else self.labels[:limit]
        return Workload(self.model, self.inputs[:limit], labels, self.dataset)


def load_workload(network: str, data: str, limit: int | None, weights: str | None, seed: int) -> Workload:
    """Load a network of the zoo and test inputs for it; weights None: those trained on that data.

    Raises ModelError and DataError for anything unknown, missing, corrupt or unfit for the network.
    """
    from accel.data.dataset import load
    from accel.data.fit import fit
    from accel.network.weights import load_model
    from accel.network.zoo import build

    if data == RANDOM:
        model = load_model(network, weights)
        return Workload(model, _random_inputs(model, limit or RANDOM_INPUTS, seed), None, _random_source(seed))
    build(network)  # a misspelt network is told before anything is read
    dataset = load(data, "test", limit)
    model = load_model(network, weights or dataset.name)
    about = {"name": dataset.name, "split": dataset.split, "source": dataset.source}
    return Workload(model, fit(dataset.images, model.network.input_shape), dataset.labels, about)


def _random_inputs(model: Model, count: int, seed: int) -> NDArray[np.float64]:
    import numpy as np

    return np.random.default_rng(seed).random((count, *model.network.input_shape))


def _random_source(seed: int) -> dict[str, str]:
    return {"name": RANDOM, "split": f"seed {seed}", "source": "uniform in [0, 1), NumPy default_rng"}
