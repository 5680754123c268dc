"""Training images moved and bent at random, so that few examples teach more: shifts by whole pixels, and linear maps.

Both draw from the generator they are given and nothing else. Simard, Steinkraus and Platt, "Best practices for
convolutional neural networks", ICDAR 2003, sec. 2, show what such distortions are worth on digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from accel.errors import ConfigError

Images = NDArray[np.float64]


@dataclass(frozen=True)
class Augment:
    """How far an image may be moved (pixels) and bent (largest entry of the map's difference from identity).

    Raises ConfigError unless shift >= 0 and 0 <= warp < 1/2; beyond that a map can turn an image inside out.
    """

    shift: int = 0
    warp: float = 0.0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ConfigError(f"augment: shift {self.shift} must be 0 pixels or more")
        if not 0 <= self.warp < 0.5:
            raise ConfigError(f"augment: warp {self.warp} must lie in [0, 0.5)")

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """images: (N, C, H, W) -> the same, each distorted in its own way."""
        return warped(shifted(images, self.shift, generator), self.warp, generator)


def shifted(images: Images, limit: int, generator: np.random.Generator) -> Images:
    """images: (N, C, H, W) -> each moved by -limit..limit rows and columns, zeros moving in."""
    if not limit:
        return images
    rows, columns = generator.integers(0, 2 * limit + 1, (2, len(images)))
    framed = np.pad(images, ((0, 0), (0, 0), (limit, limit), (limit, limit)))
    views = sliding_window_view(framed, images.shape[2:], axis=(2, 3))  # (N, C, 2 limit + 1, 2 limit + 1, H, W)
    return views[np.arange(len(images)), :, rows, columns]


def warped(images: Images, limit: float, generator: np.random.Generator) -> Images:
    """images: (N, C, H, W) -> each turned, sheared and scaled about its centre, zeros coming in from outside.

    An output pixel at offset d from the centre is read at (I + E) d by bilinear interpolation, where the four entries
    of E are uniform in [-limit, limit]: opposite signs off the diagonal turn, equal signs shear, the diagonal scales.
    """
    if not limit:
        return images
    return linear_map(images, np.eye(2) + generator.uniform(-limit, limit, (len(images), 2, 2)))


def linear_map(images: Images, matrices: Images) -> Images:
    """images: (N, C, H, W) · matrices: (N, 2, 2) -> each image read at matrix times offset from the centre."""
    count, _, height, width = images.shape
    middle = np.array([height - 1, width - 1])[:, None, None] / 2
    offsets = np.indices((height, width)) - middle
    places = np.einsum("nij,jhw->nihw", matrices, offsets) + middle
    # A frame of zeros one pixel wide; whatever falls outside is read in it, and its last row and column keep
    # `corner + 1` inside the array.
    framed = np.pad(images, ((0, 0), (0, 0), (1, 2), (1, 2)))
    rows, columns = np.clip(places[:, 0] + 1, 0, height + 1), np.clip(places[:, 1] + 1, 0, width + 1)
    top, left = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    image = np.arange(count)[:, None, None]

    def corner(below: int, beside: int) -> Images:
        return framed[image, :, top + below, left + beside]  # (N, H, W, C): advanced axes come first

    upper = (1 - right) * corner(0, 0) + right * corner(0, 1)
    lower = (1 - right) * corner(1, 0) + right * corner(1, 1)
    blended: Images = (1 - down) * upper + down * lower
    return np.moveaxis(blended, -1, 1)
