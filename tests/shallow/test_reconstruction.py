"""PCA and KernelPCA against reconstructions computed otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA as ScikitPCA
from sklearn.decomposition import KernelPCA as ScikitKernelPCA

from textocl import PCA, KernelPCA, TextoclWarning


@pytest.mark.parametrize("n_components", [1, 3, 0.5, 0.95])
def test_pca_scores_are_scikit_learns_reconstruction_error(
    n_components: float, training: np.ndarray, new: np.ndarray
) -> None:
    detector = PCA(n_components=n_components, calibration="training").fit(training)
    reference = ScikitPCA(n_components).fit(training.astype("f8"))
    back = reference.inverse_transform(reference.transform(new.astype("f8")))
    assert len(detector.state_.learned["components"]) == reference.n_components_
    assert np.allclose(detector.anomaly_score(new), ((new - back) ** 2).sum(axis=1), rtol=1e-5)


def test_pca_of_a_line_worked_by_hand() -> None:
    line = np.array([[0, 1], [1, 1], [2, 1], [5, 1]], np.float32)
    detector = PCA(n_components=1, calibration="training", false_alarm_rate=0.5).fit(line)
    asked = np.array([[9, 1], [9, 3], [2, -2]], np.float32)
    assert np.allclose(detector.anomaly_score(asked), [0, 4, 9], atol=1e-6)


def test_one_direction_is_always_left_to_judge_by(training: np.ndarray) -> None:
    with pytest.warns(TextoclWarning, match="n_components=6 is more than 120 points in 6"):
        detector = PCA(n_components=6).fit(training)
    assert detector.state_.learned["components"].shape == (5, 6)
    detector = PCA(n_components=0.999999).fit(training)
    assert detector.state_.learned["components"].shape == (5, 6)
    # with one feature that is the distance from the mean
    one = PCA(calibration="training").fit(training[:, :1])
    expected = (training[:, 0] - training[:, 0].mean()) ** 2
    assert np.allclose(one.anomaly_score(training[:, :1]), expected, atol=1e-4)


def hoffmann(training: np.ndarray, asked: np.ndarray, gamma: float, m: int) -> list[float]:
    """Reconstruction error from an explicit eigendecomposition, point by point."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.exp(-gamma * ((x.astype("f8") - y) ** 2).sum()))

    n = len(training)
    kernel = np.array([[k(x, y) for y in training] for x in training])
    center = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(center @ kernel @ center)
    values, vectors = values[::-1][:m], vectors[:, ::-1][:, :m]
    scores = []
    for x in asked:
        to_x = np.array([k(x, y) for y in training])
        potential = k(x, x) - 2 * to_x.mean() + kernel.mean()
        centred = to_x - to_x.mean() - kernel.mean(axis=0) + kernel.mean()
        scores.append(potential - sum((centred @ vectors) ** 2 / values))
    return scores


@pytest.mark.parametrize("m", [1, 7, 60])
def test_kernel_pca_scores_are_hoffmanns(m: int, training: np.ndarray, new: np.ndarray) -> None:
    detector = KernelPCA(n_components=m, gamma=0.05, calibration="training").fit(training)
    expected = hoffmann(training, new, 0.05, m)
    assert np.allclose(detector.anomaly_score(new), expected, atol=1e-6)


def test_kernel_pca_projects_as_scikit_learn_does(training: np.ndarray, new: np.ndarray) -> None:
    detector = KernelPCA(n_components=5, gamma=0.05, calibration="training").fit(training)
    reference = ScikitKernelPCA(5, kernel="rbf", gamma=0.05).fit(training.astype("f8"))
    everything = ScikitKernelPCA(149, kernel="rbf", gamma=0.05).fit(training.astype("f8"))
    inside = training[:20].astype("f8")  # training points lie in the span of all components
    lost = (everything.transform(inside) ** 2).sum(1) - (reference.transform(inside) ** 2).sum(1)
    assert np.allclose(detector.anomaly_score(training[:20]), lost, atol=1e-6)


def test_all_components_reconstruct_all_training_points() -> None:
    points = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    with pytest.warns(TextoclWarning, match="n_components=50 is more than 30 training points"):
        detector = KernelPCA(calibration="training").fit(points)
    assert detector.anomaly_score(points).max() < 1e-6
    assert detector.anomaly_score(np.full((1, 3), 9, np.float32)) > 0.5


def test_kernel_pca_follows_a_circle_that_pca_cannot() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
    circle = np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
    detector = KernelPCA(n_components=10, gamma=1.0).fit(circle)
    scores = detector.anomaly_score(np.array([[0, 1], [0, 0], [0, 2]], np.float32))
    assert scores[0] < 0.1 * min(scores[1:])
