"""What every detector promises; each class is listed here once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from texts import added_up

import textocl
from textocl import (
    CVDD,
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    CharacterLikelihood,
    DataError,
    Detector,
    Gaussian,
    Hypersphere,
    IsolationForest,
    KernelPCA,
    NotFittedError,
    OneClassDetector,
    SurfaceProfile,
    TextoclWarning,
    WordLikelihood,
)
from textocl.core.metrics import evaluate
from textocl.core.thresholds import conformal_p_values
from textocl.shallow.pooled import PooledDetector

# without a language only training words have vectors: quick to fit
OWN_WORDS: dict[str, Any] = {"language": None}
DETECTORS: dict[str, OneClassDetector] = {
    "cvdd": CVDD(n_general_words=2000),
    "cvdd-softmin": CVDD(n_general_words=2000, aggregation="softmin", n_contexts=2),
    "cvdd-min": CVDD(n_general_words=2000, aggregation="min", n_contexts=2),
    "cvdd-weights": CVDD(n_general_words=0, aggregation=(1, 0, 2), calibration="training"),
    "cvdd-annealed": CVDD(n_general_words=500, alpha="annealed", n_epochs=5),
    "cvdd-thesis": CVDD.thesis(n_epochs=3, n_general_words=500),
    "cvdd-unicode": CVDD(tokenization="unicode", n_general_words=20_000),
    "cvdd-transformer": CVDD(),
    "auto": Detector(),
    "auto-alone": Detector(support_weight=0, **OWN_WORDS),
    "words": WordLikelihood(n_general_words=2000),
    "words-training": WordLikelihood(n_general_words=0, calibration="training", min_documents=1),
    "characters": CharacterLikelihood(),
    "characters-split": CharacterLikelihood(calibration="split", prior_length=0),
    "surface": SurfaceProfile(),
    "surface-split": SurfaceProfile(calibration="split"),
    "kde": KDE(),
    "kde-cross": KDE(calibration="cross", **OWN_WORDS),
    "kde-contaminated": KDE(contamination=0.1, pooling="tfidf", **OWN_WORDS),
    "kde-transformer": KDE(),
    "hypersphere": Hypersphere(**OWN_WORDS),
    "hypersphere-deep-sad": Hypersphere(objective="deep-sad", n_epochs=5, **OWN_WORDS),
    "knn": KNN(**OWN_WORDS),
    "knn-tfidf": KNN(pooling="tfidf", calibration="cross", **OWN_WORDS),
    "knn-max": KNN(pooling="max", **OWN_WORDS),
    "lof": LOF(**OWN_WORDS),
    "gaussian": Gaussian(unit_length=False, **OWN_WORDS),
    "gaussian-whitened": Gaussian(whitening=1.0, **OWN_WORDS),
    "mve": MVE(),
    "pca": PCA(**OWN_WORDS),
    "kernel-pca": KernelPCA(n_components=20, **OWN_WORDS),
    "ocsvm": OCSVM(kernel="linear", **OWN_WORDS),
    "ocsvm-rbf": OCSVM(kernel="rbf", **OWN_WORDS),
    "svdd": SVDD(frequency_damping=1e-3, **OWN_WORDS),
    "svdd-linear": SVDD(kernel="linear", whitening=0.5, **OWN_WORDS),
    "forest": IsolationForest(n_estimators=50, calibration="training"),
}
ON_TRANSFORMER = [kind for kind in DETECTORS if kind.endswith("-transformer")]
ON_FORM = [kind for kind in DETECTORS if kind.startswith("surface")]
ON_POINTS = [kind for kind, detector in DETECTORS.items() if isinstance(detector, PooledDetector)]
#: AUC on the other topic; 40 against 40 at random exceed 0.65 one time in a hundred
LOWEST_AUC = {"mve": 0.85, "forest": 0.85, "cvdd-transformer": 0.9, "kde-transformer": 0.9}

Fits = Callable[[str], OneClassDetector]


@pytest.fixture(scope="module")
def unfitted(request: pytest.FixtureRequest) -> Fits:
    """Makes a detector of a kind, ready to fit."""

    def make(kind: str) -> OneClassDetector:
        detector = clone(DETECTORS[kind])
        if kind in ON_TRANSFORMER:
            detector.set_params(embedding=str(request.getfixturevalue("tiny_bert")))
        return detector

    return make


@pytest.fixture(scope="module")
def fits(unfitted: Fits, ships: list[str]) -> Fits:
    """Fits a detector of a kind, once."""
    return cache(lambda kind: unfitted(kind).fit(ships))


@pytest.fixture(scope="module", params=DETECTORS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(kind: str, fits: Fits) -> OneClassDetector:
    return fits(kind)


def has_contexts(detector: OneClassDetector) -> bool:
    return isinstance(detector, CVDD) or "contexts" in getattr(detector, "members_", ())


def test_parameters_are_stored_unchanged_and_cloned(fitted: OneClassDetector) -> None:
    parameters = fitted.get_params()
    copy = clone(fitted)
    assert copy.get_params() == parameters
    assert not hasattr(copy, "threshold_")
    assert copy.set_params(false_alarm_rate=0.2).false_alarm_rate == 0.2


def test_fit_returns_self_and_ranks_the_other_topic_higher(
    fitted: OneClassDetector, kind: str, mixed: list[str], is_anomaly: np.ndarray
) -> None:
    if kind in ON_TRANSFORMER:  # random weights know letters, not topics
        source = random.Random(0)
        letters = ["".join(source.choices("xyz", k=5)) for _ in range(360)]
        mixed = mixed[:40] + [" ".join(letters[i::40]) for i in range(40)]
    if kind in ON_FORM:  # know characters
        mixed = mixed[:40] + [text.title() for text in mixed[40:]]
    scores = fitted.anomaly_score(mixed)
    assert scores.shape == (len(mixed),)
    assert scores.dtype == np.float32
    assert evaluate(scores, is_anomaly).auc > LOWEST_AUC.get(kind, 0.95)
    # an AUC alone can come from a collapsed model: scores must also spread
    assert scores.std() > 1e-3


def test_fitting_again_gives_the_same_scores(fitted: OneClassDetector, ships: list[str]) -> None:
    again = clone(fitted).fit(ships)
    assert again.anomaly_score(ships).tobytes() == fitted.anomaly_score(ships).tobytes()
    assert again.threshold_ == fitted.threshold_


def test_predict_follows_the_threshold(fitted: OneClassDetector, mixed: list[str]) -> None:
    scores, labels = fitted.anomaly_score(mixed), fitted.predict(mixed)
    assert set(labels.tolist()) == {1, -1}
    assert ((scores > fitted.threshold_) == (labels == -1)).all()


def test_decision_function_and_score_samples_have_scikit_learns_signs(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    scores = fitted.anomaly_score(mixed)
    assert np.allclose(fitted.decision_function(mixed), fitted.threshold_ - scores, atol=1e-6)
    assert (fitted.score_samples(mixed) == -scores).all()
    assert np.allclose(
        fitted.decision_function(mixed), fitted.score_samples(mixed) - fitted.offset_, atol=1e-6
    )


def test_p_values_come_from_the_calibration_scores(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    expected = conformal_p_values(fitted.calibration_scores_, fitted.anomaly_score(mixed))
    assert (fitted.p_value(mixed) == expected).all()


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_scores_do_not_depend_on_batch_or_order(
    fitted: OneClassDetector, mixed: list[str], data: st.DataObject
) -> None:
    whole = fitted.anomaly_score(mixed)
    order = np.array(data.draw(st.permutations(range(len(mixed)))))
    cut = data.draw(st.integers(1, len(mixed) - 1))
    parts = [fitted.anomaly_score([mixed[i] for i in part]) for part in (order[:cut], order[cut:])]
    assert np.allclose(np.concatenate(parts), whole[order], rtol=1e-6, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(), max_size=80))
@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_any_string_gets_a_finite_score(fitted: OneClassDetector, text: str) -> None:
    scores = fitted.anomaly_score([text, "ship " + text])
    assert np.isfinite(scores).all()
    if isinstance(fitted, CVDD):
        assert ((scores >= -1e-6) & (scores <= 1 + 1e-6)).all()


def test_no_documents_give_no_scores(fitted: OneClassDetector) -> None:
    assert fitted.anomaly_score([]).shape == (0,)
    assert fitted.predict([]).shape == (0,)
    assert fitted.p_value([]).shape == (0,)
    assert fitted.explain([]) == []


def test_saved_and_loaded_scores_are_equal_bit_for_bit(
    fitted: OneClassDetector, mixed: list[str], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert type(loaded) is type(fitted)
    assert loaded.anomaly_score(mixed).tobytes() == fitted.anomaly_score(mixed).tobytes()
    assert loaded.p_value(mixed).tobytes() == fitted.p_value(mixed).tobytes()
    assert loaded.threshold_ == fitted.threshold_
    # JSON has no tuples; weights of contexts are saved in one place, wherever they were given
    listed = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in {**fitted.get_params(), **fitted._fit_params}.items()
    }
    assert loaded.get_params() == listed
    # saving what was loaded gives the same weights
    loaded.save(tmp_path / "again")
    weights = [
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("model", "again")
    ]
    assert weights[0] == weights[1]


def test_another_process_computes_the_same_scores(
    fits: Fits, mixed: list[str], tmp_path: Path
) -> None:
    for kind in DETECTORS:
        fits(kind).save(tmp_path / kind)
    program = (
        "import sys, textocl; texts = sys.stdin.read().split('\\n')\n"
        "for m in sys.argv[1:]: print(textocl.load(m).anomaly_score(texts).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *DETECTORS],
        input="\n".join(mixed), capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    for kind, scores in zip(DETECTORS, done.stdout.split(), strict=True):
        assert bytes.fromhex(scores) == fits(kind).anomaly_score(mixed).tobytes(), kind


def test_assess_says_the_same_as_the_single_members(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    assessment = fitted.assess(mixed)
    assert (assessment.score == fitted.anomaly_score(mixed)).all()
    assert (assessment.p_value == fitted.p_value(mixed)).all()
    assert (assessment.label == fitted.predict(mixed)).all()
    assert (assessment.n_known_words > 0).all()
    contexts = set(range(len(fitted.contexts_))) if has_contexts(fitted) else {-1}
    assert set(assessment.nearest_context.tolist()) <= contexts


def test_a_document_without_words_is_not_judged_and_ranks_worst(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    with pytest.warns(TextoclWarning, match="2 of 82 documents have no known word") as caught:
        assessment = fitted.assess([*mixed, "", "  \t"])
    assert len(caught) == 1
    assert (assessment.score[-2:] == assessment.score.max()).all()
    assert assessment.label[-2:].tolist() == [0, 0]
    assert (assessment.label[:-2] != 0).all()
    assert assessment.status[-2:].tolist() == ["not judged"] * 2
    with pytest.warns(TextoclWarning, match="2 of 2 documents have no known word"):
        assert fitted.predict(["", "  \t"]).tolist() == [-1, -1]
    assert assessment.n_known_words[-2:].tolist() == [0, 0]
    assert assessment.nearest_context[-2:].tolist() == [-1, -1]
    explanation = fitted.explain(["  \t"])[0]
    assert explanation.words == []
    assert explanation.score == assessment.score[-1]
    assert explanation.p_value == assessment.p_value[-1]
    assert (explanation.label, explanation.status) == (0, "not judged")


def test_contributions_add_up_to_the_score_and_evidence_to_its_excess(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    texts = [*mixed[::8], "ship", "ship ship port", " ".join(mixed)]
    scores, p_values, labels = (
        fitted.anomaly_score(texts), fitted.p_value(texts), fitted.predict(texts)
    )  # fmt: skip
    for i, explanation in enumerate(fitted.explain(texts)):
        score = explanation.score
        assert score == pytest.approx(scores[i], rel=1e-5, abs=1e-6)
        excess = score - fitted.threshold_
        of_words = [getattr(explanation, n).sum() for n in ("contributions", "evidence", "shares")]
        found = added_up(explanation) if isinstance(fitted, Detector) else of_words
        assert found == pytest.approx([score, excess, 1], rel=0, abs=1e-5)
        assert (explanation.p_value, explanation.label) == (p_values[i], labels[i])
        if isinstance(fitted, SurfaceProfile):  # several measures may be about the same characters
            assert [evidence.name for evidence in explanation.form] == explanation.words
            assert {span.word for span in explanation.spans} <= set(explanation.words)
            continue
        assert set(explanation.words) == {span.word for span in explanation.spans}
        assert explanation.counts.sum() == len(explanation.spans)
        for span in explanation.spans:
            assert texts[i][span.start : span.end] == span.word


def test_recalibrating_moves_the_threshold_and_no_score(
    fitted: OneClassDetector,
    kind: str,
    unfitted: Fits,
    ships: list[str],
    mixed: list[str],
    tmp_path: Path,
) -> None:
    fitted.save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model").recalibrate(false_alarm_rate=0.3)
    assert (detector.anomaly_score(mixed) == fitted.anomaly_score(mixed)).all()
    assert detector.threshold_ < fitted.threshold_
    refitted = unfitted(kind).set_params(false_alarm_rate=0.3).fit(ships)
    assert detector.threshold_ == refitted.threshold_
    with pytest.raises(DataError, match="false_alarm_rate must be"):
        detector.recalibrate(false_alarm_rate=1)


def test_a_refused_fit_leaves_the_detector_as_it_was(
    fitted: OneClassDetector, mixed: list[str], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model")
    with pytest.raises(DataError):
        detector.fit([""] * 40)
    assert detector.anomaly_score(mixed).tobytes() == fitted.anomaly_score(mixed).tobytes()
    assert detector.threshold_ == fitted.threshold_


def test_parameters_set_after_fit_change_nothing_by_half(
    fitted: OneClassDetector, mixed: list[str], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model")
    other = {
        "false_alarm_rate": 0.4, "calibration": "training", "pooling": "max", "whitening": 0.9,
        "unit_length": False, "n_contexts": 7, "support_weight": 9.0, "random_state": 5,
        "aggregation": "max", "bandwidth": 9.0, "mixture": 0.9, "objective": "hsc",
    }  # fmt: skip
    known = detector.get_params()
    detector.set_params(**{name: value for name, value in other.items() if name in known})
    assert (detector.p_value(mixed) == fitted.p_value(mixed)).all()
    detector.save(tmp_path / "again")
    again = textocl.load(tmp_path / "again")
    assert again.get_params() == known
    assert (again.p_value(mixed) == fitted.p_value(mixed)).all()


def test_booleans_are_no_labels_of_any_detector(fits: Fits, kind: str, ships: list[str]) -> None:
    with pytest.raises(DataError, match=r"np\.where\(is_anomaly, -1, 0\)"):
        clone(fits(kind)).fit(ships, [False] * len(ships))


@pytest.mark.parametrize("kind", [kind for kind in DETECTORS if kind not in ON_POINTS])
def test_detectors_of_texts_say_so_when_given_features(fits: Fits, kind: str) -> None:
    features = np.zeros((30, 4))
    for use in (clone(fits(kind)).fit, fits(kind).anomaly_score, fits(kind).explain):
        with pytest.raises(DataError, match="takes texts, got an array of features"):
            use(features)


@pytest.mark.parametrize("kind", [kind for kind in ON_POINTS if kind not in ON_TRANSFORMER])
def test_detectors_on_points_take_features(fits: Fits, kind: str, tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    scale = np.array([1, 1, 1, 1, 0.1])  # nearly flat, which PCA needs
    cloud = source.normal(3, 1, (200, 5)) * scale
    new = np.concatenate([source.normal(3, 1, (50, 5)) * scale, source.normal(-3, 3, (50, 5))])
    detector = clone(fits(kind)).set_params(unit_length=False)
    if "bandwidth" in detector.get_params():
        detector.set_params(bandwidth=1.0)
    detector.fit(cloud)
    scores = detector.anomaly_score(new)
    assert scores.shape == (100,)
    assert evaluate(scores, np.repeat([False, True], 50)).auc > 0.9
    detector.save(tmp_path / "model")
    assert textocl.load(tmp_path / "model").anomaly_score(new).tobytes() == scores.tobytes()
    for form in (new.tolist(), pd.DataFrame(new), sparse.csr_matrix(new)):
        assert detector.anomaly_score(form).tobytes() == scores.tobytes()
    for wrong, message in (
        (["a ship"], r"fitted on features \(n, 5\)"),
        (cloud[:, :4], "expected 5 features"),
        (np.full((2, 5), np.nan), "features of sample 0 hold NaN"),
    ):
        with pytest.raises(DataError, match=message):
            detector.anomaly_score(wrong)
    with pytest.raises(DataError, match="fitted on texts"):
        fits(kind).anomaly_score(cloud)
    with pytest.raises(DataError, match="only texts have words"):
        detector.explain(new)


def test_unfitted_detectors_say_so(unfitted: Fits, kind: str, tmp_path: Path) -> None:
    detector = unfitted(kind)
    for use in (
        lambda: detector.anomaly_score(["ship"]),
        lambda: detector.predict(["ship"]),
        lambda: detector.explain(["ship"]),
        lambda: detector.save(tmp_path / "model"),
        lambda: detector.offset_,
        lambda: detector.assess(["ship"]),
        lambda: detector.recalibrate(false_alarm_rate=0.1),
    ):
        with pytest.raises(NotFittedError, match="call fit first"):
            use()
        with pytest.raises(SklearnNotFittedError):
            use()
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("one text", "a single str"),
        (b"bytes", "a single bytes"),
        (None, "got NoneType"),
        (3, "got int"),
        ({"text": 1}, "got dict"),
        (["ship", None], "document 1 is None"),
        (["ship", b"port"], "document 1 is bytes"),
        (["ship", 7], "document 1 is int 7"),
        (["ship", float("nan")], "document 1 is float nan"),
        ([["ship"]], "document 0 is list"),
        (np.arange(3), "document 0 is"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(
    fitted: OneClassDetector, wrong: Any, message: str
) -> None:
    for use in (clone(fitted).fit, fitted.anomaly_score, fitted.explain, fitted.predict):
        with pytest.raises(DataError, match=message):
            use(wrong)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1], "one label for each"),
        (["normal"] * 120, "labels must be"),
        ([2] * 120, "labels must be"),
        ([-1] * 120, "expected normal documents, got none"),
    ],
)
def test_wrong_labels_are_refused(
    fitted: OneClassDetector, ships: list[str], y: list[Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        clone(fitted).fit(ships, y)


def test_what_a_fit_learned_is_shown_in_one_line(fitted: OneClassDetector) -> None:
    assert len(repr(fitted.state_)) < 200
