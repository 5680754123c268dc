"""The trainer: one step by hand, whole gradients by finite differences, seeds, shifts, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from accel.data.dataset import Dataset, load
from accel.data.fit import fit
from accel.errors import ConfigError, DataError, ModelError
from accel.layers import Flatten, Softmax
from accel.network.graph import Network, Parameters, chain
from accel.network.initial import initial_parameters
from accel.network.weights import digest
from accel.ops.golden import GoldenArithmetic
from accel.train.augment import Augment
from accel.train.loop import Epoch, accuracy, train
from accel.train.losses import LOSSES
from accel.train.optimizers import Sgd
from accel.train.schedules import Exponential
from accel.walk import forward
from tests.train.small import halves, hidden_layer, linear, perceptron


def zeros(network: Network) -> Parameters:
    """All parameters zero: every class equally likely."""
    return {
        node: {name: np.zeros(spec.shape) for name, spec in tensors.items()}
        for node, tensors in network.parameter_specs().items()
    }


def mean_loss(network: Network, parameters: Parameters, dataset: Dataset, loss: str) -> float:
    """The loss over a whole set, from the forward walk alone."""
    x = fit(dataset.images, network.input_shape)
    outputs = forward(network, parameters, GoldenArithmetic(), x)[network.output.name]
    return LOSSES[loss].value(outputs, np.eye(2)[dataset.labels])


def test_a_separable_problem_is_learned() -> None:
    """A linear classifier separates bright halves, on pictures it has not seen too, and the loss falls."""
    result = train(perceptron(), halves(200, 1), halves(100, 2), optimizer=Sgd(0.5, 0.5), epochs=6, batch=10, seed=1)
    assert result.history[-1].test_accuracy == 1
    assert result.history[-1].train_accuracy == 1
    assert result.history[-1].loss < 0.1 * result.history[0].loss


def test_the_first_step_by_hand() -> None:
    """From zero, softmax gives 1/2 each, so W = -rate/m sum (1/2 - y) x^T and b likewise."""
    dataset = halves(8, 3)
    result = train(
        perceptron(), dataset, parameters=zeros(perceptron()), optimizer=Sgd(0.25), epochs=1, batch=8, seed=1
    )
    delta = 0.5 - np.eye(2)[dataset.labels]
    weight = -0.25 / 8 * np.einsum("nk,nf->kf", delta, dataset.images.reshape(8, 16))
    np.testing.assert_allclose(result.parameters["output"]["weight"], weight, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(result.parameters["output"]["bias"], -0.25 / 8 * delta.sum(axis=0), rtol=1e-12)
    assert result.history == (Epoch(1, 0.25, pytest.approx(np.log(2)), float((dataset.labels == 0).mean()), None),)


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_follows_the_gradient(loss: str, function: str) -> None:
    """One step over a whole batch moves every parameter by -rate times the central difference of the mean loss."""
    network = hidden_layer(function, softmax=loss == "cross-entropy")
    dataset, before = halves(12, 4), initial_parameters(network, 4)
    result = train(network, dataset, loss=loss, optimizer=Sgd(1.0), epochs=1, batch=12, seed=4)
    for node, tensors in before.items():
        for name, values in tensors.items():
            moved = result.parameters[node][name] - values
            for index in np.ndindex(*values.shape):
                losses = []
                for step in (1e-6, -1e-6):
                    changed = values.copy()
                    changed[index] += step
                    parameters = {**before, node: {**tensors, name: changed}}
                    losses.append(mean_loss(network, parameters, dataset, loss))
                slope = (losses[0] - losses[1]) / 2e-6
                assert -moved[index] == pytest.approx(slope, rel=1e-6, abs=1e-9), (node, name, index)


def test_a_smaller_last_batch_is_averaged_over_its_own_size() -> None:
    """Three equal examples in batches of two make the same two steps as two of them in batches of one."""
    one = halves(1, 5)
    three = Dataset("three", np.repeat(one.images, 3, axis=0), np.repeat(one.labels, 3))
    two = Dataset("two", three.images[:2], three.labels[:2])
    runs = [
        train(perceptron(), dataset, optimizer=Sgd(0.3, 0.9), epochs=1, batch=batch, seed=5)
        for dataset, batch in ((three, 2), (two, 1))
    ]
    for name in ("weight", "bias"):
        first, second = (run.parameters["output"][name] for run in runs)
        np.testing.assert_allclose(first, second, rtol=1e-14)


def test_the_seed_decides_every_bit() -> None:
    """The same seed gives the same bits, distortions included; another seed gives others."""
    digests = [
        digest(
            train(
                hidden_layer("relu"),
                halves(50, 6),
                optimizer=Sgd(0.1),
                epochs=2,
                batch=8,
                seed=seed,
                augment=Augment(1, 0.2),
            ).parameters
        )
        for seed in (6, 6, 7)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_test_set_teaches_nothing() -> None:
    """Watching a test set changes no bit of the result."""
    settings = {"optimizer": Sgd(0.1, 0.9), "epochs": 2, "batch": 8, "seed": 8}
    blind = train(perceptron(), halves(40, 8), **settings)  # type: ignore[arg-type]
    watched = train(perceptron(), halves(40, 8), halves(9, 9), **settings)  # type: ignore[arg-type]
    assert digest(blind.parameters) == digest(watched.parameters)


def test_the_schedule_sets_each_epochs_rate_and_the_callback_sees_it() -> None:
    """The history, and what the callback was given, carry the scheduled rates."""
    seen: list[Epoch] = []
    result = train(
        perceptron(),
        halves(10, 1),
        optimizer=Sgd(0.4),
        schedule=Exponential(0.5),
        epochs=3,
        batch=5,
        seed=1,
        callback=seen.append,
    )
    assert tuple(seen) == result.history
    assert [epoch.number for epoch in seen] == [1, 2, 3]
    assert [epoch.rate for epoch in seen] == [0.4, 0.2, 0.1]


def test_accuracy_is_the_same_in_any_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting in batches equals one forward walk over everything."""
    dataset, network = halves(30, 11), perceptron()
    parameters = initial_parameters(network, 11)
    outputs = forward(network, parameters, GoldenArithmetic(), dataset.images[:, None])["softmax"]
    expected = float((outputs.argmax(axis=1) == dataset.labels).mean())
    for size in (1, 7, 30, 1000):
        monkeypatch.setattr("accel.train.golden.EVALUATION_BATCH", size)
        assert accuracy(network, parameters, dataset) == expected


def test_of_tied_outputs_the_first_counts() -> None:
    """All-zero parameters answer class 0 everywhere."""
    dataset = halves(30, 12)
    assert accuracy(perceptron(), zeros(perceptron()), dataset) == float((dataset.labels == 0).mean())


def test_divergence_is_reported_in_words() -> None:
    """A rate that is far too large ends in a message with epoch, rate and remedy, and in no warning."""
    with pytest.raises(ConfigError, match=r"diverged in epoch \d+ at learning rate 1e\+200: .*lower the learning rate"):
        train(
            hidden_layer("identity", softmax=False),
            halves(20, 1),
            loss="mse",
            optimizer=Sgd(1e200),
            epochs=3,
            batch=5,
            seed=1,
        )


def test_a_last_step_that_diverges_is_reported() -> None:
    """Weights that stop being finite in the very last step are noticed although no loss was taken of them."""
    dataset = halves(4, 1)
    huge = Dataset("huge", np.ones_like(dataset.images), dataset.labels)
    start = {"output": {"weight": np.full((2, 16), 1e307), "bias": np.zeros(2)}}
    with pytest.raises(ConfigError, match="diverged in epoch 1"):
        train(linear(), huge, loss="mse", parameters=start, optimizer=Sgd(1e10), epochs=1, batch=4, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch": 0}, "batch 0"),
        ({"seed": -1}, "seed -1"),
        ({"loss": "hinge"}, "'hinge' is not a loss"),
    ],
)
def test_settings_that_cannot_work(change: dict[str, object], message: str) -> None:
    """Counts below their minimum and unknown losses are refused before anything is computed."""
    settings = {"optimizer": Sgd(0.1), "epochs": 1, "batch": 4, "seed": 1, **change}
    with pytest.raises(ConfigError, match=message):
        train(perceptron(), halves(4, 1), **settings)  # type: ignore[arg-type]


def test_sets_that_do_not_fit() -> None:
    """No examples, a label without an output, and images of another size are DataErrors that name the set."""
    settings = {"optimizer": Sgd(0.1), "epochs": 1, "batch": 4, "seed": 1}
    for dataset, message in (
        (Dataset("none", np.zeros((0, 4, 4)), np.zeros(0, int)), "none: no examples"),
        (Dataset("three", np.zeros((1, 4, 4)), np.array([2])), "three: label 2 has no output in perceptron"),
        (Dataset("digits", load("digits").images[:1], np.array([1])), "8 x 8 images do not fit a 4 x 4 input"),
    ):
        with pytest.raises(DataError, match=message):
            train(perceptron(), dataset, **settings)  # type: ignore[arg-type]


def test_a_network_without_parameters() -> None:
    """There must be something to train."""
    network = chain("bare", (1, 1, 2), {"flatten": Flatten(), "softmax": Softmax()})
    with pytest.raises(ModelError, match="bare has no trainable tensors"):
        train(network, Dataset("x", np.zeros((1, 1, 2)), np.zeros(1, int)), optimizer=Sgd(1), epochs=1, batch=1, seed=1)
