"""Our networks as ONNX graphs for ONNX Runtime: the float32 peer of `bench_network.py`.

The graph is built from the network and its float64 parameters, nothing is trained or folded; `check` holds its outputs
against the golden run before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from accel.layers import Activation, Conv2d, Dense, Flatten, Layer, Pool2d, Softmax
from accel.network.graph import Model, Node
from accel.ops.golden import GoldenArithmetic
from accel.walk import forward

OPSET = 17
IR_VERSION = 8
FUNCTIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "identity": "Identity"}
POOLS = {"max": "MaxPool", "average": "AveragePool"}
FLOAT32_ERROR = 2e-5
"""Largest difference from golden, relative to its largest output: float32 sums of a few thousand terms."""

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def session(model: Model, threads: int) -> Run:
    """Return the network in ONNX Runtime as a function of a batch, on so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(graph(model).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: made.run(None, {"input": x})[0]


def check(model: Model, run: Run, inputs: NDArray[np.float64]) -> None:
    """Assert that the peer computes this network."""
    golden = forward(model.network, model.parameters, GoldenArithmetic(), inputs)[model.network.output.name]
    error = np.abs(run(inputs.astype(np.float32)) - golden).max()
    assert error <= FLOAT32_ERROR * np.abs(golden).max(), f"ONNX Runtime differs from golden by {error}"


def graph(model: Model) -> ModelProto:
    """Return the network as an ONNX model with a free batch size."""
    network = model.network
    tensors, nodes = [], []
    for node in network.nodes:
        parameters = model.parameters.get(node.name, {})
        tensors += [
            numpy_helper.from_array(values.astype(np.float32), f"{node.name}.{name}")
            for name, values in parameters.items()
        ]
        nodes.append(_node(node, parameters))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", *shape))
        for name, shape in (("input", network.input_shape), (network.output.name, network.shapes[network.output.name]))
    ]
    body = helper.make_graph(nodes, network.name, ends[:1], ends[1:], tensors)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _node(node: Node, parameters: Mapping[str, object]) -> NodeProto:
    operator, attributes = _operator(node.layer)
    tensors = [f"{node.name}.{name}" for name in ("weight", "bias") if name in parameters]
    return helper.make_node(operator, [*node.inputs, *tensors], [node.name], name=node.name, **attributes)


def _operator(layer: Layer) -> tuple[str, dict[str, Any]]:
    """Return the ONNX operator of a layer and its attributes."""
    match layer:
        case Conv2d():
            return "Conv", {**_window(layer), "dilations": layer.window.dilation, "group": layer.groups}
        case Pool2d(mode="max"):
            return POOLS["max"], _window(layer)
        case Pool2d(mode="average"):
            return POOLS["average"], {**_window(layer), "count_include_pad": 1}
        case Dense():
            return "Gemm", {"transB": 1}
        case Activation():
            return FUNCTIONS[layer.function], {}
        case Flatten():
            return "Flatten", {}
        case Softmax():
            return "Softmax", {"axis": -1}
    raise NotImplementedError(f"{layer.kind} has no ONNX operator here")


def _window(layer: Conv2d | Pool2d) -> dict[str, Any]:
    window = layer.window
    return {"kernel_shape": window.size, "strides": window.stride, "pads": (*window.padding, *window.padding)}
