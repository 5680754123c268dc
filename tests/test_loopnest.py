"""Loop nests: closed-form counts against enumeration."""

from hypothesis import given
from hypothesis import strategies as st

from accel.loopnest import LoopNest

axis = st.tuples(
    st.integers(1, 9), st.integers(1, 6), st.integers(1, 7), st.integers(0, 8), st.integers(1, 7), st.integers(1, 30)
)


def touched(positions: int, size: int, stride: int, padding: int, dilation: int, extent: int) -> set[int]:
    """Visit every window position and every kernel position."""
    reached = {p * stride + r * dilation - padding for p in range(positions) for r in range(size)}
    return {position for position in reached if 0 <= position < extent}


@given(axis, axis, st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 2))
def test_inputs_are_the_union_of_all_windows(rows, columns, batch, groups, channels, operands):
    """Every input element under some window counts once, padding does not count."""
    P, R, stride_h, pad_h, dilation_h, height = rows
    Q, S, stride_w, pad_w, dilation_w, width = columns
    nest = LoopNest(
        "array",
        N=batch,
        G=groups,
        C=channels,
        P=P,
        Q=Q,
        R=R,
        S=S,
        height=height,
        width=width,
        stride=(stride_h, stride_w),
        padding=(pad_h, pad_w),
        dilation=(dilation_h, dilation_w),
        operands=operands,
    )
    assert nest.inputs == operands * batch * groups * channels * len(touched(*rows)) * len(touched(*columns))
