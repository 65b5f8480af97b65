"""Gaussian and MVE against scikit-learn's Mahalanobis distances."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, MinCovDet, ShrunkCovariance

from textocl import MVE, Gaussian, TextoclWarning


@pytest.mark.parametrize(
    ("shrinkage", "estimator"),
    [
        ("ledoit-wolf", LedoitWolf()),
        ("oas", OAS()),
        (0.3, ShrunkCovariance(shrinkage=0.3)),
        (0, EmpiricalCovariance()),
    ],
)
def test_scores_are_mahalanobis_distances(
    shrinkage: float | str, estimator: EmpiricalCovariance, training: np.ndarray, new: np.ndarray
) -> None:
    detector = Gaussian(shrinkage=shrinkage, calibration="training").fit(training)
    expected = np.sqrt(estimator.fit(training.astype("f8")).mahalanobis(new.astype("f8")))
    assert np.allclose(detector.anomaly_score(new), expected, rtol=1e-5)


def test_full_shrinkage_is_the_distance_from_the_mean(
    training: np.ndarray, new: np.ndarray
) -> None:
    scores = Gaussian(shrinkage=1, calibration="training").fit(training).anomaly_score(new)
    expected = np.linalg.norm(new - training.mean(axis=0), axis=1)
    assert np.allclose(scores / scores[0], expected / expected[0], rtol=1e-4)


def test_a_gaussian_worked_by_hand() -> None:
    cross = np.array([[1, 5], [3, 5], [2, 3], [2, 7]], np.float32)  # variances 1/2 and 2
    detector = Gaussian(shrinkage=0, calibration="training", false_alarm_rate=0.5).fit(cross)
    asked = np.array([[2, 5], [3, 5], [2, 7], [3, 7]], np.float32)
    assert np.allclose(detector.anomaly_score(asked) ** 2, [0, 2, 2, 4], atol=1e-5)


def test_scores_do_not_depend_on_the_scale(training: np.ndarray, new: np.ndarray) -> None:
    for detector in (Gaussian(), MVE()):
        scores = detector.fit(training).anomaly_score(new)
        for factor in np.array([1e-20, 1e20], np.float32):
            scaled = detector.fit(training * factor).anomaly_score(new * factor)
            assert np.allclose(scaled, scores, rtol=1e-4)


def test_mve_is_scikit_learns_minimum_covariance_determinant(
    training: np.ndarray, new: np.ndarray
) -> None:
    detector = MVE(n_components=6, calibration="training").fit(training)
    reference = MinCovDet(random_state=0).fit(training.astype("f8"))
    expected = np.sqrt(reference.mahalanobis(new.astype("f8")))
    assert np.corrcoef(detector.anomaly_score(new), expected)[0, 1] > 0.99
    assert np.allclose(detector.anomaly_score(new), expected, rtol=0.2)


def test_mve_withstands_contamination(training: np.ndarray, new: np.ndarray) -> None:
    far = training[:45] + np.float32(40)
    dirty = np.concatenate([training, far])
    clean_scores = MVE(calibration="training").fit(training).anomaly_score(far)
    robust = MVE(calibration="training").fit(dirty)
    plain = Gaussian(calibration="training").fit(dirty)
    assert (robust.anomaly_score(far) > 0.3 * clean_scores).all()
    assert robust.anomaly_score(far).min() > 2 * robust.anomaly_score(training).max()
    assert plain.anomaly_score(far).min() < plain.anomaly_score(training).max()


def test_mve_reduces_the_dimension_where_points_are_few() -> None:
    points = np.random.default_rng(0).normal(size=(40, 90)).astype(np.float32)
    detector = MVE(calibration="training").fit(points)
    assert detector.state_.learned["factor"].shape == (90, 8)
    with pytest.warns(TextoclWarning, match="n_components=60 is more than the rank"):
        detector = MVE(n_components=60, support_fraction=1.0, calibration="training").fit(points)
    assert detector.state_.learned["factor"].shape == (90, 39)


def test_mve_of_points_on_a_line_judges_along_the_line() -> None:
    places = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)
    detector = MVE(calibration="training").fit(places * [1, 2, 3])
    assert detector.state_.learned["factor"].shape == (3, 1)
    near, far = detector.anomaly_score(np.array([[0, 0, 0], [9, 18, 27]], np.float32))
    assert near < 1
    assert far > 5
