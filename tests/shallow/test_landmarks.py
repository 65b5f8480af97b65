"""Landmarks against naive loops, and what a density by them promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import textocl
from textocl import KDE, FormatError
from textocl.core.metrics import evaluate
from textocl.core.persistence import ModelFiles
from textocl.shallow.density import log_density
from textocl.shallow.landmarks import kernels_of, landmarks_of, log_density_of_landmarks

CLUSTERS = np.random.default_rng(5).normal(size=(8, 6)) * 3


def cloud(n: int, seed: int) -> np.ndarray:
    """Points of eight clusters."""
    source = np.random.default_rng(seed)
    return (CLUSTERS[source.integers(8, size=n)] + source.normal(size=(n, 6))).astype(np.float32)


def test_few_points_are_their_own_landmarks(training: np.ndarray) -> None:
    centers, cells = landmarks_of(training, len(training), 0)
    assert centers is training
    assert cells.shape == (2, 0)


def test_landmarks_are_means_of_the_points_nearest_to_seeds(training: np.ndarray) -> None:
    centers, (shares, variances) = landmarks_of(training, 12, 3)
    points = training.astype(float)
    seeds = points[np.random.default_rng(3).permutation(150)[:12]]
    members: dict[int, list[np.ndarray]] = {k: [] for k in range(12)}
    for x in points:
        members[int(((seeds - x) ** 2).sum(axis=1).argmin())].append(x)
    for k, inside in members.items():
        assert np.allclose(centers[k], np.mean(inside, axis=0), atol=1e-5)
        assert shares[k] == len(inside) / 150
        spread = np.mean([((x - np.mean(inside, axis=0)) ** 2).mean() for x in inside])
        assert variances[k] == pytest.approx(spread, abs=1e-5)


def test_equal_points_have_one_landmark() -> None:
    centers, cells = landmarks_of(np.full((40, 3), 7e5, np.float32), 10, 0)
    assert centers.tolist() == [[7e5, 7e5, 7e5]]
    assert cells.tolist() == [[1], [0]]


def test_points_of_any_scale_and_place_have_the_same_cells() -> None:
    points = cloud(300, 0)
    _, expected = landmarks_of(points, 20, 0)
    for scale in (1e-18, 1e18):
        _, found = landmarks_of(points * np.float32(scale), 20, 0)
        assert np.allclose(found[0], expected[0])
        assert np.allclose(found[1] / scale**2, expected[1], rtol=1e-4)


def test_a_kernel_is_the_mean_of_a_gaussian_over_its_cell() -> None:
    source = np.random.default_rng(0)
    inside = source.normal(scale=np.sqrt(0.3), size=(400_000, 2))
    (squared,), (log_weight,) = kernels_of(np.array([[0.25], [0.3]]), 0.8, 2)
    for x in ([0.0, 0.0], [1.0, -0.5], [2.0, 1.0]):
        mean = np.exp(-((inside - x) ** 2).sum(axis=1) / (2 * 0.8**2)).mean()
        kernel = np.exp(log_weight - np.square(x).sum() / (2 * squared))
        assert kernel == pytest.approx(0.25 * mean, rel=0.01)


@pytest.mark.parametrize("h", [0.01, 0.7, 50.0])
def test_the_density_is_the_formula_landmark_by_landmark(h: float, new: np.ndarray) -> None:
    centers, cells = landmarks_of(cloud(500, 0), 40, 0)
    asked = np.concatenate([new, cloud(40, 1), 1e3 * new])
    for x, found in zip(asked, log_density_of_landmarks(asked, centers, h, cells), strict=True):
        terms = [
            np.log(w) + 3 * np.log(h**2 / (h**2 + v))
            - ((x.astype(float) - c) ** 2).sum() / (2 * (h**2 + v))
            for c, w, v in zip(centers, *cells, strict=True)
        ]  # fmt: skip
        assert found == pytest.approx(np.logaddexp.reduce(terms), rel=1e-5, abs=1e-4)


def test_extreme_points_have_a_finite_density_that_falls() -> None:
    centers, cells = landmarks_of(cloud(500, 0), 40, 0)
    direction = np.ones((1, 6), np.float32)
    far = np.concatenate([direction * np.float32(10**k) for k in range(1, 38, 4)])
    for h in (1e-30, 0.7, 1e30):
        densities = log_density_of_landmarks(far, centers, h, cells)
        assert np.isfinite(densities).all()
        assert (np.diff(densities) <= 0).all()
        assert densities[-1] < densities[0]


def test_below_n_landmarks_scores_are_those_of_all_points_bit_for_bit() -> None:
    points, asked = cloud(200, 0), cloud(50, 1)
    labels = np.repeat([0, -1], [170, 30])
    found = [
        KDE(n_landmarks=n, calibration="training").fit(points, labels).anomaly_score(asked)
        for n in (200, 10**9)
    ]
    assert found[0].tobytes() == found[1].tobytes()
    plain = KDE(n_landmarks=200, whitening=0.0, calibration="training").fit(points)
    expected = -(0.25**2) * log_density(asked, points, 0.25)
    assert plain.anomaly_score(asked).tobytes() == expected.astype(np.float32).tobytes()


def test_scores_by_landmarks_are_near_those_of_all_points() -> None:
    asked = np.concatenate([cloud(300, 1), 2 * cloud(300, 2)])
    whole, few = (
        KDE(bandwidth=1.0, whitening=0.0, n_landmarks=n).fit(cloud(4_000, 0)).anomaly_score(asked)
        for n in (4_000, 300)
    )
    assert np.corrcoef(whole, few)[0, 1] > 0.99
    assert abs(np.median(few - whole)) < 0.1 * whole.std()
    is_odd = np.arange(600) >= 300
    assert evaluate(few, is_odd).auc > evaluate(whole, is_odd).auc - 0.01


def test_a_model_grows_no_larger_than_its_landmarks() -> None:
    points, labels = cloud(3_000, 0), np.repeat([0, -1], [2_500, 500])
    learned = KDE(n_landmarks=100).fit(points, labels).state_.learned
    assert len(learned["training_points"]) <= 100
    assert len(learned["known_anomalies"]) <= 25
    assert learned["training_cells"][0].sum() == pytest.approx(1)
    assert learned["anomaly_cells"][0].sum() == pytest.approx(1)


def test_known_anomalies_raise_scores_by_landmarks_too() -> None:
    points = np.concatenate([cloud(1_000, 0), cloud(1_000, 1) + 9])
    labels = np.repeat([0, -1], 1_000)
    wary, plain = (
        KDE(
            n_landmarks=50, anomaly_weight=weight, bandwidth=1.0, whitening=0.0, anomaly_bandwidth=1
        )
        .fit(points, labels)
        .anomaly_score(cloud(200, 2) + 9)
        for weight in (1.0, 0.0)
    )
    assert (wary > plain).mean() > 0.95


def false_alarms(detector: KDE, n: int) -> float:
    """Share of new points that a detector calls anomalous."""
    return float((detector.predict(np.random.default_rng(9).normal(size=(n, 30))) == -1).mean())


def test_no_training_point_profits_from_its_own_weight() -> None:
    """In 30 dimensions a point is nearer to a landmark that it is part of than a new one is."""
    points, n, rate = np.random.default_rng(8).normal(size=(2_000, 30)), 4_000, 0.1
    made = {"bandwidth": 0.5, "whitening": 0.0, "n_landmarks": 600, "false_alarm_rate": rate}
    crossed = KDE(calibration="cross", **made).fit(points)
    split = KDE(calibration="split", **made).fit(points)
    seen = KDE(calibration="training", **made).fit(points)
    assert len(crossed.state_.learned["training_points"]) <= 600
    for detector in (crossed, split):
        n_judged = len(detector.calibration_scores_)
        error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / n_judged))
        assert abs(false_alarms(detector, n) - rate) < 3 * error
    assert false_alarms(seen, n) > 2 * rate  # so that the above says something
    out_of_sample = seen.training_scores_
    assert np.median(out_of_sample) > np.median(seen.anomaly_score(points))
    assert out_of_sample == pytest.approx(crossed.training_scores_)


def test_a_file_without_cells_is_of_a_model_of_all_points(tmp_path: Path) -> None:
    detector = KDE().fit(cloud(60, 0))
    files = detector.state_.to_files()
    older = {name: array for name, array in files.arrays.items() if "cells" not in name}
    learned = detector._read_learned(ModelFiles(files.facts, older), 6)
    assert learned["training_cells"].shape == learned["anomaly_cells"].shape == (2, 0)
    asked = detector.points(cloud(20, 1))
    assert (detector._scores(learned, asked) == detector.anomaly_score(cloud(20, 1))).all()


@pytest.mark.parametrize(
    "damage", [lambda cells: cells[:, :5], lambda cells: -cells, lambda cells: 0 * cells]
)
def test_damaged_cells_are_refused(damage: object, tmp_path: Path) -> None:
    detector = KDE(n_landmarks=20).fit(cloud(300, 0))
    files = detector.state_.to_files()
    arrays = files.arrays | {
        "training_cells": np.ascontiguousarray(damage(files.arrays["training_cells"]))
    }
    with pytest.raises(FormatError, match="landmarks and their cells"):
        detector._read_learned(ModelFiles(files.facts, arrays), 6)


def test_a_saved_model_has_cells_and_scores_alike(tmp_path: Path) -> None:
    detector = KDE(n_landmarks=20).fit(cloud(300, 0), np.repeat([0, -1], [250, 50]))
    detector.save(tmp_path / "model")
    saved = load_file(tmp_path / "model" / "weights.safetensors")
    assert saved["training_cells"].shape == (2, len(saved["training_points"]))
    assert saved["anomaly_cells"].shape == (2, len(saved["known_anomalies"]))
    loaded = textocl.load(tmp_path / "model")
    asked = cloud(50, 1)
    assert loaded.anomaly_score(asked).tobytes() == detector.anomaly_score(asked).tobytes()
