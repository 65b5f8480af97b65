"""Fit time of CVDD on the thesis schedule against pytextad 0.4.0, on the same vectors.

Both train 100 epochs on the same tokens and the same table of vectors, in one process on one
thread, in turn: textocl, pytextad, textocl. On 20 Newsgroups pytextad takes about an hour:
``--runs 20ng:comp:wordllama:1 --name fit_speed_comp``.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from protocol import GLOVE, environment, one_vs_rest, read_corpus, write_result
from pytextad.models import CVDD as Peer

from textocl import CVDD, load_embedding
from textocl.core.exceptions import TextoclWarning
from textocl.evaluation import evaluate
from textocl.text.documents import pack


def fit_textocl(training: list[str], embedding: object, epochs: int, seed: int) -> CVDD:
    """The thesis schedule with α annealed, as pytextad has it; every document is trained on."""
    return CVDD.thesis(
        embedding=embedding,
        alpha="annealed",
        n_epochs=epochs,
        n_general_words=0,
        calibration="training",
        random_state=seed,
    ).fit(training)


def arrays_of(texts: list[str], detector: CVDD) -> list[np.ndarray]:
    """Each document as pytextad takes it: one vector a word."""
    vectors = detector.vocabulary_.table.astype(np.float32)
    packed = pack(texts, detector.tokenizer_, detector.vocabulary_.index)
    bounds = zip(packed.offsets[:-1], packed.offsets[1:], strict=True)
    return [vectors[np.repeat(packed.rows[a:b], packed.counts[a:b].astype(int))] for a, b in bounds]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def compare(
    corpus_name: str, label: str, embedding: object, epochs: int, n_seeds: int
) -> list[str]:
    """Fit both with each seed, in turn; return the cells of a row."""
    training, test, anomalous = one_vs_rest(read_corpus(corpus_name), label)
    seconds: dict[str, list[float]] = {"textocl": [], "pytextad": []}
    aucs: dict[str, list[float]] = {"textocl": [], "pytextad": []}
    for seed in range(n_seeds):
        detector, first = timed(lambda s=seed: fit_textocl(training, embedding, epochs, s))
        inputs = [x for x in arrays_of(training, detector) if len(x)]
        peer = Peer(n_epochs=epochs, lr_milestones=(40,), random_state=seed, device="cpu")
        _, of_peer = timed(lambda p=peer, x=inputs: p.fit(x))
        _, second = timed(lambda s=seed: fit_textocl(training, embedding, epochs, s))
        seconds["textocl"] += [first, second]
        seconds["pytextad"].append(of_peer)
        test_inputs = arrays_of(test, detector)
        peer_scores = np.ones(len(test))
        peer_scores[[len(x) > 0 for x in test_inputs]] = peer.decision_function(
            [x for x in test_inputs if len(x)]
        )
        aucs["textocl"].append(evaluate(detector.anomaly_score(test), anomalous).auc)
        aucs["pytextad"].append(evaluate(peer_scores, anomalous).auc)
    ours, theirs = np.median(seconds["textocl"]), np.median(seconds["pytextad"])
    return [
        f"{len(inputs):,}",
        f"{n_seeds}",
        f"{ours:.1f} ({min(seconds['textocl']):.1f}-{max(seconds['textocl']):.1f})",
        f"{theirs:.1f} ({min(seconds['pytextad']):.1f}-{max(seconds['pytextad']):.1f})",
        f"**{theirs / ours:.1f}**",
        *(f"{100 * np.mean(v):.2f} ({100 * min(v):.1f}-{100 * max(v):.1f})" for v in aucs.values()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument(
        "--runs",
        nargs="*",
        default=["reuters:ship:wordllama:5", "reuters:ship:glove:5"],
        help="corpus:class:vectors:seeds",
    )
    parser.add_argument("--name", default="fit_speed", help="of the result")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", TextoclWarning)
    rows = []
    for run in arguments.runs:
        corpus, label, vectors, n_seeds = run.split(":")
        # pytextad starts at ready vectors, so reading their file counts for neither
        embedding = load_embedding(GLOVE if vectors == "glove" else vectors)
        embedding.vectors_of(["warm"])
        cells = compare(corpus, label, embedding, arguments.epochs, int(n_seeds))
        rows.append([corpus, label, vectors, *cells])
        print(rows[-1], flush=True)
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    write_result(
        arguments.name,
        f"""# Fit time against pytextad

`{" ".join(["python", *sys.argv])}`; {arguments.epochs} epochs of batches of 64, r = 3, the thesis's
learning rates, α annealed, the same words and vectors, one thread, in one process, in turn for each
seed: textocl, pytextad, textocl. Medians (and ranges) of seconds, means (and ranges) of AUC over
the seeds 0, 1, …. The time of textocl begins at strings and loaded word vectors, and includes cutting
the texts, choosing the vocabulary and calibration; that of pytextad begins at ready arrays of vectors.
{environment("pytextad")}

| corpus | class | vectors | documents | seeds | textocl s | pytextad s | ratio | textocl AUC % | pytextad AUC % |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{table}
""",
    )


if __name__ == "__main__":
    main()
