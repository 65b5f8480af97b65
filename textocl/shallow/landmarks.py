"""Weighted landmarks in the place of many points: a Gaussian kernel density of bounded size."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textocl.shallow.distances import row_blocks

_IN_FLOAT32 = 20.0  # bandwidths from the middle; nearer, a float32 errs by 1e-4 of an exponent
#: cells of points that stand for themselves alone
NO_CELLS: NDArray[np.float64] = np.empty((2, 0))


def landmarks_of(
    points: NDArray[np.float32], n: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """At most ``n`` landmarks of ``points``, ``(m, d)``, and their cells, ``(2, m)``.

    Where there are no more points than that, they are their own landmarks, and cells are
    `NO_CELLS`. Else each point belongs to the cell of the nearest of ``n`` points drawn at random.
    The mean of a cell is a landmark, and the cell is its share of the points and their variance
    about it in one dimension: one step of Lloyd's algorithm, after which more do not find more
    (benchmarks/choose_landmarks.py). Time grows with ``n`` times the points, memory beside them
    by one number a point.
    """
    if len(points) <= n:
        return points, NO_CELLS
    seeds = points[np.random.default_rng(seed).permutation(len(points))[:n]]
    return summarized(points, _nearest(points, seeds))


class Landmarks(NamedTuple):
    """Some points as landmarks.

    Attributes
    ----------
    centers : (m, d) float32
    cells : (2, m), as `landmarks_of` has them, or `NO_CELLS`
    n_points : number of points
    """

    centers: NDArray[np.float32]
    cells: NDArray[np.float64]
    n_points: int

    @property
    def counts(self) -> NDArray[np.float64]:
        """How many points each stands for, ``(m,)``."""
        return self.cells[0] * self.n_points if self.cells.size else np.ones(len(self.centers))

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of these about it, ``(m,)``."""
        return self.cells[1] if self.cells.size else np.zeros(len(self.centers))

    def joined_by(self, points: NDArray[np.float32], n: int, seed: int) -> Landmarks:
        """With more points: at most ``n`` landmarks, as `landmarks_of` makes them of these."""
        if not len(points):
            return self
        total = self.n_points + len(points)
        centers = np.concatenate([self.centers, points])
        if not self.cells.size and total <= n:
            return Landmarks(centers, NO_CELLS, total)
        counts = np.append(self.counts, np.ones(len(points)))
        variances = np.append(self.variances, np.zeros(len(points)))
        if len(centers) <= n:
            return Landmarks(centers, np.stack([counts / total, variances]), total)
        seeds = centers[np.random.default_rng(seed).permutation(len(centers))[:n]]
        numbers = _nearest(centers, seeds)
        return Landmarks(*summarized(centers, numbers, counts, variances), total)


def summarized(
    points: NDArray[np.float32],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
    variances: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Landmarks and cells, as `landmarks_of` has them, of points in cells of these numbers.

    Parameters
    ----------
    weights, variances : (n,), of points that are landmarks: how many each stands for, and their
        variance about it
    """
    used, numbers = np.unique(numbers, return_inverse=True)
    n, d = points.shape
    weights = np.ones(n) if weights is None else weights
    counts = np.bincount(numbers, weights)
    member = csr_array((weights, numbers, np.arange(n + 1))).T.tocsr()  # (m, n)
    step = max(2**22 // d, 1)  # rows of 32 MiB of doubles
    blocks = [slice(start, start + step) for start in range(0, n, step)]
    origin = np.asarray(points[0], np.float64)
    sums = np.zeros((len(used), d))
    for block in blocks:
        sums += member[:, block] @ (points[block] - origin)
    centers = (origin + sums / counts[:, None]).astype(np.float32)
    squares = np.empty(n)
    for block in blocks:
        away = points[block].astype(np.float64) - centers[numbers[block]]
        squares[block] = np.einsum("nd,nd->n", away, away)
    if variances is not None:
        squares += d * variances
    spread = np.bincount(numbers, weights * squares) / counts / d
    return centers, np.stack([counts / weights.sum(), spread])


def kernels_of(
    cells: NDArray[np.float64], bandwidth: float, d: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared bandwidth of each landmark's Gaussian, and the log of its weight, ``(m,)`` each.

    A Gaussian kernel of variance h² in each of d dimensions, averaged over a cell of share w and
    variance v, is ``w (h² / (h² + v))^(d/2) exp(−‖x − c‖² / 2(h² + v))``.
    """
    shares, variances = cells
    squared = bandwidth**2 + variances
    return squared, np.log(shares) - d / 2 * np.log(squared / bandwidth**2)


def log_density_of_landmarks(
    points: NDArray[Any], centers: NDArray[Any], bandwidth: float, cells: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log of the sum of the Gaussians of `kernels_of` at each of ``points`` ``(n, d)``, ``(n,)``.

    In units of the bandwidth around the landmarks' mean; in float32 where all are near.
    """
    squared, log_weights = kernels_of(cells, bandwidth, centers.shape[1])
    origin = centers.mean(axis=0, dtype=np.float64)
    sharpness = (bandwidth**2 / squared)[:, None]  # (m, 1)
    c, halves = _scaled(centers, origin, bandwidth)
    factors = np.hstack([c * sharpness, -sharpness, log_weights[:, None] - halves * sharpness])
    is_small = halves.max() <= _IN_FLOAT32**2 / 2
    log_densities = [np.empty(0)]
    for block in row_blocks(points, len(centers)):
        z, halves = _scaled(block, origin, bandwidth)
        rows = np.hstack([z, halves, np.ones_like(halves)])  # (b, d + 2)
        dtype = np.float32 if is_small and halves.max() <= _IN_FLOAT32**2 / 2 else np.float64
        exponents = rows.astype(dtype) @ factors.T.astype(dtype)  # (b, m)
        largest = exponents.max(axis=1, keepdims=True)
        exponents -= largest
        sums = np.exp(exponents, out=exponents).sum(axis=1)
        log_densities.append(np.log(sums) + largest[:, 0])
    return np.concatenate(log_densities)


def _scaled(
    points: NDArray[Any], origin: NDArray[np.float64], unit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points around an origin in units, and half their squared lengths, ``(n, 1)``."""
    z = (points - origin) / unit
    return z, np.einsum("nd,nd->n", z, z)[:, None] / 2


def _nearest(points: NDArray[np.float32], seeds: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which of ``seeds`` is nearest to each of ``points``, ``(n,)``, up to rounding in float32."""
    origin = points.mean(axis=0, dtype=np.float64)
    unit = max(float(np.abs(points[:, k] - origin[k]).max()) for k in range(len(origin))) or 1.0
    c, halves = (a.astype(np.float32) for a in _scaled(seeds, origin, unit))
    nearest = [
        (((block - origin) / unit).astype(np.float32) @ c.T - halves.T).argmax(axis=1)
        for block in row_blocks(points, len(seeds))
    ]
    return np.concatenate(nearest)
