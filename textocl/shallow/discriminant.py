"""What tells known anomalies from all other documents: a shrunken linear discriminant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.training_scores import FOLDS, fold_numbers
from textocl.explain.explanation import Explanation
from textocl.explain.occlusion import Decomposition, WordParts, explain_words
from textocl.shallow.metric import WORST_POOLED_SCORE, Arrays
from textocl.shallow.pooled import PooledDetector
from textocl.text.spaces import Embedded
from textocl.text.vectorizer import DocumentVectorizer

#: of which one is chosen: λ, in units of the mean variance of an entry
_SHRINKAGES = (10.0, 3.0, 1.0, 0.3)
_FEWEST = 4  # anomalies with which it is chosen; with fewer the first one is taken


@dataclass(kw_only=True, eq=False, repr=False)
class Discriminant(PooledDetector):
    """Linear discriminant between known anomalies (``y`` = -1) and all other training points.

    Use it where some anomalies, ten or more, show what is looked for: a sentiment, a tone, what a
    policy forbids. It learns nothing but that: anomalies of other kinds are none to it, and without
    known anomalies every score is 0. `textocl.Detector` joins it with members that find those.
    Parameters are those of `textocl.shallow.pooled.PooledDetector`.

    Notes
    -----
    With the means μ₊ of the m points that are not labelled -1 and μ₋ of the anomalies, the
    covariance Σ within these two, and w = (Σ + λ tr(Σ)/d I)⁻¹ (μ₋ − μ₊), the score is <w, x − μ₊> /
    σ: how far towards the anomalies, in standard deviations σ of points that are not labelled -1,
    measured across folds: fits with different λ are on one scale. Shrinking makes up for the small
    number of anomalies (Friedman 1989); λ, one of 0.3, 1, 3 and 10, is that with the highest AUC
    across folds of the training points, of equal ones the largest. A word's contribution is <w, its
    part of x>, and its share of the constant.

    References
    ----------
    J. H. Friedman: Regularized discriminant analysis. Journal of the American Statistical
    Association, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> source = np.random.default_rng(0)
    >>> normal, anomalous = source.normal(0, 1, (200, 4)), source.normal(3, 1, (20, 4))
    >>> X, y = np.concatenate([normal, anomalous]), np.repeat([0, -1], [200, 20])
    >>> Discriminant().fit(X, y).predict(np.array([[0, 0, 0, 0], [3, 3, 3, 3]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "direction": (np.float64, "d"),
        "offset": (np.float64, "1"),
    }

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _check_own(self) -> None:
        pass

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        exact, is_known = points.astype(np.float64), labels < 0
        d = exact.shape[1]
        if not is_known.any():
            return {"direction": np.zeros(d), "offset": np.zeros(1)}
        directions, center = directions_of(exact, is_known)
        j, deviation = self._chosen_shrinkage(exact, is_known)
        w = directions[:, j] / deviation
        return {"direction": w, "offset": np.array([-(w @ center)])}

    def _chosen_shrinkage(
        self, points: NDArray[np.float64], is_known: NDArray[np.bool_]
    ) -> tuple[int, float]:
        """Which shrinkage tells known anomalies best that it did not learn from.

        And the standard deviation of other points along its direction, out of sample too, in units
        of that within the sample.
        """
        normal, known = np.flatnonzero(~is_known), np.flatnonzero(is_known)
        n_folds = min(FOLDS, len(normal), len(known))
        if len(known) < _FEWEST or n_folds < 2:
            return 0, 1.0
        folds = np.empty(len(points), np.int64)
        for group in (normal, known):
            folds[group] = fold_numbers(len(group), self.random_state, n_folds)
        auc, squares = np.zeros((2, len(_SHRINKAGES)))
        for k in range(n_folds):
            fold = folds == k
            directions, _ = directions_of(points[~fold], is_known[~fold])
            scores = points[fold] @ directions
            away = scores[~is_known[fold]]
            squares += ((away - away.mean(axis=0)) ** 2).sum(axis=0)
            for j, column in enumerate(scores.T):
                auc[j] += placements(column[is_known[fold]], column[~is_known[fold]]).sum()
        j = int(np.argmax(auc > auc.max() - 1e-9))
        return j, float(np.sqrt(squares[j] / len(normal))) or 1.0

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        return points.astype(np.float64) @ learned["direction"] + learned["offset"][0]

    def _explained(self, embedded: Embedded) -> list[Explanation]:
        return explain_words(
            embedded,
            cast(DocumentVectorizer, self.state_.vectorizer),
            self._decompose,
            self.calibration_scores_,
            self.threshold_,
            WORST_POOLED_SCORE,
        )

    def _decompose(self, parts: WordParts) -> Decomposition:
        """The score of a document as a sum over its words."""
        metric, learned = self.state_.metric, self.state_.learned
        brought = parts.parts if metric.whitening is None else parts.parts @ metric.whitening
        if metric.unit_length:
            brought = brought / max(float(np.linalg.norm(brought.sum(axis=0))), 1e-30)
        contributions = brought @ learned["direction"]
        contributions = contributions + learned["offset"][0] * parts.shares
        score = float(self._scores(learned, metric.transform(parts.whole))[0])
        # what float32 rounds off
        contributions += (score - contributions.sum()) * parts.shares
        return Decomposition(score, contributions, parts.shares)


def directions_of(
    points: NDArray[np.float64], is_known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A direction for each shrinkage, ``(d, 4)``, and the mean of what is no known anomaly.

    Along a direction the standard deviation within both classes is 1.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    center, there = points[~is_known].mean(axis=0), points[is_known].mean(axis=0)
    within = points - np.where(is_known[:, None], there, center)
    size = float(np.abs(within).max()) or 1.0  # so that no square overflows or vanishes
    scaled = (points - center) / size
    directions = np.stack(
        [
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage / (1 + shrinkage))
            .fit(scaled, is_known)
            .coef_[0]
            for shrinkage in _SHRINKAGES
        ],
        axis=1,
    )
    spread = np.sqrt(np.mean((within / size @ directions) ** 2, axis=0))
    return directions / np.where(spread > 0, spread, 1) / size, center


def placements(known: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Share of ``others`` ``(n,)`` below each of ``known`` ``(m,)``, of equal ones half.

    Their mean is the AUC.
    """
    ordered = np.sort(others)
    below = np.searchsorted(ordered, known, "left") + np.searchsorted(ordered, known, "right")
    return np.asarray(below / (2 * max(len(ordered), 1)))
