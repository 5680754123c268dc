"""The networks of today against the figures that their papers and everybody's counters print."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import accel
from accel.layers import Add, Conv2d, LayerNorm, MatMul
from accel.network.graph import INPUT
from accel.network.weights import load_model
from accel.network.zoo import ZOO, build
from accel.numeric.ledger import Ledger
from accel.ops.golden import GoldenArithmetic, GoldenOps
from accel.runner.execute import run_fixed
from accel.runner.program import lower
from accel.walk import forward
from tests.network.test_zoo import SHAPES

MACS = {
    "vgg16": 15_470_264_320,
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "mobilenet-v1": 568_740_352,
    "transformer": 4 * 64 * 512 * 512 + 2 * 8 * 64 * 64 * 64 + 2 * 64 * 512 * 2048,
}
"""One input. VGG 15.5 G and MobileNet 569 M as printed (Howard et al., Table 8); ResNets as torchvision's counters have
them, 4.09 G for the stride in the 3 x 3 convolution (v1.5)."""

BATCH_NORMALISED_CHANNELS = {"resnet18": 4_800, "resnet50": 26_560, "mobilenet-v1": 10_944}
PARAMETERS = {
    "vgg16": 138_357_544,
    # With batch normalisation every channel has a scale and a shift; folded, it has a bias.
    "resnet18": 11_689_512 - 4_800,
    "resnet50": 25_557_032 - 26_560,
    "mobilenet-v1": 4_231_976 - 10_944,
    "transformer": 3_152_384,
}
"""As published: 138 M; 11.69 M and 25.56 M (torchvision); 4.2 M; a base encoder layer of torch.nn has 3 152 384."""

SIZES = {
    "vgg16": {"pool1": (64, 112, 112), "pool2": (128, 56, 56), "pool3": (256, 28, 28), "pool5": (512, 7, 7)},
    "resnet18": {
        "conv1": (64, 112, 112),
        "pool1": (64, 56, 56),
        "conv2_2.relu": (64, 56, 56),
        "conv3_2.relu": (128, 28, 28),
        "conv4_2.relu": (256, 14, 14),
        "conv5_2.relu": (512, 7, 7),
        "pool5": (512, 1, 1),
    },
    "resnet50": {
        "pool1": (64, 56, 56),
        "conv2_3.relu": (256, 56, 56),
        "conv3_1.relu1": (128, 56, 56),  # v1.5: the stride comes after it
        "conv3_4.relu": (512, 28, 28),
        "conv4_6.relu": (1024, 14, 14),
        "conv5_3.relu": (2048, 7, 7),
        "pool5": (2048, 1, 1),
    },
    "mobilenet-v1": {
        "conv1": (32, 112, 112),
        "conv2.pw": (64, 112, 112),
        "conv3.dw": (64, 56, 56),
        "conv5.dw": (128, 28, 28),
        "conv7.pw": (512, 14, 14),
        "conv12.pw": (512, 14, 14),
        "conv13.dw": (512, 7, 7),
        "conv14.pw": (1024, 7, 7),
        "pool": (1024, 1, 1),
    },
    "transformer": {
        "query.heads": (8, 64, 64),
        "scores": (8, 64, 64),
        "shares": (8, 64, 64),
        "context": (8, 64, 64),
        "norm1": (64, 512),
        "ffn1": (64, 2048),
        "norm2": (64, 512),
    },
}
"""Maps as the papers' tables print them."""


def test_every_network_of_the_zoo_is_held_against_its_paper():
    """Small ones node by node in `test_zoo`, large ones here."""
    assert set(ZOO) == set(SHAPES) | set(MACS)


@pytest.mark.parametrize("name", MACS)
def test_macs_and_parameters(name):
    """Multiply-accumulates and trainable numbers are the published ones."""
    network = build(name)
    assert sum(nest.macs for _, nest in network.loop_nests()) == MACS[name]
    specs = [spec for tensors in network.parameter_specs().values() for spec in tensors.values()]
    assert sum(prod(spec.shape) for spec in specs) == PARAMETERS[name]


@pytest.mark.parametrize("name", MACS)
def test_sizes(name):
    """Stages have the sizes of the papers' tables, under the names they have there; 1000 classes come out."""
    network = build(name)
    assert {node: network.shapes[node] for node in SIZES[name]} == SIZES[name]
    assert network.shapes[network.output.name] == ((64, 512) if name == "transformer" else (1000,))


@pytest.mark.parametrize("name", BATCH_NORMALISED_CHANNELS)
def test_every_convolution_carries_a_folded_normalisation(name):
    """All of them have a bias, one for every channel that was normalised."""
    convolutions = [node.layer for node in build(name).nodes if isinstance(node.layer, Conv2d)]
    assert all(layer.bias for layer in convolutions)
    assert sum(layer.filters for layer in convolutions) == BATCH_NORMALISED_CHANNELS[name]


@pytest.mark.parametrize(("name", "sums", "projections"), [("resnet18", 8, 3), ("resnet50", 16, 4)])
def test_residual_blocks(name, sums, projections):
    """As many blocks as stages times blocks; a projection wherever a block changes the shape, and nowhere else."""
    network = build(name)
    joins = [node for node in network.nodes if isinstance(node.layer, Add)]
    shortcuts = [node for node in network.nodes if node.name.endswith(".shortcut")]
    assert (len(joins), len(shortcuts)) == (sums, projections)
    for shortcut in shortcuts:
        assert network.input_shapes(shortcut)[0] != network.shapes[shortcut.name]
    strides = {node.layer.window.stride for node in network.nodes if node.name.endswith(".conv1")}
    assert ((2, 2) in strides) == (name == "resnet18")  # ResNet-50 v1.5 has it in the 3 x 3 convolution


def test_depthwise_convolutions_have_a_group_per_channel():
    """13 of them, 9 products a pixel and channel: 3 % of the multiply-accumulates (Howard et al., Table 2)."""
    nests = [(node, nest) for node, nest in build("mobilenet-v1").loop_nests() if node.name.endswith(".dw")]
    assert len(nests) == 13
    assert all((nest.K, nest.C, nest.R * nest.S) == (1, 1, 9) for _, nest in nests)
    share = sum(nest.macs for _, nest in nests) / MACS["mobilenet-v1"]
    assert round(100 * share, 2) == 3.06


def test_attention_is_scaled_and_masks_nothing():
    """Scores are products of queries and keys, divided by sqrt(64); values are weighed by them."""
    nodes = {node.name: node for node in build("transformer").nodes}
    assert nodes["scores"].inputs == ("query.heads", "key.heads")
    assert nodes["scores"].layer == MatMul(transposed=True)
    assert nodes["scores.scaled"].layer.factor == 1 / 8
    assert nodes["context"].inputs == ("shares", "value.heads")
    assert nodes["add1"].inputs == ("output", INPUT)
    assert nodes["add2"].inputs == ("ffn2", "norm1")
    assert sum(isinstance(node.layer, LayerNorm) for node in nodes.values()) == 2


def test_attention_is_the_formula_of_the_paper(rng):
    """The golden block equals softmax(Q K^T / sqrt(d)) V head by head, in einsum."""
    model = load_model("transformer")
    x = rng.normal(size=(1, 64, 512))
    tape = forward(model.network, model.parameters, GoldenArithmetic(), x)

    def heads(name):
        made = np.einsum("nlf,kf->nlk", x, model.parameters[name]["weight"]) + model.parameters[name]["bias"]
        return made.reshape(1, 64, 8, 64)

    scores = np.einsum("nqhd,nkhd->nhqk", heads("query"), heads("key")) / 8
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    context = np.einsum("nhqk,nkhd->nqhd", shares, heads("value")).reshape(1, 64, 512)
    np.testing.assert_allclose(tape["context.merged"], context, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["mobilenet-v1", "transformer", "resnet18", "resnet50"])
def test_every_layer_is_near_golden_within_a_derived_bound(name):
    """Seeded weights keep every layer in Q6.10, and each is within its bound of float64 on the very same codes.

    Exact sums, averages and ReLU: half an lsb (an average's constant moves it by an eighth more). Softmax: 4e-5 and an
    lsb. Normalisation: half an lsb and 2^-17 of values up to 16, where weights are 1.
    """
    model = load_model(name)
    program = lower(model, accel.load_accelerator("gupta2015"))
    x = np.random.default_rng(1).random((1, *model.network.input_shape))
    ledger = Ledger()
    fixed = {node: codes.to_float() for node, codes in run_fixed(program, x, ledger).items()}
    ops = GoldenOps()
    for node, nest in model.network.loop_nests():
        held = {tensor: codes.to_float() for tensor, codes in program.nodes[node.name].parameters.items()}
        golden = node.layer.forward(ops, held, *(fixed[source] for source in node.inputs))
        lsb = float(program.nodes[node.name].target.lsb)
        bound = {"softmax": 4e-5 + lsb, "pooling": 0.625 * lsb, "normalisation": 0.5 * lsb + 2.0**-13}
        assert ledger.at(node.name, "output").fraction == 0.0
        difference = np.abs(fixed[node.name] - golden).max()
        assert difference <= bound.get(nest.engine, 0.5 * lsb) + 1e-9, node.name


@pytest.mark.parametrize("preset", ["gupta2015", "tpuv1", "diannao"])
@pytest.mark.parametrize("name", MACS)
def test_estimates_exist(name, preset):
    """Every network has its price on arrays of three kinds, and every MAC is in it."""
    report = accel.estimate(name, preset)
    assert sum(layer.macs for layer in report.layers) == MACS[name]
    assert report.latency_cycles * report.pes >= MACS[name]
    assert all(layer.cycles.total > 0 or layer.engine == "none" or layer.hidden_cycles for layer in report.layers)
