"""What a detector makes of texts: scores of all, the listed ones with their words, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.characters import visible
from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.validation import check_documents, check_integer, check_is_anomaly
from textocl.explain.contexts import ShownContext, shown_contexts
from textocl.report.contents import highest_and_spread, shared_contents
from textocl.report.explanations import (
    ATTENTION_STEPS,
    EVIDENCE_STEPS,
    Vocabulary,
    evidence_scale,
    explained_in_parts,
    pack_explanation,
)
from textocl.report.page import TEXTS
from textocl.report.writer import WrittenReport, check_report_target, write_page

_EXPLAINED_BY_OCCLUSION = 1500
_LABELS = 200


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
        return self.documents if detector.explains_exactly else _EXPLAINED_BY_OCCLUSION


def write_report(
    detector: OneClassDetector,
    texts: Sequence[str],
    path: str | PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    is_anomaly: ArrayLike | None = None,
    ids: Sequence[Any] | None = None,
    title: str | None = None,
    limits: ReportLimits = ReportLimits(),
    advance: Callable[[int], None] = lambda n: None,
) -> WrittenReport:
    """Write what ``detector`` makes of ``texts`` as one HTML file that works offline.

    For readers who did not train the model: what is normal here, which documents do not belong,
    which words say so, and how far to trust it. An existing report there is replaced at once or
    not at all.

    Parameters
    ----------
    detector : fitted, on texts
    texts : list of str, n documents
    path : of an ``.html`` file
    labels : n names to show and to filter by, or None
    is_anomaly : (n,) bool or None
        Which are known to be anomalous: adds ROC and precision-recall curves and the confusion
        matrix.
    ids : what the n documents are called; None numbers them from 1
    title : of the page
    limits : what bounds its size
        About 10 MB for 5,000 documents of a thousand characters, and 12 bytes more for every
        document that is not listed.
    advance : called with a number of documents each time as many are explained

    Returns
    -------
    WrittenReport

    Raises
    ------
    NotFittedError
    DataError
        No document, a detector of images, lengths that differ, one kind of documents only in
        ``is_anomaly``, or a path that cannot be written to or holds something else than a report.

    Examples
    --------
    >>> import tempfile
    >>> from textocl import CVDD
    >>> ships = [f"a {ship} left port {i}" for ship in ("tanker", "ferry") for i in range(15)]
    >>> detector = CVDD(n_contexts=1, n_epochs=1, false_alarm_rate=0.1).fit(ships)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(detector, ["she plays guitar"], f"{folder}/report.html").n_listed
    1
    """
    target = Path(path)
    check_report_target(target)
    contents = text_contents(
        detector,
        texts,
        title=title or "What belongs here, and what does not",
        labels=labels,
        is_anomaly=is_anomaly,
        ids=ids,
        limits=limits,
        advance=advance,
    )
    n_listed = len(contents["documents"]["text"])
    return write_page(target, contents, TEXTS, n_listed, contents["n_explained"])


def text_contents(
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
    """Everything a page shows, as plain values; parameters as in `write_report`.

    Every text in it is as `textocl.core.characters.visible` makes it.
    """
    texts = _check_texts(detector, texts)
    limits.check()
    truth = None if is_anomaly is None else check_is_anomaly(is_anomaly, len(texts))
    names = _check_labels(labels, truth, len(texts))
    if ids is not None and len(ids) != len(texts):
        raise DataError(f"expected an id for each of {len(texts):,} documents, got {len(ids):,}.")
    assessment = detector._assess(texts)
    scores = assessment.score
    ranked = np.where(assessment.label == 0, -np.inf, scores)  # not judged: listed last
    listed = highest_and_spread(ranked, limits.documents)
    explained = highest_and_spread(ranked[listed], limits.n_explained(detector))
    explanations = explained_in_parts(
        detector.explain, [texts[listed[i]] for i in explained], advance
    )
    scale = evidence_scale(explanations)
    vocabulary = Vocabulary()
    packed: list[dict[str, Any] | None] = [None] * len(listed)
    for i, explanation in zip(explained, explanations, strict=True):
        packed[i] = pack_explanation(explanation, vocabulary, scale, limits.characters)
    kinds = [] if names is None else sorted(set(names))
    number = {name: i for i, name in enumerate(kinds)}
    contexts = shown_contexts(detector.context_summaries())
    shown_as = {k: row.summary.context for row in contexts for k in row.numbers}
    return {
        **shared_contents(detector, title, "document", scores, truth),
        "contexts": [context_contents(row) for row in contexts],
        "labels": [visible(name) for name in kinds],
        "judged": (assessment.label != 0).astype(int).tolist(),
        "documents": {
            "number": listed.tolist(),
            "id": [visible(str(i + 1 if ids is None else ids[i])) for i in listed],
            "text": [visible(texts[i][: limits.characters]) for i in listed],
            "length": [len(texts[i]) for i in listed],
            "context": [shown_as.get(k, k) for k in assessment.nearest_context[listed].tolist()],
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


def _check_texts(detector: OneClassDetector, texts: Sequence[str]) -> list[str]:
    if detector.SAMPLES != "documents":
        raise DataError(
            f"a report is about texts; a {type(detector).__name__} scores {detector.SAMPLES}."
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


def context_contents(row: ShownContext) -> dict[str, Any]:
    """What a page shows of one context."""
    context = row.summary
    return {
        "context": context.context,
        "name": row.name,
        "notes": row.notes,
        "share": round(context.share, 4),
        "words": [[visible(w.word), w.count, round(w.distinctiveness, 3)] for w in context.words],
        "typical": [
            [d.document, round(d.distance, 3), visible(d.excerpt)] for d in context.typical
        ],
    }
