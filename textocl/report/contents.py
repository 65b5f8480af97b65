"""What a report says: scores of all documents, the listed ones with text, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.characters import visible
from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate
from textocl.core.thresholds import calibration_borders
from textocl.core.validation import check_documents, check_integer, check_is_anomaly
from textocl.cvdd.detector import CVDD
from textocl.explain.contexts import ContextSummary
from textocl.explain.explanation import Explanation
from textocl.report.card import card_of, contexts_of
from textocl.report.packing import (
    ATTENTION_STEPS,
    EVIDENCE_STEPS,
    Vocabulary,
    evidence_scale,
    pack_explanation,
)
from textocl.shallow.word_likelihood import WordLikelihood

_AT_ONCE = 256  # documents explained between two reports of progress
_EXPLAINED_BY_OCCLUSION = 1500
_CALIBRATION_SCORES = 20_000  # at most, evenly thinned
_LABELS = 200
_FINITE = 1e30  # scores above stand for "no known word"


@dataclass(frozen=True)
class ReportLimits:
    """What bounds a page.

    Attributes
    ----------
    documents : how many are listed with their text; the scores of all others still count in every
        figure
    explained : how many of these are explained; None explains all where a detector splits its
        score exactly (CVDD, WordLikelihood), and 1,500 where it must score again for every word
    characters : of each document that are shown
    """

    documents: int = 5000
    explained: int | None = None
    characters: int = 4000

    def check(self) -> None:
        """Raise `DataError` where a limit makes no sense."""
        check_integer("the number of documents", self.documents, 1)
        check_integer("the number of characters", self.characters, 1)
        if self.explained is not None:
            check_integer("the number of explained documents", self.explained, 0)

    def n_explained(self, detector: OneClassDetector) -> int:
        """How many documents of ``detector`` to explain."""
        if self.explained is not None:
            return self.explained
        exact = isinstance(detector, (CVDD, WordLikelihood))
        return self.documents if exact else _EXPLAINED_BY_OCCLUSION


def contents_of(
    detector: OneClassDetector,
    texts: Sequence[str],
    *,
    title: str,
    labels: Sequence[str] | None = None,
    is_anomaly: ArrayLike | None = None,
    ids: Sequence[Any] | None = None,
    limits: ReportLimits = ReportLimits(),
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """Everything a page shows, as plain values; parameters as in `textocl.report.write_report`.

    Every text in it is as `textocl.cli.rendering.visible` makes it.
    """
    texts = _check_texts(detector, texts)
    limits.check()
    truth = None if is_anomaly is None else check_is_anomaly(is_anomaly, len(texts))
    names = _check_labels(labels, truth, len(texts))
    if ids is not None and len(ids) != len(texts):
        raise DataError(f"expected an id for each of {len(texts):,} documents, got {len(ids):,}.")
    assessment = detector._assess(texts)
    scores = assessment.score
    evaluation = None if truth is None else evaluate(scores, truth).to_dict()
    listed = highest_and_spread(scores, limits.documents)
    explained = highest_and_spread(scores[listed], limits.n_explained(detector))
    explanations = _explain(detector, [texts[listed[i]] for i in explained], advance)
    scale = evidence_scale(explanations)
    vocabulary = Vocabulary()
    packed: list[dict[str, Any] | None] = [None] * len(listed)
    for i, explanation in zip(explained, explanations, strict=True):
        packed[i] = pack_explanation(explanation, vocabulary, scale, limits.characters)
    kinds = [] if names is None else sorted(set(names))
    number = {name: i for i, name in enumerate(kinds)}
    return {
        "title": visible(title),
        "noun": "document",
        "card": shown(card_of(detector)),
        "contexts": [_theme(context) for context in contexts_of(detector)],
        "labels": [visible(name) for name in kinds],
        "calibration": numbers(thinned(calibration_borders(detector.calibration_scores_))),
        "evaluation": evaluation,
        "scores": numbers(scores),
        "known": (assessment.n_known_words > 0).astype(int).tolist(),
        "truth": None if truth is None else truth.astype(int).tolist(),
        "documents": {
            "number": listed.tolist(),
            "id": [visible(str(i + 1 if ids is None else ids[i])) for i in listed],
            "text": [visible(texts[i][: limits.characters]) for i in listed],
            "length": [len(texts[i]) for i in listed],
            "context": assessment.nearest_context[listed].tolist(),
            "label": None if names is None else [number[names[i]] for i in listed],
            "explanation": packed,
        },
        "words": vocabulary.words,
        "evidence_unit": scale / EVIDENCE_STEPS,
        "attention_steps": ATTENTION_STEPS,
        "usual_surprisal": next((e.usual_surprisal for e in explanations), None),
        "n_explained": len(explained),
        "n_characters": limits.characters,
    }


def highest_and_spread(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Choose up to ``n`` of ``scores`` ``(m,)``: the highest, and some of every height.

    Three quarters are the highest, the rest is spread evenly over the ranks of the others.

    Returns
    -------
    (min(n, m),) int64, ascending

    Examples
    --------
    >>> highest_and_spread(np.arange(10, dtype=np.float32), 4).tolist()
    [0, 7, 8, 9]
    """
    if len(scores) <= n:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    n_highest = n - n // 4
    rest = order[n_highest:]
    spread = rest[np.linspace(0, len(rest) - 1, n // 4 + 1).round().astype(int)[1:]]
    return np.sort(np.concatenate([order[:n_highest], spread]))


def _explain(
    detector: OneClassDetector, texts: list[str], advance: Callable[[int], None]
) -> list[Explanation]:
    explanations: list[Explanation] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        explanations += detector.explain(part)
        advance(len(part))
    return explanations


def _check_texts(detector: OneClassDetector, texts: Sequence[str]) -> list[str]:
    if detector._SAMPLES != "documents":
        raise DataError(
            f"a report is about texts; a {type(detector).__name__} scores {detector._SAMPLES}."
        )
    detector._fitted()
    checked = check_documents(texts)
    if not checked:
        raise DataError("there is no document to report on.")
    return checked


def _check_labels(
    labels: Sequence[str] | None, truth: NDArray[np.bool_] | None, n: int
) -> list[str] | None:
    if labels is None:
        return None if truth is None else ["anomalous" if t else "normal" for t in truth]
    names = [str(label) for label in labels]
    if len(names) != n:
        raise DataError(f"expected a label for each of {n:,} documents, got {len(names):,}.")
    n_distinct = len(set(names))
    if n_distinct > _LABELS:
        raise DataError(
            f"labels have {n_distinct:,} distinct values, at most {_LABELS} can be chosen from; "
            "give another field."
        )
    return names


def thinned(calibration: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most `_CALIBRATION_SCORES`, at evenly spaced ranks."""
    n = min(len(calibration), _CALIBRATION_SCORES)
    return calibration[np.linspace(0, len(calibration) - 1, n).round().astype(int)]


def numbers(scores: NDArray[np.float32]) -> list[float | None]:
    """Scores that become the same float32 again; None where there is no finite one."""
    return [float(str(s)) if abs(s) < _FINITE else None for s in scores.astype(np.float32)]


def _theme(context: ContextSummary) -> dict[str, Any]:
    return {
        "context": context.context,
        "share": round(context.share, 4),
        "words": [[visible(w.word), w.count, round(w.distinctiveness, 3)] for w in context.words],
        "typical": [
            [d.document, round(d.distance, 3), visible(d.excerpt)] for d in context.typical
        ],
    }


def shown(value: Any) -> Any:
    """``value`` with every text in it made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return value
