"""Weights files: what is written is read back, what is wrong is named, and the shipped ones are what they say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from accel.data.dataset import load
from accel.data.fit import fit
from accel.errors import ConfigError, ModelError
from accel.network.graph import Model
from accel.network.initial import initial_parameters
from accel.network.weights import (
    SEED,
    SETS,
    digest,
    load_model,
    load_parameters,
    rounded,
    save_model,
    save_parameters,
    trained_path,
)
from accel.network.zoo import build
from accel.ops.golden import GoldenArithmetic
from accel.train.loop import accuracy
from accel.walk import forward
from tests.data.files import authentic_mnist

NETWORK = build("softmax-regression")
VALUES = initial_parameters(NETWORK, 7)
SHIPPED = ("mlp", "mlp-sigmoid", "softmax-regression", "lenet5", "lenet5-table", "lenet5-relu")


def write(path: Path, **changes: np.ndarray | None) -> Path:
    """An .npz of VALUES with tensors replaced, added or (None) left out; "__" stands for "/"."""
    tensors: dict[str, np.ndarray | None] = {f"output/{name}": values for name, values in VALUES["output"].items()}
    tensors |= {name.replace("__", "/"): values for name, values in changes.items()}
    np.savez(path, **{name: values for name, values in tensors.items() if values is not None})  # type: ignore[arg-type]
    return path


def test_what_is_saved_is_read_back_as_float32(tmp_path: Path) -> None:
    """Values come back rounded to float32, in float64, and the checksum is that of the file."""
    path = tmp_path / "w.npz"
    checksum = save_parameters(path, VALUES)
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    back = load_parameters(path, NETWORK)
    for name, values in VALUES["output"].items():
        assert back["output"][name].dtype == np.float64
        assert np.array_equal(back["output"][name], values.astype(np.float32))
    assert digest(back) == digest(rounded(VALUES)) != digest(VALUES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.npz"]


def test_a_model_carries_its_provenance(tmp_path: Path) -> None:
    """What is said about a model on saving is there on loading, with the checksum."""
    save_model(tmp_path / "w.npz", Model(NETWORK, VALUES, {"command": "by hand"}))
    model = load_model("softmax-regression", tmp_path / "w.npz")
    checksum = hashlib.sha256((tmp_path / "w.npz").read_bytes()).hexdigest()
    assert dict(model.provenance) == {"weights": "w.npz", "command": "by hand", "sha256": checksum}


def test_weights_without_a_story_are_read_too(tmp_path: Path) -> None:
    """An .npz from elsewhere needs no .json; its checksum is taken."""
    path = write(tmp_path / "theirs.npz")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert dict(load_model("softmax-regression", str(path)).provenance) == {
        "weights": "theirs.npz",
        "sha256": checksum,
    }


def test_seeded_weights_are_made_on_the_fly() -> None:
    """ "seeded" gives every network first values, and says that they are untrained."""
    model = load_model("lenet5", "seeded")
    assert digest(model.parameters) == digest(initial_parameters(build("lenet5"), SEED))
    assert model.provenance["trained"] is False


def test_networks_too_large_to_ship_are_seeded_unless_training_is_asked_for() -> None:
    """alexnet without a word is seeded and says so; asking for trained weights is refused with the way out."""
    assert load_model("alexnet").provenance["weights"] == "seeded"
    with pytest.raises(ModelError, match="alexnet has no trained weights for digits; use weights 'seeded'"):
        load_model("alexnet", "digits")


def test_the_default_is_trained_on_digits() -> None:
    """Without a word, networks come with the weights trained on the built-in set."""
    assert load_model("mlp").provenance == load_model("mlp", "digits").provenance


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output__bias": None}, r"tensor 'output/bias' \(10,\) is missing"),
        ({"output__scale": np.ones(3)}, r"unexpected tensor 'output/scale' \(3,\)"),
        ({"output__weight": np.ones((784, 10))}, r"'output/weight' has shape \(784, 10\), expected \(10, 784\)"),
        ({"output__bias": np.array([0, 1, np.nan, *range(7)])}, r"'output/bias' holds 1 NaN .* first at \(2,\)"),
        ({"output__bias": np.full(10, np.inf)}, "'output/bias' holds 10 NaN or infinite values"),
        ({"output__bias": np.zeros(10, np.int8)}, "'output/bias' holds int8, expected floating point"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, changes: dict[str, np.ndarray], message: str) -> None:
    """Missing, extra, misshapen, NaN and integer tensors are refused with file, name, found and expected."""
    with pytest.raises(ModelError, match=rf"w\.npz: .*{message}"):
        load_parameters(write(tmp_path / "w.npz", **changes), NETWORK)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Weights of another network list every tensor that does not belong."""
    save_parameters(tmp_path / "w.npz", initial_parameters(build("mlp"), 1))
    with pytest.raises(ModelError) as caught:
        load_parameters(tmp_path / "w.npz", NETWORK)
    assert len(caught.value.problems) == 4
    assert caught.value.problems[-1] == "are these weights of another network? softmax-regression was expected"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path: Path, share: float) -> None:
    """An .npz cut anywhere is a ModelError that names it."""
    raw = write(tmp_path / "w.npz").read_bytes()
    (tmp_path / "w.npz").write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ModelError, match=r"w\.npz: not a readable \.npz"):
        load_parameters(tmp_path / "w.npz", NETWORK)


def test_a_lone_array_or_a_pickle_is_refused(tmp_path: Path) -> None:
    """A .npy under the wrong name, and objects that would have to be unpickled, are not read."""
    with (tmp_path / "w.npz").open("wb") as sink:
        np.save(sink, np.ones(3))
    with pytest.raises(ModelError, match=r"not a readable \.npz"):
        load_parameters(tmp_path / "w.npz", NETWORK)
    write(tmp_path / "w.npz", output__bias=np.array([{}] * 10, dtype=object))
    with pytest.raises(ModelError, match=r"not a readable \.npz"):
        load_parameters(tmp_path / "w.npz", NETWORK)


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    """A file that differs from its recorded checksum is not used, even if it can still be read."""
    path = tmp_path / "w.npz"
    save_model(path, Model(NETWORK, VALUES, {}))
    write(path)
    with pytest.raises(ModelError, match=r"w\.npz: sha256 mismatch with w\.json; restore both or train again"):
        load_model("softmax-regression", path)


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read"), ("[1]", "expected a JSON object, found list")])
def test_a_broken_story_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A .json that is no JSON object is named."""
    path = write(tmp_path / "w.npz")
    path.with_suffix(".json").write_text(text)
    with pytest.raises(ModelError, match=rf"w\.json: {message}"):
        load_model("softmax-regression", path)


def test_missing_files_and_names_are_refused(tmp_path: Path) -> None:
    """A path that leads nowhere, a misspelt set and an unknown network are answered with the way out."""
    with pytest.raises(ModelError, match=r"gone\.npz: weights cannot be read \(No such file"):
        load_model("mlp", tmp_path / "gone.npz")
    with pytest.raises(ModelError, match=r"weights 'mnits' are neither a set nor an \.npz file\. Did you mean 'mnist'"):
        load_model("mlp", "mnits")
    with pytest.raises(ModelError, match="lenet-5"):
        load_model("lenet-5")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_float32_cannot_hold_are_not_saved(tmp_path: Path, value: float) -> None:
    """Nothing is written when a value would be lost."""
    values = {"output": {**VALUES["output"], "bias": np.full(10, value)}}
    with pytest.raises(ModelError, match="output/bias: 10 values are NaN or infinite"):
        save_parameters(tmp_path / "w.npz", values)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The path and the system's reason are told."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigError, match=r"w\.npz: cannot be written"):
        save_parameters(tmp_path / "file" / "w.npz", VALUES)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("dataset", SETS)
class TestShipped:
    """The trained weights of the package."""

    def test_the_file_is_the_recorded_one(self, name: str, dataset: str) -> None:
        """Checksum, digest and command are those of the provenance, and the .npz is no larger than it need be."""
        path = trained_path(name, dataset)
        document = json.loads(path.with_suffix(".json").read_text())
        assert hashlib.sha256(path.read_bytes()).hexdigest() == document["sha256"]
        assert digest(load_model(name, dataset).parameters) == document["digest"]
        assert document["command"] == f"accel train {name} -d {dataset} --seed {document['seed']}"

    def test_every_weight_fits_its_format(self, name: str, dataset: str) -> None:
        """Weights lie inside Q2.14, [-2, 2), and biases inside Q6.10, [-32, 32)."""
        for tensors in load_model(name, dataset).parameters.values():
            assert np.abs(tensors["weight"]).max() < 2
            assert np.abs(tensors["bias"]).max() < 32


@pytest.mark.parametrize("name", SHIPPED)
def test_digits_accuracy_is_exactly_the_recorded_one(name: str) -> None:
    """The provenance tells the truth about the built-in test images, and no value of any node leaves Q6.10."""
    check_accuracy_and_range(name, "digits")


class TestAuthentic:
    """Against the published MNIST files, where ACCEL_DATA has them."""

    pytestmark = authentic_mnist

    @pytest.mark.parametrize("name", SHIPPED)
    def test_mnist_accuracy_is_exactly_the_recorded_one(self, name: str) -> None:
        """The provenance tells the truth about the 10 000 test images, and no value of any node leaves Q6.10."""
        check_accuracy_and_range(name, "mnist")


def check_accuracy_and_range(name: str, dataset: str) -> None:
    """Hold a shipped model against its provenance and against +-31, inside Q6.10's [-32, 32)."""
    model, images = load_model(name, dataset), load(dataset)
    assert accuracy(model.network, model.parameters, images) == model.provenance["accuracy"]["test"]  # type: ignore[index]
    assert largest_value(model, images.images[:1000]) < 31


def largest_value(model: Model, images: np.ndarray) -> float:
    """The largest magnitude of any node's output."""
    tape = forward(model.network, model.parameters, GoldenArithmetic(), fit(images, model.network.input_shape))
    return max(float(np.abs(values).max()) for values in tape.values())


@pytest.mark.parametrize(
    ("name", "floor"),
    [("mlp", 0.975), ("lenet5-relu", 0.988), ("lenet5", 0.983), ("mlp-sigmoid", 0.96)],
)
def test_mnist_targets_are_met(name: str, floor: float) -> None:
    """The recorded MNIST accuracies, proved above where the data are, reach what this package promises."""
    assert load_model(name, "mnist").provenance["accuracy"]["test"] >= floor  # type: ignore[index]
