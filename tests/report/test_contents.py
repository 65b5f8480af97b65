"""What a report says agrees with the detector, and bad input is told."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texts import sentences

from textocl import CVDD, KDE, DataError, Detector, NotFittedError, WordLikelihood
from textocl.core.metrics import evaluate
from textocl.core.thresholds import calibration_borders
from textocl.explain.contexts import Contexts
from textocl.report import ReportLimits
from textocl.report.card import card_of
from textocl.report.contents import highest_and_spread
from textocl.report.page import embedded_json
from textocl.report.texts import text_contents


def contents(detector: Any, texts: list[str], **options: Any) -> dict[str, Any]:
    return text_contents(detector, texts, title="A title", **options)


def test_scores_contexts_and_measures_are_the_detector_s(
    detector: CVDD, mixed: list[str], is_anomaly: np.ndarray
) -> None:
    found = contents(detector, mixed, is_anomaly=is_anomaly)
    assessment = detector.assess(mixed)
    assert np.array_equal(np.array(found["scores"], np.float32), assessment.score)
    assert found["documents"]["context"] == assessment.nearest_context.tolist()
    assert found["documents"]["text"] == mixed
    borders = calibration_borders(detector.calibration_scores_)
    assert np.array_equal(np.array(found["calibration"], np.float32), borders)
    assert found["evaluation"] == evaluate(assessment.score, is_anomaly).to_dict()
    assert found["labels"] == ["anomalous", "normal"]
    assert [found["labels"][i] for i in found["documents"]["label"]] == ["normal"] * 40 + [
        "anomalous"
    ] * 40
    assert found["n_explained"] == 80
    assert [context["share"] for context in found["contexts"]] == [
        round(context.share, 4) for context in detector.contexts_
    ]


def test_merged_contexts_are_one_in_the_report(detector: CVDD, mixed: list[str]) -> None:
    merged = copy.copy(detector)
    contexts = list(detector.contexts_)
    contexts[2] = replace(contexts[2], merged_into=0)
    merged.state_ = replace(detector.state_, contexts=Contexts(contexts))
    found = contents(merged, mixed)
    assert [context["name"] for context in found["contexts"]] == ["0, 2", "1"]
    assert [len(context["notes"]) for context in found["contexts"]] == [1, 0]
    nearest = detector.assess(mixed).nearest_context
    assert (nearest == 2).any()
    assert found["documents"]["context"] == np.where(nearest == 2, 0, nearest).tolist()


def test_limits_choose_the_highest_and_some_of_every_height(
    detector: CVDD, mixed: list[str]
) -> None:
    found = contents(detector, mixed, limits=ReportLimits(40, 20, 12))
    scores = np.array(found["scores"])
    assert len(scores) == 80
    documents = found["documents"]
    assert len(documents["text"]) == 40
    assert all(
        text == mixed[i][:12]
        for i, text in zip(documents["number"], documents["text"], strict=True)
    )
    assert documents["length"] == [len(mixed[i]) for i in documents["number"]]
    assert set(np.argsort(-scores, kind="stable")[:30]) <= set(documents["number"])
    explained = [e is not None for e in documents["explanation"]]
    assert sum(explained) == found["n_explained"] == 20
    highest = np.argsort(-scores[documents["number"]], kind="stable")[:15]
    assert all(explained[i] for i in highest)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 99, 100, 200])
def test_as_many_are_chosen_as_there_may_be(n: int) -> None:
    scores = np.random.default_rng(0).normal(size=100).astype(np.float32)
    chosen = highest_and_spread(scores, n)
    assert len(set(chosen.tolist())) == min(n, 100)
    assert np.all(np.diff(chosen) > 0)


def test_the_spread_reaches_the_lowest_score() -> None:
    scores = np.arange(1000, dtype=np.float32)
    chosen = highest_and_spread(scores, 100)
    assert chosen[0] == 0
    assert np.diff(chosen[:25]).max() < 45


def test_a_document_without_a_known_word_is_listed_as_such(ships: list[str]) -> None:
    detector = Detector(n_contexts=1, embedding="corpus").fit(ships)
    found = contents(detector, [" ", ships[0]])
    assert found["judged"] == [0, 1]
    assert found["scores"][0] is None
    assert found["documents"]["explanation"][0]["words"] == ""
    json.dumps(found, allow_nan=False)


def test_what_is_not_judged_takes_no_place_of_what_is(ships: list[str]) -> None:
    texts = [""] * 40 + sentences("music", 10)
    found = contents(KDE().fit(ships), texts, limits=ReportLimits(8, 4))
    assert len(set(found["documents"]["number"]) & set(range(40, 50))) >= 6
    explained = zip(found["documents"]["number"], found["documents"]["explanation"], strict=True)
    assert sum(number >= 40 for number, packed in explained if packed) >= 3


@pytest.mark.parametrize("make", [KDE, WordLikelihood, Detector])
def test_every_kind_of_detector_can_be_reported(make: Any, ships: list[str]) -> None:
    detector = make().fit(ships)
    found = contents(detector, sentences("music", 5), limits=ReportLimits(explained=3))
    assert found["n_explained"] == 3
    assert bool(found["contexts"]) == (make is Detector)
    assert found["card"]["class"] == make.__name__
    assert found["card"]["false_alarm_rate"] == 0.05


def test_a_detector_on_a_language_model_can_be_reported(tiny_bert: Path, ships: list[str]) -> None:
    embedding = str(tiny_bert)
    for detector in (CVDD(embedding=embedding, n_epochs=1), Detector(embedding=embedding)):
        found = contents(detector.fit(ships[:60]), sentences("music", 5))
        assert found["n_explained"] == 5
        assert all(e["spans"] for e in found["documents"]["explanation"])


def test_the_card_says_what_the_model_is(detector: CVDD) -> None:
    card = card_of(detector)
    assert card["documents"] == detector.n_documents_ == 96
    assert card["calibration_documents"] == len(detector.calibration_scores_)
    assert card["threshold"] == detector.threshold_
    assert ["n_general_words", "20000"] in card["parameters"]
    assert {"textocl", "Python", "torch"} <= {name for name, _ in card["versions"]}


def test_other_limits_and_ids(detector: CVDD) -> None:
    found = contents(detector, ["ship", "port"], ids=["a\x1b", 7], labels=["\u202ex", "y"])
    assert found["documents"]["id"] == ["a\ufffd", "7"]
    assert sorted(found["labels"]) == ["y", "\ufffdx"]
    assert found["truth"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"is_anomaly": [False, False]}, "no anomalous one"),
        ({"is_anomaly": [True]}, "expected one entry of is_anomaly for each of 2 documents"),
        ({"labels": ["a"]}, "a label for each of 2"),
        ({"ids": ["a"]}, "an id for each of 2"),
        ({"limits": ReportLimits(documents=0)}, "number of documents"),
        ({"limits": ReportLimits(explained=-1)}, "number of explained documents"),
    ],
)
def test_what_does_not_fit_is_told(detector: CVDD, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        contents(detector, ["ship", "port"], **options)


def test_nothing_to_report_on_is_told(detector: CVDD, ships: list[str]) -> None:
    from textocl.vision import DeepSVDD

    with pytest.raises(DataError, match="no document"):
        contents(detector, [])
    with pytest.raises(NotFittedError):
        contents(CVDD(), ships)
    with pytest.raises(DataError, match="about texts; a DeepSVDD scores"):
        contents(DeepSVDD(), ships)
    with pytest.raises(DataError, match="201 distinct"):
        contents(detector, ships + ships, labels=[str(i % 201) for i in range(240)])


def test_a_detector_of_points_cannot_be_reported() -> None:
    points = np.random.default_rng(0).normal(size=(60, 4))
    with pytest.raises(DataError):
        contents(KDE().fit(points), ["a text"])


def test_embedded_json_has_nothing_that_html_reads() -> None:
    hostile = {"a": "</script><!-- & \u2028 \u2029 '\"\\", "<b>": ["é😀"]}
    text = embedded_json(hostile)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == hostile
