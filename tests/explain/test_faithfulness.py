"""Words are really cut out and really scored again; measures against hand-worked numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from texts import TOPICS

from textocl import CVDD, KDE, DataError, Explanation, WordLikelihood
from textocl.explain.faithfulness import (
    measure_faithfulness,
    without_words,
    word_auc,
    word_values,
)
from textocl.text.tokenization import EnglishTokenizer

MIXED = [
    "ship guitar port violin tanker today harbour crew",
    "The cargo vessel, the ferry and the PIANO left the dock; piano!",
    "concert freight sailors sea shipping melody",
]


@pytest.fixture(scope="module")
def words(ships: list[str]) -> WordLikelihood:
    return WordLikelihood(n_general_words=2000).fit(ships)


def test_spans_are_cut_out_of_the_text_wherever_the_word_stands() -> None:
    text = "The PIANO, a piano-tuner: Pianos!"
    spans = EnglishTokenizer().spans(text)
    assert without_words(text, spans, {"piano"}) == "The  , a  -tuner: Pianos!"
    assert without_words(text, spans, set()) == text
    assert without_words(text, [*spans, spans[0]], {"piano"}) == "The  , a  -tuner: Pianos!"


def test_cut_texts_hold_the_other_words_and_no_more(detector: CVDD) -> None:
    for explanation in detector.explain(MIXED):
        left = set(explanation.words[::2])
        cut = without_words(explanation.text, explanation.spans, set(explanation.words) - left)
        (again,) = detector.explain([cut])
        assert set(again.words) == left
        kept = [c for w, c in zip(explanation.words, explanation.counts, strict=True) if w in left]
        assert again.counts.tolist() == kept


def test_measures_against_a_loop_over_rescored_texts(detector: CVDD) -> None:
    shares = (0.2, 0.5)
    explanations = detector.explain(MIXED)
    found = measure_faithfulness(detector, explanations, shares=shares, n_steps=3)
    falls, only_falls, curves = [], [], []
    for explanation in explanations:
        order = [explanation.words[i] for i in np.argsort(-explanation.evidence)]
        score = detector.anomaly_score([explanation.text])[0]
        for share in shares:
            k = max(1, round(share * len(order)))
            rest, top = " ".join(order[k:]), " ".join(order[:k])
            rest_counts = [w for span in explanation.spans if (w := span.word) in order[k:]]
            top_counts = [w for span in explanation.spans if (w := span.word) in order[:k]]
            assert set(rest.split()) == set(rest_counts)
            assert set(top.split()) == set(top_counts)
            falls.append(score - detector.anomaly_score([" ".join(rest_counts)])[0])
            only_falls.append(score - detector.anomaly_score([" ".join(top_counts)])[0])
        curve = [score]
        for step in (1, 2, 3):
            gone = order[: max(1, round(step / 4 * len(order)))]
            left = " ".join(s.word for s in explanation.spans if s.word not in gone)
            curve.append(detector.anomaly_score([left])[0])
        curves.append(curve)
    assert found.ranked.comprehensiveness == pytest.approx(np.mean(falls), abs=1e-5)
    assert found.ranked.sufficiency == pytest.approx(np.mean(only_falls), abs=1e-5)
    curve = np.mean(curves, axis=0)
    assert found.ranked.curve == pytest.approx(curve, abs=1e-5)
    assert found.ranked.deletion_area == pytest.approx(np.trapezoid(curve) / 3, abs=1e-5)
    assert found.score == pytest.approx(curve[0], abs=1e-5)


def test_a_faithful_ranking_beats_a_random_one_and_its_reverse(
    detector: CVDD, words: WordLikelihood, ships: list[str]
) -> None:
    for fitted in (detector, words, KDE().fit(ships)):
        explanations = fitted.explain(MIXED)
        found = measure_faithfulness(fitted, explanations)
        reverse = measure_faithfulness(fitted, explanations, lambda e: -e.evidence)
        assert found.ranked.comprehensiveness > found.random.comprehensiveness
        assert found.ranked.comprehensiveness > reverse.ranked.comprehensiveness
        assert found.ranked.sufficiency < found.random.sufficiency
        assert found.ranked.deletion_area < found.random.deletion_area
        assert found.random == reverse.random


def test_short_documents_are_counted_and_results_are_plain(detector: CVDD) -> None:
    explanations = detector.explain([*MIXED, "ship ship", "12 34"])
    found = measure_faithfulness(detector, explanations, n_random=1)
    assert (found.n_documents, found.n_short) == (3, 2)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["ranked"]["comprehensiveness"] == found.ranked.comprehensiveness
    assert np.isfinite([*found.ranked.without, *found.ranked.only, *found.random.curve]).all()
    with pytest.raises(DataError, match="none of 2 documents"):
        measure_faithfulness(detector, explanations[3:])


def test_a_language_models_words_can_be_cut_out(tiny_bert: Path, ships: list[str]) -> None:
    fitted = KDE(embedding=str(tiny_bert), calibration="training").fit(ships)
    found = measure_faithfulness(fitted, fitted.explain(MIXED), n_random=1)
    assert max(*found.ranked.without, *found.ranked.only) < 1e3  # never the worst score


def test_word_auc_worked_by_hand_and_on_the_other_topic(detector: CVDD) -> None:
    (explanation,) = detector.explain(["ship guitar port"])
    values = lambda e: [0.3, 0.2, 0.1]  # noqa: E731
    assert word_auc(explanation, [True, False, False], values) == 1
    assert word_auc(explanation, [False, True, False], values) == 0.5
    strange = set(TOPICS["music"].split())
    aucs = [
        word_auc(explanation, [word in strange for word in explanation.words])
        for explanation in detector.explain(MIXED)
    ]
    assert np.mean(aucs) > 0.8


def test_values_by_name(detector: CVDD) -> None:
    explanation: Explanation
    (explanation,) = detector.explain([MIXED[0]])
    assert word_values(explanation, "contributions") is explanation.contributions
    assert (word_values(explanation, "attention") == explanation.attention.max(axis=1)).all()
    nearest = explanation.attention[:, explanation.nearest_context]
    assert (word_values(explanation, "nearest_attention") == nearest).all()


def test_what_does_not_fit_is_refused(detector: CVDD, ships: list[str]) -> None:
    explanations = detector.explain(MIXED)
    with pytest.raises(DataError, match="by must be one of 'evidence'"):
        measure_faithfulness(detector, explanations, "gradient")
    with pytest.raises(DataError, match="one finite value for each of 8 words"):
        measure_faithfulness(detector, explanations, lambda e: [1.0])
    with pytest.raises(DataError, match="shares must be in"):
        measure_faithfulness(detector, explanations, shares=[1.0])
    with pytest.raises(DataError, match="at least one share"):
        measure_faithfulness(detector, explanations, shares=[])
    with pytest.raises(DataError, match="some True and some False, got 0 True"):
        word_auc(explanations[0], [False] * 8)
    with pytest.raises(DataError, match="one mark for each of 8 words"):
        word_auc(explanations[0], [True, False])
