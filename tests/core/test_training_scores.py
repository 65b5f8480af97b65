"""Every detector scores the samples it was fitted on by models that did not see them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from texts import FILLER, TOPICS, sentences

import textocl
from textocl import KDE, KNN, DataError, Detector, NotFittedError, OneClassDetector
from textocl.core.contamination import null_p_values
from textocl.core.thresholds import calibration_borders
from textocl.core.training_scores import (
    TrainingSamples,
    copies_message,
    fold_numbers,
    scores_across_folds,
)
from textocl.ensemble.fusion import Fusion
from textocl.form.surface_profile import surface_oddness
from textocl.registry import DETECTORS, FEATURES, TEXTS, detector_class

pytestmark = pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")

SOURCE = np.random.default_rng(0)
WORDS = sorted({word for words in (*TOPICS.values(), FILLER) for word in words.split()})
VECTORS = dict(zip(WORDS, SOURCE.normal(size=(len(WORDS), 12)), strict=True))
CLOUD = SOURCE.normal(size=(60, 3)).astype(np.float32)
SHIPS = sentences("ships", 60)
QUICK: dict[str, dict[str, Any]] = {
    "Detector": {"n_contexts": 2, "embedding": VECTORS},
    "CVDD": {"n_epochs": 4, "embedding": VECTORS, "language": None},
    "WordLikelihood": {"n_general_words": 500},
    "Hypersphere": {"n_epochs": 3},
    "IsolationForest": {"n_estimators": 20},
}
OF_TEXTS = [name for name, entry in DETECTORS.items() if TEXTS in entry.takes]
ON_POINTS = [name for name in OF_TEXTS if FEATURES in DETECTORS[name].takes]

# two near copies of document 3, known anomalies, and a document without a known word
TEXTS_GIVEN = [*SHIPS[:40], SHIPS[3].upper(), *sentences("music", 5), " ", *SHIPS[40:], SHIPS[3]]
LABELS = np.array([0] * 41 + [-1] * 5 + [0] * 22)
COPIES, ANOMALIES, UNKNOWN = [3, 40, 67], list(range(41, 46)), 46


def unfitted(name: str) -> OneClassDetector:
    parameters = QUICK.get(name, {})
    if name in ON_POINTS:
        parameters = {**parameters, "embedding": VECTORS, "language": None}
    detector: OneClassDetector = detector_class(name)(**parameters)
    return detector


def can(name: str, calibration: str) -> bool:
    return calibration in detector_class(name)._CALIBRATIONS


@cache
def fits(name: str) -> OneClassDetector:
    """Fitted, once; tests must not change it."""
    return unfitted(name).fit(TEXTS_GIVEN, LABELS)


@pytest.fixture(params=OF_TEXTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def fitted(name: str) -> OneClassDetector:
    return fits(name)


# --- what is said of each sample ---


def test_every_sample_that_can_be_judged_has_a_score(fitted: OneClassDetector) -> None:
    scores = fitted.training_scores_
    assert scores.shape == (len(TEXTS_GIVEN),)
    assert scores.dtype == np.float32
    assert np.flatnonzero(np.isnan(scores)).tolist() == [*ANOMALIES, UNKNOWN]
    assert len(np.unique(scores)) > 10
    assert fitted.training_scores_.tobytes() == scores.tobytes()  # asked again


def test_copies_are_judged_as_their_first(fitted: OneClassDetector) -> None:
    groups = np.arange(len(TEXTS_GIVEN))
    groups[COPIES] = 3
    assert (fitted.training_groups_ == groups).all()
    assert (fitted.training_scores_[COPIES] == fitted.training_scores_[3]).all()
    assert (fitted.training_p_values_[COPIES] == fitted.training_p_values_[3]).all()


def test_p_values_rank_scores_among_those_of_calibration(fitted: OneClassDetector) -> None:
    scores, p_values = fitted.training_scores_, fitted.training_p_values_
    borders = calibration_borders(fitted.calibration_scores_)
    for score, p_value in zip(scores, p_values, strict=True):
        if np.isnan(score):
            assert np.isnan(p_value)
            continue
        assert 0 < p_value <= 1
        others = borders.tolist()
        if score in fitted.calibration_scores_:
            others.remove(borders[np.searchsorted(fitted.calibration_scores_, score)])
        rank = sum(other >= score for other in others)
        assert p_value == pytest.approx((1 + rank) / (1 + len(others)))


def test_labels_follow_the_threshold_and_what_was_told(fitted: OneClassDetector) -> None:
    labels, scores = fitted.training_labels_, fitted.training_scores_
    judged = ~np.isnan(scores)
    assert (labels[judged] == np.where(scores[judged] > fitted.threshold_, -1, 1)).all()
    assert (labels[ANOMALIES] == -1).all()
    assert labels[UNKNOWN] == 0


def test_predicting_what_was_fitted_gives_its_labels_and_no_zero(name: str) -> None:
    labels = unfitted(name).fit_predict(TEXTS_GIVEN, LABELS)
    expected = fits(name).training_labels_
    assert (labels == np.where(expected == 0, -1, expected)).all()
    assert set(labels.tolist()) == {1, -1}


# --- by whom ---


@pytest.mark.parametrize("name", [name for name in OF_TEXTS if can(name, "training")])
def test_scores_are_those_of_fits_without_the_fold(name: str) -> None:
    parameters = {"calibration": "split"}
    detector = unfitted(name).set_params(**parameters).fit(SHIPS)
    expected = np.full(60, np.nan)
    folds = fold_numbers(60, 0)
    for k in range(5):
        others = [text for text, fold in zip(SHIPS, folds, strict=True) if fold != k]
        without = clone(detector).set_params(calibration="training").fit(others)
        expected[folds == k] = without.anomaly_score([SHIPS[i] for i in np.flatnonzero(folds == k)])
    assert (detector.training_scores_ == expected).all()


@pytest.mark.parametrize("name", ON_POINTS)
def test_scores_of_features_are_those_of_fits_without_the_fold(name: str) -> None:
    detector = detector_class(name)(calibration="cross", **QUICK.get(name, {})).fit(CLOUD)
    expected = np.full(60, np.nan)
    folds = fold_numbers(60, 0)
    for k in range(5):
        without = clone(detector).set_params(calibration="training").fit(CLOUD[folds != k])
        expected[folds == k] = without.anomaly_score(CLOUD[folds == k])
    np.testing.assert_allclose(detector.training_scores_, expected, rtol=1e-5, atol=1e-6)
    assert (detector.calibration_scores_ == np.sort(detector.training_scores_)).all()


def test_a_calibration_score_does_not_count_itself_twice() -> None:
    detector = KNN(calibration="cross").fit(CLOUD)
    assert len(np.unique(detector.calibration_scores_)) == 60
    assert np.sort(detector.training_p_values_) == pytest.approx(np.arange(1, 61) / 60)


@pytest.mark.parametrize("name", ["KDE", "WordLikelihood", "CVDD"])
def test_the_members_cross_fit_leaves_the_fold_out(name: str) -> None:
    detector = unfitted(name).set_params(calibration="cross").fit(SHIPS)
    folds = fold_numbers(60, 0, 3 if name == "CVDD" else 5)
    expected = np.full(60, np.nan)
    for k in range(folds.max() + 1):
        others = [text for text, fold in zip(SHIPS, folds, strict=True) if fold != k]
        without = clone(detector).set_params(calibration="training").fit(others)
        expected[folds == k] = without.anomaly_score([SHIPS[i] for i in np.flatnonzero(folds == k)])
    np.testing.assert_allclose(detector.training_scores_, expected, rtol=1e-4, atol=1e-4)
    # what learned from all says otherwise
    assert (detector.anomaly_score(SHIPS) < detector.training_scores_).mean() > 0.7


def test_a_fusion_judges_by_members_that_did_not_learn_from_a_document() -> None:
    detector = fits("Detector")
    assert isinstance(detector, Detector)
    judged = detector.state_.out_of_sample
    assert judged is not None
    distinct = np.setdiff1d(np.arange(len(TEXTS_GIVEN)), [*COPIES[1:], *ANOMALIES])
    suspected = np.flatnonzero(np.isin(distinct, detector.suspected_))
    assert (~judged.is_trusted).nonzero()[0].tolist() == suspected.tolist()
    assert len(suspected) == round(0.15 * len(distinct))
    oddness = surface_oddness([TEXTS_GIVEN[i] for i in distinct])
    n_by_form = min(int((null_p_values(oddness) <= 1e-4).sum()), len(suspected) // 3)
    surest = n_by_form + (len(suspected) - n_by_form) // 3
    # the surface is robust, and learns from all; contexts and characters from all but the surest
    n_left_out = {"surface": 0, "characters": surest, "contexts": surest}
    for k, (name, member) in enumerate(detector.members_.items()):
        apart = member.detector.anomaly_score([TEXTS_GIVEN[i] for i in distinct[suspected]])
        of_members = member.detector.training_scores_
        crossed = of_members[~np.isnan(of_members)]
        known = judged.is_known[suspected, k]
        is_apart = (judged.scores[suspected, k] == apart)[known]
        if name in n_left_out:
            assert is_apart.sum() == n_left_out[name]
            assert np.isin(judged.scores[suspected, k][known][~is_apart], crossed).all()
        else:
            assert is_apart.all()
        assert np.isin(judged.scores[judged.is_trusted & judged.is_known[:, k], k], crossed).all()
    fused, n_known = Fusion.of(list(detector.members_.values()), judged).fuse(judged.columns)
    fused[n_known == 0] = np.nan
    np.testing.assert_array_equal(detector.training_scores_[distinct], fused)


def test_known_anomalies_are_judged_without_their_fold_too() -> None:
    points = np.concatenate([CLOUD, CLOUD[:10] + 2])
    labels = np.repeat([0, -1], [60, 10])
    detector = KDE(calibration="cross").fit(points, labels)
    folds = np.concatenate([fold_numbers(60, 0), fold_numbers(10, 0)])
    for k in range(5):
        others = folds != k
        without = KDE(calibration="training").fit(points[others], labels[others])
        np.testing.assert_allclose(
            detector.training_scores_[~others], without.anomaly_score(points[~others]), rtol=1e-5
        )
    assert (detector.anomaly_score(points) != detector.training_scores_).all()
    assert (detector.training_labels_[60:] == -1).all()
    assert len(detector.calibration_scores_) == 60


def test_what_a_copy_says_is_not_learned_either() -> None:
    # a document and its copy: were one in the training of the other, it would be at distance 0
    detector = KNN(n_neighbors=1, calibration="cross", embedding=VECTORS, language=None)
    scores = detector.fit([*SHIPS, *SHIPS]).training_scores_
    assert scores.shape == (120,)
    assert (scores > 0).all()
    assert detector.anomaly_score(SHIPS) == pytest.approx(0, abs=1e-6)


# --- copies count once ---


def test_a_pile_given_several_times_is_judged_as_given_once(name: str) -> None:
    once, n = fits(name), len(TEXTS_GIVEN)
    for times in (2, 5):
        again = unfitted(name).fit(TEXTS_GIVEN * times, np.tile(LABELS, times))
        assert again.threshold_ == once.threshold_
        assert again.calibration_scores_.tobytes() == once.calibration_scores_.tobytes()
        assert again.anomaly_score(SHIPS).tobytes() == once.anomaly_score(SHIPS).tobytes()
        assert (again.training_groups_ == np.tile(once.training_groups_, times)).all()
        if times == 2:
            np.testing.assert_array_equal(
                again.training_scores_, np.tile(once.training_scores_, times)
            )
        assert again.training_scores_.shape == (times * n,)


def test_copies_of_what_is_suspected_are_suspected() -> None:
    detector = KDE(contamination=0.1, calibration="cross", embedding=VECTORS, language=None)
    once = detector.fit(SHIPS).suspected_
    assert len(once) == 9
    assert clone(detector).fit(SHIPS * 2).suspected_.tolist() == [*once, *(once + 60)]


def test_copies_labelled_differently_count_as_most_of_them_say() -> None:
    samples, groups = list("aabbb"), np.array([0, 0, 2, 2, 2])
    for labels, expected in (
        ([1, -1, -1, 0, -1], [0, -1]),
        ([0, -1, 1, 1, -1], [-1, 1]),
        ([0, 0, 0, 0, 0], [0, 0]),
    ):
        training = TrainingSamples.of(samples, np.array(labels), groups)
        assert training.samples == ["a", "b"]
        assert training.labels.tolist() == expected
        assert training.numbers.tolist() == [0, 2]


def test_many_copies_are_told() -> None:
    groups = np.arange(100)
    groups[1:6] = 0
    assert copies_message(groups, "documents") is None
    groups[6] = 7 - 1
    groups[99] = 50
    assert copies_message(groups, "documents") == (
        "6 of 100 documents are copies of others, or nearly (6 in the largest group); each group "
        "counts once."
    )


# --- as long as the fit is at hand ---


@pytest.mark.parametrize(
    "said", ["training_scores_", "training_p_values_", "training_labels_", "training_groups_"]
)
@pytest.mark.parametrize("lose", ["saved", "pickled", "copied"])
@pytest.mark.parametrize("name", ["Detector", "KDE"])
def test_a_loaded_detector_knows_nothing_of_its_training_samples(
    name: str, lose: str, said: str, tmp_path: Path
) -> None:
    fitted = fits(name)
    ways: dict[str, Callable[[], OneClassDetector]] = {
        "saved": lambda: fitted.save(tmp_path / "m") or textocl.load(tmp_path / "m"),  # type: ignore[func-returns-value]
        "pickled": lambda: pickle.loads(pickle.dumps(fitted)),
        "copied": lambda: copy.deepcopy(fitted),
    }
    other = ways[lose]()
    assert other.anomaly_score(SHIPS).tobytes() == fitted.anomaly_score(SHIPS).tobytes()
    with pytest.raises(AttributeError, match="known after a fit, not after loading"):
        getattr(other, said)
    assert hasattr(fitted, said)


def test_a_pickled_detector_holds_no_training_text() -> None:
    secret = "ship port zorblaxian"
    detector = KDE(embedding=VECTORS, language=None).fit([*SHIPS, secret])
    assert secret.encode() not in pickle.dumps(detector)
    assert detector.training_scores_.shape == (61,)


def test_an_unfitted_detector_says_so(name: str) -> None:
    for said in ("training_scores_", "training_p_values_", "training_labels_", "suspected_"):
        with pytest.raises(NotFittedError, match="call fit first"):
            getattr(unfitted(name), said)


def test_a_fit_that_fails_changes_nothing(name: str) -> None:
    detector = unfitted(name).fit(TEXTS_GIVEN, LABELS)
    before = dict(vars(detector))
    for wrong in ([""] * 40, ["ship"] * 40, SHIPS):
        labels = [-1] * 60 if wrong is SHIPS else None
        with pytest.raises(DataError):
            detector.fit(wrong, labels)
    assert vars(detector) == before
    np.testing.assert_array_equal(detector.training_scores_, fits(name).training_scores_)


def test_parameters_set_after_a_fit_do_not_change_what_it_says() -> None:
    detector = KNN(embedding=VECTORS, language=None).fit(SHIPS)
    expected = clone(detector).fit(SHIPS).training_scores_
    detector.set_params(n_neighbors=1, pooling="max", false_alarm_rate=0.5)
    assert detector.training_scores_.tobytes() == expected.tobytes()


# --- folds ---


@given(st.integers(0, 200), st.integers(0, 2**32 - 1), st.integers(2, 10))
def test_folds_are_of_one_size_but_for_one_sample(n: int, seed: int, n_folds: int) -> None:
    folds = fold_numbers(n, seed, n_folds)
    sizes = np.bincount(folds, minlength=n_folds)
    assert folds.shape == (n,)
    assert sizes.max() - sizes.min() <= 1
    assert (folds == fold_numbers(n, seed, n_folds)).all()


@given(st.integers(1, 60), st.integers(0, 9))
def test_each_sample_is_scored_once_and_never_learned_from(n: int, seed: int) -> None:
    def scores_of(others: np.ndarray, fold: np.ndarray) -> np.ndarray:
        assert sorted([*others, *fold]) == list(range(n))
        return np.stack([fold, fold + n], axis=1).astype(np.float32)

    scores = scores_across_folds(n, seed, scores_of)
    assert (scores == np.stack([np.arange(n), np.arange(n) + n], axis=1)).all()
