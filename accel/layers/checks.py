"""What layers refuse, in one wording: the value found, the limit, the remedy. `kind` names the layer in the message."""

from __future__ import annotations

from accel.errors import ModelError
from accel.loopnest import Pair, Shape, Window


def single(kind: str, inputs: tuple[Shape, ...]) -> Shape:
    """Return the shape of the only input. Raises ModelError when the layer is given none or several."""
    if len(inputs) != 1:
        raise ModelError(f"{kind} reads one input, not {len(inputs)}; join several with an Add before it")
    return inputs[0]


def vector(kind: str, shape: Shape) -> int:
    """Return F of a vector (F,). Raises ModelError for maps."""
    if len(shape) != 1:
        raise ModelError(f"{kind} reads a vector (F,), not {shape}; put a Flatten before it")
    return shape[0]


def rows(kind: str, shape: Shape) -> tuple[int, int]:
    """Return L, F of rows (L, F); a vector (F,) is one row. Raises ModelError for maps."""
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 1:
        raise ModelError(
            f"{kind} reads a vector (F,), not {shape}; put a Flatten before it (rows (L, F) are read one by one)"
        )
    return 1, shape[0]


def maps(kind: str, shape: Shape) -> tuple[int, int, int]:
    """Return C, H, W of maps. Raises ModelError for vectors and anything else."""
    if len(shape) != 3:
        raise ModelError(
            f"{kind} reads maps (C, H, W), not {shape}; give the image its channel axis, or move it before the Flatten"
        )
    channels, height, width = shape
    return channels, height, width


def positive(kind: str, name: str, value: int) -> None:
    """Raise ModelError unless `value` is 1 or more."""
    if value < 1:
        raise ModelError(f"{kind} with {name} = {value} has no outputs; {name} must be 1 or more")


def window(kind: str, size: int | Pair, stride: int | Pair, padding: int | Pair, dilation: int | Pair = 1) -> Window:
    """Build the window of a layer; one number stands for rows and columns alike.

    Raises ModelError for a size, stride or dilation below 1, or a padding below 0.
    """
    window = Window(_pair(size), _pair(stride), _pair(padding), _pair(dilation))
    for name, pair, least in (
        ("size", window.size, 1),
        ("stride", window.stride, 1),
        ("padding", window.padding, 0),
        ("dilation", window.dilation, 1),
    ):
        if min(pair) < least:
            raise ModelError(f"{kind} with {name} {pair[0]}x{pair[1]}; {name} must be {least} or more both ways")
    return window


def positions(kind: str, window: Window, height: int, width: int) -> Pair:
    """Return how many places the window has on a map. Raises ModelError when it does not fit once."""
    rows, columns = window.output(height, width)
    if rows < 1 or columns < 1:
        (R, S), (pad_rows, pad_columns) = window.size, window.padding
        reach = tuple(step * (extent - 1) + 1 for extent, step in zip(window.size, window.dilation, strict=True))
        dilated = f", {reach[0]}x{reach[1]} when dilated," if reach != window.size else ""
        raise ModelError(
            f"{kind}: a {R}x{S} kernel{dilated} is larger than the padded input "
            f"{height + 2 * pad_rows}x{width + 2 * pad_columns}; make it smaller, or the padding larger"
        )
    return rows, columns


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value
