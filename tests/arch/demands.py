"""Random layers of the array with what they ask of small memories."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume
from hypothesis import strategies as st

from accel.arch.demand import Demand, Grain
from accel.loopnest import LoopNest

ROOMY = 1 << 40


@st.composite
def nests(draw, most: int = 6) -> LoopNest:
    """Convolutions with groups, strides, padding and dilation, matrix products among them."""
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    padding = tuple(draw(st.integers(0, size - 1)) for size in kernel)
    height, width = (draw(st.integers(1, 9)) for _ in range(2))
    P, Q = (
        (extent + 2 * pad - dil * (size - 1) - 1) // step + 1
        for extent, pad, dil, size, step in zip((height, width), padding, dilation, kernel, stride, strict=True)
    )
    assume(P >= 1 and Q >= 1)
    N, G, K, C = (draw(st.integers(1, limit)) for limit in (3, 3, most, most))
    return LoopNest(
        "array", "", N, G, K, C, P, Q, *kernel, height, width, stride, padding, dilation, has_bias=draw(st.booleans())
    )


@st.composite
def demands(draw, fitting: bool = True) -> Demand:
    """A layer, what its array takes in at once, widths (0: on the chip), and rooms that hold at least its least."""
    nest = draw(nests())
    grain = Grain(
        draw(st.integers(1, min(4, nest.N * nest.P * nest.Q))),
        draw(st.integers(1, min(3, nest.K))),
        draw(st.integers(1, min(3, nest.C))),
    )
    demand = Demand(
        nest=nest,
        grain=grain,
        input_bits=draw(st.sampled_from([0, 8, 12])),
        weight_bits=draw(st.sampled_from([0, 4, 8])),
        bias_bits=16 if nest.has_bias else 0,
        sum_bits=20,
        stored_bits=draw(st.sampled_from([0, 5, 8])) * nest.outputs,
        has_loose_sums=draw(st.booleans()),
        input_room=ROOMY,
        weight_room=ROOMY,
        output_room=ROOMY,
        most_steps=draw(st.sampled_from([1, 4, 1000])),
    )
    if not fitting:
        return demand
    rooms = {
        f"{buffer}_room": least + draw(st.integers(0, 3 * least + 20)) for buffer, least in demand.least_bytes.items()
    }
    return replace(demand, **rooms)
