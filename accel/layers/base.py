"""The layer protocol: five members, checked when a subclass is defined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import isabstract
from typing import Any, ClassVar, TypeVar

from accel.loopnest import LoopNest, Shape
from accel.ops.protocol import ForwardOps, Ops, Tensor

T = TypeVar("T", bound=Tensor)


@dataclass(frozen=True)
class ParameterSpec:
    """One trainable tensor: its shape and the fan-in that scales its first values (0: all of them are `start`)."""

    shape: Shape
    fan_in: int
    start: float = 0.0


class Layer(ABC):
    """A frozen description of one step of a network: shape, parameters, forward, backward and loop nest.

    Shapes exclude the batch axis. A layer knows neither bits nor hardware.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse an incomplete layer where it is written, not where it is first used."""
        super().__init_subclass__(**kwargs)
        members = ("output_shape", "parameters", "forward", "backward", "loop_nest")
        missing = [m for m in members if getattr(getattr(cls, m), "__isabstractmethod__", False)]
        if missing or not isinstance(getattr(cls, "kind", None), str):
            raise TypeError(f"layer {cls.__name__} lacks {', '.join(missing) or 'kind'}")
        assert not isabstract(cls)

    @abstractmethod
    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the output's shape. Raises ModelError when the inputs do not fit this layer."""

    @abstractmethod
    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return the trainable tensors by name ("weight", "bias"), empty for most layers."""

    @abstractmethod
    def forward(self, ops: ForwardOps[T], parameters: Mapping[str, T], *inputs: T) -> T:
        """Compute the output in the arithmetic `ops`."""

    @abstractmethod
    def backward(
        self, ops: Ops[T], parameters: Mapping[str, T], inputs: tuple[T, ...], output: T, delta: T
    ) -> tuple[tuple[T, ...], dict[str, T]]:
        """Return the loss derivative at each input and at each parameter, given it at the output."""

    @abstractmethod
    def loop_nest(self, *inputs: Shape) -> LoopNest:
        """Return the loops of this layer for a batch of one."""
