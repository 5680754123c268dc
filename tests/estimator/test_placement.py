"""Where tensors live: what streams behind what, what stays on chip."""

from accel.arch.hardware import Memory
from accel.estimator.placement import Placement, place
from accel.formats import node_formats
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Network, Node, chain
from tests.machines import machine


def placed(network: Network, batch: int = 1, **memory: int) -> Placement:
    """Place a network with 8-bit inputs and 16-bit activations."""
    sizes = Memory(
        **{"input_bytes": 1 << 20, "weight_bytes": 1, "output_bytes": 1 << 20, **memory}, dram_bytes_per_cycle=1
    )
    nests = {node.name: nest for node, nest in network.loop_nests()}
    return place(network, nests, node_formats(network, machine().numerics), sizes, batch)


CHAIN = chain(
    "chain",
    (1, 8, 8),
    {
        "conv": Conv2d(2, 3),
        "relu": Activation("relu"),
        "pool": Pool2d("max", 2),
        "relu2": Activation("relu"),
        "flatten": Flatten(),
        "dense": Dense(4),
        "softmax": Softmax(),
    },
)


def test_units_stream_behind_what_feeds_them():
    """An activation and a pooling follow a convolution; a unit already at work there, and softmax, wait."""
    placement = placed(CHAIN)
    assert placement.behind == {"relu": "conv", "pool": "relu"}
    assert placement.unstored == {"conv", "relu"}
    assert placement.reads["dense"] == ("relu2",)
    assert "flatten" not in placement.reads
    assert placement.off_chip == {INPUT, "softmax"}


def test_tensors_that_do_not_fit_go_to_dram():
    """pool and relu2 make 2 x 3 x 3 codes of 16 bits, 36 bytes an input; both buffers must hold those of a batch."""
    for memory, batch, is_off in (
        ({"input_bytes": 36, "output_bytes": 36}, 1, False),
        ({"input_bytes": 35}, 1, True),
        ({"output_bytes": 35}, 1, True),
        ({"output_bytes": 72}, 2, False),
        ({"output_bytes": 72}, 3, True),
    ):
        assert (placed(CHAIN, batch, **memory).off_chip >= {"pool", "relu2"}) == is_off
        assert "conv" not in placed(CHAIN, batch, **memory).off_chip


def test_branches_are_stored():
    """A tensor that somebody reads later is stored, even if a unit also takes it as it comes; a sum of two waits."""
    nodes = (
        Node("conv", Conv2d(1, 1), (INPUT,)),
        Node("relu", Activation("relu"), ("conv",)),
        Node("sum", Add(), ("relu", "conv")),
        Node("late", Activation("tanh"), ("conv",)),
        Node("double", Add(), ("late", "late")),
    )
    placement = placed(Network("branches", (1, 4, 4), nodes))
    assert placement.behind == {"relu": "conv"}
    assert placement.unstored == frozenset()
    assert placement.reads["double"] == ("late",)
    assert placement.reads["sum"] == ("relu", "conv")


def test_a_unit_on_the_network_input_waits_for_it():
    """Nothing feeds the first layer cycle by cycle; what follows it streams."""
    placement = placed(chain("first", (1, 4, 4), {"relu": Activation("relu"), "pool": Pool2d("average", 2)}))
    assert placement.behind == {"pool": "relu"}
    assert placement.off_chip == {INPUT, "pool"}


def test_a_change_of_shape_at_the_end_leaves_the_output_in_place():
    """The output of the network is the tensor before the final flatten."""
    placement = placed(chain("end", (1, 4, 4), {"conv": Conv2d(2, 1), "flatten": Flatten()}))
    assert placement.off_chip == {INPUT, "conv"}


def test_the_network_output_is_stored_whoever_takes_it_as_it_comes():
    """A unit streams behind the tensor that is also the network's output."""
    nodes = (
        Node("conv", Conv2d(1, 1), (INPUT,)),
        Node("relu", Activation("relu"), ("conv",)),
        Node("flatten", Flatten(), ("conv",)),
    )
    placement = placed(Network("both", (1, 4, 4), nodes))
    assert placement.behind == {"relu": "conv"}
    assert placement.unstored == frozenset()
    assert placement.off_chip == {INPUT, "conv"}


RESIDUAL = Network(
    "residual",
    (2, 4, 4),
    (
        Node("stem", Conv2d(2, 1), (INPUT,)),
        Node("first", Conv2d(2, 1), ("stem",)),
        Node("second", Conv2d(2, 1), ("first",)),
        Node("sum", Add(), ("second", "stem")),
        Node("last", Conv2d(1, 1), ("sum",)),
    ),
)
"""Every tensor of 2 x 4 x 4 codes of 16 bits takes 64 bytes."""


def test_a_tensor_that_waits_takes_room_from_those_that_are_read():
    """The stem waits while `second` reads `first`, and is read beside `second`: 128 bytes of inputs."""
    for input_bytes, kept in ((128, {"stem", "first", "second", "sum"}), (127, {"stem", "sum"}), (63, set())):
        placement = placed(RESIDUAL, input_bytes=input_bytes)
        assert placement.off_chip == {INPUT, "last"} | ({"stem", "first", "second", "sum"} - kept)
        assert placement.waiting == ({"second": 64} if "stem" in kept else {})
    assert placed(RESIDUAL).sizes["stem"] == 64


def test_tiles_of_others_keep_their_room():
    """A waiting tensor leaves room for the smallest tile of a layer in between, and for the sums of its maker."""

    def place_with(least):
        nests = {node.name: nest for node, nest in RESIDUAL.loop_nests()}
        memory = Memory(input_bytes=128, weight_bytes=1, output_bytes=70)
        return place(RESIDUAL, nests, node_formats(RESIDUAL, machine().numerics), memory, 1, least)

    assert "stem" not in place_with(lambda node, buffer: 0).off_chip
    assert "stem" in place_with(lambda node, buffer: 65 if (node, buffer) == ("second", "input") else 0).off_chip
    assert "stem" in place_with(lambda node, buffer: 7 if (node, buffer) == ("stem", "output") else 0).off_chip


def test_heads_of_chains():
    """A unit belongs to the layer at the head of its chain."""
    placement = placed(CHAIN)
    assert [placement.head(name) for name in ("conv", "relu", "pool", "relu2")] == ["conv", "conv", "conv", "relu2"]
