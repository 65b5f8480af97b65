"""Right for the right reasons? Detection against explanation (thesis §4.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate


@dataclass(frozen=True)
class CleverHans:
    """How far detection is ahead of explanation.

    Attributes
    ----------
    score : ``auc − explanation_accuracy``; the greater, the likelier that anomalies are found for
        reasons that are not theirs
    auc : of the anomaly scores
    explanation_accuracy : mean cosine similarity of explanations with the truth
    n_explained : explanations that entered it
    """

    score: float
    auc: float
    explanation_accuracy: float
    n_explained: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)


def explanation_accuracy(explanations: Sequence[ArrayLike], truths: Sequence[ArrayLike]) -> float:
    """Mean cosine similarity of what explanations say with what is so, at most 1.

    Parameters
    ----------
    explanations : n arrays: heatmaps of images, or one value for each word or feature
        Where they have signs these count: what speaks for normal inside the anomaly costs.
    truths : n arrays of the same shapes, such as masks, 0 where nothing is anomalous
        An explanation of nothing but zeros has similarity 0.

    Raises
    ------
    DataError
        Shapes differ, a truth is empty, or there is nothing to compare.

    Examples
    --------
    >>> explanation_accuracy([[0.9, 0.0, 0.0]], [[True, False, False]])
    1.0
    """
    if not len(explanations) or len(explanations) != len(truths):
        raise DataError(
            f"expected as many truths as explanations, at least one, got {len(truths)} and "
            f"{len(explanations)}."
        )
    similarities = []
    for i, (explanation, truth) in enumerate(zip(explanations, truths, strict=True)):
        values, true = np.asarray(explanation, np.float64), np.asarray(truth, np.float64)
        if values.shape != true.shape or not np.isfinite(values).all():
            raise DataError(
                f"explanation {i}: expected finite numbers of the truth's shape {true.shape}, got "
                f"shape {values.shape}."
            )
        if not true.any():
            raise DataError(f"truth {i} marks nothing; explain anomalies only.")
        lengths = np.linalg.norm(values) * np.linalg.norm(true)
        similarities.append(float((values * true).sum() / lengths) if lengths > 0 else 0.0)
    return float(np.mean(similarities))


def clever_hans_score(
    scores: ArrayLike,
    is_anomaly: ArrayLike,
    explanations: Sequence[ArrayLike],
    truths: Sequence[ArrayLike],
) -> CleverHans:
    """AUC minus explanation accuracy, both as fractions.

    Parameters
    ----------
    scores, is_anomaly : (n,) as in `textocl.core.metrics.evaluate`
    explanations, truths : of anomalies whose places are known; see `explanation_accuracy`

    Raises
    ------
    DataError

    Notes
    -----
    The thesis's Table 4.4. The two are not on one scale: even the best explanation of a mask of
    some size has a cosine below 1 unless it is flat, so compare detectors on one task.

    References
    ----------
    J. Kauffmann, L. Ruff, G. Montavon, K.-R. Müller: The Clever Hans Effect in Anomaly Detection.
    arXiv:2006.10609, 2020.

    Examples
    --------
    >>> clever_hans_score([0.1, 0.9], [False, True], [[0.0, 2.0]], [[1, 0]]).score
    1.0
    """
    auc = evaluate(scores, is_anomaly).auc
    accuracy = explanation_accuracy(explanations, truths)
    return CleverHans(auc - accuracy, auc, accuracy, len(explanations))
