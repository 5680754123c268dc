"""One encoder block of the Transformer (base): eight-headed self-attention and a feed-forward network, 64 positions.

Vaswani et al., "Attention Is All You Need", NIPS 2017, sec. 3.1 to 3.3 and Table 3 (base): d_model = 512, 8 heads of 64
features, d_ff = 2048, ReLU, layer normalisation after every sum. What is not here: embeddings and positional encodings,
which make the input, and dropout, which inference does not have.
"""

from __future__ import annotations

from accel.layers import Activation, Add, Dense, LayerNorm, MatMul, MergeHeads, Scale, Softmax, SplitHeads
from accel.network.graph import INPUT, Network, Node, chained

SOURCE = "Vaswani et al., Attention Is All You Need, NIPS 2017, sec. 3.1-3.3: one encoder block"


def transformer() -> Network:
    """Rows of 512 features at 64 positions, through one block of the encoder."""
    source = f"{SOURCE}, d_model 512, 8 heads, d_ff 2048, 64 positions"
    return encoder_block("transformer", positions=64, features=512, heads=8, hidden=2048, source=source)


def encoder_block(name: str, positions: int, features: int, heads: int, hidden: int, source: str = SOURCE) -> Network:
    """Return norm(x + attention(x)), then norm(y + W2 relu(W1 y)): rows (positions, features) in and out."""
    attended = attention(INPUT, features, heads)
    sum1 = Node("add1", Add(), (attended[-1].name, INPUT))
    norm1 = chained(sum1.name, {"norm1": LayerNorm()})
    layers = {"ffn1": Dense(hidden), "ffn1.relu": Activation("relu"), "ffn2": Dense(features)}
    fed = chained("norm1", layers)
    sum2 = Node("add2", Add(), (fed[-1].name, "norm1"))
    norm2 = chained(sum2.name, {"norm2": LayerNorm()})
    return Network(name, (positions, features), (*attended, sum1, *norm1, *fed, sum2, *norm2), source)


def attention(source: str, features: int, heads: int) -> tuple[Node, ...]:
    """Return multi-head self-attention over the rows of `source`: softmax(Q K^T / sqrt(d)) V, heads joined, projected.

    Keys and values come first, so that the queries reach the product just after they are made.
    """
    projected = [
        node
        for name in ("key", "value", "query")
        for node in chained(source, {name: Dense(features), f"{name}.heads": SplitHeads(heads)})
    ]
    scores = Node("scores", MatMul(transposed=True), ("query.heads", "key.heads"))
    weighed = chained("scores", {"scores.scaled": Scale((features // heads) ** -0.5), "shares": Softmax(rows=True)})
    context = Node("context", MatMul(), ("shares", "value.heads"))
    joined = chained("context", {"context.merged": MergeHeads(), "output": Dense(features)})
    return (*projected, scores, *weighed, context, *joined)
