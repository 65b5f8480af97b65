"""What every report says: scores, calibration, measures by labels, the model's card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.core.detector import OneClassDetector
from textocl.core.metrics import evaluate
from textocl.core.thresholds import calibration_borders
from textocl.report.card import card_of

_CALIBRATION_SCORES = 20_000  # at most, evenly thinned
_FINITE = 1e30  # scores above stand for "no known word"


def shared_contents(
    detector: OneClassDetector,
    title: str,
    noun: str,
    scores: NDArray[np.float32],
    truth: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    """The part of a page's data that is the same for texts and images.

    Parameters
    ----------
    detector : fitted
    title : of the page
    noun : what one sample is called
    scores : (n,) float32, of all samples
    truth : (n,) bool, which are anomalous, or None
    """
    return {
        "title": visible(title),
        "noun": noun,
        "card": _visible_in(card_of(detector)),
        "calibration": _numbers(_thinned(calibration_borders(detector.calibration_scores_))),
        "evaluation": None if truth is None else evaluate(scores, truth).to_dict(),
        "scores": _numbers(scores),
        "truth": None if truth is None else truth.astype(int).tolist(),
    }


def highest_and_spread(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Choose up to ``n`` of ``scores`` ``(m,)``: the highest, and some of every height.

    Three quarters are the highest, the rest is spread evenly over the ranks of the others.

    Returns
    -------
    (min(n, m),) int64, ascending

    Examples
    --------
    >>> highest_and_spread(np.arange(10, dtype=np.float32), 4).tolist()
    [0, 7, 8, 9]
    """
    if len(scores) <= n:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    n_highest = n - n // 4
    rest = order[n_highest:]
    spread = rest[np.linspace(0, len(rest) - 1, n // 4 + 1).round().astype(int)[1:]]
    return np.sort(np.concatenate([order[:n_highest], spread]))


def _thinned(calibration: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most `_CALIBRATION_SCORES`, at evenly spaced ranks."""
    n = min(len(calibration), _CALIBRATION_SCORES)
    return calibration[np.linspace(0, len(calibration) - 1, n).round().astype(int)]


def _numbers(scores: NDArray[np.float32]) -> list[float | None]:
    """Scores that become the same float32 again; None where there is no finite one."""
    return [float(str(s)) if abs(s) < _FINITE else None for s in scores.astype(np.float32)]


def _visible_in(value: Any) -> Any:
    """``value`` with every text in it made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_visible_in(item) for item in value]
    if isinstance(value, dict):
        return {name: _visible_in(item) for name, item in value.items()}
    return value
