"""Convolution against `scipy.signal.correlate` and finite differences, over strides, paddings, dilations, groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.signal import correlate

from accel.golden import conv
from accel.golden.conv import conv2d, conv2d_error, conv2d_gradient
from tests.gradients import assert_gradient


class Case(NamedTuple):
    """One geometry: channels, map, filters, kernel, and how it slides."""

    C: int = 2
    H: int = 7
    W: int = 6
    K: int = 4
    R: int = 3
    S: int = 2
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


CASES = {
    "plain": Case(),
    "one pixel out": Case(H=3, W=2),
    "1x1 kernel": Case(R=1, S=1),
    "1x1 kernel, stride 2": Case(R=1, S=1, stride=(2, 2)),
    "stride": Case(stride=(2, 3)),
    "stride leaves a rest": Case(H=8, W=8, stride=(3, 3)),
    "padding": Case(padding=(2, 1)),
    "padding beyond the kernel": Case(padding=(4, 3)),
    "dilation": Case(dilation=(2, 3)),
    "groups": Case(C=4, groups=2),
    "depthwise": Case(C=4, K=4, groups=4),
    "depthwise, two filters each": Case(C=2, K=4, groups=2),
    "everything": Case(C=4, H=9, W=8, K=6, stride=(2, 1), padding=(1, 2), dilation=(2, 2), groups=2),
    "kernel as large as the map": Case(R=7, S=6),
}


def library(x, weight, bias, case):
    """The same convolution by scipy: zeros put between kernel rows, then every position, then every stride-th kept."""
    (pad_rows, pad_columns), (step_rows, step_columns) = case.padding, case.dilation
    x = np.pad(x, ((0, 0), (0, 0), (pad_rows, pad_rows), (pad_columns, pad_columns)))
    kernel = np.zeros((*weight.shape[:2], (case.R - 1) * step_rows + 1, (case.S - 1) * step_columns + 1))
    kernel[:, :, ::step_rows, ::step_columns] = weight
    depth, filters = case.C // case.groups, case.K // case.groups
    maps = []
    for k in range(case.K):
        first = (k // filters) * depth
        maps.append([correlate(image[first : first + depth], kernel[k], mode="valid")[0] for image in x])
    y = np.stack(maps, axis=1)[:, :, :: case.stride[0], :: case.stride[1]]
    return y + bias[:, None, None]


def tensors(rng, case, images=2):
    """Return x, weight, bias."""
    x = rng.normal(size=(images, case.C, case.H, case.W))
    weight = rng.normal(size=(case.K, case.C // case.groups, case.R, case.S))
    return x, weight, rng.normal(size=case.K)


def slide(case):
    """Return the geometry as arguments."""
    return case.stride, case.padding, case.dilation, case.groups


@pytest.mark.parametrize("name", CASES)
def test_conv2d_is_the_library_s(rng, name):
    """The forward convolution equals scipy's, for every geometry, with and without a bias."""
    case = CASES[name]
    x, weight, bias = tensors(rng, case)
    expected = library(x, weight, bias, case)
    np.testing.assert_allclose(conv2d(x, weight, bias, *slide(case)), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        conv2d(x, weight, None, *slide(case)), expected - bias[:, None, None], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", CASES)
def test_conv2d_derivatives(rng, name):
    """Error and both gradients are the finite differences of a random linear loss, for every geometry."""
    case = CASES[name]
    x, weight, bias = tensors(rng, case)
    delta = rng.uniform(0.5, 1.5, size=conv2d(x, weight, bias, *slide(case)).shape)
    error = conv2d_error(delta, weight, *slide(case), x.shape[1:])
    weight_gradient, bias_gradient = conv2d_gradient(delta, x, weight.shape[2:], *slide(case))
    assert_gradient(error, lambda v: float((conv2d(v, weight, bias, *slide(case)) * delta).sum()), x)
    assert_gradient(weight_gradient, lambda v: float((conv2d(x, v, bias, *slide(case)) * delta).sum()), weight)
    assert_gradient(bias_gradient, lambda v: float((conv2d(x, weight, v, *slide(case)) * delta).sum()), bias)


def test_conv2d_hand_computed():
    """The 3 x 3 image and 2 x 2 kernel of a worked example: correlation, the kernel is not flipped."""
    x = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    weight = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    y = conv2d(x, weight, None, (1, 1), (0, 0), (1, 1), 1)
    assert y.tolist() == [[[[37.0, 47.0], [67.0, 77.0]]]]


@pytest.mark.parametrize("limit", [1, 200])
def test_conv2d_blocks_do_not_show(rng, monkeypatch, limit):
    """Making patches for one image, for a few or for the whole batch at a time gives the same results."""
    case = CASES["everything"]
    x, weight, bias = tensors(rng, case, images=5)

    def all_three():
        y = conv2d(x, weight, bias, *slide(case))
        gradient, _ = conv2d_gradient(y, x, weight.shape[2:], *slide(case))
        return y, conv2d_error(y, weight, *slide(case), x.shape[1:]), gradient

    whole = all_three()
    monkeypatch.setattr(conv, "_PATCH_ELEMENTS", limit)
    monkeypatch.setattr(conv, "_ERROR_ELEMENTS", limit)
    for part, expected in zip(all_three(), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-12)


def test_conv2d_of_no_images():
    """An empty batch gives empty maps of the right shape and gradients of zero."""
    x, weight = np.empty((0, 2, 7, 6)), np.ones((4, 2, 3, 2))
    slides = ((1, 1), (0, 0), (1, 1), 1)
    y = conv2d(x, weight, np.ones(4), *slides)
    assert y.shape == (0, 4, 5, 5)
    assert conv2d_error(y, weight, *slides, (2, 7, 6)).shape == x.shape
    gradient, bias_gradient = conv2d_gradient(y, x, (3, 2), *slides)
    assert not gradient.any()
    assert not bias_gradient.any()
