"""Detectors that score what principal components cannot reconstruct."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.validation import check_integer, check_number
from textocl.shallow.distances import at_most, centred, row_blocks
from textocl.shallow.kernels import check_gamma, gamma_of, rbf
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector


@dataclass(kw_only=True, eq=False, repr=False)
class PCA(PooledDetector):
    """Reconstruction error of principal component analysis.

    For normal data near a flat subspace that anomalies leave. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_components : int ≥ 1, or float in (0, 1), default 0.95
        How many components, or as many as explain this share of the variance; one less than
        there are features or points at most. Raising it judges by finer deviations and, near the
        end, by noise. A larger int warns.

    Notes
    -----
    Score: ‖(x − μ) − WᵀW(x − μ)‖² (eqs. 4.7 and 4.9), W by `sklearn.decomposition.PCA`.

    References
    ----------
    Jackson & Mudholkar. Control procedures for residuals associated with principal component
    analysis. Technometrics, 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import PCA
    >>> blob = np.random.default_rng(0).normal(size=(200, 3)) * [5, 5, 0.1]
    >>> PCA().fit(blob).predict(np.array([[9, 9, 0], [0, 0, 1]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "mean": (np.float64, "d"),
        "components": (np.float64, "m d"),
    }

    n_components: float = 0.95

    def _check_own(self) -> None:
        if isinstance(self.n_components, Integral):
            check_integer("n_components", self.n_components, 1)
        else:
            check_number("n_components", self.n_components, 0, 1, low_open=True, high_open=True)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        from sklearn.decomposition import PCA as ScikitPCA

        moved, mean = centred(points)
        available = min(len(points), points.shape[1]) - 1
        n_components = self.n_components
        if isinstance(n_components, Integral):
            reason = f"{len(points):,} points in {points.shape[1]:,} dimensions leave to choose"
            n_components = at_most("n_components", int(n_components), available, reason)
        if not moved.any() or not available:
            return {"mean": mean, "components": np.empty((0, len(mean)))}
        scaled = moved / np.abs(moved).max()
        fitted = ScikitPCA(n_components, svd_solver="full").fit(scaled)
        components = np.ascontiguousarray(fitted.components_[:available], np.float64)
        return {"mean": mean, "components": components}

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        moved, components = points - learned["mean"], learned["components"]
        residual = moved - moved @ components.T @ components
        return np.einsum("nd,nd->n", residual, residual)


@dataclass(kw_only=True, eq=False, repr=False)
class KernelPCA(PooledDetector):
    """Reconstruction error of kernel principal component analysis.

    For normal data near a curved surface. Fitting holds a matrix of all pairs of training points:
    20,000 of them take 3 GB. Beside the parameters of `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_components : int ≥ 1, default 50
        Raising it follows the training points more closely. As many as there are training points,
        or more, warns and takes one less.
    gamma : float > 0 or "scale", default "scale"
        As in `textocl.OCSVM`.

    Notes
    -----
    Score: ‖φ̃(x)‖² − Σ_l <φ̃(x), v_l>², φ̃(x) being φ(x) minus its training mean and v_l the
    components in feature space [1]_ (eq. 4.10), by `sklearn.decomposition.KernelPCA` with the rbf
    kernel. Components without variance are left out.

    References
    ----------
    .. [1] Hoffmann. Kernel PCA for novelty detection. Pattern Recognition, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import KernelPCA
    >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 200)
    >>> circle = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    >>> KernelPCA(n_components=10).fit(circle).predict(np.array([[0, 1], [0, 0]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "training_points": (np.float32, "n d"),
        "coefficients": (np.float64, "n m"),
        "kernel_mean": (np.float64, "n"),  # of each training point with all others
        "gamma": (np.float64, "1"),
    }

    n_components: int = 50
    gamma: float | str = "scale"

    def _check_own(self) -> None:
        check_integer("n_components", self.n_components, 1)
        check_gamma(self.gamma)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        from sklearn.decomposition import KernelPCA as ScikitKernelPCA

        n = len(points)
        m = at_most("n_components", self.n_components, n - 1, f"{n:,} training points have")
        gamma = gamma_of(self.gamma, points)
        kernel = rbf(points, points, gamma)
        kernel_mean = kernel.mean(axis=0)
        coefficients = np.empty((n, 0))
        if (kernel < 1).any():
            fitted = ScikitKernelPCA(
                m,
                kernel="precomputed",
                eigen_solver="arpack" if 5 * m < n else "dense",
                random_state=self.random_state,
            ).fit(kernel)
            values = fitted.eigenvalues_
            kept = values > 1e-10 * values[0]
            coefficients = fitted.eigenvectors_[:, kept] / np.sqrt(values[kept])
        return {
            "training_points": np.ascontiguousarray(points),
            "coefficients": np.ascontiguousarray(coefficients, np.float64),
            "kernel_mean": kernel_mean,
            "gamma": np.array([gamma]),
        }

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        others, coefficients = learned["training_points"], learned["coefficients"]
        kernel_mean, gamma = learned["kernel_mean"], float(learned["gamma"][0])
        scores = []
        for block in row_blocks(points, len(others)):
            kernel = rbf(block, others, gamma)  # (m, n)
            length = 1 - 2 * kernel.mean(axis=1) + kernel_mean.mean()
            # the coefficients of each component add up to 0: what is constant drops out
            projected = (kernel - kernel_mean) @ coefficients
            scores.append(np.maximum(length - np.einsum("ml,ml->m", projected, projected), 0))
        return np.concatenate(scores or [np.empty(0)])
