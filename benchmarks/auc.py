"""AUC of CVDD in the thesis's one-vs-rest protocol, mean over three seeds.

One setting for all classes. The defaults were chosen on the training split alone (see
``choose_defaults.py``); test labels serve for the figures below and for nothing else.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from protocol import (
    GLOVE,
    TARGETS,
    THESIS_GLOVE_R3,
    environment,
    one_vs_rest,
    read_corpus,
    write_result,
)

from textocl import CVDD
from textocl.core.exceptions import TextoclWarning
from textocl.evaluation import evaluate

WHOLE = {"calibration": "training"}  # train on every document, as the thesis does
ROWS: dict[str, CVDD] = {
    "**wordllama, defaults**": CVDD(),
    "wordllama, defaults, nothing held out": CVDD(**WHOLE),
    "wordllama, untrained (0 epochs)": CVDD(**WHOLE, n_epochs=0),
    "wordllama, thesis settings": CVDD.thesis(**WHOLE),
    "GloVe 100 d, defaults": CVDD(embedding=str(GLOVE)),
    "GloVe 100 d, thesis settings": CVDD.thesis(**WHOLE, embedding=str(GLOVE)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="*", help="only rows whose title holds one of these")
    parser.add_argument("--name", default="auc", help="of the result")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", TextoclWarning)
    rows = {
        title: detector
        for title, detector in ROWS.items()
        if not arguments.rows or any(part in title for part in arguments.rows)
    }
    parts = [table_of(name, rows, arguments.seeds) for name in THESIS_GLOVE_R3]
    write_result(
        arguments.name,
        f"""# AUC of CVDD, one class against the rest

`python benchmarks/auc.py`; AUC in %, mean over seeds 0-{arguments.seeds - 1} (± standard deviation
of the mean over classes). Training on the training split of one class, test on the whole test split
of all classes (thesis Table 3.4). Every row is one setting for all classes, r = 3, score = mean over
contexts, chosen on the training split (choose_defaults.md). "c*" is the context with the best test AUC: an
**oracle** that no user has, shown because the thesis shows it.
{environment("wordllama", "wordfreq")}

"Defaults" holds a fifth of the training documents out for the threshold. "Thesis settings" is
`CVDD.thesis()`. "Untrained" stops at the initial centroids and random attention: what training is
worth is the difference to it.

{"".join(parts)}""",
    )


def table_of(corpus_name: str, rows: dict[str, CVDD], n_seeds: int) -> str:
    corpus = read_corpus(corpus_name)
    published = THESIS_GLOVE_R3[corpus_name]
    lines = [
        f"## {corpus_name}: target {TARGETS[corpus_name]} (wordllama)\n",
        f"| setting | mean | {' | '.join(published)} | c* (oracle) | seconds a fit |",
        "| --- " * (len(published) + 4) + "|",
        f"| thesis: CVDD, GloVe 300 d, r = 3 | {np.mean(list(published.values())):.1f} | "
        + " | ".join(f"{auc:.1f}" for auc in published.values())
        + " | | |",
    ]
    for title, detector in rows.items():
        aucs, oracles, seconds = run(corpus, list(published), detector, n_seeds)
        means = aucs.mean(axis=1)  # (seeds,)
        cells = [
            title,
            f"{means.mean():.1f} ± {means.std():.1f}",
            *(f"{auc:.1f}" for auc in aucs.mean(axis=0)),
            f"{oracles.mean():.1f}",
            f"{seconds:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n\n"


def run(
    corpus: list[Any], labels: list[str], detector: CVDD, n_seeds: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """AUC (seeds, classes) of the score, the same of the best context, and mean fit seconds."""
    from sklearn.base import clone

    aucs, oracles = np.zeros((n_seeds, len(labels))), np.zeros((n_seeds, len(labels)))
    seconds = 0.0
    for j, label in enumerate(labels):
        training, test, anomalous = one_vs_rest(corpus, label)
        for seed in range(n_seeds):
            fitted = clone(detector).set_params(random_state=seed)
            start = time.perf_counter()
            fitted.fit(training)
            seconds += time.perf_counter() - start
            distances = fitted.context_distances(test)
            aucs[seed, j] = 100 * evaluate(fitted.anomaly_score(test), anomalous).auc
            oracles[seed, j] = 100 * max(evaluate(d, anomalous).auc for d in distances.T)
    return aucs, oracles, seconds / (len(labels) * n_seeds)


if __name__ == "__main__":
    main()
