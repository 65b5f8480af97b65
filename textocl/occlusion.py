"""Which words decided, for any score of a pooled vector: take each word out and look.

Write ``v = Σ_i v_i`` for the pooled vector of a document, ``v_i`` being word i's part, and ``s(v)``
for the score. Taking word i out changes the score by ``δ_i = s(v) − s(v − v_i)``. A score of v's
direction alone has ``Σ_i <v_i, ∇s> = 0``, so to first order the δ add up to nothing: they say how
words differ. The score itself is shared out by each word's part of v,
``share_i = <v_i, v> / ‖v‖²``, which add up to 1. Together,

    contribution_i = share_i s(v) + δ_i − share_i Σ_j δ_j

adds up to the score exactly, and for one cosine distance equals, to first order, the exact
decomposition of `textocl.explain.word_contributions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.explain import Explanation
from textocl.features import View
from textocl.spaces import Embedded
from textocl.thresholds import conformal_p_values

Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def explain_by_occlusion(
    texts: Sequence[str],
    view: View,
    score: Score,
    calibration_scores: NDArray[np.float32],
    threshold: float,
    worst_score: float,
) -> list[Explanation]:
    """Explain each document by taking its words out, one after the other.

    Parameters
    ----------
    view : where a document's vector comes from
    score : pooled vectors ``(n, d)`` -> scores ``(n,)``
    worst_score : of a document without a known word
    """
    embedded = view.space.embed(texts)
    weights = view.word_weights(embedded)
    explanations = []
    for i, text in enumerate(texts):
        spans = view.space.spans(text, embedded, i)
        words = list(dict.fromkeys(span.word for span in spans))
        counts = Counter(span.word for span in spans)
        value = worst_score
        shares, contributions, attention = np.empty(0), np.empty(0), np.empty(0)
        if words:
            parts = _Occlusion.of(view, embedded, weights, i, words)
            scores = score(np.concatenate([parts.whole, parts.without])).astype(np.float64)
            shares, attention, value = parts.shares, parts.weights, scores[0]
            change = value - scores[1:]
            contributions = shares * value + change - shares * change.sum()
        explanations.append(
            Explanation(
                text=text,
                score=float(value),
                threshold=threshold,
                p_value=float(conformal_p_values(calibration_scores, [value])[0]),
                label=-1 if value > threshold else 1,
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
class _Occlusion:
    """A document's vector, and its vector without each of its words."""

    whole: NDArray[np.float32]  # (1, d)
    without: NDArray[np.float32]  # (w, d)
    shares: NDArray[np.float64]  # (w,), sum 1
    weights: NDArray[np.float64]  # (w,), sum 1

    @classmethod
    def of(
        cls,
        view: View,
        embedded: Embedded,
        word_weights: NDArray[np.float32] | None,
        i: int,
        words: Sequence[str],
    ) -> _Occlusion:
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
        if view.pooling == "max":
            whole, without, shares = _max_without(vectors, which, len(words))
        else:
            parts = np.zeros((len(words), vectors.shape[1]))
            np.add.at(parts, which, weights[:, None] * vectors)
            total = parts.sum(axis=0)  # (d,)
            rest = np.maximum(mass.sum() - mass, 1e-12)[:, None]
            whole, without = total / mass.sum(), (total - parts) / rest
            if len(words) == 1:
                without = np.zeros_like(parts)
            length = total @ total
            shares = parts @ total / length if length > 0 else mass / mass.sum()
        return cls(_points(whole), _points(without), shares, mass / mass.sum())


def _max_without(
    vectors: NDArray[np.float64], which: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Largest value of each entry, the same without each word, and the share each word leads in."""
    leader = vectors.argmax(axis=0)  # (d,)
    whole = vectors.max(axis=0)
    without = np.tile(whole, (n, 1))
    for word in np.unique(which[leader]):
        others = vectors[which != word]
        without[word] = others.max(axis=0) if len(others) else 0
    shares = np.bincount(which[leader], minlength=n) / len(leader)
    return whole, without, shares


def _points(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.atleast_2d(np.asarray(vectors, np.float32))
