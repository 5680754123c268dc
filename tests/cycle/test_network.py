"""Layers of a trained network, stepped on the codes of a digit, make the codes that a run makes."""

from __future__ import annotations

import numpy as np
import pytest

from accel.arch.dataflows import schedule
from accel.config import load_accelerator
from accel.cycle import step_layer
from accel.data.dataset import load
from accel.data.fit import fit
from accel.network.weights import load_model
from accel.numeric.cast import cast_codes
from accel.numeric.ledger import Ledger
from accel.runner.execute import run_fixed
from accel.runner.program import lower

NARROW = ("numerics.accumulator.width=22", "numerics.accumulator.frac_bits=14", "numerics.accumulator.overflow=SAT")


@pytest.mark.parametrize("dataflow", ["os", "ws", "is", "adder-tree", "conv-engine"])
def test_lenet5(dataflow):
    """Two convolutions and a dense layer of lenet5 on 8 x 8, saturating sums cut to 14 fraction bits: the same codes
    after the same cast, in the cycles that the estimate has.
    """
    model = load_model("lenet5", "digits")
    size = (f"array.dataflow={dataflow}", "array.rows=8", "array.columns=8")
    machine = load_accelerator("gupta2015", (*NARROW, *size))
    array = machine.architecture.array
    program = lower(model, machine)
    images = fit(load("digits", "test", 1).images, model.network.input_shape)
    tape = run_fixed(program, images, Ledger())
    for name in ("C1", "C3", "F6"):
        (node,) = (node for node in model.network.nodes if node.name == name)
        nest = node.layer.loop_nest(*model.network.input_shapes(node))
        datapath = program.nodes[name]
        x, weight = tape[node.inputs[0]], datapath.parameters["weight"]
        stepped = step_layer(nest, array, x, weight, datapath.sums)
        outputs, _ = cast_codes(stepped.outputs, stepped.format, datapath.output)
        assert np.array_equal(outputs.codes, tape[name].codes)
        assert stepped.cycles == schedule(nest, array).compute_cycles
