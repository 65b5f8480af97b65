"""Kernel density estimation."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import trim_highest
from textocl.core.training_scores import TrainingSamples, scores_across_folds
from textocl.core.update import UpdatableDetector, Update
from textocl.core.validation import check_integer, check_number
from textocl.shallow.distances import row_blocks, squared_distances
from textocl.shallow.landmarks import (
    NO_CELLS,
    Landmarks,
    landmarks_of,
    log_density_of_landmarks,
)
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector


@dataclass(kw_only=True, eq=False, repr=False)
class KDE(PooledDetector, UpdatableDetector):
    """Kernel density estimation with a Gaussian at each training point, or at landmarks.

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
    n_landmarks : int ≥ 1, default 4000
        Of more training points than that the model keeps weighted means of neighbouring ones
        (`textocl.shallow.landmarks.landmarks_of`): at most so many of the normal ones, and a
        quarter as many of known anomalies. Raising it costs memory and time of scoring, and comes
        closer to all points.

    ``update`` adds points, and merges landmarks where there are too many; words, their vectors and
    the whitening stay those of ``fit``.

    Notes
    -----
    Time of a fit grows with the training points times ``n_landmarks``. The model holds at most
    ``n_landmarks`` points of d numbers, and known anomalies. A fit holds the training points, with
    whitening a few copies of them in double precision, and blocks of 32 MiB. With landmarks c_j the
    density is Σ_j w_j (h / h_j)^d exp(−‖x − c_j‖² / 2h_j²), h_j² = h² + v_j, of their share w_j of
    the points and the variance v_j of these about c_j.

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
        # share and variance of each landmark's points; none where each is one training point
        "training_cells": (np.float64, "2 k"),
        "anomaly_cells": (np.float64, "2 l"),
    }

    whitening: float = 0.4
    bandwidth: float = 0.25
    anomaly_bandwidth: float = 0.32
    anomaly_weight: float = 0.5
    n_landmarks: int = 4_000

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _check_own(self) -> None:
        check_number("bandwidth", self.bandwidth, 1e-30, 1e30)
        check_number("anomaly_bandwidth", self.anomaly_bandwidth, 1e-30, 1e30)
        check_number("anomaly_weight", self.anomaly_weight, 0)
        check_integer("n_landmarks", self.n_landmarks, 1)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        normal = np.ascontiguousarray(points[labels >= 0])
        most = most_anomalies = self.n_landmarks
        if len(points) > most:
            most_anomalies = max(most // _LANDMARKS_AN_ANOMALY, 1)
        anomalies, anomaly_cells = landmarks_of(
            np.ascontiguousarray(points[labels < 0]), most_anomalies, self.random_state
        )
        floor = 0.0
        if len(anomalies):
            densities = log_density(normal, anomalies, self.anomaly_bandwidth, anomaly_cells)
            floor = float(np.quantile(densities, _FLOOR_QUANTILE))
        landmarks, cells = landmarks_of(normal, most, self.random_state)
        return {
            "training_points": landmarks,
            "known_anomalies": anomalies,
            "anomaly_floor": np.array([floor]),
            "settings": np.array([self.bandwidth, self.anomaly_bandwidth, self.anomaly_weight]),
            "training_cells": cells,
            "anomaly_cells": anomaly_cells,
        }

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        state, params = self.state_, self._fit_params
        raw, n_known = self._all_points(state.vectorizer, new.samples, np.arange(len(new)))
        points, is_normal = state.metric.transform(raw), new.labels >= 0
        known = np.flatnonzero((n_known > 0) & is_normal)
        anomalies = points[(n_known > 0) & ~is_normal]
        before, n, share = state.learned, state.n_documents, params["contamination"]
        # those that score highest as yet, half as many again as the share says, as in `fit`
        unlabelled = known[new.labels[known] == 0]
        farthest = np.argsort(-self._scores(before, points[unlabelled]), kind="stable")
        suspected = np.sort(unlabelled[farthest[: round(1.5 * share * len(unlabelled))]])
        trusted = np.setdiff1d(known, suspected)
        learned = self._joined_by(before, n, points[trusted], anomalies)
        scores = np.full(len(new), np.nan, np.float32)
        scores[suspected] = self._scores(learned, points[suspected])

        def scores_of(others: NDArray[np.int64], fold: NDArray[np.int64]) -> NDArray[np.float32]:
            of_others = self._joined_by(before, n, points[trusted[others]], anomalies)
            return self._scores(of_others, points[trusted[fold]])

        if len(trusted):
            seed = params["random_state"]
            scores[trusted] = scores_across_folds(len(trusted), seed, scores_of, n_folds)
        shift = self._shift(before, n, points[trusted])
        judged = scores[known]
        if len(known):
            judged = trim_highest(judged, share, new.labels[known] > 0)
        return Update(
            replace(state, learned=learned, n_documents=n + len(trusted)),
            scores,
            shift,
            self._joined_calibration(judged, shift),
            suspected,
            n_unknown=int((n_known == 0).sum()),
        )

    def without_suspected(self) -> KDE:
        """The same; without known anomalies where these count less than labelled ones do."""
        if self._fit_params["anomaly_weight"] >= KDE.anomaly_weight:
            return self
        other, state = copy.copy(self), self.state_
        h, g, _ = state.learned["settings"]
        learned = {
            **state.learned,
            "known_anomalies": state.learned["known_anomalies"][:0],
            "anomaly_cells": NO_CELLS,
            "anomaly_floor": np.zeros(1),
            "settings": np.array([h, g, KDE.anomaly_weight]),
        }
        changed = {"anomaly_weight": KDE.anomaly_weight}
        other._take_over(
            {**self._fit_params, **changed}, **changed, state_=replace(state, learned=learned)
        )
        return other

    def _joined_by(
        self, learned: Arrays, n: int, points: NDArray[np.float32], anomalies: NDArray[np.float32]
    ) -> Arrays:
        """What is learned from n points, and from more points and known anomalies."""
        params = self._fit_params
        most, seed = params["n_landmarks"], params["random_state"]
        normal = Landmarks(learned["training_points"], learned["training_cells"], n)
        normal = normal.joined_by(points, most, seed)
        joined = {
            **learned,
            "training_points": normal.centers,
            "training_cells": normal.cells,
        }
        if len(anomalies):
            centers, cells = learned["known_anomalies"], learned["anomaly_cells"]
            # the smallest cell is of one
            n_known = round(1 / cells[0].min()) if cells.size else len(centers)
            known = Landmarks(centers, cells, n_known)
            known = known.joined_by(anomalies, max(most // _LANDMARKS_AN_ANOMALY, 1), seed)
            g = learned["settings"][1]
            densities = log_density(normal.centers, known.centers, g, known.cells)
            floor = np.quantile(
                densities, _FLOOR_QUANTILE, weights=normal.counts, method="inverted_cdf"
            )
            joined |= {
                "known_anomalies": known.centers,
                "anomaly_cells": known.cells,
                "anomaly_floor": np.array([floor]),
            }
        return joined

    def _shift(self, learned: Arrays, n: int, points: NDArray[np.float32]) -> float:
        """What more points add to the score of former ones, on the mean.

        Half of the landmarks tell it of the other half, which they are no part of.
        """
        h = learned["settings"][0]
        former = Landmarks(learned["training_points"], learned["training_cells"], n)
        order = np.random.default_rng(0).permutation(len(former.centers))
        some, others = order[: len(order) // 2][:_N_SHIFTED], order[len(order) // 2 :]
        if not len(points) or not len(some):
            return 0.0
        judged, counts = former.centers[some], former.counts[others]
        cells = NO_CELLS
        if former.cells.size:
            cells = np.stack([counts / counts.sum(), former.variances[others]])
        before = log_density(judged, former.centers[others], h, cells)
        by_new = log_density(judged, points, h)
        total = n + len(points)
        after = np.logaddexp(before + np.log(n / total), by_new + np.log(len(points) / total))
        return float(-(h**2) * np.average(after - before, weights=former.counts[some]))

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        h = learned["settings"][0]
        landmarks, cells = learned["training_points"], learned["training_cells"]
        scores = -(h**2) * log_density(points, landmarks, h, cells)
        return scores + self._resemblance(learned, points)

    def _resemblance(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        """What known anomalies add to the scores of ``points``, ``(n,)``, at least 0."""
        anomalies, floor = learned["known_anomalies"], learned["anomaly_floor"][0]
        if not len(anomalies):
            return np.zeros(len(points))
        _, g, weight = learned["settings"]
        density = log_density(points, anomalies, g, learned["anomaly_cells"])
        above = np.logaddexp(floor, density) - floor  # log(u + p) - log u
        return np.asarray(weight * g**2 * above)

    def _read_learned(self, files: ModelFiles, d: int) -> Arrays:
        none = {"training_cells": NO_CELLS, "anomaly_cells": NO_CELLS}  # before 0.2
        learned = super()._read_learned(ModelFiles(files.facts, {**none, **files.arrays}), d)
        for cells, centers in (
            (learned["training_cells"], learned["training_points"]),
            (learned["anomaly_cells"], learned["known_anomalies"]),
        ):
            fits = cells.shape[1] in (0, len(centers))
            if not fits or (cells[0] <= 0).any() or (cells[1] < 0).any():
                raise FormatError("its landmarks and their cells are not consistent.")
        return learned


_FLOOR_QUANTILE = 0.9
_N_SHIFTED = 500  # landmarks that tell how scores shift
_LANDMARKS_AN_ANOMALY = 4  # of normal points, for each of anomalies


def log_density(
    points: NDArray[Any],
    centers: NDArray[Any],
    bandwidth: float,
    cells: NDArray[np.float64] = NO_CELLS,
) -> NDArray[np.float64]:
    """``log 1/n Σ_i exp(−‖x − c_i‖² / 2h²)`` of each of ``points`` ``(m, d)``, ``(m,)``.

    Parameters
    ----------
    cells : of centers that are landmarks, as `textocl.shallow.landmarks.landmarks_of` has them
    """
    if cells.size:
        return log_density_of_landmarks(points, centers, bandwidth, cells)
    log_densities = [np.empty(0)]
    for block in row_blocks(points, len(centers)):
        squared = squared_distances(block, centers)  # (b, n)
        smallest = squared.min(axis=1)
        squared -= smallest[:, None]
        squared *= -1 / (2 * bandwidth**2)
        sums = np.exp(squared, out=squared).mean(axis=1)  # at least 1/n
        log_densities.append(np.log(sums) - smallest / (2 * bandwidth**2))
    return np.concatenate(log_densities)
