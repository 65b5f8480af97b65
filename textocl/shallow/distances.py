"""Distances between points in double precision, exact where points coincide."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import TextoclWarning

_ENTRIES_AT_ONCE = 2**22  # of a matrix of doubles: 32 MiB


def row_blocks(points: NDArray[Any], width: int) -> Iterator[NDArray[Any]]:
    """Cut points into blocks so small that a matrix (block, width) of doubles takes 32 MiB."""
    height = max(_ENTRIES_AT_ONCE // max(width, 1), 1)
    for start in range(0, len(points), height):
        yield points[start : start + height]


def squared_distances(points: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """‖x − y‖² of each of ``points`` (m, d) to each of ``others`` (n, d), ``(m, n)``.

    Computed as ‖x‖² − 2<x, y> + ‖y‖² around the first of ``others``: a cloud far from the origin
    loses no digits, and points that all coincide are at distance 0. No finite float32 overflows.
    """
    origin = np.asarray(others[0], np.float64)
    x, y = points - origin, others - origin
    squared = x @ y.T
    squared *= -2
    squared += np.einsum("md,md->m", x, x)[:, None]
    squared += np.einsum("nd,nd->n", y, y)
    return np.maximum(squared, 0, out=squared)


def nearest(
    points: NDArray[Any], others: NDArray[Any], k: int, *, skip: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances to the ``k`` nearest of ``others``, ascending, and which they are, ``(m, k)``.

    Parameters
    ----------
    skip : (m,), an index into ``others`` that each point must not find, itself for example

    Notes
    -----
    The search goes by `squared_distances`; the distances of those found are then taken by
    subtraction, so that equal points are at distance exactly 0.
    """
    distances = np.empty((len(points), k))
    indices = np.empty((len(points), k), np.int64)
    start = 0
    for block in row_blocks(points, max(len(others), k * others.shape[1])):
        rows = slice(start, start + len(block))
        squared = squared_distances(block, others)
        if skip is not None:
            squared[np.arange(len(block)), skip[rows]] = np.inf
        candidates = np.argpartition(squared, k - 1, axis=1)[:, :k]
        exact = np.linalg.norm(block[:, None, :].astype(np.float64) - others[candidates], axis=2)
        order = np.argsort(exact, axis=1, kind="stable")
        distances[rows] = np.take_along_axis(exact, order, axis=1)
        indices[rows] = np.take_along_axis(candidates, order, axis=1)
        start += len(block)
    return distances, indices


def centred(points: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points minus their mean, ``(n, d)``, and the mean ``(d,)``; exact where points coincide."""
    origin = np.asarray(points[0], np.float64)
    shifted = points - origin
    mean = shifted.mean(axis=0)
    return shifted - mean, origin + mean


def at_most(name: str, wanted: int, available: int, reason: str) -> int:
    """Return ``wanted``, or ``available`` with a warning where that is less."""
    if wanted <= available:
        return wanted
    warnings.warn(
        f"{name}={wanted:,} is more than {reason}; {name}={available:,} is used.",
        TextoclWarning,
        stacklevel=4,
    )
    return available
