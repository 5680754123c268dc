"""Profiles hold their golden vectors, which Python integers made (tests/vectors/profiles.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from accel.config import load_accelerator
from accel.errors import ConfigError, DataError
from accel.layers import Dense
from accel.network.graph import Model, chain
from accel.numeric.cast import cast_codes
from accel.numeric.format import QFormat
from accel.numeric.profiles import PROFILES, tflite_requantize
from accel.runner import layer_codes
from kernels.modes import Overflow, Rounding
from tests.config.files import MINIMAL
from tests.vectors import profiles as maker

VECTORS = json.loads(Path(maker.__file__).with_suffix(".json").read_text(encoding="utf-8"))


def test_every_profile_has_its_vectors():
    """At least 200 casts each, ties and saturation among them, and one layer."""
    assert VECTORS["casts"].keys() == VECTORS["layers"].keys() == PROFILES.keys()
    assert all(len(rows) >= 200 for rows in VECTORS["casts"].values())
    assert len(VECTORS["tflite_requantize"]) >= 200


@pytest.mark.parametrize("name", PROFILES)
def test_casts_are_those_of_the_tool(name):
    """Every vector: a code of one format becomes the stated code of another."""
    for code, source, target, expected in VECTORS["casts"][name]:
        quantizer = PROFILES[name].quantizer(QFormat.parse(target))
        made, _ = cast_codes(np.array([code]), QFormat.parse(source), quantizer)
        assert made.codes.tolist() == [expected], (code, source, target)


def dense_codes(name: str, file: Path, accumulator: dict[str, int]) -> np.ndarray:
    """Codes of the layer of one profile's vectors, run from an accelerator file that names the profile."""
    vectors = VECTORS["layers"][name]
    x, w, b, y = (QFormat.parse(vectors["formats"][key]) for key in "xwby")
    file.write_text(MINIMAL.replace("[numerics]", f'[numerics]\nprofile = "{name}"'), encoding="utf-8")
    sums = {f"accumulator.{key}": value for key, value in accumulator.items()}
    keys = {"input": f'"{x}"', "weight": f'"{w}"', "bias": f'"{b}"', "activation": f'"{y}"', **sums}
    machine = load_accelerator(file, [f"numerics.{key}={value}" for key, value in keys.items()])

    def values(key: str, spec: QFormat) -> np.ndarray:
        return np.ldexp(np.array(vectors[key], dtype=np.float64), -spec.frac_bits)

    network = chain("one", (len(vectors["inputs"][0]),), {"dense": Dense(len(vectors["biases"]))})
    model = Model(network, {"dense": {"weight": values("weights", w), "bias": values("biases", b)}}, {})
    made = layer_codes(model, machine, values("inputs", x))["dense"]
    assert made.format == y
    return made.codes


@pytest.mark.parametrize("name", PROFILES)
def test_layers_are_those_of_the_tool(name, tmp_path):
    """A dense layer on a machine with that profile: products, sums, bias and the one cast at the end."""
    vectors = VECTORS["layers"][name]
    made = dense_codes(name, tmp_path / "machine.toml", vectors["accumulator"])
    assert np.array_equal(made, vectors["outputs"])


@pytest.mark.parametrize("name", ["ap_fixed", "dsp48"])
def test_the_vectors_of_wrapping_sums_do_wrap(name, tmp_path):
    """With 63 bits to add up in, some outputs would be others."""
    vectors = VECTORS["layers"][name]
    roomy = dense_codes(name, tmp_path / "machine.toml", {**vectors["accumulator"], "width": 63})
    assert not np.array_equal(roomy, vectors["outputs"])


def test_requantisation_is_that_of_tflite():
    """Every vector of the int16 rule: reduced multiplier, half up, saturation."""
    for total, multiplier, shift, expected in VECTORS["tflite_requantize"]:
        made = tflite_requantize(np.array([total]), multiplier, shift)
        assert made.codes.tolist() == [expected], (total, multiplier, shift)
        assert str(made.format) == "Q16.0"


def test_a_power_of_two_multiplier_is_the_profile_itself():
    """Scaled by 2^30 * 2^(shift - 31) = 2^(shift - 1), TFLite's rule is the cast of the profile."""
    sums = np.arange(-(1 << 20), 1 << 20, 509)[:4096].reshape(4, -1)
    for shift in (-9, -3, 0, 5):
        made = tflite_requantize(sums, 1 << 30, shift)
        quantizer = PROFILES["tflite-s16"].quantizer(QFormat(True, 16, 16))
        expected, _ = cast_codes(sums, QFormat(True, 48, 48 - (1 - shift)), quantizer)
        assert np.array_equal(made.codes, expected.codes)


def test_profiles_are_what_their_names_promise():
    """The modes that each tool documents as its defaults."""
    modes = {name: (profile.rounding, profile.overflow) for name, profile in PROFILES.items()}
    assert modes == {
        "ap_fixed": (Rounding.TRN, Overflow.WRAP),
        "dsp48": (Rounding.RND_CONV, Overflow.SAT),
        "tflite-s16": (Rounding.RND, Overflow.SAT),
        "matlab-nearest-saturate": (Rounding.RND, Overflow.SAT),
    }
    assert all(profile.source and profile.means for profile in PROFILES.values())


@pytest.mark.parametrize(
    ("sums", "multiplier", "shift", "error", "expected"),
    [
        ([0], 1 << 31, 0, ConfigError, "a quantized multiplier of 2147483648 cannot be used; use 0..2147483647"),
        ([0], -1, 0, ConfigError, "a quantized multiplier of -1"),
        ([0], 1, 8, ConfigError, "a shift of 8 cannot be used; use -31..7"),
        ([0], 1, -32, ConfigError, "a shift of -32"),
        ([1 << 47], 1, 0, DataError, "lie outside -2^47..2^47-1"),
        ([-(1 << 47) - 1], 1, 0, DataError, "lie outside -2^47..2^47-1"),
        ([0.5], 1, 0, DataError, "sums are integers, not float64"),
    ],
)
def test_what_tflite_could_not_compute_is_refused(sums, multiplier, shift, error, expected):
    """Multipliers, shifts and sums beyond the preconditions of the rule."""
    with pytest.raises(error, match=expected.replace("^", r"\^").replace(".", r"\.")):
        tflite_requantize(np.array(sums), multiplier, shift)


def test_the_vectors_are_what_their_script_makes(tmp_path, monkeypatch):
    """The committed file and its generator belong together."""
    monkeypatch.setattr(maker, "FILE", tmp_path / "profiles.json")
    maker.main()
    assert json.loads((tmp_path / "profiles.json").read_text(encoding="utf-8")) == VECTORS
