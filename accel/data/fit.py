"""Bring images to the size of a network's input, the same way for training, golden and fixed point.

Two steps only: 8x8 digits become 24x24 where the input has room for that (bilinear interpolation by 3), then
zeros pad the rest evenly (an odd row or column goes to the bottom or right). MNIST's 28x28 becomes LeNet-5's 32x32
as in LeCun et al. 1998, section II.B. Anything else is refused: no silent resampling should decide an accuracy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel.errors import DataError
from accel.loopnest import Shape

SCALE = 3
MAX_PADDING = 8
"""Padded rows or columns in all; beyond that the picture would be mostly frame."""


def fit(images: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    """images: (N, H, W) in [0, 1] -> (N, *shape) for shape (1, height, width).

    Raises DataError when the images cannot become that shape.
    """
    count, height, width = images.shape
    if len(shape) != 3 or shape[0] != 1:
        raise DataError(f"grey images ({height} x {width}) do not fit an input of shape {shape}; it must be (1, H, W)")
    rows, columns = shape[1:]
    if (height, width) == (8, 8) and min(rows, columns) >= 8 * SCALE:
        images = enlarge(images)
        height, width = images.shape[1:]
    if not (0 <= rows - height <= MAX_PADDING and 0 <= columns - width <= MAX_PADDING):
        raise DataError(
            f"{height} x {width} images do not fit a {rows} x {columns} input; at most {MAX_PADDING} rows and "
            "columns are padded and only 8 x 8 digits are enlarged: choose another network or data set"
        )
    top, left = (rows - height) // 2, (columns - width) // 2
    fitted = np.zeros((count, 1, rows, columns))
    fitted[:, 0, top : top + height, left : left + width] = images
    return fitted


def enlarge(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """images: (N, H, W) -> (N, 3H, 3W): bilinear interpolation with pixel centres aligned and edges repeated.

    An output centre lies on, or a third to either side of, an input centre, so the weights are 3, or 2 and 1,
    over 3. The division by 9 comes last: for pixels that are multiples of 2^-n all before it is exact, and no
    output can exceed the largest input by a rounding error.
    """
    for axis in (1, 2):
        images = np.moveaxis(images, axis, -1)
        before = np.concatenate([images[..., :1], images[..., :-1]], axis=-1)
        after = np.concatenate([images[..., 1:], images[..., -1:]], axis=-1)
        thirds = np.stack([before + 2 * images, 3 * images, 2 * images + after], axis=-1)
        images = np.moveaxis(thirds.reshape(*images.shape[:-1], SCALE * images.shape[-1]), -1, axis)
    return images / SCALE**2
