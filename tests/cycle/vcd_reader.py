"""A small reader of value change dumps (IEEE 1364-2005, clause 18), which knows nothing of how ours are written."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Waveform:
    """Variables by path ("os.pe_0_1.x"): their kind and width, and their values as text from each time on."""

    timescale: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    changes: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    end: int = 0

    def at(self, path: str, time: int) -> int | None:
        """The unsigned value at a time, None for x and z."""
        text = [value for since, value in self.changes[path] if since <= time][-1]
        return None if set(text) & set("xz") else int(text, 2)


def read(text: str) -> Waveform:
    """Read a dump. Raises ValueError for anything that the standard does not have."""
    waveform, paths, scopes = Waveform(), {}, []
    tokens = iter(text.split())
    for token in tokens:  # declarations
        if token == "$enddefinitions":
            break
        body = []
        for part in tokens:
            if part == "$end":
                break
            body.append(part)
        if token == "$scope":
            scopes.append(body[1])
        elif token == "$upscope":
            scopes.pop()
        elif token == "$timescale":
            waveform.timescale = " ".join(body)
        elif token == "$var":
            kind, width, code, name = body[:4]
            path = ".".join([*scopes, name])
            if path in waveform.kinds or kind not in ("wire", "reg", "integer"):
                raise ValueError(f"{path}: declared twice or of kind {kind}")
            if len(body) > 4 and body[4] != f"[{int(width) - 1}:0]":
                raise ValueError(f"{path}: {width} bits, but {body[4]}")
            paths.setdefault(code, []).append(path)
            waveform.kinds[path], waveform.widths[path] = kind, int(width)
            waveform.changes[path] = []
        elif token != "$comment":
            raise ValueError(f"{token} is no declaration")
    if scopes or next(tokens) != "$end":
        raise ValueError("scopes are left open")
    time, is_dumping = 0, False
    for token in tokens:  # value changes
        if token[0] == "#":
            if int(token[1:]) < time:
                raise ValueError(f"{token} after #{time}")
            time = int(token[1:])
        elif token == "$dumpvars":
            is_dumping = True
        elif token == "$end" and is_dumping:
            is_dumping = False
        elif token[0] in "bB":
            _note(waveform, paths[next(tokens)], time, token[1:])
        elif token[0] in "01xz":
            _note(waveform, paths[token[1:]], time, token[0])
        else:
            raise ValueError(f"{token} is no value change")
    waveform.end = time
    return waveform


def _note(waveform: Waveform, paths: list[str], time: int, value: str) -> None:
    for path in paths:
        if len(value) > waveform.widths[path]:
            raise ValueError(f"{path}: {value} has more than {waveform.widths[path]} bits")
        waveform.changes[path].append((time, value))
