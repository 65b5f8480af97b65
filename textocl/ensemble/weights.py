"""How much each member of a `Detector` counts, learned from training documents alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from textocl.ensemble.composition import Composition
from textocl.ensemble.labels import LABELS
from textocl.ensemble.members import OutOfSampleScores
from textocl.explain.text_detector import TextDetector
from textocl.shallow.density import KDE
from textocl.text.vectorizer import DocumentVectorizer

_ENOUGH_DOCUMENTS = 50  # what the documents say weighs half there, what is usual the other half
_USUAL_AGREEMENT = 0.65  # of a density and contexts, on texts that have a topic
_ENOUGH_ODDS = 3.0  # beyond which what words say counts in full
_LEAST_TOPIC = 0.02
_COMPARED, _FEWEST = 2_000, 8  # documents
_LEAST_FORM = 0.2
_FORM = 0.4  # of what form has to say beside words, both in full


def learned_weights(
    unfitted: Mapping[str, tuple[TextDetector, float]],
    scores: OutOfSampleScores,
    composition: Composition,
) -> list[float]:
    """Weights of k members, from those that they come with and their out-of-sample scores.

    Words: two detectors that see the same topic rank documents alike. With the rank correlation ρ
    of contexts and a density, the reliability of their sum is ``2ρ / (1 + ρ)`` (Spearman and
    Brown), which leaves ``2ρ / (1 − ρ)`` of signal for one of noise; the weights of all members on
    words are multiplied by this over 3, at most by 1. In short scattered texts, whose words have
    no topic in common, little is left. The density is a plain one: the member was told what is
    suspected, by contexts too.

    Form: each member on characters has its part in the first eigenvector of the members' rank
    correlations, the largest part being 1: as in a spectral meta-learner, who agrees with others
    knows something. At least 0.2, and at least what is missing to full words; of this 0.4.

    References
    ----------
    F. Parisi, F. Strino, B. Nadler, Y. Kluger: Ranking and combining multiple predictors without
    labeled data. PNAS 111, 2014.
    """
    compared = [n for n in unfitted if not n.endswith("density") and n not in LABELS]
    others = [k for k, name in enumerate(unfitted) if name in compared]
    correlations = _rank_correlations(composition, scores, others)
    share = len(scores.scores) / (len(scores.scores) + _ENOUGH_DOCUMENTS)
    names = ["density", *compared]
    topic = 1.0
    if "contexts" in names:
        agreement = share * correlations[0, names.index("contexts")]
        agreement += (1 - share) * _USUAL_AGREEMENT
        topic = 2 * agreement / max(1 - agreement, 1e-6) / _ENOUGH_ODDS
    topic = min(max(topic, _LEAST_TOPIC), 1.0)
    parts = np.abs(np.linalg.eigh(np.maximum(correlations, 0))[1][:, -1])
    parts = share * parts / parts.max() + (1 - share) * _LEAST_FORM
    return [
        weight * _FORM * max(float(parts[names.index(name)]), _LEAST_FORM, 1 - topic)
        if detector.sees_form
        else weight * topic
        for name, (detector, weight) in unfitted.items()
    ]


def _rank_correlations(
    composition: Composition, scores: OutOfSampleScores, columns: list[int]
) -> NDArray[np.float64]:
    """Spearman's rank correlations of a plain density and ``columns`` of the scores, ``(k, k)``.

    Over some documents that all of them know; 0 where one says always the same.
    """
    from scipy.stats import rankdata

    known = np.flatnonzero(scores.is_known.all(axis=1))
    some = np.random.default_rng(composition.random_state).permutation(known)[:_COMPARED]
    correlations = np.eye(1 + len(columns))
    if len(some) < _FEWEST:
        return correlations
    space = composition.word_space
    vectorizer = DocumentVectorizer(space, "mean")
    points = vectorizer.pooled(space.embed([composition.texts[i] for i in some]))
    density = KDE(unit_length=True, calibration="training").fit(points)
    ranked = rankdata(
        np.column_stack([density.training_scores_, scores.scores[some][:, columns]]), axis=0
    )
    varied = np.flatnonzero(ranked.std(axis=0) > 0)
    correlations[np.ix_(varied, varied)] = np.atleast_2d(
        np.corrcoef(ranked[:, varied], rowvar=False)
    )
    return correlations
