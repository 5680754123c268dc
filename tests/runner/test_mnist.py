"""The main claim on authentic data: 16-bit fixed point decides as float64 does."""

import pytest

import accel
from accel.data.dataset import load
from accel.data.fit import fit
from tests.data.files import authentic_mnist

pytestmark = [*authentic_mnist, pytest.mark.slow]


@pytest.mark.parametrize("network", ["lenet5", "lenet5-relu", "mlp"])
def test_sixteen_bits_decide_as_float64_does(network):
    """On all 10 000 test images golden and fixed agree on at least 99.5 %, and nothing but probabilities saturates."""
    model = accel.load_network(network, "mnist")
    images = load("mnist")
    result = accel.run(model, "gupta2015", fit(images.images, model.network.input_shape), images.labels, jobs=2)
    assert len(result.golden) == 10_000
    assert result.agreement >= 0.995
    assert abs(result.accuracy["fixed"] - result.accuracy["golden"]) <= 0.001
    assert all(layer.output.overflowed == 0 for layer in result.layers[:-1])
