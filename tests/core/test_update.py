"""More documents after a fit: as if all had been there, as far as it is promised, and no less sure."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from texts import sentences

import textocl
from textocl import (
    CVDD,
    KDE,
    KNN,
    CharacterLikelihood,
    DataError,
    Detector,
    NotFittedError,
    SurfaceProfile,
    TextoclWarning,
    WordLikelihood,
)
from textocl.core import update as update_module
from textocl.core.training_scores import fold_numbers
from textocl.core.update import UpdatableDetector, kept_of
from textocl.export import OnnxDetector, to_onnx
from textocl.form.count_levels import LARGEST_EXACT

pytestmark = pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")

SHIPS, MORE = sentences("ships", 120), sentences("ships", 60, seed=5)
MUSIC = sentences("music", 40, seed=1)
NEW = sentences("ships", 30, seed=7) + MUSIC
DETECTORS: dict[str, UpdatableDetector] = {
    "cvdd": CVDD(n_general_words=500, n_epochs=4),
    "auto": Detector(n_contexts=2),
    "words": WordLikelihood(n_general_words=500),
    "words-cross": WordLikelihood(n_general_words=500, calibration="cross"),
    "characters": CharacterLikelihood(),
    "surface": SurfaceProfile(),
    "kde": KDE(language=None),
    "kde-contaminated": KDE(language=None, contamination=0.1),
}


@cache
def fitted(kind: str) -> UpdatableDetector:
    """Tests must not change it."""
    return clone(DETECTORS[kind]).fit(SHIPS)


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> UpdatableDetector:
    return copy.copy(fitted(request.param))


# --- every detector ---


def test_an_update_is_the_same_after_loading(detector: UpdatableDetector, tmp_path: Path) -> None:
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert isinstance(loaded, UpdatableDetector)
    for one in (detector, loaded):
        one.update(MORE)
    np.testing.assert_array_equal(loaded.anomaly_score(NEW), detector.anomaly_score(NEW))
    np.testing.assert_array_equal(loaded.calibration_scores_, detector.calibration_scores_)
    assert loaded.threshold_ == detector.threshold_
    loaded.save(tmp_path / "again")
    np.testing.assert_array_equal(
        textocl.load(tmp_path / "again").anomaly_score(NEW), detector.anomaly_score(NEW)
    )


def test_an_updated_detector_is_exported(detector: UpdatableDetector, tmp_path: Path) -> None:
    detector.update(MORE)
    exported = OnnxDetector(to_onnx(detector, tmp_path / "model.onnx"))
    np.testing.assert_allclose(
        exported.anomaly_score(NEW), detector.anomaly_score(NEW), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_array_equal(exported.predict(NEW), detector.predict(NEW))


def test_an_update_tells_what_it_thought_of_the_documents(detector: UpdatableDetector) -> None:
    detector.update([*MORE, MORE[0], "  "], [1] * 59 + [-1, 0, 0])
    scores = detector.training_scores_
    assert len(scores) == 62
    assert np.isnan(scores[[59, 61]]).all()  # labelled -1, and nothing to judge
    assert not np.isnan(scores[:59]).any()
    assert scores[60] == scores[0]
    assert detector.training_labels_[[59, 61]].tolist() == [-1, 0]


def test_an_update_that_fails_changes_nothing(
    detector: UpdatableDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(vars(detector))
    with pytest.raises(DataError, match="expected documents to learn from, got none"):
        detector.update([])
    with pytest.raises(DataError, match="label"):
        detector.update(MORE, [7] * len(MORE))
    with pytest.raises(DataError):
        detector.update([3, 4])
    monkeypatch.setattr(
        type(detector), "_take_over_update", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        detector.update(MORE)
    after = vars(detector)
    assert after.keys() == before.keys()
    assert all(after[name] is value for name, value in before.items())


def test_nothing_but_white_space_teaches_nothing(detector: UpdatableDetector) -> None:
    before = detector.anomaly_score(NEW)
    detector.update([" ", "\n\t"])
    np.testing.assert_allclose(detector.anomaly_score(NEW), before, rtol=1e-6, atol=1e-6)


def test_one_document_is_learned(detector: UpdatableDetector) -> None:
    n = detector.n_training_samples_
    assert n is not None
    detector.update([MORE[0]], [1])
    assert detector.n_training_samples_ == n + 1


@pytest.mark.parametrize("kind", DETECTORS)
def test_the_first_partial_fit_is_a_fit(kind: str) -> None:
    detector = clone(DETECTORS[kind]).partial_fit(SHIPS)
    np.testing.assert_array_equal(detector.anomaly_score(NEW), fitted(kind).anomaly_score(NEW))
    updated = copy.copy(fitted(kind)).update(MORE)
    detector.partial_fit(MORE)
    np.testing.assert_array_equal(detector.anomaly_score(NEW), updated.anomaly_score(NEW))


@pytest.mark.parametrize("kind", DETECTORS)
def test_what_is_not_fitted_cannot_be_updated(kind: str) -> None:
    with pytest.raises(NotFittedError):
        clone(DETECTORS[kind]).update(MORE)


def test_others_learn_by_fit_only() -> None:
    assert not hasattr(KNN(), "update")
    assert not hasattr(KNN(), "partial_fit")


# --- as if all documents had been there ---


@pytest.mark.parametrize("kind", ["words-cross", "surface"])
def test_an_update_equals_a_fit_on_all(kind: str) -> None:
    updated = copy.copy(fitted(kind)).update(MORE)
    on_all = clone(DETECTORS[kind]).fit(SHIPS + MORE)
    np.testing.assert_allclose(
        updated.anomaly_score(NEW), on_all.anomaly_score(NEW), rtol=1e-6, atol=1e-6
    )
    assert updated.n_training_samples_ == on_all.n_training_samples_


def test_points_are_learned_as_by_a_fit_on_all() -> None:
    points = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    plain: dict[str, Any] = {"whitening": 0.0, "calibration": "cross", "bandwidth": 1.0}
    updated = KDE(**plain).fit(points[:200]).update(points[200:])
    on_all = KDE(**plain).fit(points)
    np.testing.assert_array_equal(updated.anomaly_score(points), on_all.anomaly_score(points))
    # and near to that where landmarks are merged
    few = KDE(**plain, n_landmarks=100).fit(points[:200]).update(points[200:])
    landmarks = few.state_.learned["training_points"]
    shares, variances = few.state_.learned["training_cells"]
    assert len(landmarks) == 100
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares @ landmarks, points.mean(axis=0), atol=1e-5)
    whole = np.square(points - points.mean(axis=0)).mean()
    between = np.square(landmarks - points.mean(axis=0)).mean(axis=1)
    assert shares @ (between + variances) == pytest.approx(whole, rel=1e-4)
    away = few.anomaly_score(points) - on_all.anomaly_score(points)
    assert np.abs(away).max() < 0.5 * np.std(on_all.anomaly_score(points))


def test_known_anomalies_are_learned_as_by_a_fit_on_all() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 4)).astype(np.float32)
    odd = (random.normal(size=(30, 4)) + 3).astype(np.float32)
    plain: dict[str, Any] = {"whitening": 0.0, "bandwidth": 1.0, "calibration": "training"}
    labels = np.repeat([0, -1], [300, 30])
    on_all = KDE(**plain).fit(np.concatenate([points, odd]), labels)
    updated = KDE(**plain).fit(points).update(odd, [-1] * 30)
    there = np.concatenate([points, odd])
    np.testing.assert_allclose(
        updated.anomaly_score(there), on_all.anomaly_score(there), rtol=1e-3, atol=1e-3
    )


def test_windows_are_counted_as_in_all_texts() -> None:
    model, sums = fitted("characters").state_.joined_by(MORE)
    expected = model.cutter.count(SHIPS + MORE)
    assert expected.max() > LARGEST_EXACT + 20
    np.testing.assert_array_equal(model.buckets, np.flatnonzero(expected))
    np.testing.assert_array_equal(model.counts, expected[model.buckets])
    # each new text by all others
    others, _ = fitted("characters").state_.joined_by(MORE[1:])
    assert sums[0] == pytest.approx(others.sums(MORE[:1])[0], rel=1e-6)


def test_new_words_become_known() -> None:
    detector = copy.copy(fitted("words"))
    assert detector.assess(["zyx qwv"]).n_known_words.tolist() == [0]
    detector.update(["the zyx qwv ship", "a qwv zyx port", "zyx at sea"])
    assert detector.assess(["zyx qwv"]).n_known_words.tolist() == [2]
    assert detector.anomaly_score(["zyx qwv"])[0] < detector.anomaly_score(["guitar song"])[0]


def test_contexts_stay_and_the_threshold_moves() -> None:
    detector = copy.copy(fitted("cvdd"))
    scores, threshold = detector.anomaly_score(NEW), detector.threshold_
    with pytest.warns(TextoclWarning, match="attention and contexts of a CVDD stay as they are"):
        detector.update(MUSIC)
    np.testing.assert_array_equal(detector.anomaly_score(NEW), scores)
    assert detector.threshold_ > threshold
    assert isinstance(detector, CVDD)
    detector.recalibrate(aggregation="min")  # goes by the joined distances
    assert len(detector.calibration_distances_) == len(detector.calibration_scores_)


# --- out of sample, and the promise ---


def test_new_points_are_judged_by_what_did_not_learn_from_them() -> None:
    points = np.random.default_rng(1).normal(size=(130, 3)).astype(np.float32)
    plain: dict[str, Any] = {"whitening": 0.0, "bandwidth": 0.7, "calibration": "cross"}
    detector = KDE(**plain).fit(points[:80])
    updated = copy.copy(detector).update(points[80:])
    folds = fold_numbers(50, 0)
    for k in range(5):
        others = copy.copy(detector).update(points[80:][folds != k])
        np.testing.assert_allclose(
            updated.training_scores_[folds == k], others.anomaly_score(points[80:][folds == k])
        )


@pytest.mark.parametrize("n_more", [50, 400, 4_000])
def test_former_scores_move_with_a_new_topic(n_more: int) -> None:
    random = np.random.default_rng(2)
    former = random.normal(size=(400, 3)).astype(np.float32)
    there = (random.normal(size=(n_more, 3)) + 9).astype(np.float32)
    detector = KDE(whitening=0.0, bandwidth=1.0, calibration="cross").fit(former)
    before = detector.calibration_scores_
    detector.update(there)
    fresh = random.normal(size=(4_000, 3)).astype(np.float32)
    everyone = np.concatenate([fresh, random.normal(size=(10 * n_more, 3)) + 9])
    assert (detector.predict(everyone) < 0).mean() == pytest.approx(0.05, abs=0.03)
    moved = np.log((400 + n_more) / 400)  # the former density is spread over both
    expected = np.sort(before) + moved
    assert (
        np.isclose(detector.calibration_scores_[:, None], expected, atol=0.02).any(0).mean() > 0.9
    )


def test_a_sample_of_calibration_scores_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_module, "MOST_CALIBRATION_SCORES", 90)
    detector = copy.copy(fitted("characters"))
    detector.update(MORE)
    assert len(detector.calibration_scores_) == 90


@given(
    st.integers(0, 60), st.integers(0, 500), st.integers(0, 60), st.integers(1, 80), st.integers(0)
)
def test_what_is_kept_is_a_sample_of_everything(
    n_kept: int, more: int, n_new: int, most: int, seed: int
) -> None:
    n_before = n_kept + more
    kept, new = kept_of(n_kept, n_before, n_new, most, seed % 2**32)
    for part, n in ((kept, n_kept), (new, n_new)):
        assert (np.diff(part) > 0).all()
        assert not len(part) or 0 <= part[0] <= part[-1] < n
    assert len(kept) + len(new) <= most + 1
    if n_kept and n_new:
        share = len(new) / max(len(kept) + len(new), 1)
        assert abs(share - n_new / (n_before + n_new)) * (len(kept) + len(new)) <= 1
    if n_kept + n_new <= most and not more:
        assert (len(kept), len(new)) == (n_kept, n_new)
