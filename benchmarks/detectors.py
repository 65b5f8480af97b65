"""Every detector on every embedding: the tables in results/detectors, by `textocl benchmark`.

Continues where an earlier run stopped. Some hours on two cores in all; language models take most.
"""

from __future__ import annotations

import argparse
import os

from protocol import DATA, GLOVE, RESULTS

from textocl.evaluation.benchmark import run_benchmark

_BASELINES = (
    "kde", "cvdd", "cvdd-5", "cvdd-10", "cvdd-thesis", "knn", "lof", "gaussian", "mve", "pca",
    "kernel-pca", "iforest", "svdd", "ocsvm", "ocsvm-tfidf", "ocsvm-max", "words",
)  # fmt: skip
_ON_MINILM = ("kde", "knn", "gaussian", "ocsvm", "cvdd")
_ON_GLOVE = ("auto", "kde", "knn", "ocsvm", "cvdd")
# folder -> what `textocl.evaluation.benchmark.run_benchmark` is told, one run after the other
RUNS: dict[str, list[dict]] = {
    "{corpus}": [
        {"models": ["auto"]},
        {"models": _BASELINES, "n_seeds": 1},
    ],
    "{corpus}-minilm": [
        {"models": ["auto"], "embeddings": ["minilm"]},
        {"models": _ON_MINILM, "embeddings": ["minilm"], "n_seeds": 1},
    ],
    "{corpus}-glove": [{"models": _ON_GLOVE, "embeddings": [GLOVE.name], "n_seeds": 1}],
    "{corpus}-oracles": [{"models": ["cvdd", "ocsvm"], "oracles": True, "n_seeds": 1}],
    "{corpus}-labelled": [
        {"models": ["auto"], "n_labelled_anomalies": 5},
        {"models": ["auto"], "embeddings": ["minilm"], "n_labelled_anomalies": 5, "n_seeds": 1},
    ],
    "{corpus}-contamination": [
        {
            "models": ["auto", "auto-robust", "cvdd"],
            "contamination": [0.0, 0.05, 0.1, 0.15],
            "n_seeds": 1,
        }
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", nargs="*", default=["reuters", "20ng"])
    parser.add_argument("--runs", nargs="*", default=list(RUNS))
    arguments = parser.parse_args()
    os.chdir(DATA)  # results name the file of vectors, not a place on this machine
    for name in arguments.runs:
        for corpus in arguments.corpora:
            for settings in RUNS[name]:
                run_benchmark(
                    corpus,
                    data=DATA,
                    out=RESULTS / "detectors" / name.format(corpus=corpus),
                    verbose=True,
                    **settings,
                )


if __name__ == "__main__":
    main()
