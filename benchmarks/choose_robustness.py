"""How `Detector` meets hidden anomalies: settings compared on the training splits alone.

Seven tenths of a class's training documents are learned from, with none, 5 % and 10 % of documents
of half of the other classes' training documents hidden among them; ranked are the other three
tenths and documents of the other half. Half an hour on one core.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
from protocol import environment, read_corpus, write_result

import textocl
from textocl.core.metrics import evaluate
from textocl.ensemble.composition import Composition
from textocl.ensemble.suspicion import suspected_documents
from textocl.evaluation.published import TABLE_3_4
from textocl.text.embeddings import load_embedding
from textocl.text.vectorizer import DocumentVectorizer

_MOST = 1_400  # documents of a class, and of the others to rank
_SHARES = (0.0, 0.05, 0.1)
_HALF = 100  # suspected documents that count half as much as very many
#: the density's parameters, and the weight of suspected documents as anomalies
SETTINGS: dict[str, tuple[dict[str, float], float]] = {
    "suspected left out, h = 0.25": ({"bandwidth": 0.25}, 0.0),
    "suspected left out, h = 0.3": ({"bandwidth": 0.3}, 0.0),
    "suspected left out, h = 0.5, whitening 0.2": ({"bandwidth": 0.5, "whitening": 0.2}, 0.0),
    "h = 0.3, β = 0.25": ({"bandwidth": 0.3}, 0.25),
    "h = 0.3, β = 0.5 m / (m + 100), taken": ({"bandwidth": 0.3}, -0.5),
    "h = 0.3, β = m / (m + 100)": ({"bandwidth": 0.3}, -1.0),
    "h = 0.3, β = 1": ({"bandwidth": 0.3}, 1.0),
}


def density_auc(
    points: np.ndarray, test: np.ndarray, suspected: np.ndarray, is_odd: np.ndarray, name: str
) -> float:
    """AUC in percent of a density that learned from ``points`` ``(n, d)`` by a setting."""
    parameters, weight = SETTINGS[name]
    m = int(suspected.sum())
    beta = -weight * m / (m + _HALF) if weight < 0 else weight
    learned = points if beta else points[~suspected]
    labels = np.where(suspected, -1, 0) if beta else np.zeros(len(learned), np.int64)
    density = textocl.KDE(
        unit_length=True, calibration="training", anomaly_weight=beta, **parameters
    )
    return 100 * evaluate(density.fit(learned, labels).anomaly_score(test), is_odd).auc


def of_class(corpus: list[Any], label: str, source: Any) -> list[tuple[float, dict[str, float]]]:
    """Share that is hidden, and the AUC of each setting."""
    random = np.random.default_rng(7)
    documents = [d for d in corpus if d.split == "train"]
    own = [d.text for d in documents if d.label == label]
    other = [d.text for d in documents if d.label != label]
    own = [own[i] for i in random.permutation(len(own))][:_MOST]
    other = [other[i] for i in random.permutation(len(other))]
    n = int(0.7 * len(own))
    ranked = own[n:] + other[len(other) // 2 :][:_MOST]
    is_odd = np.arange(len(ranked)) >= len(own) - n
    rows = []
    for share in _SHARES:
        training = own[:n] + other[: round(n * share / (1 - share))]
        composition = Composition.of(textocl.Detector(), source, training)
        suspected = np.zeros(len(training), bool)
        suspected[suspected_documents(composition, np.ones(len(training), bool))] = True
        space = composition.density_space
        vectorizer = DocumentVectorizer(space, composition.pooling)
        points, test = (vectorizer.pooled(space.embed(texts)) for texts in (training, ranked))
        rows.append(
            (share, {name: density_auc(points, test, suspected, is_odd, name) for name in SETTINGS})
        )
    return rows


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    source = load_embedding("wordllama")
    lines = [
        "# Hidden anomalies: what the density does with suspected documents\n",
        __doc__ or "",
        "AUC in %, mean over the classes; h is the bandwidth, β the weight of the m suspected "
        "documents as anomalies.\n",
        f"{environment()}\n",
    ]
    for name in ("reuters", "20ng"):
        corpus = read_corpus(name)
        of_classes = [of_class(corpus, label, source) for label in TABLE_3_4[name]]
        lines += [f"## {name}\n", "| setting | none | 5 % hidden | 10 % hidden | lowest class |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for setting in SETTINGS:
            table = np.array([[aucs[setting] for _, aucs in rows] for rows in of_classes])
            cells = [f"{value:.1f}" for value in (*table.mean(axis=0), table.min())]
            lines.append(f"| {setting} | " + " | ".join(cells) + " |")
        lines.append("")
    write_result("choose_robustness", "\n".join(lines))


if __name__ == "__main__":
    main()
