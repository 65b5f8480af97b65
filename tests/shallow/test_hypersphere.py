"""The hypersphere scores by its formula, and learns from anomalies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import textocl
from textocl import DataError, Hypersphere
from textocl.core.metrics import evaluate
from textocl.training.objectives import OBJECTIVES

SOURCE = np.random.default_rng(0)
NORMAL = SOURCE.normal(1.5, 1, (200, 6)).astype(np.float32)
NEW = SOURCE.normal(1.5, 1, (100, 6)).astype(np.float32)


def anomalies(n: int, seed: int = 0) -> np.ndarray:
    """Off to one side, where normal points are not."""
    side = np.array([1, -1, 1, -1, 1, -1])
    return (np.random.default_rng(seed).normal(1.5, 1, (n, 6)) + 1.5 * side).astype(np.float32)


def naive_scores(detector: Hypersphere, points: np.ndarray) -> list[float]:
    W1, W2, c = (detector.state_.learned[name].astype(float) for name in ("W1", "W2", "center"))
    scores = []
    for x in points.astype(float):
        hidden = x @ W1
        output = np.where(hidden > 0, hidden, 0.1 * hidden) @ W2
        squared = float(((output - c) ** 2).sum())
        scores.append(squared if detector.objective == "deep-sad" else np.sqrt(squared + 1) - 1)
    return scores


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_scores_are_distances_of_outputs_to_the_centre(objective: str) -> None:
    X = np.concatenate([NORMAL, anomalies(20)])
    detector = Hypersphere(objective=objective, n_epochs=3, hidden_size=7, output_size=4)
    detector.fit(X, np.repeat([0, -1], [200, 20]))
    assert detector.anomaly_score(NEW).tolist() == pytest.approx(
        naive_scores(detector, NEW), rel=1e-5, abs=1e-9
    )
    shapes = {name: array.shape for name, array in detector.state_.learned.items()}
    assert shapes == {"W1": (6, 7), "W2": (7, 4), "center": (4,), "is_hsc": (1,)}


def test_the_centre_is_the_mean_of_the_first_outputs_kept_off_0() -> None:
    detector = Hypersphere(n_epochs=0, calibration="training").fit(NORMAL)
    W1, W2, c = (detector.state_.learned[name].astype(float) for name in ("W1", "W2", "center"))
    hidden = NORMAL.astype(float) @ W1
    means = (np.where(hidden > 0, hidden, 0.1 * hidden) @ W2).mean(axis=0)
    far = np.abs(means) >= 0.1
    assert np.allclose(c[far], means[far], atol=1e-5)
    assert (np.abs(c) >= 0.1 - 1e-6).all()
    assert (np.sign(c[~far]) == np.where(means[~far] < 0, -1, 1)).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_known_anomalies_move_their_like_away_and_normal_points_stay(objective: str) -> None:
    X, y = np.concatenate([NORMAL, anomalies(30)]), np.repeat([0, -1], [200, 30])
    with_them = Hypersphere(objective=objective).fit(X, y)
    without = Hypersphere(objective=objective).fit(NORMAL)
    asked, truth = np.concatenate([NEW, anomalies(100, seed=1)]), np.repeat([False, True], 100)
    measured = [evaluate(d.anomaly_score(asked), truth).auc for d in (with_them, without)]
    assert measured[0] > 0.95
    assert measured[0] > measured[1]
    # no collapse: normal points still differ from each other
    assert with_them.anomaly_score(NEW).std() > 1e-4
    alarms = (with_them.predict(NEW) == -1).mean()
    assert alarms < 0.2
    assert (with_them.predict(asked[100:]) == -1).mean() > 0.8


def test_without_labels_far_points_still_score_higher() -> None:
    detector = Hypersphere(n_epochs=20).fit(NORMAL)
    scores = detector.anomaly_score(np.concatenate([NEW, NEW - 12]))
    assert evaluate(scores, np.repeat([False, True], 100)).auc > 0.9


def test_eta_weighs_labelled_points() -> None:
    X, y = np.concatenate([NORMAL, anomalies(10)]), np.repeat([0, -1], [200, 10])
    gaps = []
    for eta in (0.05, 20.0):
        detector = Hypersphere(eta=eta, n_epochs=10, calibration="training").fit(X, y)
        scores = detector.anomaly_score(anomalies(100, seed=1))
        gaps.append(scores.mean() / detector.anomaly_score(NEW).mean())
    assert gaps[1] > gaps[0]


def test_the_same_seed_gives_the_same_scores_and_another_does_not() -> None:
    one, same, other = (
        Hypersphere(n_epochs=2, random_state=seed).fit(NORMAL).anomaly_score(NEW)
        for seed in (3, 3, 4)
    )
    assert one.tobytes() == same.tobytes()
    assert (one != other).any()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_loaded_hypersphere_is_the_same(objective: str, tmp_path: Path) -> None:
    detector = Hypersphere(objective=objective, n_epochs=2).fit(NORMAL)
    detector.set_params(objective="hsc")  # what was learned decides, not what is set later
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert isinstance(loaded, Hypersphere)
    assert loaded.anomaly_score(NEW).tobytes() == detector.anomaly_score(NEW).tobytes()
    assert loaded.get_params()["objective"] == objective


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_degenerate_points_get_finite_scores(objective: str) -> None:
    settings: dict[str, Any] = {"objective": objective, "n_epochs": 5, "calibration": "training"}
    extremes = np.array([[0] * 3, [1e30] * 3, [-3.4e38] * 3, [1e-45] * 3], np.float32)
    for points in (np.zeros((30, 3)), np.ones((30, 3)), SOURCE.normal(size=(2, 3))):
        X = np.concatenate([points, points[:2]]).astype(np.float32)  # anomalies among the normal
        y = np.repeat([1, -1], [len(points), 2])
        with np.errstate(over="ignore"):
            detector = Hypersphere(**settings, false_alarm_rate=0.5).fit(X, y)
            assert np.isfinite(detector.anomaly_score(extremes)).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "svdd"}, "objective must be one of 'deep-sad', 'hsc'"),
        ({"eta": 0}, "eta must be in"),
        ({"hidden_size": 0}, "hidden_size must be"),
        ({"output_size": 1.5}, "output_size must be"),
        ({"n_epochs": -1}, "n_epochs must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"weight_decay": -1}, "weight_decay must be"),
        ({"device": "abacus"}, "device must be"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Hypersphere(**parameters).fit(NORMAL)
