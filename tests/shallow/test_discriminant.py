"""The discriminant scores by its formula, and tells known anomalies and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texts import sentences

import textocl
from textocl import Discriminant
from textocl.core.metrics import evaluate
from textocl.export import OnnxDetector, to_onnx
from textocl.shallow.discriminant import placements

SOURCE = np.random.default_rng(0)
SIDE = np.array([2, 0, 0, 0, 0, 0])
NORMAL = SOURCE.normal(1, [1, 2, 1, 3, 1, 1], (200, 6)).astype(np.float32)
KNOWN = (SOURCE.normal(1, [1, 2, 1, 3, 1, 1], (20, 6)) + SIDE).astype(np.float32)
X, LABELS = np.concatenate([NORMAL, KNOWN]), np.repeat([0, -1], [200, 20])


def naive(normal: np.ndarray, known: np.ndarray, asked: np.ndarray, shrinkage: float) -> np.ndarray:
    """The scores as the docstring has them, one after the other."""
    center, there = normal.mean(axis=0), known.mean(axis=0)
    covariance = np.zeros((6, 6))
    for x in normal:
        covariance += np.outer(x - center, x - center)
    for x in known:
        covariance += np.outer(x - there, x - there)
    covariance /= len(normal) + len(known)
    added = shrinkage * np.trace(covariance) / 6 * np.eye(6)
    w = np.linalg.solve(covariance + added, there - center)
    return np.array([w @ (x - center) for x in asked]) / np.sqrt(w @ covariance @ w)


def test_scores_are_those_of_the_formula_with_one_of_four_shrinkages() -> None:
    scores = Discriminant(calibration="training").fit(X, LABELS).anomaly_score(X)
    fits = []
    for shrinkage in (0.3, 1, 3, 10):
        expected = naive(NORMAL.astype(float), KNOWN.astype(float), X, shrinkage)
        fits.append(np.abs(scores / scores.std() - expected / expected.std()).max())
    assert sorted(fits)[0] < 1e-5 < sorted(fits)[1]


def test_shrinkage_is_chosen_by_what_was_not_learned_from() -> None:
    # the anomalies lie where points hardly vary: a strong shrinkage looks elsewhere
    source = np.random.default_rng(1)
    spread = np.array([0.05, *[3.0] * 9])
    normal, known = source.normal(0, spread, (300, 10)), source.normal(0, spread, (20, 10))
    known[:, 0] += 0.5
    y = np.repeat([0, -1], [300, 20])
    detector = Discriminant(calibration="training").fit(np.concatenate([normal, known]), y)
    along = np.abs(detector.state_.learned["direction"])
    weak = np.abs(naive_direction(normal, known, 0.3))
    assert along / along[0] == pytest.approx(weak / weak[0], rel=1e-3)
    # where all are told apart anyway, the strongest is kept
    far = np.concatenate([NORMAL, KNOWN + 50 * SIDE])
    scores = Discriminant(calibration="training").fit(far, LABELS).anomaly_score(far)
    strong = naive(NORMAL.astype(float), (KNOWN + 50 * SIDE).astype(float), far, 10)
    assert scores / scores.std() == pytest.approx(strong / strong.std(), rel=1e-4, abs=1e-4)


def naive_direction(normal: np.ndarray, known: np.ndarray, shrinkage: float) -> np.ndarray:
    within = np.concatenate([normal - normal.mean(axis=0), known - known.mean(axis=0)])
    covariance = within.T @ within / len(within)
    added = shrinkage * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return np.linalg.solve(covariance + added, known.mean(axis=0) - normal.mean(axis=0))


def test_scores_count_standard_deviations_of_new_normal_points() -> None:
    source = np.random.default_rng(3)
    normal, new = source.normal(size=(100, 40)), source.normal(size=(2000, 40))
    known = source.normal(size=(20, 40)) + 0.4
    detector = Discriminant(calibration="training")
    detector.fit(np.concatenate([normal, known]), np.repeat([0, -1], [100, 20]))
    assert detector.anomaly_score(normal).mean() == pytest.approx(0, abs=1e-5)
    # learned from few points of many entries, they are closer together than new ones
    assert detector.anomaly_score(new).std() == pytest.approx(1, abs=0.12)
    assert detector.anomaly_score(normal).std() < 0.95


def test_new_points_like_known_anomalies_rank_above_others() -> None:
    source = np.random.default_rng(5)
    new = source.normal(1, [1, 2, 1, 3, 1, 1], (400, 6)).astype(np.float32)
    new[200:] += SIDE.astype(np.float32)
    truth = np.arange(400) >= 200
    assert (
        evaluate(Discriminant(calibration="training").fit(X, LABELS).anomaly_score(new), truth).auc
        > 0.85
    )


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_without_known_anomalies_every_score_is_0() -> None:
    assert not Discriminant(calibration="training").fit(NORMAL).anomaly_score(X).any()


@pytest.mark.parametrize("size", [1e-20, 1e15])
def test_points_of_any_size_score_alike(size: float) -> None:
    expected = Discriminant(calibration="training").fit(X, LABELS).anomaly_score(X)
    scaled = (X * size).astype(np.float32)
    assert Discriminant(calibration="training").fit(scaled, LABELS).anomaly_score(
        scaled
    ) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("settings", [{}, {"whitening": 0.5}, {"unit_length": False}])
def test_contributions_are_linear_and_add_up_and_files_score_alike(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    texts, y = sentences("ships", 60) + sentences("music", 12), [0] * 60 + [-1] * 12
    detector = Discriminant(**settings).fit(texts, y)
    asked = ["ship guitar port concert", "tanker cargo", *sentences("food", 5)]
    scores = detector.anomaly_score(asked)
    for explanation, score in zip(detector.explain(asked), scores, strict=True):
        assert explanation.contributions.sum() == pytest.approx(score, rel=1e-6, abs=1e-6)
        assert explanation.shares.sum() == pytest.approx(1)
    words = dict(
        zip(detector.explain(asked[:1])[0].words, detector.explain(asked[:1])[0].contributions,
            strict=True)
    )  # fmt: skip
    assert min(words["guitar"], words["concert"]) > max(words["ship"], words["port"])
    detector.save(tmp_path / "model")
    assert textocl.load(tmp_path / "model").anomaly_score(asked).tobytes() == scores.tobytes()
    exported = OnnxDetector(to_onnx(detector, tmp_path / "model.onnx"))
    np.testing.assert_allclose(exported.anomaly_score(asked), scores, rtol=1e-5, atol=1e-5)


def test_placements_count_those_below_and_half_of_those_that_are_equal() -> None:
    shares = placements(np.array([0, 2, 2.5, 9]), np.array([3.0, 1, 2, 2]))
    assert shares.tolist() == [0, 0.5, 0.75, 1]
