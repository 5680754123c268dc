"""`GoldenOps` covers the closed list of primitives and hands each its window."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from accel.loopnest import Window
from accel.ops.golden import GoldenArithmetic, GoldenOps
from accel.ops.protocol import ForwardOps, Ops

PRIMITIVES = {name for protocol in (ForwardOps, Ops) for name in vars(protocol) if not name.startswith("_")}


@pytest.mark.parametrize("primitive", sorted(PRIMITIVES))
def test_every_primitive_has_the_protocol_s_arguments(primitive):
    """Each primitive is there, under the same name and with the same argument names."""
    wanted = inspect.signature(getattr(Ops, primitive)).parameters
    assert list(inspect.signature(getattr(GoldenOps, primitive)).parameters) == list(wanted)


def test_no_primitive_beyond_the_list():
    """The list is closed: nothing public but the protocol's members."""
    assert {name for name in vars(GoldenOps) if not name.startswith("_")} == PRIMITIVES


def test_the_window_arrives_with_rows_and_columns_in_place(rng):
    """Stride, padding and dilation reach the convolution in their own places: a lopsided window shows a swap."""
    window = Window((3, 2), stride=(2, 1), padding=(1, 3), dilation=(1, 2))
    ops = GoldenOps()
    x, weight = rng.normal(size=(2, 4, 9, 7)), rng.normal(size=(6, 2, 3, 2))
    y = ops.conv2d(x, weight, None, window, 2)
    assert y.shape == (2, 6, *window.output(9, 7))
    assert ops.conv2d_error(y, weight, window, 2, (4, 9, 7)).shape == x.shape
    assert ops.conv2d_gradient(y, x, window, 2)[0].shape == weight.shape


def test_connect_zeroes_what_the_table_leaves_out():
    """Weights without a connection become zero, the others stay."""
    weight = np.full((2, 2, 1, 1), 7.0)
    assert GoldenOps().connect(weight, ((True, False), (True, True)))[:, :, 0, 0].tolist() == [[7, 0], [7, 7]]


def test_one_arithmetic_serves_every_node():
    """Float64 has no formats: all nodes get equal primitives."""
    assert GoldenArithmetic().at("C1") == GoldenArithmetic().at("softmax") == GoldenOps()
