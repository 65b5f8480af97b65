"""The two kernels of the kernel methods: linear and rbf."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.validation import check_number
from textocl.shallow.distances import row_blocks, squared_distances

KERNELS = ("linear", "rbf")


def check_gamma(gamma: Any) -> None:
    """Say so if ``gamma`` is neither "scale" nor a positive number."""
    if isinstance(gamma, str):
        if gamma != "scale":
            raise DataError(f"gamma must be 'scale' or a number above 0, got {gamma!r}.")
    else:
        check_number("gamma", gamma, 0, low_open=True)


def gamma_of(gamma: float | str, points: NDArray[np.float32]) -> float:
    """Return ``gamma`` as a number; "scale" is scikit-learn's 1 / (d Var[all entries])."""
    if not isinstance(gamma, str):
        return float(gamma)
    variance = float(points.astype(np.float64).var())
    return 1 / (points.shape[1] * variance) if variance > 0 else 1.0


def rbf(
    points: NDArray[np.float32], others: NDArray[np.float32], gamma: float
) -> NDArray[np.float64]:
    """exp(−γ ‖x − y‖²), ``(m, n)``."""
    kernel = squared_distances(points, others)
    kernel *= -gamma
    return np.exp(kernel, out=kernel)


def rbf_sums(
    points: NDArray[np.float32],
    others: NDArray[np.float32],
    weights: NDArray[np.float64],
    gamma: float,
) -> NDArray[np.float64]:
    """Σ_j w_j exp(−γ ‖x − y_j‖²) for weights ``(n, ...)``, ``(m, ...)``, in bounded memory."""
    parts = [rbf(block, others, gamma) @ weights for block in row_blocks(points, len(others))]
    return np.concatenate(parts or [np.empty((0, *weights.shape[1:]))])
