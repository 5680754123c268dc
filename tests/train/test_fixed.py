"""Training in fixed point: near float64, the same bits in any parts and after any stop, stalls where they belong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from accel.config import load_accelerator
from accel.data.dataset import load
from accel.data.fit import fit
from accel.errors import ConfigError, DataError, ModelError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, LayerNorm, Pool2d, Softmax
from accel.network.graph import INPUT, Network, Node, chain
from accel.network.initial import initial_parameters
from accel.network.zoo import build
from accel.numeric.format import QFormat
from accel.ops.golden import GoldenArithmetic
from accel.train.augment import Augment
from accel.train.fixed import FixedLearner, fixed_learner
from accel.train.golden import GoldenLearner
from accel.train.loop import Hooks, Plan, learn
from accel.train.losses import LOSSES
from accel.train.optimizers import Sgd
from accel.train.schedules import Exponential
from accel.walk import backward, forward
from kernels.modes import Rounding
from tests.train.small import halves, hidden_layer, perceptron


def learner(network: Network, *overrides: str, optimizer: Sgd | None = None, batch: int = 10, **more) -> FixedLearner:
    """A learner on the default machine."""
    machine = load_accelerator("gupta2015", tuple(f"training.{override}" for override in overrides))
    loss = more.pop("loss", "cross-entropy")
    return fixed_learner(network, machine, loss=loss, optimizer=optimizer or Sgd(0.25), batch=batch, **more)


def branched() -> Network:
    """Both convolutions of a residual block, pooled by two means; an input of 1 x 8 x 8."""
    nodes = (
        Node("stem", Conv2d(4, 3, padding=1), (INPUT,)),
        Node("tanh", Activation("tanh"), ("stem",)),
        Node("branch", Conv2d(4, 3, padding=1, groups=2), ("tanh",)),
        Node("sum", Add(), ("tanh", "branch")),
        Node("max", Pool2d("max", 2), ("sum",)),
        Node("mean", Pool2d("average", 2), ("max",)),
        Node("flat", Flatten(), ("mean",)),
        Node("dense", Dense(3), ("flat",)),
        Node("softmax", Softmax(), ("dense",)),
    )
    return Network("branched", (1, 8, 8), nodes)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_a_whole_network_are_near_float64(rng, loss):
    """All sums of a batch lie within what the formats' roundings can add up to; nothing saturates.

    An activation or error is off by up to e = 2 ulp of 2^-12 after the few layers here; a gradient sums, over batch and
    pixels (4 x 64), products of one such error with a value below 2 in each factor: 4 * 64 * 2 * e, and rarely a tenth.
    """
    network = branched()
    made = learner(network, "input=Q4.12", "activation=Q4.12", "error=Q2.14", loss=loss, batch=4)
    state = made.start(initial_parameters(network, 2))
    x, labels = made.encode(rng.random((4, 1, 8, 8))), np.array([0, 1, 2, 1])
    values = made.working(state)
    found = made._gradients(state, values, x, labels)
    assert found.counts.errors_saturated == found.counts.activations_saturated == 0
    floats = made.parameters(state)
    tape = forward(network, floats, GoldenArithmetic(), x.to_float())
    cost = LOSSES[loss]
    delta = cost.delta(tape["softmax"], np.eye(3)[labels])
    wanted = backward(network, floats, GoldenArithmetic(), tape, delta, cost.start(network))
    for slot, sums, point in zip(made.program.slots, found.sums, found.points, strict=True):
        reference = wanted[slot.node][slot.tensor]
        np.testing.assert_allclose(np.ldexp(sums, -point), reference, rtol=0, atol=4 * 64 * 2 * 2 * 2**-12)
        assert np.corrcoef(sums.ravel(), reference.ravel())[0, 1] > 0.999


def test_one_step_is_the_float64_step_rounded(rng):
    """With nearest rounding every weight is within an lsb of float64's, for momentum, decay and an odd batch."""
    network, dataset = hidden_layer("tanh"), halves(12, 5)
    optimizer = Sgd(0.3, 0.5, 1e-3)
    made = learner(network, "rounding.update=RND_CONV", "rounding.momentum=RND_CONV", optimizer=optimizer, batch=12)
    golden = GoldenLearner(network, LOSSES["cross-entropy"], optimizer, GoldenArithmetic())
    state = made.start(initial_parameters(network, 5))
    reference = golden.start(made.parameters(state))
    x = fit(dataset.images, network.input_shape)
    for _ in range(2):
        state, _ = made.step(state, made.encode(x), dataset.labels, 0.3)
        reference, _ = golden.step(reference, x, dataset.labels, 0.3)
    for node, tensors in made.parameters(state).items():
        for name, values in tensors.items():
            np.testing.assert_allclose(values, reference.values[node][name], rtol=0, atol=4 * 2**-14)


@pytest.mark.parametrize("overrides", [(), ("rounding.error=STOCHASTIC",), ("master=Q2.30", "rate=shift")])
def test_parts_and_threads_do_not_change_a_bit(rng, monkeypatch, overrides):
    """A batch whole, in parts of two, and in parts on two threads: the same codes and the same counts."""
    network, dataset = branched(), halves(12, 6)
    x, labels = rng.random((6, 1, 8, 8)), dataset.labels[:6]
    states = []
    for part, jobs in ((1 << 19, 1), (2600, 1), (2600, 2)):
        monkeypatch.setattr("accel.train.fixed.PART_ELEMENTS", part)
        made = learner(network, *overrides, optimizer=Sgd(0.25, 0.9), batch=6, jobs=jobs)
        state = made.start(initial_parameters(network, 3))
        for _ in range(2):
            state, counts = made.step(state, made.encode(x), labels, 0.25)
        states.append((made.pack(state), replace(counts, loss=0.0)))
        assert made.part == (2 if part == 2600 else made.part)
    for arrays, counts in states[1:]:
        assert counts == states[0][1]
        assert all(np.array_equal(array, states[0][0][name]) for name, array in arrays.items())


@pytest.mark.parametrize("arithmetic", ["fixed", "golden"])
def test_resuming_at_any_step_gives_the_same_bits(rng, arithmetic):
    """Stopped at a random step in mid-epoch and taken up by a new learner, weights, history and curve are the same."""
    network, train_set, test_set = hidden_layer("sigmoid"), halves(55, 7), halves(20, 8)
    optimizer = Sgd(0.5, 0.9, 1e-3)
    plan = Plan(3, 10, 7, 0.5, Exponential(0.8), Augment(shift=1))
    snapshots = []

    def new():
        if arithmetic == "fixed":
            return learner(network, optimizer=optimizer)
        return GoldenLearner(network, LOSSES["cross-entropy"], optimizer, GoldenArithmetic())

    whole = learn(new(), plan, train_set, test_set, hooks=Hooks(keep=snapshots.append, keep_every=1))
    stopped = snapshots[int(rng.integers(1, len(snapshots) - 1))]
    again = learn(new(), plan, train_set, test_set, snapshot=stopped)
    assert again.history == whole.history
    assert again.curve == whole.curve
    for node, tensors in whole.parameters.items():
        assert all(np.array_equal(values, again.parameters[node][name]) for name, values in tensors.items())


def test_nearest_stalls_where_stochastic_learns():
    """With 8 fraction bits every update is below half an lsb: nearest moves nothing, stochastic learns."""
    network, dataset = perceptron(), halves(200, 1)
    plan = Plan(20, 10, 1, 0.003)
    reached = {}
    for rounding in ("RND_CONV", "STOCHASTIC"):
        made = learner(network, "weight=Q2.8", "gradient=Q2.14", f"rounding.update={rounding}", optimizer=Sgd(0.003))
        first = made.parameters(made.start(initial_parameters(network, 1)))
        result = learn(made, plan, dataset)
        reached[rounding] = result.history
        moved = any(
            not np.array_equal(values, first[node][name])
            for node, tensors in result.parameters.items()
            for name, values in tensors.items()
        )
        assert moved == (rounding == "STOCHASTIC")
    assert all(epoch.dead_share == 1 for epoch in reached["RND_CONV"])
    assert reached["RND_CONV"][-1].loss == pytest.approx(reached["RND_CONV"][0].loss, rel=1e-9)
    assert reached["STOCHASTIC"][-1].loss < 0.8 * reached["STOCHASTIC"][0].loss


def test_a_loss_scale_follows_overflows():
    """An overflow leaves the step out and halves the scale; clean steps double it; the update is that of any scale."""
    network, dataset = perceptron(), halves(8, 3)
    made = learner(network, "error=Q0.16", "loss_scale=3", "loss_scale_steps=2", batch=8)
    state = made.start(initial_parameters(network, 3))
    x = made.encode(fit(dataset.images, network.input_shape))
    scales = []
    for _ in range(9):
        before = state
        state, counts = made.step(state, x, dataset.labels, 0.25)
        scales.append(state.loss_scale)
        if counts.skipped:
            assert all(np.array_equal(a, b) for a, b in zip(before.stores, state.stores, strict=True))
            assert state.loss_scale == before.loss_scale - 1
    assert scales[0] == 2
    assert any(after == before + 1 for before, after in pairwise(scales))
    assert state.step == 9


def test_master_weights_keep_what_working_copies_cannot(rng):
    """32-bit stores move where the 16-bit copies that the array reads do not."""
    network, dataset = perceptron(), halves(8, 3)
    made = learner(network, "weight=Q2.6", "master=Q2.30", optimizer=Sgd(1e-4), batch=8)
    state = made.start(initial_parameters(network, 3))
    x = made.encode(fit(dataset.images, network.input_shape))
    after, counts = made.step(state, x, dataset.labels, 1e-4)
    assert counts.dead < 0.01 * counts.moving
    assert not np.array_equal(after.stores[0], state.stores[0])
    before, now = (made.parameters(each)["output"]["weight"] for each in (state, after))
    assert np.count_nonzero(before != now) <= 1  # one stood just beside a tie


def test_three_steps_of_lenet_are_the_frozen_ones():
    """Codes of every parameter after three steps on digits, as sums that any changed bit changes.

    A change here is a change of what the machine computes and needs a line in CHANGELOG.
    """
    network, dataset = build("lenet5"), load("digits", "train", 24)
    made = learner(network, optimizer=Sgd(0.05, 0.9, 5e-4), batch=8)
    state = made.start(initial_parameters(network, 1))
    for first in (0, 8, 16):
        part = slice(first, first + 8)
        x = made.encode(fit(dataset.images[part], network.input_shape))
        state, _ = made.step(state, x, dataset.labels[part], 0.05)
    found = {}
    for slot, codes in zip(made.program.slots, state.stores, strict=True):
        flat = codes.astype(np.int64).ravel()
        found[f"{slot.node}/{slot.tensor}"] = [int(flat.sum()), int((flat * (np.arange(flat.size) % 8191)).sum())]
    assert found == FROZEN


FROZEN = {
    "C1/weight": [-38381, -3906013],
    "C1/bias": [642, 1778],
    "C3/weight": [-4519, 71134625],
    "C3/bias": [196, 3871],
    "C5/weight": [-337678, -1388518557],
    "C5/bias": [-232, -12493],
    "F6/weight": [-83801, -1040017870],
    "F6/bias": [-314, -23373],
    "output/weight": [-7162, 15471196],
    "output/bias": [2, -2829],
}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("rate=UQ0.4",), "does not hold; use a rate of"),
        (("rounding.update=RND_CONV", "gradient=Q-8.16"), "underflows training.update"),
        (("rounding.update=STOCHASTIC", "gradient=Q-22.24"), "the smallest rate that works is"),
    ],
)
def test_rates_that_nothing_survives_are_refused_before_training(overrides, expected):
    """A rate that rounds to zero, or whose largest step does, is named with the smallest that works."""
    with pytest.raises(ConfigError, match=expected) as error:
        learner(perceptron(), *overrides, optimizer=Sgd(0.01))
    assert "rate" in str(error.value)


def test_the_smallest_rate_that_is_named_works():
    """Training with the rate that the refusal names is not refused, and half of it is."""
    overrides = ("rounding.update=RND_CONV", "gradient=Q-8.16")
    with pytest.raises(ConfigError) as error:
        learner(perceptron(), *overrides, optimizer=Sgd(1e-3))
    smallest = float(str(error.value).rsplit(" ", 1)[1])
    learner(perceptron(), *overrides, optimizer=Sgd(min(0.99, smallest * 1.01)))
    with pytest.raises(ConfigError):
        learner(perceptron(), *overrides, optimizer=Sgd(smallest / 2))


def test_what_cannot_be_trained_is_named_at_once():
    """Narrow accumulators name every layer; layer normalisation and a network without parameters are refused."""
    machine = load_accelerator("gupta2015", ("numerics.accumulator.width=30",))
    with pytest.raises(ConfigError) as error:
        fixed_learner(hidden_layer("tanh"), machine, loss="cross-entropy", optimizer=Sgd(0.1), batch=10)
    named = "\n".join(error.value.problems)
    assert "hidden: forward sums need up to" in named
    assert "output: gradient sums need up to" in named
    norm = chain("normed", (1, 4, 4), {"flat": Flatten(), "norm": LayerNorm(), "out": Dense(2), "softmax": Softmax()})
    with pytest.raises(ConfigError, match="norm: layer normalisation has no backward pass"):
        learner(norm)
    with pytest.raises(ModelError, match="nothing to train"):
        learner(chain("flat", (1, 1, 2), {"flat": Flatten(), "softmax": Softmax()}))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([], "a batch without examples"), ([0, 2], "labels 0..2 do not fit the 2 outputs"), ([-1], "labels -1")],
)
def test_batches_that_teach_nothing_are_refused(labels, expected):
    """No examples, and labels without an output, in both arithmetics."""
    network, x = perceptron(), np.zeros((len(labels), 1, 4, 4))
    golden = GoldenLearner(network, LOSSES["cross-entropy"], Sgd(0.1), GoldenArithmetic())
    fixed = learner(network)
    for each, given in ((golden, x), (fixed, fixed.encode(x))):
        with pytest.raises(DataError, match=expected):
            each.step(each.start(initial_parameters(network, 1)), given, np.array(labels, dtype=np.int64), 0.1)


def test_formats_of_the_recipe():
    """The default: 16-bit tensors, stochastic updates, an update as fine as what is stepped."""
    numbers = load_accelerator("gupta2015").training
    assert numbers.working("weight").format == QFormat.parse("Q2.14")
    assert numbers.update_of("weight").format == QFormat.parse("Q2.14")
    assert numbers.update.rounding == Rounding.STOCHASTIC
    assert numbers.error.rounding == Rounding.RND_CONV
