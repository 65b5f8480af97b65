"""Documents on two axes, so that like ones lie together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.pile import Findings

_FEWEST = 20
_SIDE = 1000  # steps of each axis
_EXCERPT = 160


def map_of(
    findings: Findings, sample: NDArray[np.int64], listed: NDArray[np.int64]
) -> dict[str, Any] | None:
    """Where the documents of a ``sample`` lie; None for fewer than 20.

    Returns
    -------
    number, x, y, flagged : one entry a document; x and y are integers from 0 to 1000
    excerpt : beginning of each text that is not among those ``listed``, else None
    share : of all variance, on the two axes
    """
    if len(sample) < _FEWEST:
        return None
    points, share = principal_axes(findings.detector.points([findings.texts[i] for i in sample]))
    low, high = points.min(axis=0), points.max(axis=0)
    width = max(float((high - low).max()), np.finfo(np.float32).tiny)
    middle = _SIDE / 2 + (points - (low + high) / 2) / width * _SIDE
    x, y = middle.round().astype(int).T.tolist()
    is_listed = np.isin(sample, listed)
    return {
        "number": sample.tolist(),
        "x": x,
        "y": y,
        "flagged": (findings.labels[sample] == -1).astype(int).tolist(),
        "excerpt": [
            None if known else _excerpt(findings.texts[i])
            for i, known in zip(sample, is_listed, strict=True)
        ],
        "share": round(share, 4),
    }


def principal_axes(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Points ``(n, d)`` on their two principal axes, ``(n, 2)``, and the share of variance there.

    An axis points to where its largest coordinate is, so that the map is not mirrored by chance.

    Examples
    --------
    >>> places, share = principal_axes(np.array([[0, 0, 1], [3, 0, 1], [0, 1, 1]], np.float32))
    >>> places.shape, round(share, 6)
    ((3, 2), 1.0)
    """
    centered = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    places = np.zeros((len(points), 2))
    k = min(2, len(sizes))
    places[:, :k] = left[:, :k] * sizes[:k]
    largest = np.abs(places).argmax(axis=0)
    places *= np.where(places[largest, [0, 1]] < 0, -1, 1)
    variance = float((sizes**2).sum())
    return places, float((sizes[:2] ** 2).sum()) / variance if variance else 0.0


def _excerpt(text: str) -> str:
    return visible(" ".join(text[: 2 * _EXCERPT].split()))[:_EXCERPT]
