"""One scale for several detectors, from out-of-sample scores, and contexts chosen later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from texts import added_up

import textocl
from textocl import KDE, CharacterLikelihood, Detector
from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.ensemble.context_choice import compare_judgements, with_contexts
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.explain.text_detector import TextDetector
from textocl.export import to_onnx, verify


@pytest.fixture(scope="module")
def fused(ships: list[str]) -> Detector:
    """A fitted detector; tests must not change it."""
    return Detector(n_contexts=3).fit(ships)


def judged_scores() -> OutOfSampleScores:
    return OutOfSampleScores(
        np.array([[1, 10], [2, 0], [3, 40], [9, 0]], np.float32),
        np.array([[1, 1], [1, 0], [1, 1], [1, 0]], bool),
        np.array([1, 1, 1, 0], bool),
        np.array([[0.1, 0.3], [0.2, 0.2], [0.3, 0.4], [0.9, 0.8]], np.float32),
    )


def test_the_scale_is_by_quartiles_of_the_documents_with_a_known_word() -> None:
    assert judged_scores().scale_of(0) == (2.5, pytest.approx((4.5 - 1.75) / 1.349))
    assert judged_scores().scale_of(1) == (25, pytest.approx(15 / 1.349))


def test_documents_of_one_template_make_no_needle_of_the_scale() -> None:
    def scale(detector: TextDetector, *scores: float) -> float:
        n = len(scores)
        judged = OutOfSampleScores(
            np.array(scores, np.float32)[:, None],
            np.ones((n, 1), bool),
            np.ones(n, bool),
            np.empty((n, 0), np.float32),
        )
        return Member.scaled(detector, 1.0, judged, 0).scale

    alike, apart = (1.0, 1.0, 1.001, 1.002), (1.0, 2.0, 3.0, 9.0)
    assert scale(CharacterLikelihood(), *alike) == 0.1
    assert scale(KDE(), *alike) < 0.01
    assert scale(CharacterLikelihood(), *apart) > 1


def test_equal_weights_change_nothing(fused: Detector, mixed: list[str]) -> None:
    same = with_contexts(fused, [1, 1, 1])
    assert same.anomaly_score(mixed).tobytes() == fused.anomaly_score(mixed).tobytes()
    assert same.threshold_ == fused.threshold_


def test_chosen_contexts_decide_in_memory_on_disk_and_in_an_exported_file(
    fused: Detector, mixed: list[str], tmp_path: Path
) -> None:
    before, threshold = fused.anomaly_score(mixed), fused.threshold_
    chosen = with_contexts(fused, {0: 1, 2: 0.5})
    scores = chosen.anomaly_score(mixed)
    assert (scores != before).any()
    assert fused.anomaly_score(mixed).tobytes() == before.tobytes()
    assert (fused.threshold_, chosen.threshold_ == threshold) == (threshold, False)
    contexts = chosen.members_["contexts"]
    alone = contexts.detector.anomaly_score(mixed)
    found = chosen.member_scores(mixed)["contexts"]
    assert found == pytest.approx((alone - contexts.location) / contexts.scale, abs=1e-4)
    for e, score in zip(chosen.explain(mixed[:5]), scores, strict=False):
        assert added_up(e)[0] == pytest.approx(score, rel=1e-4, abs=1e-4)
    chosen.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.anomaly_score(mixed).tobytes() == scores.tobytes()
    assert loaded.threshold_ == chosen.threshold_
    assert isinstance(loaded, Detector)
    again = loaded.recalibrate(context_weights=[1, 1, 1])
    assert again.anomaly_score(mixed) == pytest.approx(before, abs=1e-5)
    verify(chosen, to_onnx(chosen, tmp_path / "model.onnx"), mixed)
    choice = compare_judgements(fused, chosen, mixed)
    assert choice.after.threshold == chosen.threshold_
    assert choice.rank_correlation is not None
    assert 0 < choice.rank_correlation < 1


def test_a_rate_and_contexts_can_be_chosen_at_once(fused: Detector) -> None:
    strict = with_contexts(fused, {1: 1})
    loose = with_contexts(fused, {1: 1}).recalibrate(false_alarm_rate=0.4)
    both = with_contexts(fused, [1, 1, 1]).recalibrate(context_weights={1: 1}, false_alarm_rate=0.4)
    assert both.threshold_ == loose.threshold_ < strict.threshold_


@pytest.mark.parametrize("weights", [{7: 1}, [1, 1], {0: 0}, {0: -1}])
def test_wrong_weights_are_refused_and_change_nothing(
    fused: Detector, mixed: list[str], weights: object
) -> None:
    before = fused.anomaly_score(mixed)
    with pytest.raises(DataError):
        fused.recalibrate(context_weights=weights)  # type: ignore[arg-type]
    assert fused.anomaly_score(mixed).tobytes() == before.tobytes()


def test_without_contexts_or_another_aggregation_is_refused(
    fused: Detector, ships: list[str]
) -> None:
    with pytest.raises(DataError, match="support_weight=0"):
        Detector(support_weight=0).fit(ships).recalibrate(context_weights={0: 1})
    with pytest.raises(DataError, match="keeps its aggregation"):
        with_contexts(fused, {0: 1}, "min")


def test_a_model_from_before_distances_were_kept_scores_and_says_so(
    fused: Detector, mixed: list[str], tmp_path: Path
) -> None:
    files = fused._to_files()
    arrays = {n: a for n, a in files.arrays.items() if not n.startswith("held_out.")}
    older = Detector(n_contexts=3)
    older._from_files(ModelFiles(files.facts, arrays))
    assert older.anomaly_score(mixed) == pytest.approx(fused.anomaly_score(mixed), abs=1e-5)
    older.recalibrate(false_alarm_rate=0.2)
    with pytest.raises(DataError, match="fit it again"):
        older.recalibrate(context_weights={0: 1})


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("scores", np.zeros((4, 3), np.float32)),
        ("scores", np.full((4, 2), np.inf, np.float32)),
        ("is_known", np.zeros((4, 2), np.uint8)),
        ("is_trusted", np.zeros(3, np.uint8)),
        ("distances", np.zeros((4, 1), np.float32)),
    ],
)
def test_damaged_scores_are_refused(name: str, array: np.ndarray) -> None:
    files = judged_scores().to_files()
    assert (
        OutOfSampleScores.from_files(files, 2, 2).scores.tolist() == judged_scores().scores.tolist()
    )
    with pytest.raises(FormatError):
        OutOfSampleScores.from_files(ModelFiles({}, {**files.arrays, name: array}), 2, 2)
