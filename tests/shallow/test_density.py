"""KDE against scikit-learn and a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from textocl import KDE


@pytest.mark.parametrize("h", [0.25, 1.0, 7.5])
def test_scores_are_scikit_learns_log_density_up_to_scale_and_constant(
    h: float, training: np.ndarray, new: np.ndarray
) -> None:
    detector = KDE(bandwidth=h, whitening=0.0, calibration="training").fit(training)
    # in one leaf: far from the training points, its tree of several loses all digits
    reference = KernelDensity(bandwidth=h, leaf_size=len(training)).fit(training.astype("f8"))
    log_density = reference.score_samples(new.astype("f8"))
    constant = 6 / 2 * np.log(2 * np.pi * h**2)
    expected = -(h**2) * (log_density + constant)
    assert np.allclose(detector.anomaly_score(new), expected, rtol=1e-5, atol=1e-5)


def test_scores_are_the_formula_point_by_point(training: np.ndarray, new: np.ndarray) -> None:
    scores = KDE(bandwidth=0.8, whitening=0.0, calibration="training").fit(training)
    for x, score in zip(new, scores.anomaly_score(new), strict=True):
        exponents = [-float(((x.astype("f8") - y) ** 2).sum()) / (2 * 0.8**2) for y in training]
        expected = -(0.8**2) * (np.logaddexp.reduce(exponents) - np.log(len(training)))
        assert np.isclose(score, expected, rtol=1e-6)


def test_a_density_worked_by_hand() -> None:
    pair = np.array([[-1], [1]], np.float32)
    detector = KDE(bandwidth=1, whitening=0, calibration="training", false_alarm_rate=0.5)
    scores = detector.fit(pair).anomaly_score(np.array([[0], [1]], np.float32))
    assert np.allclose(scores, [0.5, -np.log((1 + np.exp(-2)) / 2)])


def test_a_small_bandwidth_is_half_the_squared_distance_to_the_nearest(
    training: np.ndarray, new: np.ndarray
) -> None:
    scores = KDE(bandwidth=1e-4, whitening=0.0).set_params(calibration="training")
    nearest = ((new[:, None] - training) ** 2).sum(axis=2).min(axis=1)
    assert np.allclose(scores.fit(training).anomaly_score(new), nearest / 2, rtol=1e-4)


def test_on_unit_vectors_it_is_a_von_mises_fisher_density(
    training: np.ndarray, new: np.ndarray
) -> None:
    points, asked = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (training, new))
    detector = KDE(bandwidth=0.5, whitening=0.0, calibration="training").fit(points)
    concentration = 1 / 0.5**2
    for x, score in zip(asked, detector.anomaly_score(asked), strict=True):
        density = np.mean([np.exp(concentration * float(x @ y)) for y in points])
        assert np.isclose(score, 1 - np.log(density) / concentration, atol=1e-5)


def test_whitening_is_on_unless_told_otherwise(training: np.ndarray) -> None:
    assert KDE().whitening == 0.4
    assert KDE().fit(training).state_.metric.whitening is not None
