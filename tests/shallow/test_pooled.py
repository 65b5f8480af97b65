"""What all detectors on pooled embeddings share: metric, calibration by folds, suspicion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power
from sklearn.covariance import ledoit_wolf
from texts import sentences

import textocl
from textocl import KDE, KNN, DataError, TextoclWarning
from textocl.shallow.pooled import central

SOURCE = np.random.default_rng(0)
CLOUD = (SOURCE.normal(size=(300, 4)) @ SOURCE.normal(size=(4, 4)) + 3).astype(np.float32)


@pytest.mark.parametrize("whitening", [0.3, 1.0])
def test_points_are_whitened_by_a_power_of_the_covariance(whitening: float) -> None:
    detector = KNN(whitening=whitening, calibration="training").fit(CLOUD)
    covariance, _ = ledoit_wolf(CLOUD.astype(float))
    power = fractional_matrix_power(covariance, -whitening / 2)
    points, expected = detector.points(CLOUD), CLOUD.astype(float) @ power
    # but for a rotation, which changes no distance
    for i, j in ((0, 1), (2, 99), (17, 250)):
        distance = np.linalg.norm(points[i].astype(float) - points[j])
        assert distance == pytest.approx(np.linalg.norm(expected[i] - expected[j]), rel=1e-4)


def test_points_of_texts_have_unit_length_and_features_only_if_asked(ships: list[str]) -> None:
    detector = KNN(language=None, whitening=0.5).fit(ships)
    assert np.allclose(np.linalg.norm(detector.points(ships), axis=1), 1, atol=1e-5)
    assert (KNN().fit(CLOUD).points(CLOUD) == CLOUD).all()
    scaled = KNN(unit_length=True).fit(CLOUD).points(CLOUD)
    assert np.allclose(scaled, CLOUD / np.linalg.norm(CLOUD, axis=1, keepdims=True), atol=1e-6)


def test_training_scores_come_from_a_detector_that_did_not_see_the_point() -> None:
    detector = KNN(n_neighbors=1, calibration="cross").fit(CLOUD)
    # the nearest training point of each is itself
    assert (detector.anomaly_score(CLOUD) == 0).all()
    assert (detector.training_scores_ > 0).all()
    assert (detector.calibration_scores_ == np.sort(detector.training_scores_)).all()
    for i in (0, 17, 99):  # one of the nearest half a dozen was in another fold
        nearest = np.sort(np.linalg.norm(CLOUD - CLOUD[i], axis=1))
        assert np.abs(nearest[1:12] - detector.training_scores_[i]).min() < 1e-4


def test_training_scores_are_numbered_as_the_documents_given(ships: list[str]) -> None:
    texts = [*ships[:50], "12", *sentences("music", 10), *ships[50:]]
    labels = [0] * 51 + [-1] * 10 + [0] * 70
    with pytest.warns(TextoclWarning) as caught:
        detector = KNN(language=None, calibration="cross").fit(texts, labels)
    anomalies, unknown = (str(warning.message) for warning in caught)
    assert "10 documents labelled -1 were left out" in anomalies
    assert "1 of 131 documents have no known word" in unknown
    unscored = np.flatnonzero(np.isnan(detector.training_scores_)).tolist()
    assert unscored == list(range(50, 61))
    assert detector.n_documents_ == 120
    assert len(detector.calibration_scores_) == 120


def test_the_false_alarm_rate_holds_with_every_calibration_that_promises_it() -> None:
    for calibration in ("split", "cross"):
        detector = KDE(language=None, calibration=calibration, false_alarm_rate=0.1)
        detector.fit(sentences("ships", 800))
        alarms = (detector.predict(sentences("ships", 1000, seed=5)) == -1).mean()
        assert alarms == pytest.approx(0.1, abs=0.05)


def test_the_central_points_worked_by_hand() -> None:
    points = np.array([[0.0], [1.0], [2.0], [3.0], [100.0]], np.float32)
    # the mean of all is 21.2, of the four nearest 1.5
    assert central(points, 0.8).tolist() == [True] * 4 + [False]
    assert central(points, 0.0).sum() == 2  # always something to learn from
    assert central(points, 1.0).all()


def test_hidden_anomalies_are_suspected_and_not_learned_from(ships: list[str]) -> None:
    hidden = sentences("music", 12)
    settings: dict[str, Any] = {"calibration": "training", "language": None}
    wary = KDE(contamination=0.1, **settings).fit(ships + hidden)
    plain = KDE(**settings).fit(ships + hidden)
    assert np.isin(np.arange(120, 132), wary.suspected_).mean() > 0.8
    assert plain.suspected_.shape == (0,)
    new = sentences("music", 60, seed=4)
    normal = sentences("ships", 60, seed=4)
    gaps = [
        np.median(d.anomaly_score(new)) - np.median(d.anomaly_score(normal)) for d in (wary, plain)
    ]
    assert gaps[0] > 2 * gaps[1]


def test_known_normal_documents_and_anomalies_are_judged_alike_by_their_numbers() -> None:
    points = np.concatenate([CLOUD[:100], CLOUD[:10] + 50])
    with pytest.warns(TextoclWarning, match="10 samples labelled -1 were left out"):
        detector = KNN(contamination=0.2, calibration="training").fit(points, [-1] * 10 + [0] * 100)
    assert not np.isin(np.arange(10), detector.suspected_).any()
    assert np.isin(np.arange(100, 110), detector.suspected_).all()


def test_a_detector_that_suspects_is_the_same_after_loading(tmp_path: Path) -> None:
    detector = KDE(contamination=0.1, bandwidth=2.0).fit(CLOUD)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.anomaly_score(CLOUD).tobytes() == detector.anomaly_score(CLOUD).tobytes()


def test_words_of_any_kind_survive_saving(
    tiny_bert: Path, ships: list[str], tmp_path: Path
) -> None:
    strange = ["a \ud83d b\nc", "\u2028 x\x85y \u3000", "Ǆ İ ß\x00z", *ships]
    for pooling in ("mean", "tfidf"):
        detector = KDE(embedding=str(tiny_bert), pooling=pooling).fit(strange)
        detector.save(tmp_path / pooling)
        loaded = textocl.load(tmp_path / pooling)
        assert loaded.anomaly_score(strange).tobytes() == detector.anomaly_score(strange).tobytes()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pooling": "sum"}, "pooling must be one of 'mean', 'tfidf', 'lead', 'max'"),
        ({"whitening": 1.1}, r"whitening must be in \[0, 1\]"),
        ({"contamination": 0.5}, r"contamination must be in \[0, 0.4\]"),
        ({"contamination": -0.1}, "contamination must be"),
        ({"frequency_damping": 0}, "frequency_damping must be"),
        ({"calibration": "none"}, "calibration must be one of 'split', 'training', 'cross'"),
        ({"random_state": -1}, "random_state must be"),
        ({"tokenization": "bpe"}, "tokenization must be one of"),
        ({"embedding": 7}, "embedding must be a name"),
    ],
)
def test_wrong_parameters_are_refused(
    ships: list[str], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        KNN(**parameters).fit(ships)


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 samples .* too few; give more samples"):
        KNN().fit(CLOUD[:2])
    with pytest.raises(DataError, match="expected normal documents, got none"):
        KNN().fit([])
    with pytest.raises(DataError, match="expected normal samples, got none"):
        KNN().fit(CLOUD, [-1] * 300)
