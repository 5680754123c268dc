"""What layers refuse: one error each, with the number found, the limit and the remedy."""

from __future__ import annotations

import pytest

from accel.errors import ModelError
from accel.layers import (
    Activation,
    Add,
    Conv2d,
    Dense,
    Flatten,
    LayerNorm,
    MatMul,
    MergeHeads,
    Pool2d,
    Scale,
    Softmax,
    SplitHeads,
)

MAPS = (3, 8, 9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(0), "dense with features = 0 has no outputs; features must be 1 or more"),
        (lambda: Conv2d(-1, 3), "conv2d with filters = -1 .* must be 1 or more"),
        (lambda: Conv2d(4, 3, groups=0), "conv2d with groups = 0"),
        (lambda: Conv2d(4, 0), "conv2d with size 0x0; size must be 1 or more"),
        (lambda: Conv2d(4, 3, stride=0), "conv2d with stride 0x0; stride must be 1 or more"),
        (lambda: Conv2d(4, 3, stride=(1, 0)), "conv2d with stride 1x0"),
        (lambda: Conv2d(4, 3, padding=-1), "conv2d with padding -1x-1; padding must be 0 or more"),
        (lambda: Conv2d(4, 3, dilation=0), "conv2d with dilation 0x0"),
        (lambda: Conv2d(5, 3, groups=2), "5 filters cannot be cut into 2 equal groups; use groups that divide 5"),
        (lambda: Conv2d(2, 3, groups=2, connections=((True,), (True,))), "2 groups exclude each other"),
        (lambda: Conv2d(3, 3, connections=((True,), (True,))), r"2 rows of \[1\] columns for 3 filters"),
        (lambda: Conv2d(2, 3, connections=((True, True), (True,))), r"2 rows of \[1, 2\] columns"),
        (lambda: Conv2d(2, 3, connections=((True, True), (False, False))), r"filters \[1\] are connected to no"),
        (lambda: Pool2d("maximum", 2), "'maximum' is not a kind of pooling.*max"),
        (lambda: Pool2d("max", 2, stride=0), "pool2d with stride 0x0"),
        (lambda: Pool2d("max", 2, padding=2), "padding 2x2 must be smaller than the window 2x2"),
        (lambda: Scale(0.0), "scale by 0.0; use a factor above 0"),
        (lambda: Scale(float("nan")), "scale by nan; use a factor above 0"),
        (lambda: LayerNorm(0.0), "layer-norm with epsilon = 0.0; use a small number above 0"),
        (lambda: SplitHeads(0), "split-heads with heads = 0"),
        (lambda: Activation("sigmiod"), "'sigmiod' is not an activation function. Did you mean 'sigmoid'"),
    ],
)
def test_a_description_that_cannot_be_is_refused_at_once(make, message):
    """Impossible numbers are refused where the layer is written."""
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (Dense(4), (MAPS,), r"dense reads a vector \(F,\), not \(3, 8, 9\); put a Flatten before it"),
        (Softmax(), (MAPS,), "softmax reads a vector .* put a Flatten before it"),
        (Conv2d(4, 3), ((12,),), r"conv2d reads maps \(C, H, W\), not \(12,\)"),
        (Pool2d("max", 2), ((28, 28),), r"pool2d reads maps .* not \(28, 28\); give the image its channel axis"),
        (Conv2d(4, 9), (MAPS,), "a 9x9 kernel is larger than the padded input 8x9; make it smaller"),
        (Conv2d(4, 9, padding=(0, 1)), (MAPS,), "larger than the padded input 8x11"),
        (Conv2d(4, 3, dilation=4), (MAPS,), "a 3x3 kernel, 9x9 when dilated, is larger than the padded input 8x9"),
        (Pool2d("average", 9), (MAPS,), "pool2d: a 9x9 kernel is larger"),
        (Conv2d(4, 3, groups=2), (MAPS,), "3 channels cannot be cut into 2 equal groups"),
        (Conv2d(1, 3, connections=((True, True),)), (MAPS,), "2 columns for 3 input channels"),
        (Dense(4), ((3,), (3,)), "dense reads one input, not 2; join several with an Add"),
        (Activation("relu"), (), "activation reads one input, not 0"),
        (Flatten(), ((3,), (3,)), "flatten reads one input, not 2"),
        (Dense(4), ((2, 3, 4),), r"not \(2, 3, 4\); put a Flatten before it \(rows \(L, F\) are read one by one\)"),
        (Softmax(), ((3, 4),), "softmax reads a vector .* put a Flatten before it"),
        (Softmax(rows=True), ((),), "softmax reads a vector"),
        (LayerNorm(), (MAPS,), "layer-norm reads a vector"),
        (SplitHeads(4), (MAPS,), r"split-heads reads rows \(L, D\), not \(3, 8, 9\)"),
        (SplitHeads(4), ((3, 10),), "10 features cannot be cut into 4 equal heads"),
        (MergeHeads(), ((3, 4),), r"merge-heads reads heads \(heads, L, d\), not \(3, 4\)"),
        (MatMul(), ((3, 4),), "matmul reads two inputs, not 1"),
        (MatMul(), ((3, 4), (5, 4)), r"cannot multiply \(3, 4\) by \(5, 4\); it reads .* and \(..., K, P\)"),
        (MatMul(transposed=True), ((3, 4), (4, 5)), r"it reads .* and \(..., P, K\)"),
        (MatMul(), ((2, 3, 4), (3, 4, 5)), "same leading axes"),
        (MatMul(), ((4,), (4, 5)), "cannot multiply"),
        (Add(), ((3,),), "add reads two inputs, not 1"),
        (Add(), ((3,), (4,)), r"add cannot sum \(3,\) and \(4,\)"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(layer, inputs, message):
    """Shapes that a layer cannot read are refused with both sides and the remedy."""
    with pytest.raises(ModelError, match=message):
        layer.output_shape(*inputs)


def test_a_kernel_that_just_fits_is_accepted():
    """The largest kernel gives one pixel; one more is refused."""
    assert Conv2d(4, (8, 9)).output_shape(MAPS) == (4, 1, 1)
    assert Pool2d("max", 2, padding=1).output_shape((1, 1, 1)) == (1, 1, 1)
