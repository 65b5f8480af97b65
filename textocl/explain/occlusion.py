"""Which words decided, for any score of a pooled vector: take each word out and look.

Write ``v = Σ_i v_i`` for the pooled vector of a document, ``v_i`` being word i's part, and ``s(v)``
for the score. Taking word i out changes the score by ``δ_i = s(v) − s(v − v_i)``. A score of v's
direction alone has ``Σ_i <v_i, ∇s> = 0``, so to first order the δ add up to nothing: they say how
words differ. The score itself is shared out by each word's part of v,
``share_i = <v_i, v> / ‖v‖²``, which add up to 1. Together,

    contribution_i = share_i s(v) + δ_i − share_i Σ_j δ_j

adds up to the score exactly, and for one cosine distance equals, to first order, the exact
decomposition of `textocl.explain.explanation.word_contributions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.thresholds import conformal_p_values
from textocl.explain.explanation import Explanation
from textocl.text.spaces import Embedded
from textocl.text.vectorizer import DocumentVectorizer

Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Decomposition(NamedTuple):
    """A score, what each word adds to it, and each word's share of the document, ``(w,)``."""

    score: float
    contributions: NDArray[np.float64]
    shares: NDArray[np.float64]


def explain_by_occlusion(
    embedded: Embedded,
    vectorizer: DocumentVectorizer,
    score: Score,
    calibration_scores: NDArray[np.float32],
    threshold: float,
    worst_score: float,
) -> list[Explanation]:
    """Explain each document by taking its words out, one after the other.

    Parameters
    ----------
    embedded : n documents with their texts
    vectorizer : where a document's vector comes from
    score : pooled vectors ``(n, d)`` -> scores ``(n,)``
    worst_score : of a document without a known word
    """

    def decompose(parts: WordParts) -> Decomposition:
        scores = score(np.concatenate([parts.whole, parts.without])).astype(np.float64)
        change = scores[0] - scores[1:]
        contributions = parts.shares * scores[0] + change - parts.shares * change.sum()
        return Decomposition(scores[0], contributions, parts.shares)

    return explain_words(
        embedded, vectorizer, decompose, calibration_scores, threshold, worst_score
    )


def explain_words(
    embedded: Embedded,
    vectorizer: DocumentVectorizer,
    decompose: Callable[[WordParts], Decomposition],
    calibration_scores: NDArray[np.float32],
    threshold: float,
    worst_score: float,
) -> list[Explanation]:
    """Explain each document by what ``decompose`` makes of the parts of its vector.

    Other parameters as in `explain_by_occlusion`.
    """
    weights = vectorizer.word_weights(embedded)
    explanations = []
    for i, text in enumerate(embedded.texts):
        spans = embedded.spans(i)
        words = list(dict.fromkeys(span.word for span in spans))
        counts = Counter(span.word for span in spans)
        value, contributions, shares = Decomposition(worst_score, np.empty(0), np.empty(0))
        attention = np.empty(0)
        if words:
            parts = WordParts.of(vectorizer.pooling, embedded, weights, i, words)
            attention = parts.weights
            value, contributions, shares = decompose(parts)
        explanations.append(
            Explanation(
                text=text,
                score=float(value),
                threshold=threshold,
                p_value=float(conformal_p_values(calibration_scores, [value])[0]),
                label=0 if not words else -1 if value > threshold else 1,
                words=words,
                counts=np.array([counts[word] for word in words], np.int64),
                attention=attention[:, None],
                contributions=contributions,
                evidence=contributions - threshold * shares,
                shares=shares,
                context_distances=np.empty(0),
                nearest_context=None,
                spans=spans,
            )
        )
    return explanations


@dataclass(frozen=True)
class WordParts:
    """A document's vector, what each word brings in, and the vector without each word."""

    whole: NDArray[np.float32]  # (1, d)
    parts: NDArray[np.float64]  # (w, d), sum whole
    without: NDArray[np.float32]  # (w, d)
    shares: NDArray[np.float64]  # (w,), sum 1
    weights: NDArray[np.float64]  # (w,), sum 1

    @classmethod
    def of(
        cls,
        pooling: str,
        embedded: Embedded,
        word_weights: NDArray[np.float32] | None,
        i: int,
        words: Sequence[str],
    ) -> WordParts:
        packed = embedded.packed
        start, end = packed.offsets[i : i + 2]
        rows = packed.rows[start:end]
        place = {word: j for j, word in enumerate(words)}
        which = np.array([place[embedded.words[row]] for row in rows], np.int64)
        vectors = embedded.table[rows].astype(np.float64)  # (rows, d)
        weights = packed.counts[start:end].astype(np.float64)
        if word_weights is not None:
            weights = weights * word_weights[start:end]
        mass = np.bincount(which, weights, len(words))  # (w,)
        if pooling == "max":
            whole, parts, without, shares = _max_without(vectors, which, len(words))
        else:
            sums = np.zeros((len(words), vectors.shape[1]))
            np.add.at(sums, which, weights[:, None] * vectors)
            total = sums.sum(axis=0)  # (d,)
            rest = np.maximum(mass.sum() - mass, 1e-12)[:, None]
            whole, parts, without = total / mass.sum(), sums / mass.sum(), (total - sums) / rest
            if len(words) == 1:
                without = np.zeros_like(sums)
            length = total @ total
            shares = sums @ total / length if length > 0 else mass / mass.sum()
        return cls(_points(whole), parts, _points(without), shares, mass / mass.sum())


def _max_without(
    vectors: NDArray[np.float64], which: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], ...]:
    """Largest value of each entry, and for each word: those it leads in, all without it, its share.

    Returns
    -------
    whole (d,), parts (n, d), without (n, d), shares (n,).
    """
    leader = vectors.argmax(axis=0)  # (d,)
    whole = vectors.max(axis=0)
    parts = np.where(which[leader] == np.arange(n)[:, None], whole, 0)
    without = np.tile(whole, (n, 1))
    for word in np.unique(which[leader]):
        others = vectors[which != word]
        without[word] = others.max(axis=0) if len(others) else 0
    shares = np.bincount(which[leader], minlength=n) / len(leader)
    return whole, parts, without, shares


def _points(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.atleast_2d(np.asarray(vectors, np.float32))
