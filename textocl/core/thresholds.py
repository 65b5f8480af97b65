"""From scores of normal data to a threshold and to p-values (thesis eq. 1.5).

Both answer one question: how rarely does a normal document score this high? The scores must come
from normal data the model was not trained on; then, if new normal documents are drawn like those,
the probability of a false alarm is at most the chosen rate (split conformal prediction).

Both compare with the borders of `calibration_borders`, which lie between the calibration scores, so
that neither hangs on how a score was rounded. A border is never below its score: raising what a new
score is compared with makes false alarms rarer and p-values larger, so the promise holds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: by how much a score may differ when an exported file computes it; relative where it is above 1
TOLERANCE = 1e-5
#: the same of scores that differ by rounding only: two that are closer count as one
ROUNDING = 1e-6
_LEAST_TAIL = 3  # scores that tell how a tail goes on
_LARGEST = float(np.finfo(np.float32).max)
_ZERO = 1e-12  # what sums of float64 may leave of 0


def smallest_calibration_size(false_alarm_rate: float) -> int:
    """Fewest calibration scores with which ``false_alarm_rate`` can be promised: ⌈1/α⌉ − 1."""
    return math.ceil(1 / false_alarm_rate - 1e-9) - 1


def conformal_threshold(
    calibration_scores: ArrayLike, false_alarm_rate: float, worst: float | None = None
) -> float:
    """Score above which a document is called anomalous.

    The border of the ⌈(n+1)(1−α)⌉-th smallest of n calibration scores. With fewer than
    `smallest_calibration_size` scores no finite threshold is sure to keep the promise. The scores
    are continued then: the highest tenth of them, or three, lie above a score u by ``m`` on
    average; in an exponential tail a share α lies above ``u + m log(k / ((n + 1) α))``, k being how
    many there are. The threshold is never below the highest score; else it is below the worst.

    Parameters
    ----------
    calibration_scores : (n,) float32, sorted or not
    worst : the highest score there is, which a continuation stays below; None where none is

    Examples
    --------
    >>> round(conformal_threshold([0.1, 0.2, 0.3, 0.4], false_alarm_rate=0.4), 6)
    0.30001
    """
    borders = calibration_borders(calibration_scores)
    n = len(borders)
    rank = math.ceil((n + 1) * (1 - false_alarm_rate) - 1e-9)
    if rank <= n:
        return float(borders[rank - 1])
    highest, k = float(borders[-1]), max(_LEAST_TAIL, math.ceil(n / 10))
    if n <= k:
        return highest
    scores = np.sort(np.asarray(calibration_scores, np.float64))
    start = scores[-k - 1]
    excess = float((scores[-k:] - start).mean())
    limit = _LARGEST if worst is None else worst
    continued = start + excess * math.log(k / ((n + 1) * false_alarm_rate))
    below = limit - TOLERANCE * max(1.0, abs(limit))
    return max(float(np.float32(min(continued, below))), highest)


def calibration_borders(calibration_scores: ArrayLike) -> NDArray[np.float32]:
    """Highest score that counts as equal to each calibration score, ``(n,)`` ascending.

    `TOLERANCE` above it, or a hundredth of the range of all scores if that is less, yet 2e-6; but
    no further than half-way to the next higher score. Scores that `ROUNDING` explains are one
    score. All of this is relative to `score_sizes`. Borders are float32, as scores are: a
    comparison comes out alike in float32 and float64.

    Parameters
    ----------
    calibration_scores : (n,) float32, sorted or not
    """
    scores = np.sort(np.asarray(calibration_scores, np.float32)).astype(np.float64)
    distinct = np.unique(scores)
    size = score_sizes(distinct, distinct)
    last = np.searchsorted(distinct, distinct + ROUNDING * size, side="right") - 1
    lower, higher = distinct[last], np.append(distinct[1:], np.inf)[last]
    raised = lower + size[last] * np.clip(0.01 * np.ptp(distinct), 2 * ROUNDING, TOLERANCE)
    borders = np.minimum(raised, (lower + higher) / 2)
    borders = np.minimum(borders, _LARGEST).astype(np.float32)
    # float32 must not round a border up to the next score
    borders = np.where(borders < higher, borders, np.nextafter(borders, np.float32(-np.inf)))
    return borders[np.searchsorted(distinct, scores)]


def score_sizes(calibration_scores: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """What `TOLERANCE` and `ROUNDING` of ``scores`` are relative to, of their shape.

    A score's own size, or 1 if that is more. Where no calibration score reaches 0.01, as of OC-SVM
    on small features, 100 times the highest of them stands for 1; where all are 0 but for rounding,
    1 is 1.
    """
    highest = float(np.abs(np.asarray(calibration_scores, np.float64)).max(initial=0))
    unit = min(1.0, 100 * highest) if highest > _ZERO else 1.0
    return np.maximum(np.abs(np.asarray(scores, np.float64)), unit)


def trim_highest(
    scores: NDArray[np.float32], share: float, is_normal: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Leave out the highest ``share`` of ``scores``, ``(n,)``, of data known to be that unclean.

    Scores of samples that are known to be normal, ``(n,)``, stay; the share is of the others. At
    least one score stays.

    Examples
    --------
    >>> trim_highest(np.array([3, 1, 2, 9]), 0.25).tolist()
    [1, 2, 3]
    """
    known = np.zeros(len(scores), bool) if is_normal is None else is_normal
    unknown = np.sort(scores[~known])
    n_kept = len(unknown) - round(share * len(unknown))
    if not known.any():
        n_kept = max(1, n_kept)
    return np.sort(np.concatenate([scores[known], unknown[:n_kept]]))


def training_p_values(calibration_scores: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """p-values of samples that calibration scores may be of, ``(n,)``; NaN of a NaN.

    As `conformal_p_values`, but a score that is one of the calibration scores does not count
    itself.
    """
    calibration, values = np.asarray(calibration_scores, np.float32), np.asarray(scores, np.float32)
    p_values = conformal_p_values(calibration, np.nan_to_num(values))
    n, is_inside = len(calibration), np.isin(values, calibration)
    without_itself = (p_values * (n + 1) - 1) / max(n, 1)
    p_values = np.where(is_inside, without_itself, p_values)
    return np.where(np.isnan(values), np.nan, p_values)


def conformal_p_values(calibration_scores: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """p-values of ``scores``: ``(1 + #{b_i >= s}) / (1 + n)``, with borders b_i of the s_i.

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
    borders = calibration_borders(calibration_scores).astype(np.float64)
    lower = np.searchsorted(borders, np.asarray(scores, np.float64), side="left")
    return (1 + len(borders) - lower) / (1 + len(borders))
