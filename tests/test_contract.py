"""What every detector promises; each class is listed here once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

import textocl
from textocl import CVDD, DataError, NotFittedError, OneClassDetector
from textocl.evaluation import evaluate
from textocl.thresholds import conformal_p_values

DETECTORS = {
    "cvdd": CVDD(n_general_words=2000),
    "cvdd-min": CVDD(n_general_words=2000, aggregation="min", n_contexts=2),
    "cvdd-weights": CVDD(n_general_words=0, aggregation=(1, 0, 2), calibration="training"),
    "cvdd-annealed": CVDD(n_general_words=500, alpha="annealed", n_epochs=5),
    "cvdd-thesis": CVDD.thesis(n_epochs=3, n_general_words=500),
    "cvdd-unicode": CVDD(tokenization="unicode", n_general_words=500),
}


@pytest.fixture(scope="module", params=DETECTORS)
def fitted(request: pytest.FixtureRequest, ships: list[str]) -> OneClassDetector:
    return clone(DETECTORS[request.param]).fit(ships)


def test_parameters_are_stored_unchanged_and_cloned(fitted: OneClassDetector) -> None:
    parameters = fitted.get_params()
    copy = clone(fitted)
    assert copy.get_params() == parameters
    assert not hasattr(copy, "threshold_")
    assert copy.set_params(false_alarm_rate=0.2).false_alarm_rate == 0.2


def test_fit_returns_self_and_ranks_the_other_topic_higher(
    fitted: OneClassDetector, mixed: list[str], is_anomaly: np.ndarray
) -> None:
    scores = fitted.anomaly_score(mixed)
    assert scores.shape == (len(mixed),)
    assert scores.dtype == np.float32
    assert evaluate(scores, is_anomaly).auc > 0.95
    # an AUC alone can come from a collapsed model: scores must also spread
    assert scores.std() > 1e-3


def test_fitting_again_gives_the_same_scores(fitted: OneClassDetector, ships: list[str]) -> None:
    again = clone(fitted).fit(ships)
    assert (again.anomaly_score(ships) == fitted.anomaly_score(ships)).all()


def test_predict_follows_the_threshold(fitted: OneClassDetector, mixed: list[str]) -> None:
    scores, labels = fitted.anomaly_score(mixed), fitted.predict(mixed)
    assert set(labels.tolist()) == {1, -1}
    assert ((scores > fitted.threshold_) == (labels == -1)).all()


def test_decision_function_and_score_samples_have_scikit_learns_signs(
    fitted: OneClassDetector, mixed: list[str]
) -> None:
    scores = fitted.anomaly_score(mixed)
    assert np.allclose(fitted.decision_function(mixed), fitted.threshold_ - scores)
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
    assert np.abs(np.concatenate(parts) - whole[order]).max() <= 1e-6


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(), max_size=80))
@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_any_string_gets_a_finite_score(fitted: OneClassDetector, text: str) -> None:
    scores = fitted.anomaly_score([text, "ship " + text])
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
    assert loaded.get_params() == fitted.get_params() | {"aggregation": loaded.aggregation}
    # saving what was loaded gives the same weights
    loaded.save(tmp_path / "again")
    weights = [
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("model", "again")
    ]
    assert weights[0] == weights[1]


def test_another_process_computes_the_same_scores(
    fitted: OneClassDetector, mixed: list[str], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    program = (
        "import sys, textocl; d = textocl.load(sys.argv[1]);"
        "print(d.anomaly_score(sys.stdin.read().split('\\n')).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model")],
        input="\n".join(mixed), capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert bytes.fromhex(done.stdout.strip()) == fitted.anomaly_score(mixed).tobytes()


@pytest.mark.parametrize("kind", DETECTORS)
def test_unfitted_detectors_say_so(kind: str, tmp_path: Path) -> None:
    detector = clone(DETECTORS[kind])
    for use in (
        lambda: detector.anomaly_score(["ship"]),
        lambda: detector.predict(["ship"]),
        lambda: detector.explain(["ship"]),
        lambda: detector.save(tmp_path / "model"),
        lambda: detector.offset_,
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
        ([-1] * 120, "empty corpus"),
    ],
)
def test_wrong_labels_are_refused(
    fitted: OneClassDetector, ships: list[str], y: list[Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        clone(fitted).fit(ships, y)
