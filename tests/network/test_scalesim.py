"""Topology files: both kinds, the tool's conventions, lenience where it harms nobody, every refusal with its line."""

import os
from pathlib import Path

import pytest

from accel.errors import ModelError
from accel.loopnest import Gemm, LoopNest
from accel.network.scalesim import MAX_LAYERS, Topology, is_topology, parse_topology, read_topology

CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
GEMM = "Layer,M,N,K,\n"
LARGEST = 2**31 - 1

DATA = Path(os.environ.get("ACCEL_DATA", ".")) / "scalesim" / "topologies"


def problems(text: str) -> list[str]:
    """What is wrong with a file called net.csv."""
    with pytest.raises(ModelError) as error:
        parse_topology(text, "folder/net.csv")
    return list(error.value.problems)


def test_a_convolution():
    """Sizes include the padding, and the last window may hang over the edge: ceil((224 - 11 + 4) / 4) = 55."""
    topology = parse_topology(f"{CONV}Conv1, 224, 224, 11, 11, 3, 96, 4,\n", "nets/alex.csv")
    assert topology.name == "alex"
    (row,) = topology.rows
    assert (row.name, row.kind, row.line, row.sparsity) == ("Conv1", "conv", 2, (1, 1))
    assert row.nest == LoopNest(
        "array", K=96, C=3, P=55, Q=55, R=11, S=11, height=224, width=224, stride=(4, 4), padding=(0, 0)
    )
    assert row.nest.gemm == Gemm(1, 3025, 363, 96)


@pytest.mark.parametrize("extent", range(1, 12))
@pytest.mark.parametrize("stride", range(1, 6))
def test_windows_that_hang_over(extent, stride):
    """There are as many windows as starts within reach: counted one by one until the last covers the edge."""
    for size in range(1, extent + 1):
        starts = [0]
        while starts[-1] + size < extent:
            starts.append(starts[-1] + stride)
        (row,) = parse_topology(f"{CONV}c,{extent},9,{size},1,1,1,{stride}", "net.csv").rows
        assert row.nest.gemm.m == len(starts) * row.nest.Q
        rows = {start + r for start in starts for r in range(size)}
        assert row.nest.inputs == len(rows & set(range(extent))) * len(range(0, 9, stride))


def test_a_matrix_product():
    """M rows of K values by K x N weights."""
    (row,) = parse_topology(f"{GEMM}QK, 256, 128, 64,\n", "net.csv").rows
    assert (row.kind, row.nest.gemm, row.nest.macs) == ("gemm", Gemm(1, 256, 64, 128), 256 * 128 * 64)
    assert (row.nest.inputs, row.nest.weights, row.nest.outputs) == (256 * 64, 64 * 128, 256 * 128)


def test_depthwise_is_told_by_the_name():
    """DP in a convolution's name repeats it once a channel, with one channel and all filters; not in a product's."""
    rows = parse_topology(f"{CONV}a,5,5,3,3,2,7,1,\nxDPy,5,5,3,3,3,2,1,\n", "net.csv").rows
    assert [row.name for row in rows] == ["a", "xDPyChannel_0", "xDPyChannel_1", "xDPyChannel_2"]
    assert {(row.nest.C, row.nest.K, row.line) for row in rows[1:]} == {(1, 2, 3)}
    assert len(parse_topology(f"{GEMM}DP,5,5,3,\n", "net.csv").rows) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"{CONV}c,7,7,3,3,2,4,2",
        f"{CONV}c,7,7,3,3,2,4,2,\n",
        f"\ufeff{CONV}\r\n  c ,\t7 ,  7,3,3,2,4,+2,,,  \r\n,,,,\r\n\r\n".removeprefix("\ufeff"),
        f"{CONV.lower()}c,7,7,3,3,2,4,2,# dw",
        f"{CONV.strip()},,Eh,Ew\nc,7,7,3,3,2,4,2,,,3,9",
        f"{CONV.strip()} Sparsity,\nc,7,7,3,3,2,4,2,1:1,\n",
        "Layer, IFMAP  height, ifmap width, a, b, c, d, Stride height, Stride width\nc,7,7,3,3,2,4,2,2\n",
        f"{CONV}\rc,007,7,3,3,2,4,2\r",
    ],
)
def test_what_is_read_leniently(text):
    """Trailing commas, spaces, empty lines, comments, columns of one's own, line ends and spellings of the header."""
    (row,) = parse_topology(text, "net.csv").rows
    assert (row.name, row.nest) == (
        "c",
        LoopNest("array", K=4, C=2, P=3, Q=3, R=3, S=3, height=7, width=7, stride=(2, 2)),
    )


def test_strides_of_their_own():
    """The header that the tool itself writes has a stride for rows and one for columns."""
    header = (
        "Layer name,IFMAP height,IFMAP width,Filter height,Filter width,Channels,Num filter,Stride height,Stride width"
    )
    (row,) = parse_topology(f"{header},\nc,9,9,1,1,1,1,2,4,2:4,\n", "net.csv").rows
    assert (row.nest.stride, row.nest.P, row.nest.Q, row.sparsity) == ((2, 4), 5, 3, (2, 4))


def test_sparsity_is_kept():
    """N:M after the sizes of either kind."""
    assert parse_topology(f"{CONV}c,7,7,3,3,2,4,2, 2:4 ,\n", "net.csv").rows[0].sparsity == (2, 4)
    assert parse_topology(f"{GEMM}g,7,7,3,1 : 3\n", "net.csv").rows[0].sparsity == (1, 3)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("c,0,7,3,3,2,4,2", f"IFMAP Height: found '0', expected a whole number from 1 to {LARGEST}"),
        ("c,7,-7,3,3,2,4,2", f"IFMAP Width: found '-7', expected a whole number from 1 to {LARGEST}"),
        ("c,7,7,3.0,3,2,4,2", "Filter Height: found '3.0', expected a whole number from 1 to 1048576"),
        ("c,7,7,3,3,2,4,0", f"Strides: found '0', expected a whole number from 1 to {LARGEST}"),
        ("c,7,7,3,3,2,4", f"Strides: found nothing, expected a whole number from 1 to {LARGEST}"),
        ("c,7,7,3,3,two,4,2", f"Channels: found 'two', expected a whole number from 1 to {LARGEST}"),
        ("c,7,7,3,3,2,99999999999,2", f"Num Filter: found '99999999999', expected a whole number from 1 to {LARGEST}"),
        (
            "c,7,7,8,3,2,4,2",
            "Filter Height: found 8 over an input of 7, expected at most 7 (the sizes of the file include its padding)",
        ),
        (",7,7,3,3,2,4,2", "found no name in the first column, expected one"),
        ("c,7,7,3,3,2,4,2,5", "found one more number, '5', expected the end of the line or a sparsity N:M"),
        ("c,7,7,3,3,2,4,2,5:4", "Sparsity: found '5:4', expected N:M with 1 <= N <= M, for example 2:4"),
        (
            f"cDP,7,7,3,3,{MAX_LAYERS + 1},4,2",
            f"Channels: found {MAX_LAYERS + 1} in a 'DP' line, which is as many layers, "
            f"expected at most {MAX_LAYERS} here",
        ),
    ],
)
def test_refusals_of_a_line(line, found):
    """File, line, what was found and what was expected."""
    assert problems(f"{CONV}\n{line}\n") == [f"folder/net.csv:3: {found}"]


def test_everything_at_once():
    """All that is wrong, line by line."""
    told = problems(f"{GEMM}a,1,2,3\n,0,2\nb,1,2,x,y:z\n")
    assert [problem.split(": ")[:2] for problem in told] == [
        ["folder/net.csv:3", "found no name in the first column, expected one"],
        ["folder/net.csv:3", "M"],
        ["folder/net.csv:3", "K"],
        ["folder/net.csv:4", "K"],
        ["folder/net.csv:4", "Sparsity"],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "folder/net.csv: empty; "),
        (" ,\n,,\n", "folder/net.csv: empty; "),
        ("Conv1,224,224,7,7,3,64,2,\n", "folder/net.csv:1: found the header 'Conv1,224,224,7,7,3,64,2,', expected '"),
        ("\nLayer,M,K,N,\nx,1,2,3", "folder/net.csv:2: found the header 'Layer,M,K,N,', expected '"),
        ("Layer name, IFMAP Height\nx,1", "folder/net.csv:1: found the header 'Layer name,IFMAP Height', expected"),
        (f"{'y' * 99}\nx,1", f"folder/net.csv:1: found the header '{'y' * 40}...', expected"),
        (f"\n{GEMM}\n,,\n", "folder/net.csv: no layers after the header in line 2"),
    ],
)
def test_refusals_of_a_file(text, told):
    """No header, another header, no layers."""
    (problem,) = problems(text)
    assert problem.startswith(told)


def test_files(tmp_path):
    """A file on the disk, with a byte order mark; one that is missing, a folder, and one that is not text."""
    file = tmp_path / "one.csv"
    file.write_text(f"{GEMM}a,1,2,3,\n", encoding="utf-8-sig")
    assert read_topology(file) == read_topology(str(file)) == parse_topology(f"{GEMM}a,1,2,3,\n", "one.csv")
    (tmp_path / "bad.csv").write_bytes(b"Layer,M,N,K,\n\xff,1,2,3\n")
    for name, told in (("no.csv", ": no such file"), ("", ": a folder"), ("bad.csv", r":2: not UTF-8 \(byte 0xff\)")):
        with pytest.raises(ModelError, match=told):
            read_topology(tmp_path / name)


def test_topologies_are_told_by_their_suffix():
    """A .csv is a topology, anything else the name of a network."""
    assert [is_topology(name) for name in ("a.csv", "x/B.CSV", "alexnet", "csv", "a.csv/b")] == [
        True,
        True,
        *[False] * 3,
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason="ACCEL_DATA leads to no topologies of the real tool")
def test_the_tools_own_files():
    """Every file of the real tool is read; AlexNet's five layers have the MACs of its paper's sizes."""
    read = {path.stem: read_topology(path) for path in sorted(DATA.glob("*.csv"))}
    assert {"alexnet", "Resnet18", "Resnet50", "mobilenet", "gpt2", "gnmt"} <= read.keys()
    assert isinstance(read["vit_s"], Topology)
    assert {row.kind for row in read["gnmt"].rows} == {"gemm"}
    alexnet = read["alexnet"].rows
    assert [row.nest.gemm[1:] for row in alexnet] == [
        (55 * 55, 11 * 11 * 3, 96),
        (23 * 23, 5 * 5 * 96, 256),
        (11 * 11, 3 * 3 * 256, 384),
        (11 * 11, 3 * 3 * 384, 384),
        (11 * 11, 3 * 3 * 384, 256),
    ]
    assert len(read["Resnet50"].rows) == 54
