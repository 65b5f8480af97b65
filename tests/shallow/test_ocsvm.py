"""OCSVM and SVDD against scikit-learn, the formulas, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import OneClassSVM

from textocl import OCSVM, SVDD


def unit(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("nu", [0.05, 0.1, 0.5])
def test_ocsvm_scores_are_scikit_learns_decision_function(
    kernel: str, nu: float, training: np.ndarray, new: np.ndarray
) -> None:
    points, asked = (unit(training), unit(new)) if kernel == "linear" else (training, new)
    detector = OCSVM(kernel=kernel, nu=nu, calibration="training").fit(points)
    machine = OneClassSVM(kernel=kernel, nu=nu, tol=1e-7).fit(points.astype(np.float64))
    expected = -machine.decision_function(asked.astype(np.float64)) / (nu * len(points))
    assert np.allclose(detector.anomaly_score(asked), expected, atol=5e-5)


def test_ocsvm_of_two_points_worked_by_hand() -> None:
    # the plane through both: w is the point of their connection nearest to the origin
    points = np.array([[2, 0], [0, 2]], np.float32)
    detector = OCSVM(nu=0.5, calibration="training", false_alarm_rate=0.5).fit(points)
    scores = detector.anomaly_score(np.array([[2, 0], [0, 0], [1, 1], [3, 3]], np.float32))
    assert np.allclose(scores, [0, 2, 0, -4], atol=1e-5)


def test_the_scale_of_points_does_not_matter_to_the_linear_kernel(
    training: np.ndarray, new: np.ndarray
) -> None:
    for large in (1e-12, 1e12):
        small = OCSVM().fit(training).anomaly_score(new)
        scaled = OCSVM().fit(training * np.float32(large)).anomaly_score(new * np.float32(large))
        assert np.allclose(scaled, small * large**2, rtol=1e-3, atol=1e-4 * large**2)


def test_rbf_scores_do_not_depend_on_where_the_points_are(
    training: np.ndarray, new: np.ndarray
) -> None:
    whole, asked = np.round(training * 64), np.round(new * 64)
    for detector in (OCSVM(kernel="rbf", gamma=1e-4), SVDD(gamma=1e-4)):
        here = detector.fit(whole).anomaly_score(asked)
        there = detector.fit(whole + 2**20).anomaly_score(asked + 2**20)
        assert np.allclose(here, there, atol=1e-6)


@pytest.mark.parametrize("nu", [0.1, 0.5, 1])
def test_svdd_with_rbf_is_twice_the_ocsvm(nu: float, training: np.ndarray, new: np.ndarray) -> None:
    plane = OCSVM(kernel="rbf", nu=nu).fit(training).anomaly_score(new)
    sphere = SVDD(kernel="rbf", nu=nu).fit(training).anomaly_score(new)
    assert np.allclose(sphere, 2 * plane, atol=1e-6)


def test_svdd_scores_are_distances_from_the_center_in_feature_space(
    training: np.ndarray, new: np.ndarray
) -> None:
    detector = SVDD(gamma=0.05).fit(training)
    support, weights = detector.state_.learned["support"], detector.state_.learned["weights"]

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.exp(-0.05 * ((x.astype("f8") - y) ** 2).sum()))

    weighted = list(zip(weights, support, strict=True))
    center = sum(a * b * k(x, y) for a, x in weighted for b, y in weighted)
    for x, score in zip(new, detector.anomaly_score(new), strict=True):
        distance = k(x, x) - 2 * sum(a * k(x, y) for a, y in weighted) + center
        assert np.isclose(distance - detector.state_.learned["radius_squared"][0], score, atol=1e-6)


def test_the_share_of_training_points_outside_is_at_most_nu(training: np.ndarray) -> None:
    for detector in (OCSVM(nu=0.2), OCSVM(nu=0.2, kernel="rbf"), SVDD(nu=0.2, kernel="linear")):
        scores = detector.set_params(calibration="training").fit(training).anomaly_score(training)
        assert (scores > 1e-3).mean() <= 0.2
        assert (scores > -1e-3).mean() >= 0.2


def test_svdd_and_ocsvm_rank_alike_on_unit_vectors_with_the_linear_kernel(
    training: np.ndarray, new: np.ndarray
) -> None:
    points, asked = unit(training), unit(new)
    plane = OCSVM().fit(points).anomaly_score(asked)
    sphere = SVDD(kernel="linear").fit(points).anomaly_score(asked)
    assert np.allclose(sphere, 2 * plane, atol=1e-3)


def test_linear_svdd_differs_from_the_ocsvm_where_lengths_differ(training: np.ndarray) -> None:
    center = training.mean(axis=0)
    sphere = SVDD(kernel="linear").fit(training)
    inside, far = sphere.anomaly_score(np.stack([center, 10 * center]))
    assert inside < 0 < far
    plane = OCSVM().fit(training).anomaly_score(np.stack([center, 10 * center]))
    assert plane[1] < plane[0]


@pytest.mark.parametrize("detector", [OCSVM(), SVDD()])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_every_nu_below_one_in_n_leaves_no_point_out(
    detector: OCSVM | SVDD, kernel: str, training: np.ndarray
) -> None:
    detector.set_params(kernel=kernel, calibration="training")
    expected = detector.set_params(nu=1e-3).fit(training).anomaly_score(training)
    assert abs(expected.max()) < 1e-3 * np.ptp(expected)
    for nu in (1e-9, 1e-300):
        scores = detector.set_params(nu=nu).fit(training).anomaly_score(training)
        assert np.allclose(scores, expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:the threshold is the highest score there is")
@pytest.mark.parametrize("spread", [1e-7, 1e-3])
@pytest.mark.parametrize("scale", [1e6, 1e30])
def test_points_that_nearly_coincide_far_off_get_finite_scores(spread: float, scale: float) -> None:
    source = np.random.default_rng(0)
    points = (1 + spread * source.normal(size=(30, 2))) * scale * [1, -2]
    for detector in (OCSVM(kernel="rbf", gamma=1.0), SVDD(gamma=1e20), SVDD(kernel="linear")):
        detector.set_params(calibration="training").fit(points.astype(np.float32))
        assert np.isfinite(detector.anomaly_score(points.astype(np.float32))).all()


@pytest.mark.parametrize("scale", [1, 1e-2, 1e-3])
def test_small_features_are_judged_like_large_ones(scale: float) -> None:
    source = np.random.default_rng(0)
    training, new = source.normal(size=(200, 8)), 6 * source.normal(size=(50, 8))
    expected = OCSVM().fit(100 * training).predict(100 * new)
    assert 0.2 < np.mean(expected == -1) < 0.8
    np.testing.assert_array_equal(OCSVM().fit(scale * training).predict(scale * new), expected)
