"""Contexts chosen by their words: the same in memory, on disk, in explanations and in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone

import textocl
from textocl import CVDD, DataError
from textocl.ensemble.context_choice import (
    compare_judgements,
    context_weights_of,
    with_contexts,
)
from textocl.export import OnnxDetector, to_onnx

WEIGHTS = {0: 1.0, 2: 0.5}


@pytest.mark.parametrize("aggregation", ["mean", "min", "softmin"])
def test_chosen_contexts_score_alike_after_fit_recalibration_loading_and_export(
    aggregation: str, detector: CVDD, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    chosen = with_contexts(detector, WEIGHTS, aggregation)
    scores = chosen.anomaly_score(mixed)
    parameters = {"context_weights": WEIGHTS, "aggregation": aggregation}
    fitted = clone(detector).set_params(**parameters).fit(ships)
    assert fitted.context_weights is WEIGHTS or fitted.context_weights == WEIGHTS
    for other in (chosen, fitted):
        other.save(tmp_path / "model")
        loaded = textocl.load(tmp_path / "model")
        assert np.array_equal(loaded.anomaly_score(mixed), scores)
        assert loaded.threshold_ == chosen.threshold_
    # what decides: contexts 0 and 2 alone
    distances = detector.context_distances(mixed)
    expected = {"mean": distances @ [2 / 3, 0, 1 / 3], "min": distances[:, [0, 2]].min(axis=1)}
    if aggregation in expected:
        assert scores == pytest.approx(expected[aggregation], abs=1e-6)
    file = OnnxDetector(to_onnx(chosen, tmp_path / "model.onnx", words=True))
    assert file.anomaly_score(mixed) == pytest.approx(scores, abs=1e-5)
    (exported,), (explained,) = file.explain(mixed[:1]), chosen.explain(mixed[:1])
    plain = json.loads(json.dumps(exported.to_dict(), allow_nan=False))
    assert {w["word"] for w in plain["words"]} == {w["word"] for w in explained.to_dict()["words"]}
    for explanation, score in zip(chosen.explain(mixed[:5]), scores, strict=False):
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-5)


def test_a_copy_with_other_contexts_leaves_the_detector_alone(
    detector: CVDD, mixed: list[str]
) -> None:
    before = detector.anomaly_score(mixed)
    threshold, parameters = detector.threshold_, detector.get_params()
    with_contexts(detector, WEIGHTS, "softmin")
    assert np.array_equal(detector.anomaly_score(mixed), before)
    assert (detector.threshold_, detector.get_params()) == (threshold, parameters)


def test_weights_in_two_places_replace_each_other(detector: CVDD, mixed: list[str]) -> None:
    ones = with_contexts(detector, [1, 1, 1])
    assert ones.anomaly_score(mixed) == pytest.approx(detector.anomaly_score(mixed), abs=1e-6)
    some = with_contexts(detector, WEIGHTS, "softmin")
    assert some.recalibrate(false_alarm_rate=0.2).context_weights == [1, 0, 0.5]
    assert some.recalibrate(aggregation="min").context_weights == [1, 0, 0.5]
    assert some.recalibrate(aggregation=(1, 0, 1)).context_weights == [1, 0, 1]
    assert some.aggregation == "mean"
    assert some.recalibrate(context_weights={1: 1}).aggregation == "mean"
    with pytest.raises(DataError, match="not both"):
        some.recalibrate(aggregation=(1, 0, 1), context_weights={1: 1})
    with pytest.raises(DataError, match="context 7"):
        some.recalibrate(context_weights={7: 1})
    assert some.context_weights == [0, 1, 0]


def test_a_choice_is_compared_with_the_weights_in_use_wherever_they_were_given(
    ships: list[str], mixed: list[str]
) -> None:
    settings: dict[str, Any] = {"n_general_words": 0, "calibration": "training"}
    as_aggregation = CVDD(aggregation=(1, 0, 2), **settings).fit(ships)
    as_weights = CVDD(context_weights=[1, 0, 2], **settings).fit(ships)
    assert np.array_equal(as_aggregation.anomaly_score(mixed), as_weights.anomaly_score(mixed))
    assert context_weights_of(as_aggregation) == context_weights_of(as_weights) == [1, 0, 2]
    same = with_contexts(as_aggregation, {0: 1, 2: 2})
    choice = compare_judgements(as_aggregation, same, mixed)
    assert choice.before == choice.after
    assert choice.entered == choice.left == []


def test_the_effect_is_what_the_two_rankings_say(detector: CVDD, mixed: list[str]) -> None:
    after = with_contexts(detector, {1: 1.0}, "min")
    choice = compare_judgements(detector, after, mixed, n_top=15)
    scores = [one.anomaly_score(mixed) for one in (detector, after)]
    assert choice.rank_correlation == pytest.approx(spearmanr(*scores).statistic)
    tops = [set(np.argsort(-s, kind="stable")[:15].tolist()) for s in scores]
    assert set(choice.entered) == tops[1] - tops[0]
    assert set(choice.left) == tops[0] - tops[1]
    assert choice.after.n_flagged == (scores[1] > after.threshold_).sum()
    same = compare_judgements(detector, detector, mixed)
    assert same.rank_correlation == pytest.approx(1)
    assert same.entered == same.left == []
    assert compare_judgements(detector, after, ["12"] * 3).rank_correlation is None
