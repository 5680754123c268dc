"""Distortions: shifts are whole-pixel moves, linear maps are bilinear interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from accel.errors import ConfigError
from accel.train.augment import Augment, linear_map, shifted, warped


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_shifts_move_whole_images(limit: int) -> None:
    """Each result is the image moved by some rows and columns within the limit, zeros moved in; all moves occur."""
    image = np.random.default_rng(2).random((1, 6, 5)) + 1
    moved = shifted(np.repeat(image[None], 400, axis=0), limit, np.random.default_rng(limit))
    possible = {}
    for down in range(-limit, limit + 1):
        for right in range(-limit, limit + 1):
            expected = np.zeros((1, 6, 5))
            for row in range(6):
                for column in range(5):
                    if 0 <= row - down < 6 and 0 <= column - right < 5:
                        expected[0, row, column] = image[0, row - down, column - right]
            possible[expected.tobytes()] = (down, right)
    assert {np.ascontiguousarray(result).tobytes() for result in moved} == set(possible)


def test_linear_maps_are_bilinear_interpolation() -> None:
    """Every image is SciPy's affine transform of order 1 about its centre, zeros outside."""
    generator = np.random.default_rng(3)
    images, matrices = generator.random((12, 2, 7, 9)), np.eye(2) + generator.uniform(-0.4, 0.4, (12, 2, 2))
    centre = np.array([3.0, 4.0])
    mapped = linear_map(images, matrices)
    for image, matrix, result in zip(images, matrices, mapped, strict=True):
        for channel, got in zip(image, result, strict=True):
            # a frame of zeros lets SciPy blend edge pixels with what is outside, as here
            framed = np.pad(channel, 5)
            offset = centre + 5 - matrix @ (centre + 5)
            expected = affine_transform(framed, matrix, offset, order=1, mode="constant")[5:-5, 5:-5]
            np.testing.assert_allclose(got, expected, atol=1e-12)


def test_identity_and_quarter_turn_move_pixels_exactly() -> None:
    """The identity changes nothing and a quarter turn is NumPy's."""
    images = np.random.default_rng(4).random((1, 1, 6, 6))
    assert np.array_equal(linear_map(images, np.eye(2)[None]), images)
    turn = np.array([[[0.0, 1.0], [-1.0, 0.0]]])
    assert np.array_equal(linear_map(images, turn)[0, 0], np.rot90(images[0, 0]))


def test_warps_stay_within_their_limit() -> None:
    """A single bright pixel at distance d from the centre ends nowhere farther than (1 +- 2 limit) allows."""
    images = np.zeros((200, 1, 21, 21))
    images[:, 0, 10, 15] = 1
    moved = warped(images, 0.2, np.random.default_rng(5))
    rows, columns = np.nonzero(moved.max(axis=(0, 1)))
    distances = np.hypot(rows - 10, columns - 10)
    # The image of an offset is (I + E)^-1 d, |E| <= 2 limit = 0.4 in the spectral norm; sqrt(2) for the blending.
    assert 5 / 1.4 - np.sqrt(2) <= distances.min() < 4.5
    assert 5.5 < distances.max() <= 5 / 0.6 + np.sqrt(2)


def test_none_is_none() -> None:
    """Without limits the very same images come back and nothing is drawn."""
    images, generator = np.ones((2, 1, 3, 3)), np.random.default_rng(6)
    assert Augment().apply(images, generator) is images
    assert generator.random() == np.random.default_rng(6).random()


@pytest.mark.parametrize(
    ("arguments", "message"), [((-1,), "shift -1"), ((0, 0.5), "warp 0.5"), ((0, float("nan")), "warp nan")]
)
def test_limits_that_cannot_work(arguments: tuple[float, ...], message: str) -> None:
    """Negative shifts and maps that could turn an image inside out are refused."""
    with pytest.raises(ConfigError, match=message):
        Augment(*arguments)  # type: ignore[arg-type]
