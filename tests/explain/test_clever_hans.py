"""Cosines worked by hand, and a detector that is right for the wrong reason."""

from __future__ import annotations

import numpy as np
import pytest

from textocl import KDE, DataError
from textocl.explain.clever_hans import clever_hans_score, explanation_accuracy
from textocl.shallow.relevance import relevance_of


def test_accuracy_is_the_mean_cosine() -> None:
    flat = np.ones((2, 2))
    mask = np.array([[1, 0], [0, 0]])
    assert explanation_accuracy([flat], [mask]) == pytest.approx(0.5)
    assert explanation_accuracy([flat, mask], [mask, mask]) == pytest.approx(0.75)
    assert explanation_accuracy([-mask], [mask]) == -1
    assert explanation_accuracy([7 * mask], [mask]) == 1
    assert explanation_accuracy([np.zeros((2, 2))], [mask]) == 0
    assert explanation_accuracy([[1.0, 1.0], [1.0]], [[1, 1], [2]]) == pytest.approx(1)


def test_the_score_is_auc_minus_accuracy() -> None:
    found = clever_hans_score(
        [1, 3, 2, 4], [False, False, True, True], [[1, 0], [0, 1]], [[1, 0], [1, 0]]
    )
    assert (found.auc, found.explanation_accuracy, found.score) == (0.75, 0.5, 0.25)
    assert found.to_dict()["n_explained"] == 2


def test_a_detector_that_goes_by_a_side_effect_is_a_clever_hans() -> None:
    """The anomaly is in feature 0, which one detector sees little of beside its side effect."""
    random = np.random.default_rng(0)
    normal = random.normal(size=(200, 6))
    anomalies = random.normal([6, 0, 0, 0, 0, 0], size=(40, 6))
    truths = [[1, 0, 0, 0, 0, 0]] * 40

    def judged(side_effect: float) -> float:
        shifted = anomalies + side_effect * np.array([0, 0, 0, 0, 0, 1])
        detector = KDE(bandwidth=1.0, whitening=0.0).fit(normal)
        test = np.concatenate([random.normal(size=(40, 6)), shifted])
        found = clever_hans_score(
            detector.anomaly_score(test),
            np.repeat([False, True], 40),
            list(relevance_of(detector, shifted).features),
            truths,
        )
        assert found.auc > 0.99
        return found.score

    assert judged(0) < 0.1
    assert judged(20) > 0.6


def test_what_does_not_match_is_refused() -> None:
    with pytest.raises(DataError, match="at least one, got 0 and 0"):
        explanation_accuracy([], [])
    with pytest.raises(DataError, match="got 1 and 2"):
        explanation_accuracy([[1], [2]], [[1]])
    with pytest.raises(DataError, match="explanation 0: expected finite numbers"):
        explanation_accuracy([[1, 2]], [[1]])
    with pytest.raises(DataError, match="explanation 1: expected finite numbers"):
        explanation_accuracy([[1], [np.nan]], [[1], [1]])
    with pytest.raises(DataError, match="truth 0 marks nothing"):
        explanation_accuracy([[1, 2]], [[0, 0]])
