"""Bringing images to a network's input size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from accel.data.dataset import load
from accel.data.fit import enlarge, fit
from accel.errors import DataError


def test_enlarge_is_bilinear_interpolation() -> None:
    """Every output pixel is SciPy's linear interpolation at its centre, edges repeated."""
    images = load("digits", limit=20).images
    centres = (np.arange(24) + 0.5) / 3 - 0.5
    grid = np.meshgrid(centres, centres, indexing="ij")
    expected = [map_coordinates(image, grid, order=1, mode="nearest") for image in images]
    np.testing.assert_allclose(enlarge(images), expected, atol=1e-14)


def test_enlarge_is_not_square_minded() -> None:
    """Rows and columns are not mixed up."""
    images = np.arange(6.0).reshape(1, 2, 3)
    assert enlarge(images).shape == (1, 6, 9)
    assert np.array_equal(enlarge(images)[0, 1::3, 1::3], images[0])


def test_enlarged_digits_stay_within_their_range() -> None:
    """No rounding error carries a white pixel above 1."""
    enlarged = enlarge(load("digits").images)
    assert (enlarged.min(), enlarged.max()) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("size", "shape", "top", "left"),
    [
        ((28, 28), (1, 28, 28), 0, 0),
        ((28, 28), (1, 32, 32), 2, 2),
        ((8, 8), (1, 8, 8), 0, 0),
        ((27, 25), (1, 28, 28), 0, 1),
    ],
)
def test_padding_is_even_and_zero(size: tuple[int, int], shape: tuple[int, int, int], top: int, left: int) -> None:
    """The image stands untouched in the middle; an odd row or column is at the bottom or right."""
    images = np.random.default_rng(3).random((2, *size))
    fitted = fit(images, shape)
    assert fitted.shape == (2, *shape)
    inside = (slice(None), 0, slice(top, top + size[0]), slice(left, left + size[1]))
    assert np.array_equal(fitted[inside], images)
    fitted[inside] = 0
    assert not fitted.any()


@pytest.mark.parametrize("side", [24, 28, 32])
def test_small_digits_are_enlarged_and_centred(side: int) -> None:
    """8 x 8 digits fill 24 x 24 in the middle of the input."""
    images = load("digits", limit=3).images
    edge = (side - 24) // 2
    assert np.array_equal(fit(images, (1, side, side))[:, 0, edge : side - edge, edge : side - edge], enlarge(images))


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        ((28, 28), (1, 227, 227), "28 x 28 images do not fit a 227 x 227 input"),
        ((28, 28), (1, 24, 28), "28 x 28 images do not fit a 24 x 28 input"),
        ((8, 8), (1, 20, 20), "8 x 8 images do not fit"),
        ((28, 28), (3, 28, 28), r"must be \(1, H, W\)"),
        ((28, 28), (784,), r"must be \(1, H, W\)"),
    ],
)
def test_fit_refuses(size: tuple[int, int], shape: tuple[int, ...], message: str) -> None:
    """No silent cropping, resampling or colouring."""
    with pytest.raises(DataError, match=message):
        fit(np.zeros((1, *size)), shape)
