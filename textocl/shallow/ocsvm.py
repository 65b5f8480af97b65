"""Kernel one-class classification: a hyperplane (OCSVM) or a hypersphere (SVDD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.validation import check_choice, check_number
from textocl.shallow.distances import centred, squared_distances
from textocl.shallow.kernels import KERNELS, check_gamma, gamma_of, rbf_sums
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector
from textocl.shallow.sphere import soft_sphere


@dataclass(kw_only=True, eq=False, repr=False)
class SupportVectorDetector(PooledDetector):
    """Base class of `OCSVM` and `SVDD`: points that a kernel compares with support vectors."""

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "support": (np.float32, "s d"),  # with the linear kernel w or the center, of weight 1
        "weights": (np.float64, "s"),
        "gamma": (np.float64, "1"),  # 0 with the linear kernel
    }
    #: with the rbf kernel a score is so many times that of `OCSVM`
    SCALE: ClassVar[float] = 1.0

    nu: float = 0.1
    kernel: str = "linear"
    gamma: float | str = "scale"

    def _check_own(self) -> None:
        check_number("nu", self.nu, 0, 1, low_open=True)
        check_choice("kernel", self.kernel, KERNELS)
        check_gamma(self.gamma)


@dataclass(kw_only=True, eq=False, repr=False)
class OCSVM(SupportVectorDetector):
    """The one-class support vector machine: a hyperplane between the data and the origin.

    A strong and fast first choice. With unit vectors, as texts have by default, the linear kernel
    is the cosine kernel, the baseline of thesis §3.2.2: one direction stands for what is normal.
    The rbf kernel also fits normal data in several groups. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    nu : float in (0, 1], default 0.1
        Upper bound on the share of training points left outside, and lower bound on the share of
        support vectors. Raising it forgives more outliers in the training data.
    kernel : "linear" or "rbf", default "linear"
    gamma : float > 0 or "scale", default "scale"
        Of the rbf kernel exp(−γ ‖x − y‖²); raising it makes the boundary follow the training
        points more closely. "scale" is 1 / (d times the variance of all entries), as in
        scikit-learn.

    Notes
    -----
    Score: ρ − <φ(x), w>, w and ρ from min ½‖w‖² − ρ + 1/(νn) Σ ξ_i (eq. 2.8), by
    `sklearn.svm.OneClassSVM`. That one multiplies this objective's dual weights by νn; here they
    add up to 1 as in the thesis, so that scores do not grow with the training set:
    scikit-learn's decision function is −νn times this score.

    References
    ----------
    Schölkopf et al. Estimating the support of a high-dimensional distribution. Neural
    Computation, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import OCSVM
    >>> blob = np.random.default_rng(0).normal(3, 1, size=(200, 2))
    >>> OCSVM().fit(blob).predict(np.array([[3, 3], [-3, -3]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        **SupportVectorDetector._ARRAYS,
        "offset": (np.float64, "1"),
    }

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        if self.kernel == "rbf":
            gamma = gamma_of(self.gamma, points)
            support, weights, offset = _rbf_plane(points, self.nu, gamma)
        else:
            normal, offset = _linear_plane(points, self.nu)
            support, weights, gamma = normal[None], np.ones(1), 0.0
        return _arrays(support, weights, gamma=gamma, offset=offset)

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        support, gamma = learned["support"], float(learned["gamma"][0])
        if gamma == 0:
            return learned["offset"] - points.astype(np.float64) @ support[0]
        return learned["offset"] - rbf_sums(points, support, learned["weights"], gamma)


@dataclass(kw_only=True, eq=False, repr=False)
class SVDD(SupportVectorDetector):
    """Support vector data description: the smallest hypersphere around most of the data.

    Choose the linear kernel where lengths mean something and normal data is one round cloud, and
    the rbf kernel for several groups or other shapes; with the rbf kernel, and on unit vectors,
    it ranks as `OCSVM` does (thesis §2.1.3). Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    nu : float in (0, 1], default 0.1
        Upper bound on the share of training points left outside. Raising it shrinks the sphere; at
        1 its center is the mean.
    kernel : "linear" or "rbf", default "rbf"
    gamma : float > 0 or "scale", default "scale"
        As in `OCSVM`.

    Notes
    -----
    Score: ‖φ(x) − c‖² − R², c and R from min R² + 1/(νn) Σ ξ_i (eq. 2.3, in feature space). The
    rbf kernel has the solution of `sklearn.svm.OneClassSVM`, and this score is twice that of
    `OCSVM`; the linear kernel, where squared lengths enter the dual and scikit-learn offers no
    solver, is solved in `textocl.shallow.sphere`. R is the distance of the support vectors with
    0 < α < 1/(νn), or one of those that are optimal where there are none.

    References
    ----------
    Tax & Duin. Support vector data description. Machine Learning, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import SVDD
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> SVDD().fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        **SupportVectorDetector._ARRAYS,
        "center_squared": (np.float64, "1"),  # ‖c‖², not in use with the linear kernel
        "radius_squared": (np.float64, "1"),
    }
    SCALE: ClassVar[float] = 2.0

    kernel: str = "rbf"

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        if self.kernel == "rbf":
            gamma = gamma_of(self.gamma, points)
            support, weights, offset = _rbf_plane(points, self.nu, gamma)
            center_squared = float(weights @ rbf_sums(support, support, weights, gamma))
            radius_squared = 1 + center_squared - 2 * offset
        else:
            moved, mean = centred(points)
            scale = float(np.abs(moved).max()) or 1.0
            center, radius_squared, _ = soft_sphere(moved / scale, self.nu)
            support, weights = (mean + center * scale)[None], np.ones(1)
            center_squared, radius_squared, gamma = 0.0, radius_squared * scale**2, 0.0
        squares = {"center_squared": center_squared, "radius_squared": radius_squared}
        return _arrays(support, weights, gamma=gamma, **squares)

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        support, gamma = learned["support"], float(learned["gamma"][0])
        if gamma == 0:
            return squared_distances(points, support)[:, 0] - learned["radius_squared"]
        similarity = rbf_sums(points, support, learned["weights"], gamma)
        return 1 - 2 * similarity + learned["center_squared"] - learned["radius_squared"]


def _arrays(support: NDArray[Any], weights: NDArray[np.float64], **numbers: float) -> Arrays:
    """Support vectors ``(s, d)``, their weights ``(s,)``, and numbers by name, as arrays."""
    support = np.ascontiguousarray(support, np.float32)
    arrays = {name: np.array([number]) for name, number in numbers.items()}
    return {"support": support, "weights": weights, **arrays}


def _rbf_plane(
    points: NDArray[np.float32], nu: float, gamma: float
) -> tuple[NDArray[Any], NDArray[np.float64], float]:
    """Support vectors ``(s, d)``, their weights ``(s,)``, and ρ of eq. 2.8."""
    if nu * len(points) >= len(points):
        weights = np.full(len(points), 1 / len(points))
        return points, weights, float(rbf_sums(points, points, weights, gamma).max())
    # libsvm expands ‖x − y‖², which far from the origin loses all digits
    chosen, weights, offset = _fit_libsvm(centred(points)[0], nu, "rbf", gamma)
    return points[chosen], weights, offset


def _linear_plane(points: NDArray[np.float32], nu: float) -> tuple[NDArray[np.float64], float]:
    """Return w ``(d,)`` and ρ of eq. 2.8."""
    scale = float(np.abs(points).max()) or 1.0
    scaled = points.astype(np.float64) / scale  # libsvm's tolerance is absolute
    if nu * len(points) >= len(points):
        normal = scaled.mean(axis=0)
        offset = float((scaled @ normal).max())
    else:
        chosen, weights, offset = _fit_libsvm(scaled, nu, "linear", 1.0)
        normal = weights @ scaled[chosen]
    return normal * scale, offset * scale**2


def _fit_libsvm(
    points: NDArray[np.float64], nu: float, kernel: str, gamma: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Which points are support vectors, their weights (sum 1), and ρ, for ν < 1.

    With ν = 1 every weight is at its bound and any ρ that leaves all points out is optimal;
    scikit-learn refuses it.
    """
    from sklearn.svm import OneClassSVM

    # below 1/n the bound 1/(νn) is above 1 and binds no weight: all such ν are one problem
    nu = max(nu, 0.5 / len(points))
    total = nu * len(points)  # what libsvm's weights add up to
    machine = OneClassSVM(kernel=kernel, gamma=gamma, nu=nu, tol=min(1e-3, 1e-5 * total))
    machine.fit(points)
    weights = np.asarray(machine.dual_coef_[0], np.float64) / total
    return machine.support_.astype(np.int64), weights, float(machine.offset_[0]) / total
