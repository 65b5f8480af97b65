"""Which training documents two robust detectors rank highest, before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from textocl.core.contamination import null_p_values
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import aggregate
from textocl.cvdd.state import table_of, trained_weights
from textocl.cvdd.training import TrainingSettings
from textocl.ensemble.composition import Composition
from textocl.form.surface_profile import surface_oddness
from textocl.shallow.density import KDE, log_density
from textocl.shallow.landmarks import landmarks_of
from textocl.text.spaces import ContextSpace
from textocl.text.vectorizer import DocumentVectorizer, unit
from textocl.training.devices import choose_device

_SUSPECTED = 0.15  # of the unlabelled documents, where nothing is known
_LEFT_OUT_AT_FIRST = 0.25
_FAR = 1e-4  # of normal documents have a surface as odd
#: so wide that hidden anomalies hardly support each other: nearly the distance to the mean
_BANDWIDTH = 0.7
_POOLED_AT_ONCE = 2048


@dataclass(frozen=True)
class Suspected:
    """Numbers of documents that are suspected to be anomalies, the most suspicious first.

    Attributes
    ----------
    by_form, by_words : (f,), (w,) int64
    n_surest : how many of those by words, the first ones, are so sure that contexts leave them out
    """

    by_form: NDArray[np.int64]
    by_words: NDArray[np.int64]
    n_surest: int

    def __len__(self) -> int:
        return len(self.by_form) + len(self.by_words)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """All of them."""
        return np.concatenate([self.by_form, self.by_words])

    @property
    def surest(self) -> NDArray[np.int64]:
        return np.concatenate([self.by_form, self.by_words[: self.n_surest]])

    def of(self, numbers: NDArray[np.int64]) -> Suspected:
        """The same where document i of these has the number at i."""
        return replace(self, by_form=numbers[self.by_form], by_words=numbers[self.by_words])


def suspected_documents(composition: Composition, is_unlabelled: NDArray[np.bool_]) -> Suspected:
    """Which documents of a composition are suspected to be anomalies.

    15 % are suspected, or one and a half times the ``contamination`` where that is a number: up to
    a third of them by their surface, those that lie far out as `SurfaceProfile` measures it; the
    others by their words: a wide kernel density and a CVDD rank all documents; a quarter is left
    out, and both rank again by what they learn from the others. Surest are a third of these, or
    as many as were told. Parameters were chosen on training splits
    (benchmarks/choose_robustness.py).

    Parameters
    ----------
    is_unlabelled : (n,); documents labelled normal are never suspected
    """
    told, n_unlabelled = composition.contamination, int(is_unlabelled.sum())
    share = _SUSPECTED if isinstance(told, str) else 1.5 * told
    n_suspected = round(share * n_unlabelled)
    odd = suspected = np.empty(0, np.int64)
    if not n_suspected:
        return Suspected(odd, suspected, 0)
    ranking = _Ranking(composition)
    if composition.form_weight:
        oddness = surface_oddness(composition.texts)
        is_far = is_unlabelled & (null_p_values(oddness) <= _FAR)
        order = np.argsort(-np.where(is_far, oddness, -1), kind="stable")
        odd = order[: min(int(is_far.sum()), n_suspected // 3)]
    for n_left_out in (round(max(share, _LEFT_OUT_AT_FIRST) * n_unlabelled), n_suspected):
        learned = ranking.learned_without(np.concatenate([odd, suspected]))
        ranks = np.where(is_unlabelled, learned, -1)
        ranks[odd] = -1
        suspected = np.argsort(-ranks, kind="stable")[: n_left_out - len(odd)]
    n_surest = len(suspected) // 3
    if not isinstance(told, str):
        n_surest = max(2 * n_suspected // 3 - len(odd), n_surest)
    return Suspected(odd, suspected, n_surest)


class _Ranking:
    """Documents as both detectors see them, embedded once."""

    def __init__(self, composition: Composition) -> None:
        self._points = _points_of(composition)
        embedded = composition.context_space.embed(composition.texts)
        self._embedded = embedded
        self._table = table_of(composition.context_space, embedded)
        self._seed = composition.random_state
        self._settings = TrainingSettings.of(CVDD(random_state=self._seed))
        self._device = choose_device(composition.device)

    def learned_without(self, left_out: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum of the ranks of each document, ``(n,)``; those without a known word come last."""
        kept = np.setdiff1d(np.arange(len(self._points)), left_out)
        is_known = np.asarray(self._points.any(axis=1))
        landmarks = landmarks_of(self._points[kept[is_known[kept]]], KDE.n_landmarks, self._seed)
        far = -log_density(self._points, landmarks[0], _BANDWIDTH, landmarks[1])
        ranks = rankdata(np.where(is_known, far, -np.inf))
        is_known = self._embedded.packed.n_distinct > 0
        kept = kept[is_known[kept]]
        weights, _ = trained_weights(
            self._embedded.take(kept),
            np.zeros(len(kept), np.int64),
            self._table,
            self._settings,
            self._device,
        )
        distances = weights.scoring_table(self._table).distances(self._embedded.packed)
        scores = aggregate(distances, "mean")
        return ranks + rankdata(np.where(is_known, scores, -np.inf))


def _points_of(composition: Composition) -> NDArray[np.float32]:
    """Documents as unit vectors ``(n, d)``; 0 without a known word."""
    space, texts = composition.density_space, composition.texts
    vectorizer = DocumentVectorizer(space, composition.pooling)
    if isinstance(space, ContextSpace):  # long work: all at once, with a bar
        space.remember(texts, progress=composition.verbose)
    points = [np.empty((0, space.dimension), np.float32)]
    for start in range(0, len(texts), _POOLED_AT_ONCE):
        embedded = space.embed(texts[start : start + _POOLED_AT_ONCE])
        points.append(vectorizer.pooled(embedded))
    return unit(np.concatenate(points))
