"""Encoding with a transformer: textocl's token vectors against sentence-transformers' pooled ones.

Both see the same Reuters texts, all short enough for MiniLM's window, so that both read every
token. sentence-transformers averages over the two special tokens as well, textocl does not: the means
are compared without them, and what they change is given beside it.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from protocol import environment, read_corpus, write_result
from sentence_transformers import SentenceTransformer

from textocl.text.embeddings.transformer import TransformerVectors

N_TEXTS, ROUNDS = 300, 5


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def normalised(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def token_vectors(peer: SentenceTransformer, texts: list[str]) -> list[np.ndarray]:
    """sentence-transformers' own vectors of each token, the two special ones left out."""
    encoded = peer.encode(texts, output_value="token_embeddings", convert_to_numpy=False)
    return [vectors[1:-1].float().cpu().numpy() for vectors in encoded]


def main() -> None:
    logging.disable(logging.WARNING)
    empty = Path(tempfile.mkdtemp())
    ours = TransformerVectors("minilm", device="cpu", cache_folder=empty)
    peer = SentenceTransformer(str(ours._folder), device="cpu")
    texts = [d.text for d in read_corpus("reuters") if d.split == "train"]
    lengths = [len(e.ids) for e in ours._tokenizer.encode_batch(texts[: 2 * N_TEXTS])]
    texts = [t for t, n in zip(texts, lengths, strict=False) if n <= peer.max_seq_length]
    texts = list(dict.fromkeys(texts))[:N_TEXTS]

    ours.encode(texts[:8])
    peer.encode(texts[:8])
    our_times, peer_times = [], []
    for _ in range(ROUNDS):  # in turn, so that a change of the machine's speed meets both
        our_times.append(timed(lambda: ours.encode(texts))[0])
        peer_times.append(timed(lambda: peer.encode(texts))[0])
    ratios = [b / a for a, b in zip(our_times, peer_times, strict=True)]

    pooled = peer.encode(texts, normalize_embeddings=True)
    theirs = token_vectors(peer, texts)
    pieces = list(ours.encode_pieces(texts))
    token_difference = max(np.abs(a - b).max() for a, b in zip(pieces, theirs, strict=True))
    our_means = normalised(np.stack([p.mean(axis=0) for p in pieces]))
    their_means = normalised(np.stack([t.mean(axis=0) for t in theirs]))
    difference = np.abs(our_means - their_means).max()
    # what is kept is rounded to float16: the same means from the words of `encode`
    encoded = ours.encode(texts)
    rounded = normalised(
        np.stack(
            [
                np.average(
                    encoded.vectors[a:b].astype(np.float32), axis=0, weights=encoded.pieces[a:b]
                )
                for a, b in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)
            ]
        )
    )
    rounding = np.abs(rounded - their_means).max()

    fresh = TransformerVectors("minilm", device="cpu", cache_folder=empty)
    fresh.encode(texts, remember=True)
    encoding = statistics.median(our_times)
    seconds = [timed(lambda: fresh.encode(texts))[0] for _ in range(ROUNDS)]
    cold = TransformerVectors("minilm", device="cpu", cache_folder=empty)
    cold_time, _ = timed(lambda: cold.encode(texts))  # hashes the model's files, loads no model

    tokens = sum(map(len, pieces))

    def row(values: list[float], unit: str, digits: int = 0) -> str:
        low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
        return f"{statistics.median(values):,.{digits}f}{unit} | {low}-{high}"

    write_result(
        "encoding_speed",
        f"""# Encoding with a transformer

`python benchmarks/encoding_speed.py`; {len(texts)} Reuters training texts of at most {peer.max_seq_length} tokens,
{tokens:,} tokens in all, all-MiniLM-L6-v2 in float32 on the CPU, {ROUNDS} rounds in turn.
{environment("transformers", "tokenizers", "sentence-transformers")}

| | median | range |
| --- | --- | --- |
| textocl, a vector for each word, tokens/s | {row([tokens / t for t in our_times], "")} |
| sentence-transformers, a vector for each text, tokens/s | {row([tokens / t for t in peer_times], "")} |
| **times as fast, round by round** (target 1 ×) | {row(ratios, " ×", 2)} |
| **served by the cache, times as fast as encoding** (target 50 ×) | {row([encoding / t for t in seconds], " ×")} |

The first call of a process that is served by the cache takes {cold_time:.2f} s here, as it reads the model's
files to tell what they are; encoding them takes {encoding:.1f} s.

| largest difference to sentence-transformers | |
| --- | --- |
| vectors of tokens | {token_difference:.1e} |
| mean vectors over a text's tokens, normalised (target 1e-5) | {difference:.1e} |
| the same, to its own mean, which counts the two special tokens | {np.abs(our_means - pooled).max():.1e} |
| mean vectors from the words that `encode` returns in float16 | {rounding:.1e} |
""",
    )


if __name__ == "__main__":
    main()
