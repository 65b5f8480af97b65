"""Counts as levels of one byte."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_LEVELS = 256
LARGEST_EXACT = 63  # the last level of one count, and those nearest to it above
_N_EXACT, _LARGEST = LARGEST_EXACT + 1, 2**40


def _counts() -> NDArray[np.int64]:
    exact = np.arange(_N_EXACT)
    steps = np.geomspace(exact[-1], _LARGEST, N_LEVELS - _N_EXACT + 1)[1:]
    return np.append(exact, np.rint(steps).astype(np.int64))


#: (256,) int64, the count that each level stands for: up to 63 itself, then 13 % more each
COUNTS = _counts()
_BOUNDS = (COUNTS[:-1] + COUNTS[1:]) / 2


def levels_of(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The level nearest to each count, of the shape of ``counts``.

    Examples
    --------
    >>> levels_of(np.array([0, 63, 64, 100])).tolist()
    [0, 63, 63, 67]
    """
    return np.searchsorted(_BOUNDS, counts).astype(np.uint8)
