"""Arrays stepped register by register on real codes: the second of three rungs that must agree.

The closed forms of `accel.arch.dataflows` say how long a product takes, the kernels of `accel.ops` what its sums are.
Here the machine is walked cycle by cycle and says both at once: `step(...).cycles` and `.outputs` equal theirs.
"""

from accel.cycle.stepper import STEPPERS, StepResult, step, step_layer
from accel.cycle.trace import EMPTY, Signal, Trace
from accel.cycle.waveform import vcd

__all__ = ["EMPTY", "STEPPERS", "Signal", "StepResult", "Trace", "step", "step_layer", "vcd"]
