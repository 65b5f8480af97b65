"""What the base class does for every detector: take over whole, calibrate, warn, assess."""

from __future__ import annotations

import contextlib
import random
import warnings
from typing import Any

import numpy as np
import pytest
from texts import sentences

from textocl import (
    CVDD,
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    Assessment,
    DataError,
    Detector,
    Gaussian,
    Hypersphere,
    IsolationForest,
    KernelPCA,
    OneClassDetector,
    TextoclWarning,
    WordLikelihood,
)
from textocl.core.training_scores import TrainingSamples

CLOUD = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
ON_POINTS: list[Any] = [
    KDE, KNN, LOF, OCSVM, SVDD, Gaussian, MVE, PCA, KernelPCA, IsolationForest,
]  # fmt: skip
DEAF: list[Any] = [kind for kind in ON_POINTS if kind is not KDE]


def said(detector: OneClassDetector, X: Any, y: Any = None) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detector.fit(X, y)
    return [str(w.message) for w in caught if issubclass(w.category, TextoclWarning)]


# --- taking over ---


@pytest.mark.parametrize(
    "detector", [KNN(language=None), WordLikelihood(), CVDD(language=None, n_epochs=1)]
)
def test_learning_changes_nothing_of_a_detector(
    detector: OneClassDetector, ships: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = type(detector)._learn

    def guarded(self: Any, training: TrainingSamples) -> Any:
        before = dict(vars(self))
        learned = learn(self, training)
        assert vars(self) == before
        return learned

    monkeypatch.setattr(type(detector), "_learn", guarded)
    detector.fit(ships)
    assert detector.state_ is not None


def test_an_interruption_after_learning_leaves_a_detector_whole(
    ships: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = KNN(language=None).fit(ships)
    before = dict(vars(detector))

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(detector), "_frozen_params", interrupted)
    with pytest.raises(KeyboardInterrupt):
        detector.set_params(n_neighbors=1).fit(ships[:60])
    assert detector.state_ is before["state_"]
    assert detector.threshold_ == before["threshold_"]


# --- labels ---


@pytest.mark.parametrize("kind", DEAF)
def test_anomalies_that_a_detector_cannot_learn_from_are_counted(kind: Any) -> None:
    messages = said(kind(), CLOUD, [-1] * 7 + [0] * 113)
    assert [m for m in messages if "labelled -1" in m] == [
        f"7 samples labelled -1 were left out: {kind.__name__} does not learn from known anomalies."
    ]


@pytest.mark.parametrize("kind", [KDE, Hypersphere])
def test_who_learns_from_anomalies_says_nothing(kind: Any) -> None:
    assert not [m for m in said(kind(), CLOUD, [-1] * 7 + [0] * 113) if "labelled" in m]


@pytest.mark.filterwarnings("ignore:labels are 0 and 1")
@pytest.mark.parametrize("kind", [KDE, KNN, PCA])
def test_what_is_labelled_normal_is_never_suspected(kind: Any) -> None:
    far = np.concatenate([CLOUD, CLOUD[:12] + 30])  # farther than all others
    labels = np.repeat([0, 1], [120, 12])
    detector = kind(contamination=0.2, calibration="training").fit(far, labels)
    assert not np.isin(np.arange(120, 132), detector.suspected_).any()
    assert len(detector.suspected_) == round(1.5 * 0.2 * 120)
    # their scores stay in calibration, too
    assert np.isin(detector.anomaly_score(far)[120:], detector.calibration_scores_).all()


@pytest.mark.filterwarnings("ignore:labels are 0 and 1")
def test_a_detector_of_members_suspects_nothing_that_is_labelled_normal(ships: list[str]) -> None:
    music = sentences("music", 12)
    labels = [0] * len(ships) + [1] * 12
    detector = Detector(contamination=0.1, n_contexts=2).fit([*ships, *music], labels)
    assert detector.suspected_.max() < len(ships)


# --- thresholds and sizes ---


def test_a_threshold_at_the_worst_score_is_said_at_fit() -> None:
    letters = random.Random(0)
    stems = ["".join(letters.choices("bcdfglmnprstaeiou", k=7)) for _ in range(90)]
    titles = [" ".join(letters.sample(stems, 2)) for _ in range(60)]
    detector = WordLikelihood()
    messages = said(detector, titles)
    assert detector.threshold_ >= 0
    assert any("nothing will be called anomalous" in message for message in messages)


@pytest.mark.parametrize("calibration", ["split", "training", "cross"])
@pytest.mark.parametrize("kind", ON_POINTS)
def test_few_points_are_learned_from_or_refused(kind: Any, calibration: str) -> None:
    for n in range(1, 7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextoclWarning)
            detector = kind(calibration=calibration)
            if n < 4:
                with contextlib.suppress(DataError):  # never another error
                    detector.fit(CLOUD[:n])
            else:
                assert np.isfinite(detector.fit(CLOUD[:n]).anomaly_score(CLOUD)).all()


def test_as_many_documents_as_are_asked_for_are_enough() -> None:
    with pytest.raises(DataError, match="at least 10 different normal documents, got 9"):
        Detector(language=None).fit(sentences("ships", 9))
    message = said(Detector(language=None), sentences("ships", 10))[-1]
    assert "needs 19 documents to calibrate with; there are 10" in message


def test_features_are_called_samples() -> None:
    with pytest.raises(DataError) as caught:
        KNN().fit(CLOUD[:1])
    assert "document" not in str(caught.value)
    assert "word" not in str(caught.value)
    assert all("documents" not in message for message in said(KNN(), CLOUD[:10]))


# --- assessments ---


def test_what_is_not_judged_is_counted_apart_and_missing_in_tables() -> None:
    pytest.importorskip("pandas")
    worst = np.finfo(np.float32).max
    assessment = Assessment(
        score=np.array([0.25, worst, 0.75], np.float32),
        p_value=np.array([0.5, 0.01, 0.02]),
        label=np.array([1, 0, -1]),
        nearest_context=np.array([0, -1, 1]),
        n_known_words=np.array([3, 0, 2]),
    )
    assert repr(assessment) == "<Assessment of 3: 1 anomalous, 1 not judged, scores 0.25 to 0.75>"
    assert assessment.status.tolist() == ["normal", "not judged", "anomalous"]
    frame = assessment.to_frame()
    for name in ("score", "p_value"):
        assert frame[name].isna().tolist() == [False, True, False]
        assert frame[name].dtype == getattr(assessment, name).dtype
    assert frame["status"].tolist() == [row.status for row in assessment]
    assert np.argmax(assessment.score) == 1  # ranks first
    nothing = Assessment(*(values[:0] for values in vars(assessment).values()))
    assert repr(nothing) == "<Assessment of 0: 0 anomalous>"
    assert list(nothing.to_frame().columns) == list(frame.columns)
    unjudged = Assessment(*(values[1:2] for values in vars(assessment).values()))
    assert repr(unjudged) == "<Assessment of 1: 0 anomalous, 1 not judged>"


def test_an_assessment_is_a_table(ships: list[str]) -> None:
    pd = pytest.importorskip("pandas")
    assessment = KNN(language=None).fit(ships).assess(ships[:5])
    frame = assessment.to_frame()
    assert frame["score"].to_numpy().tobytes() == assessment.score.tobytes()
    assert list(pd.DataFrame(assessment).columns) == list(frame.columns)
    assert pd.DataFrame(assessment)["label"].tolist() == assessment.label.tolist()
    assert len(repr(assessment)) < 80
    assert [row.score for row in assessment] == assessment.score.tolist()
