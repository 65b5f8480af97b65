"""Detectors that compare a point with its nearest training points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.validation import check_choice, check_integer
from textocl.shallow.distances import at_most, nearest
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector


@dataclass(kw_only=True, eq=False, repr=False)
class KNN(PooledDetector):
    """Distance to the nearest training points.

    Nothing is assumed but that normal data is close to normal data; all training points are kept.
    On unit vectors, as texts have by default, it ranks by cosine similarity. Beside the parameters
    of `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_neighbors : int ≥ 1, default 5
        k. Raising it forgives outliers in the training data, and small groups of normal data
        begin to look anomalous. More than there are training points warns and takes them all.
    aggregation : "mean" or "max", default "mean"
        The mean of the k distances, or the largest: that to the k-th nearest.

    Notes
    -----
    Score: 1/k Σ_j ‖x − x_(j)‖ [2]_, or ‖x − x_(k)‖ [1]_ (thesis §4.3.3). A training point finds
    itself among its neighbours: scores of training data are too low, and
    ``calibration="training"`` gives a threshold that is too low for new data.

    References
    ----------
    .. [1] Ramaswamy, Rastogi & Shim. Efficient algorithms for mining outliers from large data
       sets. SIGMOD 2000.
    .. [2] Angiulli & Pizzuti. Fast outlier detection in high dimensional spaces. PKDD 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import KNN
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> KNN().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "training_points": (np.float32, "n d"),
        "weights": (np.float64, "k"),  # of the distances, nearest first
    }

    n_neighbors: int = 5
    aggregation: str = "mean"

    def _check_own(self) -> None:
        check_integer("n_neighbors", self.n_neighbors, 1)
        check_choice("aggregation", self.aggregation, ("mean", "max"))

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        n = len(points)
        k = at_most("n_neighbors", self.n_neighbors, n, f"the {n:,} training points")
        weights = np.full(k, 1 / k) if self.aggregation == "mean" else np.eye(k)[-1]
        return {"training_points": np.ascontiguousarray(points), "weights": weights}

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        weights = learned["weights"]
        distances, _ = nearest(points, learned["training_points"], len(weights))
        return distances @ weights


@dataclass(kw_only=True, eq=False, repr=False)
class LOF(PooledDetector):
    """Local outlier factor: how much sparser it is around a point than around its neighbours.

    For normal data that is dense in some places and sparse in others, where one distance cannot
    be right everywhere. Around 1 is normal, well above is not. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_neighbors : int ≥ 1, default 20
        k. Raising it compares wider surroundings; groups of fewer normal points look anomalous.
        It should exceed the number of times that one text is repeated. As many as there are
        training points, or more, warns and takes all but one.

    Notes
    -----
    With d_k(y) the distance from y to its k-th neighbour, the density at x is
    lrd(x) = 1 / (1/k Σ_j max(‖x − x_(j)‖, d_k(x_(j))) + 1e-10), and the score is
    1/k Σ_j lrd(x_(j)) / lrd(x), that of `sklearn.neighbors.LocalOutlierFactor(novelty=True)`.
    Neighbours are searched here rather than there: distances of repeated points are then exactly
    0, where rounding would change their density a hundredfold. As with `KNN`, a training point
    scored again finds itself; ``calibration="training"`` judges by such scores.

    References
    ----------
    Breunig et al. LOF: identifying density-based local outliers. SIGMOD 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import LOF
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> LOF().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "training_points": (np.float32, "n d"),
        "reach": (np.float64, "n"),  # distance to the k-th neighbour
        "density": (np.float64, "n"),
        "n_neighbors_used": (np.int64, "1"),
    }

    n_neighbors: int = 20

    def _check_own(self) -> None:
        check_integer("n_neighbors", self.n_neighbors, 1)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        n = len(points)
        k = at_most("n_neighbors", self.n_neighbors, n - 1, f"each of {n:,} training points has")
        distances, neighbors = nearest(points, points, k, skip=np.arange(n))
        reach = np.ascontiguousarray(distances[:, -1])
        return {
            "training_points": np.ascontiguousarray(points),
            "reach": reach,
            "density": _density(distances, reach[neighbors]),
            "n_neighbors_used": np.array([k]),
        }

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        k = int(learned["n_neighbors_used"][0])
        distances, neighbors = nearest(points, learned["training_points"], k)
        density = _density(distances, learned["reach"][neighbors])
        return learned["density"][neighbors].mean(axis=1) / density


def _density(distances: NDArray[np.float64], reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local reachability density, ``(m,)``, from neighbours' distances and reach ``(m, k)``."""
    return 1 / (np.maximum(distances, reach).mean(axis=1) + 1e-10)
