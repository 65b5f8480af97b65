"""Contributions add up, point the right way, and the summaries count what they say."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from texts import TOPICS, sentences

from textocl import CVDD, ContextSummary
from textocl.core.exceptions import MissingExtraError
from textocl.cvdd.contexts import summarize_contexts
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded


@pytest.mark.parametrize("aggregation", ["mean", "min", "softmin", (1, 0, 3)])
def test_contributions_add_up_to_the_score_and_evidence_to_its_excess(
    detector: CVDD, ships: list[str], mixed: list[str], aggregation: object
) -> None:
    fitted = clone(detector).set_params(aggregation=aggregation).fit(ships)
    scores = fitted.anomaly_score(mixed)
    for explanation, score in zip(fitted.explain(mixed), scores, strict=True):
        assert explanation.score == score
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-5)
        excess = score - fitted.threshold_
        assert explanation.evidence.sum() == pytest.approx(excess, abs=1e-5)
        assert explanation.attention.sum(axis=0) == pytest.approx([1, 1, 1], abs=1e-5)


def test_contributions_against_the_formula_word_by_word(detector: CVDD) -> None:
    text = "ship ship guitar port band"
    (explanation,) = detector.explain([text])
    vectors = {
        word: detector.vocabulary_.table[detector.vocabulary_.index[word]].astype(np.float64)
        for word in explanation.words
    }
    C = detector.context_vectors_.astype(np.float64)
    expected = dict.fromkeys(explanation.words, 0.0)
    for k in range(3):
        m = sum(explanation.attention[i, k] * vectors[w] for i, w in enumerate(explanation.words))
        away = m / np.linalg.norm(m) - C[k] / np.linalg.norm(C[k])
        for i, w in enumerate(explanation.words):
            a = explanation.attention[i, k]
            expected[w] += 0.5 * a * (vectors[w] @ away) / np.linalg.norm(m) / 3
    assert explanation.contributions == pytest.approx(list(expected.values()), abs=1e-6)


def test_words_of_the_other_topic_speak_for_an_anomaly(detector: CVDD) -> None:
    strange = [w for w in TOPICS["music"].split() if w in detector.vocabulary_.index]
    assert len(strange) > 3
    texts = [f"ship port tanker {word} cargo harbour" for word in strange]
    ranks = []
    for explanation, word in zip(detector.explain(texts), strange, strict=True):
        order = np.argsort(-explanation.evidence)
        ranks.append([explanation.words[i] for i in order].index(word))
    assert np.mean(ranks) < 1  # of six words; chance is 2.5


def test_words_stand_in_the_order_and_places_of_the_text(detector: CVDD) -> None:
    (explanation,) = detector.explain(["The PORT of the Ship, the port!"])
    assert explanation.words == ["port", "ship"]
    assert explanation.counts.tolist() == [2, 1]
    found = [explanation.text[s.start : s.end] for s in explanation.spans]
    assert found == ["PORT", "Ship", "port"]


def test_a_document_without_words_is_explained_by_none(detector: CVDD) -> None:
    (explanation,) = detector.explain(["12 34"])
    assert explanation.words == []
    assert explanation.score == 1.0
    assert explanation.nearest_context is None
    assert explanation.anomalous_words() == explanation.normal_words() == []


def test_the_strongest_words_come_first(detector: CVDD) -> None:
    (explanation,) = detector.explain(["ship guitar port violin tanker today"])
    for words, sign in ((explanation.anomalous_words(), 1), (explanation.normal_words(), -1)):
        strengths = [sign * evidence for _, evidence in words]
        assert strengths == sorted(strengths, reverse=True)
        assert all(strength > 0 for strength in strengths)
    plain = explanation.to_dict()
    assert sum(w["contribution"] for w in plain["words"]) == pytest.approx(plain["score"], abs=1e-5)


def test_a_document_has_reasons_also_where_no_word_speaks_for_an_anomaly(detector: CVDD) -> None:
    normal, odd = detector.explain(["the ship sails to the port", "guitar and piano on a ship"])
    assert odd.reasons(2) == [word for word, _ in odd.anomalous_words(2)]
    silent = replace(normal, evidence=-np.abs(normal.evidence) - 1)
    assert not silent.anomalous_words()
    above = normal.contributions - normal.shares * normal.contributions.sum()
    assert silent.reasons(1) == [normal.words[above.argmax()]]
    assert (above[[normal.words.index(word) for word in silent.reasons()]] > 0).all()
    (empty,) = detector.explain([""])
    assert empty.reasons() == []


def test_context_summary_counts_worked_by_hand() -> None:
    # three documents over the words a, b, c; one context
    packed = PackedDocuments(
        np.array([0, 1, 0, 2, 1], np.int32), np.ones(5, np.float32), np.array([0, 2, 4, 5])
    )
    table = np.zeros((3, 2), np.float16)
    attention = np.array([[0.9], [0.1], [0.6], [0.4], [1.0]], np.float32)
    distances = np.array([[0.1], [0.2], [0.3]], np.float32)
    (summary,) = summarize_contexts(
        distances, attention, Embedded(packed, table, ["a", "b", "c"]), ["A", "B", "C"],
        np.array([5, 6, 7]),
        n_nearest=2, n_attended=1, n_typical=1,
    )  # fmt: skip
    # in both nearest documents a leads; 2 of 3 documents hold it: log2(1 / (2/3))
    assert [(w.word, w.count) for w in summary.words] == [("a", 2)]
    assert summary.words[0].distinctiveness == pytest.approx(np.log2(1.5))
    assert summary.share == 1.0
    assert [(t.document, t.excerpt) for t in summary.typical] == [(5, "A")]
    assert ContextSummary.from_dict(summary.to_dict()) == summary


def test_top_words_are_of_the_topic_and_typical_documents_those_given() -> None:
    texts = sentences("food", 100)
    detector = CVDD(n_contexts=1, n_general_words=0).fit(texts)
    (context,) = detector.contexts_
    assert {word.word for word in context.words[:8]} <= set(TOPICS["food"].split())
    assert all(texts[t.document].startswith(t.excerpt[:50]) for t in context.typical)
    none_stored = CVDD(n_contexts=1, n_general_words=0, n_typical=0).fit(texts)
    assert none_stored.contexts_[0].typical == []


def test_contexts_of_a_small_corpus_are_told_apart_by_their_words() -> None:
    texts = sentences("ships", 30) + sentences("food", 30)  # fewer than describe a context at most
    contexts = CVDD(n_contexts=2, n_general_words=0, calibration="training").fit(texts).contexts_
    words = [{word.word for word in context.words} for context in contexts]
    assert len(words[0] & words[1]) < min(map(len, words)) / 2


def test_what_is_printed_fits_a_terminal(detector: CVDD) -> None:
    (explanation,) = detector.explain(["The band on the ship played guitar. " * 300])
    shown = repr(explanation)
    assert len(shown) < 300
    assert "\n" not in shown
    assert "label=" in shown
    assert all(word in shown for word, _ in explanation.anomalous_words(3))
    assert "text='The band on the ship" in shown
    (empty,) = detector.explain([""])
    assert repr(empty).startswith("Explanation(label=0, not judged, ")
    assert "text=''" in repr(empty)
    contexts = repr(detector.contexts_)
    assert len(contexts.splitlines()) == len(detector.contexts_)
    assert max(map(len, contexts.splitlines())) < 200
    assert f"ContextSummary(0, share={detector.contexts_[0].share:.2f}" in contexts


def test_a_table_has_one_row_a_word(detector: CVDD, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    (explanation,) = detector.explain(["The band on the ship: the band played guitar"])
    table = explanation.to_frame()
    assert isinstance(table, pandas.DataFrame)
    assert table["word"].tolist() == explanation.words
    assert table["contribution"].sum() == pytest.approx(explanation.score, rel=1e-5)
    assert table["evidence"].sum() == pytest.approx(
        explanation.score - explanation.threshold, abs=1e-5
    )
    n_contexts = explanation.attention.shape[1]
    assert np.array_equal(
        table[[f"attention_{k}" for k in range(n_contexts)]].to_numpy(), explanation.attention
    )
    assert detector.explain([""])[0].to_frame().empty
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[pandas\]'"):
        explanation.to_frame()
