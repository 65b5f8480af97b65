"""How `Detector` meets hidden anomalies: every number of it, chosen on training splits alone.

Seven tenths of a class's training documents are learned from, with none, 5 % and 10 % of documents
of half of the other classes' training documents hidden among them; ranked are the other three
tenths and documents of the other half. The tail of normal scores is compared on piles of reviews
and posts, drawn by other seeds than benchmarks/piles.py draws. An hour on one core.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from piles import shuffled, texts_of
from protocol import environment, read_corpus, write_result
from scipy.stats import false_discovery_control, t

import textocl
from textocl.core.metrics import evaluate
from textocl.cvdd.detector import CVDD
from textocl.ensemble.composition import Composition
from textocl.ensemble.suspicion import suspected_documents
from textocl.evaluation.published import TABLE_3_4
from textocl.text.embeddings import load_embedding
from textocl.text.languages import Cutting
from textocl.text.vectorizer import DocumentVectorizer

_MOST = 1_400  # documents of a class, and of the others to rank
_SHARES = (0.0, 0.05, 0.1)
_HALF = 100  # suspected documents that count half as much as very many
#: the density's parameters, and the weight of suspected documents as anomalies; below 0 times
#: m / (m + 100)
DENSITIES: dict[str, tuple[dict[str, float], float]] = {
    "suspected left out, h = 0.25": ({"bandwidth": 0.25}, 0.0),
    "suspected left out, h = 0.3": ({"bandwidth": 0.3}, 0.0),
    "suspected left out, h = 0.5, whitening 0.2": ({"bandwidth": 0.5, "whitening": 0.2}, 0.0),
    "h = 0.3, β = 0.25": ({"bandwidth": 0.3}, 0.25),
    "h = 0.3, β = 0.5 m / (m + 100)": ({"bandwidth": 0.3}, -0.5),
    "h = 0.3, β = m / (m + 100)": ({"bandwidth": 0.3}, -1.0),
    "h = 0.3, β = 1": ({"bandwidth": 0.3}, 1.0),
}
_DENSITY = "h = 0.3, β = 0.5 m / (m + 100)"
#: part of the suspected documents that CVDD leaves out
LEFT_OUT = {"all": 1.0, "two thirds": 2 / 3, "a third": 1 / 3, "none": 0.0}
#: weights of contexts and words beside the density
WEIGHTS = tuple(product((0.25, 0.5, 0.75), (0.0, 0.25, 0.35)))
#: quantile of the scores and degrees of freedom
TAILS = tuple(product((0.84, 0.9), (8, 12, 15, 20, 30)))


class Task(NamedTuple):
    """Documents to learn from, which of them are suspected, and documents to rank."""

    training: list[str]
    suspected: np.ndarray  # numbers, the most suspicious first
    composition: Composition
    ranked: list[str]
    is_odd: np.ndarray

    def auc(self, scores: np.ndarray) -> float:
        return 100 * evaluate(scores, self.is_odd).auc

    def standardized(self, scores: np.ndarray) -> np.ndarray:
        """By quartiles of the normal documents, as members are by those of training documents."""
        low, median, high = np.quantile(scores[~self.is_odd], [0.25, 0.5, 0.75])
        return (scores - median) / (high - low) * 1.349


def tasks_of(corpus: list[Any], label: str, source: Any) -> Iterator[Task]:
    """One for each of `_SHARES`."""
    random = np.random.default_rng(7)
    documents = [d for d in corpus if d.split == "train"]
    own = shuffled([d.text for d in documents if d.label == label], random)[:_MOST]
    other = shuffled([d.text for d in documents if d.label != label], random)
    n = int(0.7 * len(own))
    ranked = own[n:] + other[len(other) // 2 :][:_MOST]
    is_odd = np.arange(len(ranked)) >= len(own) - n
    for share in _SHARES:
        training = own[:n] + other[: round(n * share / (1 - share))]
        plain = textocl.Detector(form_weight=0)
        composition = Composition.of(plain, source, training, Cutting("english", "en"))
        suspected = suspected_documents(composition, np.ones(len(training), bool)).by_words
        yield Task(training, suspected, composition, ranked, is_odd)


def density_scores(task: Task, name: str) -> np.ndarray:
    """Scores of the ranked documents by a setting of `DENSITIES`."""
    parameters, weight = DENSITIES[name]
    m = len(task.suspected)
    beta = -weight * m / (m + _HALF) if weight < 0 else weight
    space = task.composition.density_space
    vectorizer = DocumentVectorizer(space, task.composition.pooling)
    points, ranked = (vectorizer.pooled(space.embed(t)) for t in (task.training, task.ranked))
    labels = np.zeros(len(points), np.int64)
    labels[task.suspected] = -1
    kept = np.ones(len(points), bool) if beta else labels == 0
    density = textocl.KDE(
        unit_length=True, calibration="training", anomaly_weight=beta, **parameters
    )
    return density.fit(points[kept], labels[kept]).anomaly_score(ranked)


def context_scores(task: Task, left_out: float) -> np.ndarray:
    """Scores by a CVDD that leaves out so much of the suspected."""
    kept = np.setdiff1d(
        np.arange(len(task.training)), task.suspected[: round(left_out * len(task.suspected))]
    )
    contexts = CVDD(
        embedding=task.composition.context_space,
        n_contexts=5,
        aggregation="softmin",
        calibration="training",
    )
    return contexts.fit([task.training[i] for i in kept]).anomaly_score(task.ranked)


def word_scores(task: Task) -> np.ndarray:
    kept = np.setdiff1d(np.arange(len(task.training)), task.suspected)
    words = textocl.WordLikelihood(calibration="training")
    return words.fit([task.training[i] for i in kept]).anomaly_score(task.ranked)


def measured(task: Task) -> dict[str, float]:
    """AUC in percent of every setting."""
    aucs = {
        f"density: {name}": task.auc(scores)
        for name in DENSITIES
        for scores in [density_scores(task, name)]
    }
    density = task.standardized(density_scores(task, _DENSITY))
    words = task.standardized(word_scores(task))
    for name, share in LEFT_OUT.items():
        scores = context_scores(task, share)
        contexts = task.standardized(scores)
        aucs[f"CVDD leaves out {name}: alone"] = task.auc(scores)
        aucs[f"CVDD leaves out {name}: all members, 0.5 and 0.35"] = task.auc(
            density + 0.5 * contexts + 0.35 * words
        )
        if name == "a third":
            for a, b in WEIGHTS:
                fused = density + a * contexts + b * words
                aucs[f"weights of contexts {a:g}, words {b:g}"] = task.auc(fused)
    return aucs


def tails(seeds: range) -> list[str]:
    """What each tail flags at a false discovery rate of 0.1, of piles and of clean reviews."""
    lines = [
        "| quantile, degrees of freedom | of piles: flagged | right of 45 | of clean: flagged | "
        "beyond 0.2 %, of clean, % |",
        "| --- | --- | --- | --- | --- |",
    ]
    scores: list[tuple[np.ndarray, np.ndarray]] = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        reviews, posts = (shuffled(texts_of(name), random) for name in ("imdb", "20ng"))
        for n_posts in (45, 0):
            detector = textocl.Detector().fit(reviews[:1_500] + posts[:n_posts])
            found = detector.training_scores_
            scores.append((found[~np.isnan(found)], (np.arange(len(found)) >= 1_500)))
    for quantile, freedom in TAILS:
        rows = []
        for values, is_odd in scores:
            low, high = np.quantile(values, [0.5, quantile])
            p_values = t.sf((values - low) / (high - low) * t.ppf(quantile, freedom), freedom)
            flagged = false_discovery_control(p_values) <= 0.1
            odd = is_odd[: len(values)]
            rows.append((flagged.sum(), (flagged & odd).sum(), 100 * (p_values <= 0.002).mean()))
        piles, clean = np.mean(rows[::2], axis=0), np.mean(rows[1::2], axis=0)
        lines.append(
            f"| {quantile:g}, {freedom:,} | {piles[0]:.1f} | {piles[1]:.1f} | {clean[0]:.1f} | "
            f"{clean[2]:.2f} |"
        )
    return lines


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    source = load_embedding("wordllama")
    lines = [
        "# Hidden anomalies: what is done with suspected documents\n",
        __doc__ or "",
        "AUC in %, mean over the classes; h is the bandwidth, β the weight of the m suspected "
        "documents as anomalies. Weights are beside 1 of the density.\n",
        f"{environment()}\n",
    ]
    for name in ("reuters", "20ng"):
        corpus = read_corpus(name)
        of_classes = []
        for label in TABLE_3_4[name]:
            of_classes.append([measured(task) for task in tasks_of(corpus, label, source)])
            print(name, label, flush=True)
        lines += [f"## {name}\n", "| setting | none | 5 % hidden | 10 % hidden | lowest class |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for setting in of_classes[0][0]:
            table = np.array([[aucs[setting] for aucs in rows] for rows in of_classes])
            cells = [f"{value:.1f}" for value in (*table.mean(axis=0), table.min())]
            lines.append(f"| {setting} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += ["## The tail of normal scores\n", *tails(range(20, 26))]
    write_result("choose_robustness", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
