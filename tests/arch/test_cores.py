"""Layers cut for many cores: shares make up the layer, and the largest is as small as can be."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.cores import PARTITIONS, check_cores, shares
from accel.arch.hardware import Cores
from accel.errors import ConfigError
from accel.loopnest import LoopNest
from tests.arch.demands import nests


@given(nests(), st.integers(1, 20), st.sampled_from(PARTITIONS))
def test_shares_make_up_the_layer(nest, cores, partition):
    """MACs, outputs and, of what is cut, weights add up; no more cores work than there are."""
    cut = shares(nest, cores, partition)
    assert cut.active <= cores
    assert sum(count * part.macs for count, part in cut.parts) == nest.macs
    assert sum(count * part.outputs for count, part in cut.parts) == nest.outputs
    if "weight" in cut.own:
        assert sum(count * part.weights for count, part in cut.parts) == nest.weights
    else:
        assert all(part.weights == nest.weights for _, part in cut.parts)
    assert cut.largest.macs == max(part.macs for _, part in cut.parts)
    assert Fraction(nest.macs, cut.largest.macs) == cut.ratio
    assert (cut.times("output"), cut.times("weight")) == (
        cut.active if cores > 1 else 1,
        cut.active if "weight" in cut.own else 1,
    )


@pytest.mark.parametrize(
    ("partition", "cores", "axis", "share"),
    [
        ("batch", 4, "N", 2),
        ("output channel", 4, "K", 3),
        ("output channel", 16, "G", 1),  # 12 filters a group, but 16 groups
        ("pixel", 4, "P", 2),
        ("pixel", 9, "Q", 2),  # 7 rows, but 13 columns
    ],
)
def test_axes(partition, cores, axis, share):
    """Which axis is cut, and the largest share of it."""
    nest = LoopNest("array", N=8, G=16, K=12, C=4, P=7, Q=13, height=7, width=13)
    largest = shares(nest, cores, partition).largest
    assert largest == replace(nest, **{axis: share})
    assert share == ceil(getattr(nest, axis) / cores)


def test_rows_are_not_cut():
    """Softmax and normalisation need a row in one place, whatever the partition is."""
    nest = LoopNest("softmax", "softmax", K=10, C=10, P=6, height=6)
    for partition in PARTITIONS:
        assert shares(nest, 4, partition).largest == replace(nest, P=2)


def test_products_of_activations_are_cut_by_group_where_others_are_by_image():
    """Every input has its own second factor, so inputs are groups."""
    nest = LoopNest("array", G=8, K=4, C=4, P=4, height=4, is_product=True)
    cut = shares(nest, 4, "batch")
    assert (cut.largest.G, cut.own) == (2, ("input", "weight", "output"))


def test_unknown_choices_are_refused():
    """Names that are none, and no cores at all."""
    with pytest.raises(ConfigError, match=r"cores\.partition = 'rows' is none of them\. Known: batch"):
        shares(LoopNest("array"), 2, "rows")
    assert len(check_cores(Cores(0, "rows", "at once"))) == 3
    assert check_cores(Cores()) == []
