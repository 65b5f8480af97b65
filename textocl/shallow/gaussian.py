"""One Gaussian for all normal data, by all points or robustly by most of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.validation import check_choice, check_integer, check_number
from textocl.shallow.distances import at_most, centred
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector

_SMALLEST_VARIANCE = 1e-12  # relative to the largest


@dataclass(kw_only=True, eq=False, repr=False)
class Gaussian(PooledDetector):
    """Mahalanobis distance: a Gaussian fitted to the training points.

    For normal data that is one elliptic cloud; quick, and small on disk. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    shrinkage : "ledoit-wolf", "oas" or a float in [0, 1], default "ledoit-wolf"
        How far the covariance is drawn towards a multiple of the identity: raising it to 1 ends
        at the distance from the mean. The names estimate it from the data. With 0 and fewer
        points than features, directions without variance decide alone.

    Notes
    -----
    Score: √((x − μ)ᵀ Σ⁻¹ (x − μ)) (thesis §4.1.1), Σ by `sklearn.covariance`. Variances below
    1e-12 of the largest count as that much.

    References
    ----------
    Ledoit & Wolf. A well-conditioned estimator for large-dimensional covariance matrices. Journal
    of Multivariate Analysis, 2004.
    Chen, Wiesel, Eldar & Hero. Shrinkage algorithms for MMSE covariance estimation. IEEE
    Transactions on Signal Processing, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import Gaussian
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> Gaussian().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "mean": (np.float64, "d"),
        "factor": (np.float64, "d m"),  # F with F Fᵀ = Σ⁻¹
    }

    shrinkage: float | str = "ledoit-wolf"

    def _check_own(self) -> None:
        if isinstance(self.shrinkage, str):
            check_choice("shrinkage", self.shrinkage, ("ledoit-wolf", "oas"))
        else:
            check_number("shrinkage", self.shrinkage, 0, 1)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        from sklearn.covariance import OAS, LedoitWolf, ShrunkCovariance

        moved, mean = centred(points)
        scale = float(np.abs(moved).max()) or 1.0
        kind = {"ledoit-wolf": LedoitWolf, "oas": OAS}.get(str(self.shrinkage))
        make = kind or partial(ShrunkCovariance, shrinkage=float(self.shrinkage))
        estimator = make(store_precision=False, assume_centered=True)
        covariance = estimator.fit(moved / scale).covariance_
        return {"mean": mean, "factor": _inverse_root(covariance) / scale}

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        return _mahalanobis(learned, points)


@dataclass(kw_only=True, eq=False, repr=False)
class MVE(PooledDetector):
    """Robust Mahalanobis distance, by the ellipsoid of smallest volume around most of the data.

    As `Gaussian`, where up to half of the training data may be contaminated. Estimates need
    several points a dimension, so the points are first reduced by PCA; what lies outside of its
    components is not looked at. Beside the parameters of `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_components : int ≥ 1 or None, default None
        Dimensions to reduce to. Raising it lets the score see more, and trusts the estimate with
        more. None is the smallest of 50, a fifth of the training points, and their rank; more
        than their rank warns and takes the rank.
    support_fraction : float in (0, 1] or None, default None
        Share of the training points that the ellipsoid is fitted to. Raising it estimates better
        from clean data, and worse from contaminated data. None is about one half.

    Notes
    -----
    Score: √((z − μ)ᵀ Σ⁻¹ (z − μ)) of the components z, with μ and Σ by
    `sklearn.covariance.MinCovDet`: the thesis's minimum volume ellipsoid (§2.1.2) by way of the
    minimum covariance determinant, which has the same aim and a fast algorithm [1]_.

    References
    ----------
    .. [1] Rousseeuw & Van Driessen. A fast algorithm for the minimum covariance determinant
       estimator. Technometrics, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import MVE
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> MVE().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = Gaussian._ARRAYS

    n_components: int | None = None
    support_fraction: float | None = None

    def _check_own(self) -> None:
        if self.n_components is not None:
            check_integer("n_components", self.n_components, 1)
        if self.support_fraction is not None:
            check_number("support_fraction", self.support_fraction, 0, 1, low_open=True)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        from sklearn.covariance import MinCovDet

        moved, mean = centred(points)
        components, deviations = _principal_axes(moved)
        rank = len(deviations)
        if rank == 0:  # all points are equal: distance to them
            return {"mean": mean, "factor": np.eye(len(mean))}
        if self.n_components is None:
            m = max(min(50, len(points) // 5, rank), 1)
        else:
            m = at_most("n_components", self.n_components, rank, "the rank of the training points")
        to_components = components[:, :m] / deviations[:m]  # (d, m); unit variances
        estimator = MinCovDet(
            support_fraction=self.support_fraction,
            random_state=self.random_state,
            store_precision=False,
        )
        with warnings.catch_warnings(record=True) as complaints:
            warnings.simplefilter("always", RuntimeWarning)
            try:
                estimator.fit(moved @ to_components)
            except ValueError as error:
                raise DataError(
                    f"expected points that differ, but most of {len(points)} training points are "
                    "equal in some direction; raise support_fraction, or use Gaussian."
                ) from error
        if complaints:
            warnings.warn(
                f"the ellipsoid around most of {len(points):,} points is so flat that rounding "
                "decides it, as with repeated points; raise support_fraction, or use Gaussian.",
                TextoclWarning,
                stacklevel=3,
            )
        return {
            "mean": mean + estimator.location_ @ np.linalg.pinv(to_components),
            "factor": to_components @ _inverse_root(estimator.covariance_),
        }

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        return _mahalanobis(learned, points)


def _mahalanobis(learned: Arrays, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """‖(x − μ) F‖, ``(n,)``."""
    return np.linalg.norm((points - learned["mean"]) @ learned["factor"], axis=1)


def _inverse_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """F with F Fᵀ = Σ⁻¹, variances bounded from below; the identity if there are none."""
    variances, directions = np.linalg.eigh(covariance)
    if variances[-1] <= 0:
        return np.eye(len(covariance))
    return directions / np.sqrt(np.maximum(variances, _SMALLEST_VARIANCE * variances[-1]))


def _principal_axes(
    moved: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions ``(d, r)`` in which centred points vary, and their standard deviations."""
    _, lengths, directions = np.linalg.svd(moved, full_matrices=False)
    kept = lengths > np.sqrt(_SMALLEST_VARIANCE) * lengths[0]
    return directions[kept].T, lengths[kept] / np.sqrt(len(moved))
