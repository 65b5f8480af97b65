"""Layer-wise relevance propagation for shallow detectors: pooling -> distance -> feature -> word.

KDE, k-NN, OC-SVM and SVDD are networks of three layers (thesis §4.4.2, "neuralization"): features,
squared distances ``d_j = ‖y − y_j‖²`` to references y_j, and a pooling of the distances into the
score. The pooling hands the score to the references that decided, ``R_j``, and each distance hands
its part on in proportion to the squared differences it is a sum of:

    relevance of feature i = Σ_j R_j (y_i − y_ji)² / d_j

What the references do not carry is the bias, and relevances and bias add up to the score. Unit
length and whitening are linear layers once a point's length is held fixed, and so is mean pooling:
a word hands its part of y on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from textocl.core.exceptions import DataError
from textocl.explain.explanation import Explanation
from textocl.explain.occlusion import Decomposition, WordParts, explain_words
from textocl.shallow.density import KDE
from textocl.shallow.distances import nearest, squared_distances
from textocl.shallow.kernels import rbf
from textocl.shallow.landmarks import kernels_of
from textocl.shallow.metric import WORST_POOLED_SCORE
from textocl.shallow.neighbors import KNN
from textocl.shallow.ocsvm import SupportVectorDetector
from textocl.shallow.pooled import PooledDetector

_AT_ONCE = 256


@dataclass(frozen=True)
class Relevance:
    """What each feature adds to the score of each point.

    Attributes
    ----------
    features : (n, d); with whitening some may be negative
    bias : (n,) what no feature accounts for; ``features.sum(axis=1) + bias`` is the score
    scores : (n,)
    """

    features: NDArray[np.float64]
    bias: NDArray[np.float64]
    scores: NDArray[np.float64]


def relevance_of(detector: PooledDetector, X: Any) -> Relevance:
    """Say which features made each point anomalous.

    Parameters
    ----------
    detector : a fitted `textocl.KDE`, `textocl.KNN`, `textocl.OCSVM` or `textocl.SVDD`
    X : features (n, d), or texts where it was fitted on such
        Then features are the entries of the pooled vectors.

    Raises
    ------
    NotFittedError
    DataError
        Another kind of detector, or ``X`` is not what it was fitted on.

    Notes
    -----
    How the pooling hands the score s out: KDE by the soft minimum that it is,
    ``R_j = s softmax_j(−d_j / 2h²)``, of landmarks by their weights and widths; k-NN
    ``R_j = d_j^½ / k`` of the k neighbours; OC-SVM with the rbf kernel
    ``R_j = α_j (1 − k(x, x_j))``, bias ρ − 1, and SVDD twice that; OC-SVM with the linear kernel
    half the squared distance to w. Known anomalies, which lower distances raise the score of a
    `KDE` by, stay in its bias. Features that a whitening mixes are credited for all that
    they bring in: ``(x_i − x_ji) <w_i, y − y_j>`` instead of the square.

    References
    ----------
    J. Kauffmann, K.-R. Müller, G. Montavon: Towards Explaining Anomalies: A Deep Taylor
    Decomposition of One-Class Models. Pattern Recognition, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import KNN
    >>> blob = np.random.default_rng(0).normal(size=(200, 3))
    >>> relevance = relevance_of(KNN().fit(blob), np.array([[0.0, 9.0, 0.0]]))
    >>> int(relevance.features.argmax())
    1
    """
    _check_kind(detector)
    points = detector.points(X)  # (n, d)
    features, scores = np.empty(points.shape), np.empty(len(points))
    state = detector.state_
    whitening = state.metric.whitening
    W = np.eye(points.shape[1]) if whitening is None else whitening  # y = x W
    for start in range(0, len(points), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        scores[part] = detector._scores(state.learned, points[part])
        c, references = _distances(detector, points[part], scores[part])  # (b, m), (m, d)
        # Σ_j c_j (x − x_j) (q − q_j), entry by entry, with q = y Wᵀ
        origin = references[0].astype(np.float64)  # so that no digits are lost far from 0
        y, y_j = points[part] - origin, references - origin
        x, x_j = (np.linalg.solve(W.T, rows.T).T for rows in (y, y_j))
        q, q_j = y @ W.T, y_j @ W.T
        features[part] = (
            c.sum(axis=1, keepdims=True) * x * q - x * (c @ q_j) - q * (c @ x_j) + c @ (x_j * q_j)
        )
    return Relevance(features, scores - features.sum(axis=1), scores)


def explain_by_relevance(detector: PooledDetector, texts: Sequence[str]) -> list[Explanation]:
    """Explain texts as ``detector.explain`` does, by relevance instead of taking words out.

    Words that do not belong rank a little higher, and cutting the first words out lowers the score
    a little less (benchmarks/results/planted_words.md). A word brings ``y_w`` in, and its share of
    each reference, by ``share_w = <y_w, y> / ‖y‖²``: its contribution is
    ``Σ_j R_j / d_j <y − y_j, y_w − share_w y_j>``, and its share of the bias; together they add up
    to the score.

    Parameters
    ----------
    detector : as in `relevance_of`, fitted on texts
    """
    _check_kind(detector)
    documents = detector._fitted()._texts(texts)
    vectorizer = detector.state_.vectorizer
    if vectorizer is None:
        raise DataError("this detector was fitted on features; only texts have words.")
    return [
        explanation
        for start in range(0, len(documents), _AT_ONCE)
        for explanation in explain_words(
            vectorizer.space.embed(documents[start : start + _AT_ONCE]),
            vectorizer,
            lambda parts: _decompose(detector, parts),
            detector.calibration_scores_,
            detector.threshold_,
            WORST_POOLED_SCORE,
        )
    ]


def _decompose(detector: PooledDetector, parts: WordParts) -> Decomposition:
    """Relevance of the words that one document's vector is the sum of."""
    metric = detector.state_.metric
    point = metric.transform(parts.whole)  # (1, d)
    score = detector._scores(detector.state_.learned, point).astype(np.float64)
    c, references = _distances(detector, point, score)  # (1, m), (m, d)
    y, y_j = point[0].astype(np.float64), references.astype(np.float64)
    brought = parts.parts  # (w, d)
    if metric.whitening is not None:
        brought = brought @ metric.whitening
    if metric.unit_length:
        brought = brought / max(float(np.linalg.norm(brought.sum(axis=0))), 1e-30)
    length = y @ y
    shares = brought @ y / length if length > 0 else parts.weights
    shares = shares / shares.sum()
    # Σ_j c_j <y − y_j, y_w − share_w y_j>
    pull = c.sum() * y - (c @ y_j)[0]  # (d,)
    of_references = float(c[0] @ (y_j @ y - np.einsum("md,md->m", y_j, y_j)))
    contributions = brought @ pull - shares * of_references
    return Decomposition(
        score[0], contributions + shares * (score[0] - contributions.sum()), shares
    )


@singledispatch
def _distances(
    detector: PooledDetector, points: NDArray[np.float32], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Coefficients ``R_j / d_j``, ``(n, m)``, and references ``(m, d)``; see `relevance_of`."""
    raise NotImplementedError  # `_check_kind` refuses other kinds


@_distances.register
def _of_neighbors(
    detector: KNN, points: NDArray[np.float32], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    learned = detector.state_.learned
    references, weights = learned["training_points"], learned["weights"]
    distances, which = nearest(points, references, len(weights))
    c = np.zeros((len(points), len(references)))
    np.put_along_axis(
        c, which, _ratio(np.broadcast_to(weights, distances.shape), distances), axis=1
    )
    return c, references


@_distances.register
def _of_density(
    detector: KDE, points: NDArray[np.float32], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    learned = detector.state_.learned
    references, h = learned["training_points"], learned["settings"][0]
    squared = squared_distances(points, references)
    exponents = -squared / (2 * h**2)
    if (cells := learned["training_cells"]).size:
        widths, log_weights = kernels_of(cells, h, references.shape[1])
        exponents = log_weights - squared / (2 * widths)
    near = softmax(exponents, axis=1)
    of_distances = scores - detector._resemblance(learned, points)
    return _ratio(of_distances[:, None] * near, squared), references


@_distances.register
def _of_support(
    detector: SupportVectorDetector, points: NDArray[np.float32], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    learned = detector.state_.learned
    support, weights, gamma = learned["support"], learned["weights"], float(learned["gamma"][0])
    if gamma == 0:
        return np.full((len(points), 1), detector.SCALE / 2), support
    falls = detector.SCALE * weights * (1 - rbf(points, support, gamma))
    return _ratio(falls, squared_distances(points, support)), support


def _ratio(relevance: NDArray[Any], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """``R_j / d_j``; 0 where the distance is 0, so that the bias gets what no feature explains."""
    apart = distances > 0
    return np.where(apart, relevance / np.where(apart, distances, 1), 0)


def _check_kind(detector: PooledDetector) -> None:
    if _distances.dispatch(type(detector)) is _distances.dispatch(object):
        raise DataError(
            "relevance goes through distances to references: expected a KDE, KNN, OCSVM or SVDD, "
            f"got a {type(detector).__name__}; its explain() takes words out instead."
        )
