"""The ledger of a run as rows of a table and as sentences: what did not fit, what was cut off, where it began.

The contract: pure functions of the document; a run without a ledger has no rows and no sentences. A parameter is told
once, also when both its layer and the list of encoded tensors tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from accel.report.humane import DASH, compact, integer, label, percent

_PARAMETERS = ("weight", "bias")
_NAME_SIGNS = 32


class Row(NamedTuple):
    """One tensor kind of one layer; None: nobody could tell. excess_lsb: beyond the limit; first: its index in words.

    rounded: values that lost bits; dropped_bits: the most that one lost.
    """

    layer: str
    kind: str
    format: str | None
    values: int
    saturated: int
    wrapped: int
    excess_lsb: int | None
    first: str
    rounded: int | None
    dropped_bits: int | None

    @property
    def overflowed(self) -> int:
        """Values out of range, whatever became of them."""
        return self.saturated + self.wrapped


def rows(document: Mapping[str, Any]) -> list[Row]:
    """Return the network's input, then every tensor kind of every layer, in network order."""
    found: dict[tuple[str, str], Row] = {}
    encoded = [tensor for tensor in document["encoded"] if tensor.get("ledger")]
    formats = {tensor["tensor"]: tensor["format"] for tensor in document["encoded"]}
    for tensor in encoded:
        if "/" not in tensor["tensor"]:
            found[tensor["tensor"], "input"] = _row(tensor["tensor"], "input", tensor["format"], tensor["ledger"])
    for layer in document["layers"]:
        name, kinds = layer["name"], dict(layer.get("ledger") or {})
        for tensor in encoded:
            node, _, kind = tensor["tensor"].rpartition("/")
            if node == name:
                kinds.setdefault(kind, tensor["ledger"])
        for kind in sorted(kinds, key=_place):
            found[name, kind] = _row(name, kind, _format(layer, kind, formats), kinds[kind])
    return list(found.values())


def in_words(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Say how many tensors held every value, which fared worst, and how much rounding there was."""
    return tuple(_sentences(rows(document)))


def place(layer: Mapping[str, Any], kind: str) -> str:
    """Say how far out of range a kind of a layer went and where first; "" for a layer without a ledger."""
    told = (layer.get("ledger") or {}).get(kind)
    return "" if told is None else _extent(_row(layer["name"], kind, None, told))


def wraps(layer: Mapping[str, Any], kind: str) -> bool:
    """Tell whether a ledger saw values of that kind wrap."""
    return bool((layer.get("ledger") or {}).get(kind, {}).get("wrapped"))


def _sentences(found: Sequence[Row]) -> Iterator[str]:
    if not found:
        return
    out = [row for row in found if row.overflowed]
    tensors = f"{integer(len(found))} tensor{'' if len(found) == 1 else 's'}"
    if not out:
        yield f"All values of {tensors} fit."
    else:
        worst = max(out, key=lambda row: min(1.0, row.overflowed / max(1, row.values)))
        yield f"Of {tensors}, {integer(len(out))} met values out of range."
        yield (
            f"Worst: {label(worst.layer, _NAME_SIGNS)} {label(worst.kind, _NAME_SIGNS)}, {_amount(worst)}"
            f"{_extent(worst)}."
        )
    cast = [(row.rounded, row.values) for row in found if row.rounded is not None]
    rounded, values = (sum(column) for column in zip(*cast, strict=True)) if cast else (0, 0)
    if values:
        yield f"Rounding changed {percent(rounded / values)} % of all values that were cast."


def _amount(row: Row) -> str:
    """Say how much went out of range: values, or in an accumulator additions, of which each value has many."""
    if row.kind == "accumulator":
        return f"{integer(row.overflowed)} addition{'' if row.overflowed == 1 else 's'}"
    return f"{percent(row.overflowed / max(1, row.values))} % of {integer(row.values)} values"


def _extent(row: Row) -> str:
    """Say how far and where first, as the end of a sentence."""
    words = f", by up to {compact(row.excess_lsb)} lsb" if row.excess_lsb else ""
    return words + (f", first at {row.first}" if row.first != DASH else "")


def _row(layer: str, kind: str, stored: str | None, told: Mapping[str, Any]) -> Row:
    """Read one record; the figures of a look at the values are absent where nobody looked."""
    return Row(
        layer,
        kind,
        stored,
        told["values"],
        told["saturated"],
        told["wrapped"],
        told.get("largest_excess_lsb"),
        _index(told.get("first_index"), kind),
        told.get("rounded"),
        told.get("dropped_bits"),
    )


def _index(index: Sequence[int] | None, kind: str) -> str:
    """Say where a value stands: the number of the input and the place in its tensor; a parameter has only a place."""
    if not index:
        return DASH
    if kind in _PARAMETERS:
        return str(list(index))
    position = f" {list(index[1:])}" if len(index) > 1 else ""
    return f"input {integer(index[0])}{position}"


def _format(layer: Mapping[str, Any], kind: str, formats: Mapping[str, str]) -> str | None:
    """Return the format of a tensor kind as far as the run names it."""
    if kind == "output":
        return layer["format"]  # type: ignore[no-any-return]
    if kind == "accumulator":
        return (layer["accumulator"] or {}).get("format")
    return formats.get(f"{layer['name']}/{kind}")


def _place(kind: str) -> tuple[int, str]:
    """Order kinds as a layer handles them; unknown ones come last."""
    order = ("input", *_PARAMETERS, "product", "accumulator", "output")
    return (order.index(kind) if kind in order else len(order)), kind
