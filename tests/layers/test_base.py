"""The layer protocol: complete or refused, and registered once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from accel.layers import LAYERS, Conv2d, Dense, Layer, Softmax


def members(*names):
    """Return a class body with these members."""
    return {name: lambda self, *arguments: None for name in names}


ALL = ("output_shape", "parameters", "forward", "backward", "loop_nest")


@pytest.mark.parametrize("missing", ALL)
def test_an_incomplete_layer_is_refused_where_it_is_written(missing):
    """A subclass without one of the five members fails at its definition and names what it lacks."""
    body = members(*(name for name in ALL if name != missing)) | {"kind": "half"}
    with pytest.raises(TypeError, match=f"Half lacks {missing}"):
        type("Half", (Layer,), body)


def test_a_layer_needs_a_kind():
    """A subclass without a kind fails at its definition."""
    with pytest.raises(TypeError, match="Nameless lacks kind"):
        type("Nameless", (Layer,), members(*ALL))


def test_a_complete_layer_is_accepted():
    """The five members and a kind are all that a layer needs."""
    assert type("Whole", (Layer,), members(*ALL) | {"kind": "whole"})().kind == "whole"


def test_registry_holds_every_layer_by_its_kind():
    """Kinds are unique, and no layer of the package is left out."""
    defined = {layer for layer in Layer.__subclasses__() if layer.__module__.startswith("accel.layers")}
    assert set(LAYERS.values()) == defined
    assert all(LAYERS[kind].kind == kind for kind in LAYERS)


def test_layers_are_values():
    """Layers of equal description are equal and cannot be changed."""
    assert Dense(10) == Dense(10) != Dense(11)
    assert hash(Conv2d(6, 5)) == hash(Conv2d(6, 5))
    assert Softmax() == Softmax()
    with pytest.raises(FrozenInstanceError):
        Dense(10).features = 11
