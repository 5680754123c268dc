"""What goes into a run: inputs and labels as a user gives them, checked, and how many go through at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.errors import DataError
from accel.network.graph import Model

BATCH_BYTES = 160 << 20
"""Memory that one batch may take; with two batches in flight a run stays far below 1 GB."""

LARGEST = 512
"""Inputs of a batch: more would not make calls rarer in a way that shows, and would leave the cache."""

SHARES = 4
"""Threads that a run of several batches keeps equally busy."""

SHARED_INPUTS = 64
"""From so many inputs on, one batch's worth is shared as well; fewer are not worth the threads."""


def batch_size(model: Model) -> int:
    """Return how many inputs go through at once: golden tensors, sums and patches of one input within BATCH_BYTES."""
    outputs = sum(nest.outputs for _, nest in model.network.loop_nests())
    patches = max(
        (nest.gemm.m * nest.gemm.k * nest.gemm.groups for _, nest in model.network.loop_nests() if nest.macs),
        default=0,
    )
    return max(1, min(LARGEST, BATCH_BYTES // (8 * (4 * outputs + patches))))


def batch_starts(count: int, largest: int) -> range:
    """Return where the batches of so many inputs start; its step is how many inputs each has, `largest` at most.

    All are equally large, up to the last, and where there are several they are a multiple of SHARES, so that
    threads end together. The number of threads does not count: sums over batches must not depend on it.
    """
    batches = -(-count // largest)
    if batches > 1 or count >= SHARED_INPUTS:
        batches = SHARES * -(-batches // SHARES)
    return range(0, count, -(-count // batches))


def checked_inputs(model: Model, inputs: ArrayLike) -> NDArray[np.float64]:
    """Return inputs as (N, *input_shape) float64. Raises DataError that tells what came and what is wanted."""
    shape = model.network.input_shape
    values = np.asarray(inputs)
    if values.dtype.kind not in "fiub":
        raise DataError(f"inputs are numbers, not {values.dtype}")
    size = int(np.prod(shape))
    wanted = f"(N, {', '.join(map(str, shape))})"
    if values.ndim < 2 or values.size != len(values) * size:
        raise DataError(f"{model.network.name} takes inputs {wanted}, not {values.shape}")
    if not len(values):
        raise DataError(f"{model.network.name} was given no inputs; pass at least one, {wanted}")
    images = values.reshape(len(values), *shape).astype(np.float64, copy=False)
    if not np.isfinite(images).all():
        index = np.argwhere(~np.isfinite(images))[0]
        where = ", ".join(map(str, index.tolist()))
        raise DataError(
            f"input value {images[tuple(index)]} at ({where}): inputs must be finite; clean or drop that input"
        )
    return images


def checked_labels(labels: ArrayLike | None, count: int) -> NDArray[np.int64] | None:
    """Return labels as (N,) int64. Raises DataError when their number differs from that of the inputs."""
    if labels is None:
        return None
    classes = np.asarray(labels)
    if classes.shape != (count,) or classes.dtype.kind not in "iu":
        raise DataError(f"labels are {count} integers, one per input, not {classes.dtype} {classes.shape}")
    return classes.astype(np.int64)
