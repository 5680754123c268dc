"""[numerics] profile: defaults under one name, and keys that win over them."""

import tomllib

import pytest

from accel.config import dump, load_accelerator
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.profiles import PROFILES
from kernels.modes import Overflow, Rounding
from tests.config.files import MINIMAL, problems


def profiled(name: str) -> str:
    """A small machine with that profile and nothing said about rounding, overflow and sums."""
    return MINIMAL.replace("[numerics]\n", f'[numerics]\nprofile = "{name}"\n')


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sets_what_the_file_leaves_out(name, write):
    """Rounding, overflow, accumulator and the formats that the profile fixes."""
    bits = load_accelerator(write(profiled(name))).numerics.defaults
    profile = PROFILES[name]
    assert (bits.output.rounding, bits.output.overflow) == (profile.rounding, profile.overflow)
    assert bits.accumulator == profile.accumulator
    assert str(bits.softmax.format) == str(profile.formats.get("softmax", "UQ0.16"))
    assert str(bits.output.format) == "Q4.4"


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_what_its_settings_say(name, write):
    """The settings written out as [numerics] make the same machine as the profile's name."""
    document = tomllib.loads(MINIMAL)
    document["numerics"] |= PROFILES[name].settings()
    spelt = load_accelerator(write(dump(document), "spelt.toml"))
    assert spelt.numerics == load_accelerator(write(profiled(name))).numerics


def test_keys_of_the_file_win_one_by_one(write):
    """A profile is a default: rounding, one key of the accumulator, and a format for width and binary point."""
    own = load_accelerator(write(profiled("ap_fixed")), ["numerics.rounding=RND", "numerics.accumulator.width=20"])
    bits = own.numerics.defaults
    assert (bits.output.rounding, bits.output.overflow) == (Rounding.RND, Overflow.WRAP)
    assert bits.accumulator == Accumulator(20, None, Mode.STEPWISE, Overflow.WRAP, Rounding.TRN)
    shaped = load_accelerator("edge.toml", ["numerics.accumulator.format=Q8.8", "numerics.softmax=UQ0.8"])
    assert shaped.numerics.defaults.accumulator == Accumulator(16, 8)
    assert str(shaped.numerics.defaults.softmax.format) == "UQ0.8"


def test_layers_change_what_a_profile_sets(write):
    """A layer's own keys lie over the profile's."""
    text = profiled("tflite-s16") + "[numerics.layers.C1]\nrounding = 'TRN'\naccumulator = { mode = 'stepwise' }\n"
    numerics = load_accelerator(write(text)).numerics
    assert numerics.at("C1").output.rounding == Rounding.TRN
    assert numerics.at("C1").accumulator.mode is Mode.STEPWISE
    assert numerics.at("C1").accumulator.width == 48
    assert numerics.defaults.output.rounding == Rounding.RND


def test_a_document_keeps_the_name_and_its_own_digest(write):
    """What is kept for provenance is the file, not what the profile makes of it."""
    machine = load_accelerator(write(profiled("dsp48")))
    assert machine.document["numerics"]["profile"] == "dsp48"
    assert "rounding" not in machine.document["numerics"]


def test_wrong_keys_beside_a_profile_are_told_where_they_stand(write):
    """A profile hides no mistake, and an accumulator that is no table is refused."""
    text = profiled("dsp48").replace('bias = "Q4.4"', "accumulator = 3")
    assert problems(write(text)) == (
        "missing key 'bias' edge.toml:3 [numerics]. Add for example bias = \"Q6.10\"",
        "accumulator = 3 edge.toml:8 [numerics]: a table is needed",
    )
    assert problems(write(profiled("ap-fixed"))) == (
        "profile = \"ap-fixed\" edge.toml:4 [numerics]: not a profile. Did you mean 'ap_fixed'?",
    )
