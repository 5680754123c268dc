"""Every term a report uses, defined once; the page prints them all and links to them.

Sources: the definitions of latency, interval and mapping efficiency follow Sze, Chen, Yang and Emer, "Efficient
Processing of Deep Neural Networks" (2020), chapters 3 and 5; number formats and modes follow AMD UG1399. The one
surprise: total cycles exclude the first fill from DRAM, which is reported beside them as prefetch.
"""

from __future__ import annotations

from typing import NamedTuple


class Term(NamedTuple):
    """A word, what it means, and the anchor under which the page explains it."""

    name: str
    meaning: str

    @property
    def anchor(self) -> str:
        """The fragment that links to this term."""
        return "term-" + self.name.lower().replace(" ", "-").replace(",", "")


GLOSSARY: dict[str, tuple[Term, ...]] = {
    "Time": (
        Term(
            "total cycles",
            "A count, not an index: from the cycle in which the first operand enters the array to the one"
            " in which the last result has left, both included. Waits are in it, the first fill from DRAM"
            " is not. For a layer: what the layer adds to the latency.",
        ),
        Term(
            "fill",
            "Cycles before the array works in full: skewed operands arriving, first weights loading.",
        ),
        Term(
            "steady",
            "Cycles in which operands stream through the array.",
        ),
        Term(
            "drain",
            "Cycles after the last operand has entered until the last result has left.",
        ),
        Term(
            "stall",
            "Cycles in which everything waits for memory. Fill + steady + drain + stall = total.",
        ),
        Term(
            "compute cycles",
            "Total cycles without stalls.",
        ),
        Term(
            "hidden cycles",
            "Work done behind the layer before it, such as an activation applied while results stream "
            "out. Costs no latency.",
        ),
        Term(
            "prefetch",
            "Cycles for the first weights and inputs to come from DRAM before cycle 0; reported, not "
            "counted in the total.",
        ),
        Term(
            "latency",
            "Cycles for one input, from first operand in to last result out.",
        ),
        Term(
            "interval",
            "Cycles between inputs when the machine is kept busy. Equal to the latency when layers run "
            "one after the other.",
        ),
        Term(
            "throughput",
            "Inputs per second: clock divided by interval. Never the inverse of the latency of one input "
            "unless the two are equal.",
        ),
    ),
    "Array": (
        Term(
            "MAC",
            "One multiplication and one addition. An operation count (op) would be twice as large; this "
            "report never mixes the two.",
        ),
        Term(
            "PE",
            "Processing element: one multiplier with its accumulator, one MAC per cycle.",
        ),
        Term(
            "utilization",
            "MACs divided by PEs × total cycles: the share of all multiplier slots that did useful work, "
            "waits included.",
        ),
        Term(
            "mapping efficiency",
            "PEs that were given work divided by all PEs, averaged over folds by their length in time. It"
            " bounds the utilization.",
        ),
        Term(
            "fold",
            "One loading of the array with a tile. A layer larger than the array needs several, and edge "
            "folds leave PEs idle.",
        ),
        Term(
            "GEMM view",
            "A layer as a matrix product: M output pixels (times batch) by K products per output by N filters.",
        ),
        Term(
            "dataflow",
            "Which operand stays in the PEs: outputs (os), weights (ws) or inputs (is). The other two move.",
        ),
        Term(
            "timing",
            "“pipelined”: edge folds at their real size, next fold loaded behind the current one where "
            "the hardware can. “scalesim”: the fold lengths of SCALE-Sim 3.0.0, every fold at full price,"
            " no overlap.",
        ),
        Term(
            "bound",
            "The named reason for a layer's total: compute, fill/drain, weights, activations, output "
            "bandwidth, or a function unit.",
        ),
    ),
    "Memory": (
        Term(
            "bytes",
            "Counted from the declared widths of the formats: data and weights at theirs, partial sums at"
            " the accumulator's. Spilled partial sums count twice, out and in.",
        ),
        Term(
            "DRAM",
            "The off-chip memory: bytes per cycle and a latency.",
        ),
        Term(
            "SRAM",
            "The on-chip buffers for inputs, weights and outputs. Their capacity decides how often DRAM is read.",
        ),
        Term(
            "occupancy",
            "The share of a buffer that is taken at most while a layer works: two tiles of what passes, all of what "
            "stays, sums that wait, and tensors kept for later layers.",
        ),
        Term(
            "intensity",
            "MACs per DRAM byte. Below the ridge of the roofline the memory limits the speed, above it the array does.",
        ),
    ),
    "Energy": (
        Term(
            "energy",
            "An estimate: what the schedule counted (multiplications, additions, words read and written) times the "
            "figures of the technology that the machine names. What has no figure is named, never free.",
        ),
        Term(
            "refill",
            "What crosses DRAM is also written to, or read from, its on-chip buffer once; this is the energy of that.",
        ),
        Term(
            "average power",
            "Energy of one input divided by the time between inputs at the interval.",
        ),
        Term(
            "area",
            "An estimate of multipliers, adders and memories only, so a floor, of use to compare machines of one "
            "technology.",
        ),
    ),
    "Numbers": (
        Term(
            "code",
            "The integer that the hardware holds.",
        ),
        Term(
            "format",
            "How a code is read. Q4.12: 4 bits before the binary point, the sign among them, and 12 after"
            " it. UQ has no sign bit.",
        ),
        Term(
            "value",
            "code × 2^(−fraction bits).",
        ),
        Term(
            "lsb",
            "The least significant bit: the value of one step of the code, 2^(−fraction bits).",
        ),
        Term(
            "rounding",
            "What happens to bits below the lsb. It comes first; overflow comes after.",
        ),
        Term(
            "saturated",
            "Share of a layer's outputs that lay outside the format after rounding and were clipped to "
            "its end (or wrapped, if the format wraps).",
        ),
        Term(
            "accumulator",
            "The register in which products are added, with a format of its own.",
        ),
        Term(
            "exact",
            "Accumulation without loss: proved from the weights and the input format to hold every partial sum.",
        ),
        Term(
            "stepwise",
            "Accumulation with the register's overflow applied after every single addition, so the order "
            "of the additions can change the result.",
        ),
        Term(
            "late",
            "Accumulation that saturates one addition after its flag: the sum that left the range wraps, and the "
            "register takes the limit in the next step, which loses that step's product.",
        ),
        Term(
            "accumulator bits needed",
            "The width that holds the worst sum which these weights and this input format can produce.",
        ),
        Term(
            "accumulation order",
            "The order in which the array adds the products of one output. It comes from the same "
            "schedule that counts the cycles.",
        ),
        Term(
            "certificate",
            "The proof that the order of addition cannot matter for one output: the magnitudes of all its products "
            "and of its bias together fit the accumulator, so no partial sum can overflow in any order; or the "
            "accumulator wraps, and addition modulo 2^width has no order.",
        ),
        Term(
            "at risk",
            "An output without a certificate. Only such outputs are replayed; the others are one exact sum with the "
            "same bits.",
        ),
        Term(
            "replay",
            "Adding the products of an output again, one at a time and in the machine's order.",
        ),
    ),
    "Ledger": (
        Term(
            "ledger",
            "The record of everything that did not fit or was cut off, by layer and tensor: input, weight, bias, "
            "product, accumulator, output.",
        ),
        Term(
            "wrapped",
            "Out of range and kept modulo 2^width: the low bits stay, the value jumps to the other end of the range.",
        ),
        Term(
            "rounded",
            "Share of values that lost bits that were not zero, whichever way they were rounded.",
        ),
        Term(
            "bits cut",
            "The most fraction bits that one value lost: how far below the lsb its lowest bit stood.",
        ),
        Term(
            "excess",
            "How far the worst value lay beyond the end of its format, in lsb, before it was clipped or wrapped.",
        ),
    ),
    "Accuracy": (
        Term(
            "golden",
            "The same network and weights in float64, written separately from the fixed-point kernels.",
        ),
        Term(
            "max error",
            "Largest distance between fixed-point and golden output of a layer, in steps (lsb) of the "
            "layer's format. It includes what earlier layers contributed.",
        ),
        Term(
            "SQNR",
            "Signal to quantization noise ratio: ten times the decimal logarithm of golden power over "
            "error power, in dB. 6.02 dB is one bit.",
        ),
        Term(
            "own noise",
            "What a layer adds itself: the layer in fixed point against the layer in float64, both on golden inputs as "
            "the formats that it reads hold them.",
        ),
        Term(
            "inherited noise",
            "What arrives with a layer's inputs: the layer in float64 on the inputs that fixed point gave it, against "
            "its golden output.",
        ),
        Term(
            "diagnosis",
            "Formats that lack bits, found by experiment: everything is widened, then every format that can goes back "
            "while enough inputs keep golden's class; what must stay wide lacked bits.",
        ),
        Term(
            "accuracy",
            "Share of inputs whose largest output is the labelled class.",
        ),
        Term(
            "agreement",
            "Share of inputs for which fixed point and golden choose the same class, whether or not it is"
            " the labelled one.",
        ),
        Term(
            "tie",
            "Two classes with the same largest code; the lower class number wins.",
        ),
        Term(
            "row sum",
            "The sum of one softmax output. In exact arithmetic it is 1; in hardware it is near 1.",
        ),
    ),
}
"""Terms by subject, in reading order."""

UNIT_TERMS: dict[str, tuple[Term, ...]] = {
    "Function units": (
        Term(
            "unit",
            "Tables and integer operations that compute one function, with their bits, cycles and resources.",
        ),
        Term(
            "design",
            "The way in which a unit computes its function; options such as table entries belong to it.",
        ),
        Term(
            "ulp",
            "Unit in the last place: the distance of a unit's output from the true value in lsb of its output format. "
            "The best rounding has at most 0.5.",
        ),
        Term(
            "monotonic",
            "A larger input never gives an output on the wrong side of the smaller one's.",
        ),
        Term(
            "symmetric",
            "Inputs of opposite sign give outputs that are exact mirror images.",
        ),
        Term(
            "table bits",
            "Bits of all tables of one unit, as stored.",
        ),
        Term(
            "logit scale",
            "Standard deviation of the random inputs of a softmax.",
        ),
        Term(
            "argmax flip",
            "A row whose first largest output is another class than that with the first largest input: also when both "
            "tie and the lower number wins.",
        ),
        Term(
            "shared maximum",
            "A tie: classes with different inputs share the largest output of a row.",
        ),
        Term(
            "latency of a unit",
            "Cycles from an input to its output.",
        ),
        Term(
            "initiation interval",
            "Cycles between two inputs that a unit takes one after the other.",
        ),
    ),
    "Numbers": (
        *(term for term in GLOSSARY["Numbers"] if term.name in ("code", "format", "value", "lsb")),
        *(term for term in GLOSSARY["Accuracy"] if term.name == "row sum"),
    ),
}
"""The terms of the page of function units."""


_TERMS = [term for glossary in (GLOSSARY, UNIT_TERMS) for terms in glossary.values() for term in terms]


def anchor(name: str) -> str:
    """Return the anchor of a term that is in the glossary (our own invariant: pages link only to terms that exist)."""
    term = next((term for term in _TERMS if term.name == name), None)
    assert term is not None, name
    return term.anchor
