"""From scores of normal data to a threshold and to p-values (thesis eq. 1.5).

Both answer one question: how rarely does a normal document score this high? The scores must come
from normal data the model was not trained on; then, if new normal documents are drawn like those,
the probability of a false alarm is at most the chosen rate (split conformal prediction).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def smallest_calibration_size(false_alarm_rate: float) -> int:
    """Fewest calibration scores with which ``false_alarm_rate`` can be promised: ⌈1/α⌉ − 1."""
    return math.ceil(1 / false_alarm_rate - 1e-9) - 1


def conformal_threshold(calibration_scores: ArrayLike, false_alarm_rate: float) -> float:
    """Score above which a document is called anomalous.

    The ⌈(n+1)(1−α)⌉-th smallest of n calibration scores. With fewer than
    `smallest_calibration_size` scores no finite threshold keeps the promise; the highest score is
    returned then, whose false-alarm rate is at most 1/(n+1).

    Examples
    --------
    >>> conformal_threshold([0.1, 0.2, 0.3, 0.4], false_alarm_rate=0.4)
    0.3
    """
    scores = np.sort(np.asarray(calibration_scores, np.float64))
    n = len(scores)
    rank = math.ceil((n + 1) * (1 - false_alarm_rate) - 1e-9)
    return float(scores[min(rank, n) - 1])


def trim_highest(scores: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Leave out the highest ``share`` of ``scores``, ``(n,)``, of data known to be that unclean.

    At least one score stays.

    Examples
    --------
    >>> trim_highest(np.array([3, 1, 2, 9]), 0.25).tolist()
    [1, 2, 3]
    """
    n_kept = max(1, len(scores) - round(share * len(scores)))
    return np.sort(scores)[:n_kept]


def conformal_p_values(calibration_scores: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """p-values of ``scores``: ``(1 + #{s_i >= s}) / (1 + n)``.

    The share of normal calibration scores at least as high, counting the document itself:
    the probability of a false alarm if documents with this score are called anomalous.

    Parameters
    ----------
    calibration_scores : (n,) sorted or not
    scores : (m,)

    Returns
    -------
    (m,) float64 in [1/(1+n), 1]

    Examples
    --------
    >>> conformal_p_values([0.1, 0.2, 0.3], [0.25, 0.9]).tolist()
    [0.5, 0.25]
    """
    calibration = np.sort(np.asarray(calibration_scores, np.float64))
    lower = np.searchsorted(calibration, np.asarray(scores, np.float64), side="left")
    return (1 + len(calibration) - lower) / (1 + len(calibration))
