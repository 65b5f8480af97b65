"""The smallest sphere around points that may leave some of them out: SVDD in input space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError

_GAP = 1e-9  # of primal and dual objective, relative
_MAX_STEPS = 20_000


def soft_sphere(
    points: NDArray[np.float64], nu: float
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Center ``(d,)``, squared radius, and dual weights ``(n,)`` of the sphere of eq. 2.3.

    Notes
    -----
    The dual is min_α ‖Σ α_i x_i‖² − Σ α_i ‖x_i‖² over 0 ≤ α_i ≤ 1/(νn), Σ α_i = 1. It is solved
    by accelerated projected gradients [1] with restarts, in memory O(nd), until the duality gap
    certifies the solution: with R eliminated, the primal is the mean of the νn largest squared
    distances.

    References
    ----------
    .. [1] Beck & Teboulle. A fast iterative shrinkage-thresholding algorithm for linear inverse
       problems. SIAM Journal on Imaging Sciences, 2009.
    """
    n = len(points)
    nu = max(nu, 0.5 / n)  # below 1/n the bound 1/(νn) is above 1 and binds no weight
    cap = max(1 / (nu * n), 1 / n)
    squared_lengths = np.einsum("nd,nd->n", points, points)
    largest = np.linalg.norm(points, 2) ** 2
    if largest == 0:
        return np.zeros(points.shape[1]), 0.0, np.full(n, 1 / n)
    step = 1 / (2 * largest)
    weights = ahead = np.full(n, 1 / n)
    momentum = 1.0
    for _ in range(_MAX_STEPS):
        center = weights @ points
        distances = squared_lengths - 2 * (points @ center) + center @ center
        dual = weights @ squared_lengths - center @ center
        primal = distances @ _heaviest(distances, cap)
        if primal - dual <= _GAP * primal:
            outside = min(int(nu * n * (1 + 1e-12)), n - 1)
            return center, float(np.sort(distances)[::-1][outside]), weights
        gradient = 2 * (points @ (ahead @ points)) - squared_lengths
        stepped = _project(ahead - step * gradient, cap)
        if gradient @ (stepped - weights) > 0:
            momentum = 1.0  # momentum points uphill: start it anew
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = stepped + (momentum - 1) / following * (stepped - weights)
        weights, momentum = stepped, following
    raise DataError(
        f"the sphere around {n} points was not found in {_MAX_STEPS:,} steps: the points differ in "
        "scale by too much; scale their features alike, for example with unit_length=True."
    )


def _heaviest(distances: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Weights in [0, cap] of sum 1 that make the weighted mean of ``distances`` largest."""
    order = np.argsort(-distances)
    weights = np.empty(len(order))
    weights[order] = np.clip(1 - cap * np.arange(len(order)), 0, cap)
    return weights


def _project(values: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Nearest weights in [0, cap] of sum 1: clip(values − shift) with the shift by bisection."""
    low, high = values.min() - cap, values.max()
    for _ in range(60):
        middle = (low + high) / 2
        if np.clip(values - middle, 0, cap).sum() > 1:
            low = middle
        else:
            high = middle
    weights = np.clip(values - high, 0, cap)
    return weights / weights.sum()
