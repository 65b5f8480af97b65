"""KNN and LOF against scikit-learn and naive loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

from textocl import KNN, LOF, TextoclWarning


def test_knn_is_the_mean_or_the_largest_of_k_distances(
    training: np.ndarray, new: np.ndarray
) -> None:
    mean = KNN(n_neighbors=4, calibration="training").fit(training).anomaly_score(new)
    largest = KNN(n_neighbors=4, aggregation="max", calibration="training").fit(training)
    for x, average, most in zip(new, mean, largest.anomaly_score(new), strict=True):
        distances = sorted(float(np.sqrt(((x.astype("f8") - y) ** 2).sum())) for y in training)
        assert np.isclose(average, sum(distances[:4]) / 4)
        assert np.isclose(most, distances[3])


def test_knn_worked_by_hand() -> None:
    line = np.array([[0], [1], [3], [7]], np.float32)
    detector = KNN(n_neighbors=2, calibration="training", false_alarm_rate=0.5).fit(line)
    assert detector.anomaly_score(np.array([[0], [5], [17]], np.float32)).tolist() == [0.5, 2, 12]
    assert detector.calibration_scores_.tolist() == [0.5, 0.5, 1, 2]


def test_on_unit_vectors_one_neighbour_ranks_as_the_cosine_does(
    training: np.ndarray, new: np.ndarray
) -> None:
    detector = KNN(n_neighbors=1, unit_length=True, calibration="training").fit(training)
    lengths = np.linalg.norm(new, axis=1)[:, None] * np.linalg.norm(training, axis=1)
    cosine = (new @ training.T / lengths).max(axis=1)
    assert np.allclose(detector.anomaly_score(new), np.sqrt(2 - 2 * cosine), atol=1e-4)


def test_a_training_point_is_at_distance_zero_from_itself(training: np.ndarray) -> None:
    detector = KNN(n_neighbors=1, calibration="training").fit(training + 1e4)
    assert (detector.anomaly_score(training + 1e4) == 0).all()


def test_more_neighbours_than_points_warn_and_take_all() -> None:
    points = np.arange(8, dtype=np.float32)[:, None]
    detector = KNN(n_neighbors=9, calibration="training", false_alarm_rate=0.5)
    with pytest.warns(TextoclWarning, match="n_neighbors=9 is more than the 8 training points"):
        detector.fit(points)
    assert detector.anomaly_score(np.array([[0]], np.float32)) == 3.5
    with pytest.warns(TextoclWarning, match="n_neighbors=20 is more than each of 8"):
        lof = LOF(calibration="training", false_alarm_rate=0.5).fit(points)
    assert lof.anomaly_score(np.array([[99]], np.float32)) > 2


@pytest.mark.parametrize("k", [1, 5, 20, 149])
def test_lof_scores_are_scikit_learns(k: int, training: np.ndarray, new: np.ndarray) -> None:
    detector = LOF(n_neighbors=k, calibration="training").fit(training)
    reference = LocalOutlierFactor(n_neighbors=k, novelty=True).fit(training.astype("f8"))
    expected = -reference.score_samples(new.astype("f8"))
    assert np.allclose(detector.anomaly_score(new), expected, rtol=1e-5)


def test_lof_is_near_one_inside_a_grid_and_large_outside() -> None:
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2)
    detector = LOF(n_neighbors=8, calibration="training").fit(grid.astype(np.float32))
    scores = detector.anomaly_score(np.array([[5.5, 5.5], [30, 30]], np.float32))
    assert abs(scores[0] - 1) < 0.1
    assert scores[1] > 5


def test_repeated_points_have_one_density_not_rounding_noise() -> None:
    source = np.random.default_rng(0)
    repeated = np.repeat(source.normal(size=(4, 30)) + 100, 10, axis=0).astype(np.float32)
    detector = LOF(n_neighbors=5, calibration="training").fit(repeated)
    assert np.allclose(detector.anomaly_score(repeated), 1)
