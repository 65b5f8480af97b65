"""What does not belong in a pile is found in it, judged by what did not learn from it."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from ten_languages import ARTICLE_1, shuffled
from texts import TOPICS, added_up, sentences

from textocl import DataError, Detector, TextoclWarning
from textocl.pile import Findings, find
from textocl.text.languages import LANGUAGES

SHIPS, MUSIC = sentences("ships", 100), sentences("music", 6)
# hidden music, two rows of nothing, a copy of music, another row of nothing, a copy of a ship
PILE = [*SHIPS, *MUSIC, "", "  \t", MUSIC[0].upper(), "\n\n", SHIPS[7]]
HIDDEN, UNJUDGED = [*range(100, 106), 108], [106, 107, 109]
RULES: list[dict[str, Any]] = [
    {}, {"top": 3}, {"top": 500}, {"budget": 0.05}, {"fdr": 0.5}, {"false_alarm_rate": 0.2},
]  # fmt: skip


@pytest.fixture(scope="module")
def findings() -> Findings:
    """Tests must not change it."""
    return find(PILE)


@pytest.fixture(scope="module")
def labelled() -> Findings:
    """Half of the music is known not to belong, and two documents to belong."""
    labels = [1, 1] + [0] * 101 + [-1] * 3
    return find(PILE[:106], labels, support_weight=0, language=None)


def numbers_of(values: np.ndarray) -> list[int]:
    return np.flatnonzero(values).tolist()


# --- what is found ---


def test_hidden_anomalies_are_found_and_nearly_nothing_else(findings: Findings) -> None:
    flagged = findings.flagged.tolist()
    assert set(HIDDEN) <= set(flagged)
    assert len(flagged) <= len(HIDDEN) + 2
    assert {PILE[i] for i in findings.oddest(6)} == set(MUSIC)


def test_scores_are_those_that_the_detector_gives_its_training_documents(
    findings: Findings,
) -> None:
    detector = findings.detector
    np.testing.assert_array_equal(findings.scores, detector.training_scores_)
    np.testing.assert_array_equal(findings.p_values, detector.training_p_values_)
    assert findings.texts == PILE
    assert len(findings) == len(PILE)


def test_ranks_go_by_score_and_copies_share_theirs(findings: Findings) -> None:
    ranks, scores = findings.ranks, findings.scores
    judged = np.flatnonzero(ranks)
    assert (ranks[108], ranks[110]) == (ranks[100], ranks[7])
    assert sorted(set(ranks[judged].tolist())) == list(range(1, 107))
    assert (np.diff(scores[judged[np.argsort(ranks[judged])]]) <= 0).all()
    rates = findings.false_discovery
    assert (np.diff(rates[judged[np.argsort(ranks[judged])]]) >= 0).all()
    assert (rates[108], rates[110]) == (rates[100], rates[7])
    assert findings.n_copies == 2


def test_what_cannot_be_judged_has_no_number_and_is_not_flagged(findings: Findings) -> None:
    for rule in RULES:
        judged = findings.rethreshold(**rule)
        assert numbers_of(judged.labels == 0) == UNJUDGED
        assert not np.isin(UNJUDGED, judged.flagged).any()
    for values in (findings.scores, findings.p_values, findings.false_discovery):
        assert numbers_of(np.isnan(values)) == UNJUDGED
    assert numbers_of(findings.ranks == 0) == UNJUDGED
    assert not np.isin(UNJUDGED, findings.oddest(500)).any()


def test_a_pile_is_summed_up_in_a_line(findings: Findings) -> None:
    assert findings.rethreshold(top=2).summary == (
        "2 of 111 documents flagged by the 2 with the highest scores; 2 are copies of others; "
        "3 not judged"
    )
    assert repr(findings) == f"<Findings: {findings.summary}>"


# --- what is flagged ---


def test_each_rule_flags_what_it_says(findings: Findings) -> None:
    ranks = findings.ranks
    for n in (1, 3, 20, 500):
        top = findings.rethreshold(top=n)
        assert numbers_of(top.labels == -1) == numbers_of((ranks > 0) & (ranks <= n))
    few = findings.rethreshold(budget=0.05).flagged.tolist()
    assert 5 <= len(few) <= round(0.05 * 111)  # five where a pair of copies would be one too many
    assert sorted(few) == numbers_of((ranks > 0) & (ranks <= ranks[few].max()))
    for rate in (0.01, 0.1, 0.9):
        by_fdr = findings.rethreshold(fdr=rate)
        assert numbers_of(by_fdr.labels == -1) == numbers_of(findings.false_discovery <= rate)
        by_alarms = findings.rethreshold(false_alarm_rate=rate)
        assert numbers_of(by_alarms.labels == -1) == numbers_of(findings.p_values <= rate)


def test_flagged_documents_come_most_anomalous_first_and_copies_together(
    findings: Findings,
) -> None:
    for rule in RULES:
        judged = findings.rethreshold(**rule)
        flagged = judged.flagged
        assert sorted(flagged.tolist()) == numbers_of(judged.labels == -1)
        assert (np.diff(judged.ranks[flagged]) >= 0).all()


def test_another_threshold_computes_nothing_again(
    findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for computes in ("fit", "_learn", "_scored", "_scored_embedded"):
        monkeypatch.setattr(Detector, computes, lambda *_: pytest.fail("computed again"))
    before = findings.labels.copy()
    for rule in RULES:
        judged = findings.rethreshold(**rule)
        assert judged.scores is findings.scores
        assert judged.detector is findings.detector
    assert (findings.labels == before).all()
    assert (findings.rethreshold().labels == findings.labels).all()
    with pytest.raises(DataError, match="choose one of"):
        findings.rethreshold(top=1, fdr=0.1)


# --- why ---


def test_an_explanation_has_the_score_out_of_sample(findings: Findings) -> None:
    chosen = [100, 0, 108]
    explanations = findings.explain(chosen)
    for i, explanation in zip(chosen, explanations, strict=True):
        assert explanation.text == PILE[i]
        assert explanation.score == findings.scores[i]
        assert explanation.p_value == findings.p_values[i]
        assert explanation.label == findings.labels[i]
    assert explanations[0].label == -1
    assert {word for word, _ in explanations[0].anomalous_words(2)} <= set(TOPICS["music"].split())
    assert findings.rethreshold(top=1).explain([0])[0].label == 1
    assert findings.explain([]) == []


def test_explanations_of_a_pile_add_up_to_the_scores_out_of_sample(findings: Findings) -> None:
    judged = np.flatnonzero(findings.ranks > 0)
    alone = findings.detector.explain([PILE[i] for i in judged])
    differs = 0
    for explanation, whole in zip(findings.explain(judged), alone, strict=True):
        excess = explanation.score - explanation.threshold
        assert added_up(explanation) == pytest.approx([explanation.score, excess, 1], abs=1e-3)
        assert np.argsort(-explanation.contributions / explanation.shares).tolist() == (
            np.argsort(-whole.contributions / whole.shares).tolist()
        )
        differs += abs(explanation.score - whole.score) > 0.05
    assert differs > 10


def test_kinds_cover_exactly_what_is_flagged(findings: Findings) -> None:
    for rule in RULES:
        judged = findings.rethreshold(**rule)
        of_kinds = [i for kind in judged.kinds for i in kind.documents.tolist()]
        assert sorted(of_kinds) == sorted(judged.flagged.tolist())
    assert findings.kinds[0].documents.tolist() == [
        i for i in findings.flagged if i in findings.kinds[0].documents
    ]
    assert set(findings.kinds[0].words[:3]) <= set(TOPICS["music"].split())
    assert findings.rethreshold(fdr=1e-12).kinds == []


LOUD = "SHIP PORT NOW!!! CALL 0800 1234567 OR 0900 7654321 £££"


@pytest.fixture(scope="module")
def loud() -> Findings:
    """Three documents that are loud, the last a copy, and music."""
    return find([*SHIPS, *MUSIC, LOUD, LOUD.replace("SHIP", "TANKER"), LOUD], top=8)


def test_what_is_odd_by_form_is_a_kind_named_by_it(loud: Findings) -> None:
    of_form = [kind for kind in loud.kinds if kind.form]
    assert [sorted(kind.documents.tolist()) for kind in of_form] == [[106, 107, 108]]
    (kind,) = of_form
    assert kind.words == []
    assert "capitals" in kind.form
    assert kind.name.startswith("odd by form: ")
    of_words = [kind for kind in loud.kinds if not kind.form]
    assert sorted(i for kind in of_words for i in kind.documents) == [*range(100, 106)]
    assert set(of_words[0].words[:3]) <= set(TOPICS["music"].split())
    sizes = [len(kind.documents) for kind in loud.kinds]
    assert sizes == sorted(sizes, reverse=True)


def test_flagged_documents_have_their_words_and_form_in_a_table(loud: Findings) -> None:
    columns = loud.columns()
    flagged = set(loud.flagged.tolist())
    explained = dict(zip(loud.flagged, loud.explain(loud.flagged), strict=True))
    for i in range(len(loud)):
        words, form = columns["words"][i], columns["form"][i]
        if i not in flagged:
            assert words is form is None
            continue
        assert (words or "").split(", ") == (explained[i].reasons() or [""])
        assert (form or "").split("; ") == (explained[i].form_reasons() or [""])
    assert "capitals" in columns["form"][106]
    assert columns["form"][108] == columns["form"][106]


# --- tables ---


def test_columns_say_of_each_document_what_the_arrays_do(findings: Findings) -> None:
    columns = findings.columns()
    assert all(len(values) == len(PILE) for values in columns.values())
    assert columns["score"][:5] == findings.scores[:5].tolist()
    for name in ("rank", "score", "p_value", "false_discovery_rate"):
        assert [i for i, value in enumerate(columns[name]) if value is None] == UNJUDGED
    assert {columns["status"][i] for i in UNJUDGED} == {"not judged"}
    flagged = [i for i, status in enumerate(columns["status"]) if status == "anomalous"]
    assert flagged == sorted(findings.flagged.tolist())
    assert [i for i, kind in enumerate(columns["kind"]) if kind is not None] == flagged
    copies = {i: first for i, first in enumerate(columns["copy_of"]) if first is not None}
    assert copies == {107: 106, 108: 100, 109: 106, 110: 7}


def test_a_frame_has_the_texts_and_their_columns(
    findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    frame = findings.to_frame()
    assert list(frame.columns) == ["text", *findings.columns()]
    assert frame["text"].tolist() == PILE
    assert frame["status"].tolist() == findings.columns()["status"]
    assert frame["score"].isna().to_numpy().nonzero()[0].tolist() == UNJUDGED
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"Findings\.to_frame"):
        findings.to_frame()


# --- what is known ---


def test_what_is_labelled_not_to_belong_is_flagged_without_a_rank(labelled: Findings) -> None:
    for rule in ({}, {"top": 1}):
        judged = labelled.rethreshold(**rule)
        assert (judged.labels[103:] == -1).all()
        assert (judged.ranks[103:] == 0).all()
        assert np.isnan(judged.scores[103:]).all()
        assert not np.isin([103, 104, 105], judged.flagged).any()
    assert labelled.columns()["status"][103:] == ["anomalous"] * 3
    assert set(labelled.flagged[:3].tolist()) == {100, 101, 102}
    assert not np.isin([0, 1], labelled.detector.suspected_).any()


def test_a_detector_that_is_given_has_its_own_parameters(labelled: Findings) -> None:
    detector = Detector(support_weight=0, language=None)
    same = find(PILE[:106], [1, 1] + [0] * 101 + [-1] * 3, detector=detector, top=2)
    assert same.detector is detector
    np.testing.assert_array_equal(same.scores, labelled.scores)
    with pytest.raises(DataError, match="give n_contexts, language to the detector itself"):
        find(PILE, detector=detector, n_contexts=2, language=None)


# --- piles of any kind ---


@pytest.mark.parametrize(
    ("pile", "message"),
    [
        ([], "^expected documents, got none"),
        (SHIPS[:5], "at least 10 different normal documents, got 5"),
        ([SHIPS[0]] * 1000, r"got 1.* 999 of 1,000 documents are copies of others"),
        (["", " "] * 30, "59 of 60 documents are copies of others"),
        ([*SHIPS[:8], *["12"] * 20], r"got 9.* 19 of 28 documents are copies"),
        ("one text", "a single str"),
    ],
)
def test_a_pile_of_too_little_is_refused_with_the_reason(pile: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find(pile)


def test_a_rule_that_is_wrong_is_refused_before_anything_is_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Detector, "fit", lambda *_: pytest.fail("learned"))
    for rule in ({"top": 0}, {"budget": 2.0}, {"top": 1, "budget": 0.1}):
        with pytest.raises(DataError):
            find(PILE, **rule)


def test_a_pile_that_is_mostly_copies_and_empty_rows_is_judged_by_the_rest() -> None:
    pile = [*SHIPS[:40], *[SHIPS[0]] * 200, *[""] * 100, *MUSIC[:2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error", TextoclWarning)  # copies and empty rows are in the findings
        findings = find(pile, top=2, language=None)
    assert sorted(findings.flagged.tolist()) == [340, 341]
    assert findings.n_copies == 200
    assert numbers_of(findings.labels == 0) == list(range(240, 340))
    assert len(set(findings.ranks[[0, *range(40, 240)]].tolist())) == 1


def test_texts_of_other_languages_are_found() -> None:
    german = ["Das Schiff liegt im Hafen", "Der Kapitän trinkt seinen Kaffee auf der Brücke"]
    others = ["船在港口等待货物。", "Корабль стоит в порту и ждёт груза"]
    pile, alone = [*SHIPS[:60], *german, *others], {"top": 4, "support_weight": 0}
    findings = find(pile, **alone)
    assert sorted(findings.flagged.tolist()) == [60, 61, 62, 63]
    foreign = [kind for kind in findings.kinds if {62, 63} <= set(kind.documents.tolist())]
    assert "foreign letters" in foreign[0].name
    everything = find(pile, **alone, tokenization="unicode", language=None)
    assert sorted(everything.flagged.tolist()) == [60, 61, 62, 63]


@pytest.mark.parametrize("code", ["de", "fr", "ru", "zh", "th"])
def test_documents_in_another_language_are_a_kind_named_by_it(code: str) -> None:
    odd = [f"{ARTICLE_1[code]} {text}" for text in shuffled(code, 5)]
    findings = find([*SHIPS[:60], *odd, LOUD], top=6, support_weight=0)
    assert set(findings.flagged.tolist()) == {*range(60, 66)}
    (kind,) = [one for one in findings.kinds if one.language]
    assert sorted(kind.documents.tolist()) == [*range(60, 65)]
    assert kind.name.startswith(f"in {LANGUAGES[code]}")
    assert findings.columns()["kind"][60] == kind.name


def test_the_language_of_the_pile_itself_names_no_kind() -> None:
    german = [text.lower() for text in shuffled("de", 60)]
    odd = sentences("music", 3, seed=5)
    findings = find([*german, *odd, shuffled("de", 1)[0].upper()], top=4, support_weight=0)
    assert {60, 61, 62} < set(findings.flagged.tolist())
    assert not any(kind.language == "German" for kind in findings.kinds)


def test_an_empty_row_is_not_judged_wherever_texts_without_a_word_stand() -> None:
    ships = sentences("ships", 60)
    for odd in (["", "👍", "∂∂∂"], ["∂∂∂", "👍", ""]):
        findings = find(ships + odd, top=2)
        assert {(ships + odd)[i] for i in findings.flagged} == {"👍", "∂∂∂"}
