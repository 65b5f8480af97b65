"""Kernel density estimation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.validation import check_number
from textocl.shallow.distances import row_blocks, squared_distances
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector


@dataclass(kw_only=True, eq=False, repr=False)
class KDE(PooledDetector):
    """Kernel density estimation with a Gaussian at each training point.

    Between `KNN` and one Gaussian for all: a small bandwidth compares with the nearest training
    points, a large one with their mean. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    bandwidth : float in [1e-30, 1e30], default 0.25
        h, the standard deviation of each Gaussian, in units of the points after whitening.
        Raising it smooths more. The default suits unit vectors; features of another scale need
        another one.
    whitening : float in [0, 1], default 0.4
        As in `textocl.shallow.pooled.PooledDetector`, with another default.
    anomaly_bandwidth : float in [1e-30, 1e30], default 0.32
        g, the bandwidth of the density of known anomalies.
    anomaly_weight : float ≥ 0, default 0.5
        β: how much resemblance to a known anomaly adds to the score. 0 ignores anomalies.

    Notes
    -----
    With labelled anomalies a_j (``y`` = -1) the score is that of a density ratio,
    −h² log p(x) + β g² log(u + 1/m Σ_j exp(−‖x − a_j‖² / 2g²)). The floor u, the 0.9-quantile of
    the anomaly density at the normal training points, stands for all the anomalies never seen: far
    from every known anomaly nothing changes.

    Score: −h² log 1/n Σ_i exp(−‖x − x_i‖² / 2h²), that is −h² times the log-density of
    `sklearn.neighbors.KernelDensity` up to a constant (thesis §4.1.1); all pairs are computed here,
    as far from the training points its tree loses all digits. The factor h² keeps scores near half
    a squared distance whatever the bandwidth. On unit vectors this is the von
    Mises-Fisher kernel density of concentration 1/h², since ‖x − x_i‖² = 2 − 2<x, x_i>.

    References
    ----------
    Parzen. On estimation of a probability density function and mode. The Annals of Mathematical
    Statistics, 1962.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import KDE
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> KDE().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "training_points": (np.float32, "n d"),
        "known_anomalies": (np.float32, "m d"),
        "anomaly_floor": (np.float64, "1"),
        "settings": (np.float64, "3"),  # h, g, β
    }

    whitening: float = 0.4
    bandwidth: float = 0.25
    anomaly_bandwidth: float = 0.32
    anomaly_weight: float = 0.5

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _check_own(self) -> None:
        check_number("bandwidth", self.bandwidth, 1e-30, 1e30)
        check_number("anomaly_bandwidth", self.anomaly_bandwidth, 1e-30, 1e30)
        check_number("anomaly_weight", self.anomaly_weight, 0)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        normal = np.ascontiguousarray(points[labels >= 0])
        anomalies = np.ascontiguousarray(points[labels < 0])
        floor = 0.0
        if len(anomalies):
            densities = log_density(normal, anomalies, self.anomaly_bandwidth)
            floor = float(np.quantile(densities, _FLOOR_QUANTILE))
        return {
            "training_points": normal,
            "known_anomalies": anomalies,
            "anomaly_floor": np.array([floor]),
            "settings": np.array([self.bandwidth, self.anomaly_bandwidth, self.anomaly_weight]),
        }

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        h = learned["settings"][0]
        scores = -(h**2) * log_density(points, learned["training_points"], h)
        return scores + self._resemblance(learned, points)

    def _resemblance(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        """What known anomalies add to the scores of ``points``, ``(n,)``, at least 0."""
        anomalies, floor = learned["known_anomalies"], learned["anomaly_floor"][0]
        if not len(anomalies):
            return np.zeros(len(points))
        _, g, weight = learned["settings"]
        density = log_density(points, anomalies, g)
        above = np.logaddexp(floor, density) - floor  # log(u + p) - log u
        return np.asarray(weight * g**2 * above)


_FLOOR_QUANTILE = 0.9


def log_density(
    points: NDArray[Any], centers: NDArray[Any], bandwidth: float
) -> NDArray[np.float64]:
    """``log 1/n Σ_i exp(−‖x − c_i‖² / 2h²)`` of each of ``points`` ``(m, d)``, ``(m,)``."""
    log_densities = [np.empty(0)]
    for block in row_blocks(points, len(centers)):
        squared = squared_distances(block, centers)  # (b, n)
        smallest = squared.min(axis=1)
        squared -= smallest[:, None]
        squared *= -1 / (2 * bandwidth**2)
        sums = np.exp(squared, out=squared).mean(axis=1)  # at least 1/n
        log_densities.append(np.log(sums) - smallest / (2 * bandwidth**2))
    return np.concatenate(log_densities)
