"""The cost of one training step: forward, error, gradient and update of every layer, priced as forward layers are.

Backward products are loop nests of their own (`accel.estimator.training_nests`). What passes function units backward is
one multiplication or addition an element on the machine's elementwise unit, behind the product that feeds it.

The surprise: forward phases take the model of inference with all its overlap; backward and update phases last as long
as the longer of their cycles and their DRAM traffic, every tensor taken to come from DRAM and go back. So this is a
bound from above where buffers would hold a tensor, and close where a batch is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, prod
from pathlib import Path
from typing import Any

from accel.accelerator import Accelerator
from accel.arch.cost import ALL_THERE, Results
from accel.arch.energy import Energy, total_energy
from accel.arch.memory import packed_bytes
from accel.arch.result import Cycles, LayerReport, NetworkReport
from accel.errors import ConfigError, ModelError
from accel.estimator.energy import energy_of
from accel.estimator.join import estimate, resolved
from accel.estimator.pricing import Machine, Price, Prices, Site, prices
from accel.estimator.traffic import Widths
from accel.estimator.training_nests import error_nest, factor_errors, gradient_nest, patches_nest
from accel.formats import node_formats
from accel.loopnest import LoopNest
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric.format import QFormat
from accel.numeric.training import TrainingNumerics

PHASES = ("forward", "error", "gradient", "update")


@dataclass(frozen=True)
class Phase:
    """One phase of one layer. compute_cycles: without waiting; dram: bytes by operand; energy: if it is estimated."""

    layer: str
    phase: str
    macs: int
    compute_cycles: int
    total_cycles: int
    dram: Mapping[str, int]
    energy: Energy | None


@dataclass(frozen=True)
class TrainingReport:
    """One step of `batch` examples.

    tape: bytes of every activation kept for the way back. on_chip: the input buffer holds them all.
    """

    network: str
    accelerator: str
    batch: int
    clock_hz: float
    phases: tuple[Phase, ...]
    tape: Mapping[str, int]
    on_chip: bool
    parameters: int

    @cached_property
    def cycles(self) -> Mapping[str, int]:
        """Cycles of a step by phase."""
        return {name: sum(each.total_cycles for each in self.phases if each.phase == name) for name in PHASES}

    @property
    def step_cycles(self) -> int:
        """Cycles of a whole step: phases and layers follow each other."""
        return sum(self.cycles.values())

    @property
    def samples_per_second(self) -> float:
        """Examples learned from in a second: batch * clock / step."""
        return self.batch * self.clock_hz / self.step_cycles

    @property
    def tape_bytes(self) -> int:
        """Bytes of all stored activations."""
        return sum(self.tape.values())

    @cached_property
    def energy(self) -> Energy | None:
        """Energy of a step, None without a technology."""
        found = [phase.energy for phase in self.phases if phase.energy is not None]
        return total_energy(found) if found else None

    def epoch_energy_pj(self, examples: int) -> float | None:
        """Return the energy of an epoch of so many examples in picojoules; None if nothing is priced in pJ."""
        step = None if self.energy is None else self.energy.total_pj
        return None if step is None else step * -(-examples // self.batch)

    def to_dict(self, examples: int | None = None) -> dict[str, Any]:
        """Return the report as plain values; examples: of an epoch, None where nobody said."""
        step_s = self.step_cycles / self.clock_hz
        epoch = None
        if examples is not None:
            steps = -(-examples // self.batch)
            epoch = {
                "examples": examples,
                "steps": steps,
                "seconds": steps * step_s,
                "energy_pj": self.epoch_energy_pj(examples),
            }
        return {
            "schema": "bitcycle-training-estimate-1",
            "network": self.network,
            "accelerator": self.accelerator,
            "batch": self.batch,
            "clock_hz": self.clock_hz,
            "parameters": self.parameters,
            "cycles": dict(self.cycles),
            "step_cycles": self.step_cycles,
            "step_us": 1e6 * step_s,
            "samples_per_second": self.samples_per_second,
            "tape_bytes": self.tape_bytes,
            "tape": dict(self.tape),
            "tape_on_chip": self.on_chip,
            "energy": None if self.energy is None else self.energy.to_dict(),
            "epoch": epoch,
            "phases": [
                {
                    "layer": phase.layer,
                    "phase": phase.phase,
                    "macs": phase.macs,
                    "compute_cycles": phase.compute_cycles,
                    "total_cycles": phase.total_cycles,
                    "dram_bytes": dict(phase.dram),
                    "energy": None if phase.energy is None else phase.energy.total,
                }
                for phase in self.phases
            ],
        }


def estimate_training(
    network: Network | Model | str, accelerator: Accelerator | str | Path, batch: int = 1, momentum: bool = True
) -> TrainingReport:
    """Return the cost of a step of stochastic gradient descent; momentum: velocities are read and written too.

    Raises ConfigError and ModelError as `estimate` does, ModelError for a network without parameters.
    """
    structure, machine = resolved(network, accelerator)
    if machine.training is None:
        raise ConfigError(f"{machine.name} has no bits of training; load it from a file with [training]")
    if not structure.parameter_specs():
        raise ModelError(f"{structure.name} has no trainable tensors; there is nothing to train")
    as_trained = replace(machine, numerics=machine.training.forward)
    forward = estimate(structure, as_trained, batch)
    return _Step(structure, as_trained, machine.training, batch, momentum).report(forward)


class _Step:
    """What is known of a step while it is priced."""

    def __init__(
        self, network: Network, machine: Accelerator, numbers: TrainingNumerics, batch: int, momentum: bool
    ) -> None:
        self.network, self.machine, self.numbers = network, machine, numbers
        self.batch, self.momentum = batch, momentum
        self.memory = machine.architecture.memory
        self.formats = node_formats(network, machine.numerics)
        self.prices: Prices = prices(Machine.of(machine.architecture, machine.architecture.cores.number or 1))
        self.nests = {node.name: nest for node, nest in network.loop_nests()}
        self.specs = network.parameter_specs()
        self.trained = self._trained()

    def report(self, forward: NetworkReport) -> TrainingReport:
        """Return the report."""
        tape = self._tape()
        phases = [self._forward(layer, tape) for layer in forward.layers]
        behind = ALL_THERE
        for node in reversed(self.network.nodes):
            made, behind = self._backward(node, behind)
            phases += made
        phases += [self._update(node) for node in self.network.nodes if node.name in self.specs]
        return TrainingReport(
            network=self.network.name,
            accelerator=self.machine.name,
            batch=self.batch,
            clock_hz=self.machine.architecture.clock_hz,
            phases=tuple(phases),
            tape=tape,
            on_chip=sum(tape.values()) <= self.memory.input_bytes,
            parameters=sum(self._parameters(name) for name in self.specs),
        )

    def _trained(self) -> set[str]:
        """Return the nodes whose error someone needs: those that read what depends on a parameter."""
        carries: set[str] = set()
        for node in self.network.nodes:
            if any(name in carries or name in self.specs for name in node.inputs):
                carries.add(node.name)
        return carries

    def _tape(self) -> dict[str, int]:
        """Return the bytes of every activation that a backward phase reads, by the node that made it."""
        sources = {INPUT: INPUT}
        for node in self.network.nodes:
            is_view = self.nests[node.name].engine == "none"
            sources[node.name] = sources[node.inputs[0]] if is_view else node.name
        kept: list[str] = []
        for node in self.network.nodes:
            nest = self.nests[node.name]
            if nest.engine == "array":
                kept += node.inputs
            elif nest.engine in ("activation", "softmax"):
                kept.append(node.name)
            elif nest.engine == "normalisation" or (nest.engine == "pooling" and nest.function != "average"):
                kept += [*node.inputs, node.name]
        return {
            name: packed_bytes(self.batch * prod(self.network.shapes[name]), self.formats[name].width)
            for name in dict.fromkeys(sources[each] for each in kept)
        }

    def _forward(self, layer: LayerReport, tape: Mapping[str, int]) -> Phase:
        """Return the forward phase: that of inference, and what it leaves in DRAM for the way back."""
        dram = dict(layer.byte_counts["dram"])
        if layer.name in tape and "output" not in dram and sum(tape.values()) > self.memory.input_bytes:
            dram["tape"] = tape[layer.name]
        extra = self._transfer_cycles(dram.get("tape", 0))
        return Phase(
            layer.name,
            "forward",
            layer.macs,
            layer.cycles.compute,
            max(layer.cycles.total, extra),
            dram,
            layer.energy,
        )

    def _backward(self, node: Node, behind: Results) -> tuple[list[Phase], Results]:
        """Return the phases of a node on the way back; behind: how the error before it arrives."""
        nest = self.nests[node.name].batched(self.batch)
        carries = node.name in self.trained
        phases: list[Phase] = []
        if nest.engine == "array":
            error, activation = self.numbers.error.format, self.formats[node.inputs[0]]
            weight = self.formats[node.inputs[-1]] if nest.is_product else self.numbers.working("weight").format
            if nest.is_product:
                for product in factor_errors(nest):
                    phase, behind = self._product(node.name, "error", product, error, weight, error)
                    phases.append(phase)
            elif carries:
                phase, behind = self._product(node.name, "error", error_nest(nest), error, weight, error)
                phases.append(phase)
            if node.name in self.specs:
                gradient = self.numbers.gradient.format
                phases.append(self._gradient(node.name, nest, activation, error, gradient))
        elif carries and nest.engine != "none":
            phase, behind = self._elementwise(node.name, nest, behind)
            phases.append(phase)
        return phases, behind

    def _gradient(self, name: str, nest: LoopNest, x: QFormat, error: QFormat, target: QFormat) -> Phase:
        """Price a gradient as a convolution, or, on an array that cannot map one so large, over its patches."""
        try:
            return self._product(name, "gradient", gradient_nest(nest), x, error, target)[0]
        except ConfigError:
            return self._product(name, "gradient", patches_nest(nest), x, error, target)[0]

    def _product(
        self, name: str, phase: str, nest: LoopNest, x: QFormat, weight: QFormat, target: QFormat
    ) -> tuple[Phase, Results]:
        """Price a product on the array; return it and how its results leave."""
        accumulator = self.numbers.forward.at(name).accumulator.width
        widths = Widths(x.width, weight.width, 0, accumulator, target.width)
        site = Site(
            widths=widths,
            fetched_width=x.width,
            fetches_weights=True,
            is_stored=True,
            is_written=True,
            stored_bits=nest.outputs * target.width,
            input_room=self.memory.input_bytes,
            output_room=self.memory.output_bytes,
            held_bytes=0,
        )
        price = self._priced(name, phase, nest, site)
        dram = price.byte_counts["dram"]
        cycles = price.step.cycles
        report = self._layer_report(name, phase, nest, cycles, price.byte_counts)
        energy = None
        if self.machine.architecture.technology is not None:
            energy = energy_of(report, self.machine, nest, [x, weight], target, self.prices.parts(nest))
        made = self._phase(name, phase, nest.macs, cycles.compute, dram, energy)
        return made, price.step.results

    def _priced(self, name: str, phase: str, nest: LoopNest, site: Site) -> Price:
        try:
            return self.prices.array(nest, site)
        except ConfigError as error:
            found = [f"{self.network.name}: {name}, {phase} phase: {problem}" for problem in error.problems]
            raise ConfigError(found) from None

    def _elementwise(self, name: str, nest: LoopNest, behind: Results) -> tuple[Phase, Results]:
        """Price the way back through a function unit: one operation per element that it touches."""
        elements = nest.outputs * (nest.R * nest.S if nest.engine == "pooling" else 1)
        function = "add" if nest.engine in ("pooling", "elementwise") else "scale"
        work_nest = LoopNest("elementwise", function, G=elements, operands=2)
        error = self.numbers.error.format
        step = self.prices.work(work_nest, error, error).behind(behind)
        moved = packed_bytes(elements, self.formats[name].width) if function == "scale" else 0
        energy = self._unit_energy(name, work_nest, step.cycles, error)
        made = self._phase(name, "error", 0, step.cycles.compute, {"tape": moved} if moved else {}, energy)
        return made, step.results

    def _update(self, node: Node) -> Phase:
        """Price the update of a layer's parameters: gradients, stored values and velocities stream past the unit."""
        dram = dict.fromkeys(("gradient", "read", "written"), 0)
        for tensor, spec in self.specs[node.name].items():
            count, store = prod(spec.shape), self.numbers.store(tensor).width
            velocity = self.numbers.momentum.format.width if self.momentum else 0
            working = self.numbers.working(tensor).format.width if self.numbers.master else 0
            dram["gradient"] += packed_bytes(count, self.numbers.gradient.format.width)
            dram["read"] += packed_bytes(count, store + velocity)
            dram["written"] += packed_bytes(count, store + velocity + working)
        nest = LoopNest("elementwise", "scale", G=self._parameters(node.name), operands=2 + self.momentum)
        target = self.numbers.update_of("weight").format
        step = self.prices.work(nest, target, target).alone()
        energy = self._unit_energy(node.name, nest, step.cycles, target)
        return self._phase(node.name, "update", 0, step.cycles.compute, dram, energy)

    def _phase(
        self, name: str, phase: str, macs: int, compute: int, dram: Mapping[str, int], energy: Energy | None
    ) -> Phase:
        total = max(compute, self._transfer_cycles(sum(dram.values())))
        return Phase(name, phase, macs, compute, total, dict(dram), energy)

    def _unit_energy(self, name: str, nest: LoopNest, cycles: Cycles, target: QFormat) -> Energy | None:
        if self.machine.architecture.technology is None:
            return None
        report = self._layer_report(name, "unit", nest, cycles, {"dram": {}, "sram": {}})
        return energy_of(report, self.machine, nest, [target, target], target)

    def _layer_report(
        self, name: str, kind: str, nest: LoopNest, cycles: Cycles, counts: Mapping[str, Mapping[str, int]]
    ) -> LayerReport:
        return LayerReport(
            name=name,
            kind=kind,
            engine=nest.engine,
            macs=nest.macs,
            cycles=cycles,
            hidden_cycles=0,
            prefetch_cycles=0,
            folds=0,
            utilization=0.0,
            mapping_efficiency=0.0,
            byte_counts=counts,
            bound="none",
        )

    def _transfer_cycles(self, count: int) -> int:
        """Return the cycles that so many bytes have the DRAM channel."""
        bandwidth = self.memory.dram_bytes_per_cycle
        return 0 if bandwidth is None else ceil(count / bandwidth)

    def _parameters(self, name: str) -> int:
        return sum(prod(spec.shape) for spec in self.specs[name].values())
