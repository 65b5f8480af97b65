"""What stands for many training points in `KDE`: chosen on training splits alone.

Seven tenths of a class's training documents are learned from; ranked are the other three tenths
against training documents of other classes. Mixtures are all classes of 20 Newsgroups but one: what
is normal there has many topics, and what is odd lies between them. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from piles import shuffled
from protocol import environment, read_corpus, write_result
from sklearn.cluster import MiniBatchKMeans

import textocl
from textocl.core.metrics import evaluate
from textocl.ensemble.composition import Composition
from textocl.ensemble.suspicion import suspected_documents
from textocl.evaluation.published import TABLE_3_4
from textocl.shallow.landmarks import NO_CELLS, landmarks_of, log_density_of_landmarks, summarized
from textocl.text.embeddings import load_embedding
from textocl.text.languages import Cutting
from textocl.text.vectorizer import DocumentVectorizer

_FEWEST, _RANKED, _SEEDS = 900, 1_400, range(3)
_H = textocl.KDE.bandwidth
_SIZES = {"classes": (150, 300, 600), "mixtures": (500, 1_000, 2_000, 4_000)}


class Task(NamedTuple):
    """Points of documents to learn from, numbers of those suspected, and points to rank."""

    kind: str
    name: str
    training: np.ndarray
    suspected: np.ndarray
    ranked: np.ndarray
    is_odd: np.ndarray
    exact: textocl.KDE  # of all points

    def auc(self, scores: np.ndarray) -> float:
        return 100 * evaluate(scores, self.is_odd).auc


def task_of(kind: str, name: str, own: list[str], others: list[str], source: Any) -> Task:
    random = np.random.default_rng(7)
    own, others = shuffled(own, random), shuffled(others, random)[:_RANKED]
    n = int(0.7 * len(own))
    held_out = own[n:][:_RANKED]
    plain = textocl.Detector(form_weight=0)
    composition = Composition.of(plain, source, own[:n], Cutting("english", "en"))
    vectorizer = DocumentVectorizer(composition.density_space, composition.pooling)
    training, ranked = (
        vectorizer.pooled(composition.density_space.embed(texts))
        for texts in (own[:n], held_out + others)
    )
    suspected = suspected_documents(composition, np.ones(n, bool)).by_words
    exact = textocl.KDE(n_landmarks=n, unit_length=True, calibration="training").fit(training)
    is_odd = np.arange(len(ranked)) >= len(held_out)
    return Task(kind, name, training, suspected, ranked, is_odd, exact)


def tasks() -> list[Task]:
    source, found = load_embedding("wordllama"), []
    for corpus in ("reuters", "20ng"):
        documents = [d for d in read_corpus(corpus) if d.split == "train"]
        for label in TABLE_3_4[corpus]:
            own, others = (
                [d.text for d in documents if (d.label == label) is wanted]
                for wanted in (True, False)
            )
            if 0.7 * len(own) >= _FEWEST:
                found.append(task_of("classes", label, own, others, source))
            if corpus == "20ng":
                found.append(task_of("mixtures", f"all but {label}", others, own, source))
            print(corpus, label, flush=True)
    return found


Form = Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]  # points, m, seed


def at_random(points: np.ndarray, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    drawn = points[np.random.default_rng(seed).permutation(len(points))[:m]]
    return drawn, np.stack([np.full(len(drawn), 1 / len(drawn)), np.zeros(len(drawn))])


def as_wide(points: np.ndarray, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    centers, cells = landmarks_of(points, m, seed)
    return centers, cells * [[1], [0]] if cells.size else NO_CELLS


def clustered(points: np.ndarray, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if len(points) <= m:
        return points, NO_CELLS
    kmeans = MiniBatchKMeans(m, n_init=1, batch_size=4_096, random_state=seed)
    return summarized(points, kmeans.fit_predict(points))


FORMS: dict[str, Form] = {
    "points at random": at_random,
    "means of cells": as_wide,
    "means of cells, each as wide as its cell": landmarks_of,
    "the same of MiniBatchKMeans": clustered,
}


def plain(task: Task, form: Form, m: int) -> tuple[float, float]:
    """AUC by a density of landmarks, and the CPU seconds that it took to find them."""
    aucs, seconds = [], []
    points, asked = task.exact.points(task.training), task.exact.points(task.ranked)
    for seed in _SEEDS:
        start = time.process_time()
        centers, cells = form(points, m, seed)
        seconds.append(time.process_time() - start)
        if not cells.size:
            return task.auc(task.exact.anomaly_score(task.ranked)), float("nan")
        aucs.append(task.auc(-log_density_of_landmarks(asked, centers, _H, cells)))
    return float(np.mean(aucs)), float(np.mean(seconds))


def taught(task: Task, m: int) -> float:
    """AUC of the density as `Detector` has it, which suspected documents teach."""
    labels, n = np.zeros(len(task.training), np.int64), len(task.suspected)
    labels[task.suspected] = -1
    parameters = {"bandwidth": 0.3, "anomaly_weight": 0.5 * n / (n + 100), "n_landmarks": m}
    density = textocl.KDE(unit_length=True, calibration="training", **parameters)
    return task.auc(density.fit(task.training, labels).anomaly_score(task.ranked))


def row(name: str, m: int, aucs: list[float], exact: list[float], seconds: float) -> str:
    away = np.subtract(aucs, exact)
    return (
        f"| {name} | {m:,} | {np.mean(aucs):.2f} | {away.mean():+.2f} | {away.min():+.2f} | "
        f"{away.max():+.2f} | {'' if np.isnan(seconds) else f'{seconds:.2f}'} |"
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    found = tasks()
    lines = [
        "# What stands for many training points in a kernel density\n",
        __doc__ or "",
        "AUC in %, mean over the classes or mixtures, and over three seeds without suspected "
        "documents; by how much it is above that of all points: mean, lowest and highest of a "
        "class; CPU seconds to find the landmarks, mean.\n",
        f"{environment()}\n",
    ]
    head = "| landmarks | at most | AUC | above all points | lowest | highest | seconds |"
    for kind in _SIZES:
        some = [task for task in found if task.kind == kind]
        sizes = ", ".join(f"{task.name} {len(task.training):,}" for task in some)
        lines += [f"## {kind.capitalize()}\n", f"Training documents: {sizes}.\n", head]
        lines.append("| --- | --- | --- | --- | --- | --- | --- |")
        everything = max(len(task.training) for task in some)
        exact = [plain(task, landmarks_of, everything)[0] for task in some]
        lines.append(row("all points", everything, exact, exact, float("nan")))
        for name, form in FORMS.items():
            for m in _SIZES[kind]:
                aucs, seconds = np.transpose([plain(task, form, m) for task in some])
                lines.append(row(name, m, list(aucs), exact, float(np.nanmean(seconds))))
        exact = [taught(task, everything) for task in some]
        lines.append(row("suspected as anomalies: all points", everything, exact, exact, np.nan))
        for m in _SIZES[kind]:
            aucs = [taught(task, m) for task in some]
            lines.append(row("suspected as anomalies: landmarks of both", m, aucs, exact, np.nan))
        lines.append("")
        print("\n".join(lines), flush=True)
    write_result("choose_landmarks", "\n".join(lines))


if __name__ == "__main__":
    main()
