"""Where bits get lost: noise layer by layer and kind by kind, and the formats that lack bits."""

from accel.explain.document import THRESHOLD, explain

__all__ = ["THRESHOLD", "explain"]
