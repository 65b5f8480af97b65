"""The word likelihood is the formula it states, and says what it cannot do."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wordfreq
from texts import sentences

import textocl
from textocl import DataError, FormatError, TextoclWarning, WordLikelihood
from textocl.core.metrics import evaluate
from textocl.text.tokenization import EnglishTokenizer

WORDS = EnglishTokenizer().words
ALL: dict[str, Any] = {"calibration": "training"}


def naive_ratios(texts: list[str], mixture: float, min_documents: int) -> dict[str, float]:
    """ρ_w of every word of the training documents, one word at a time."""
    weights = {}
    for word in {word for text in texts for word in WORDS(text)}:
        counts = [n for n in (WORDS(text).count(word) for text in texts) if n]
        damped = sum(math.log(1 + n) for n in counts) - 0.5
        weights[word] = damped if len(counts) >= min_documents else 0.0
    total = sum(weights.values())
    general = {w: max(wordfreq.get_frequency_dict("en").get(w, 0), 1e-8) for w in weights}
    return {
        word: math.log(1 + mixture / (1 - mixture) * (weight / total) / general[word])
        for word, weight in weights.items()
    }


def naive_score(text: str, ratios: dict[str, float], general: set[str]) -> float:
    numerator = denominator = 0.0
    for word, n in Counter(WORDS(text)).items():
        if word in ratios or word in general:
            numerator += math.log(1 + n) * ratios.get(word, 0.0)
            denominator += math.log(1 + n)
    return -numerator / denominator if denominator else 0.0


@pytest.mark.parametrize(("mixture", "min_documents"), [(0.5, 2), (0.1, 1), (0.9, 3)])
def test_scores_are_those_of_a_loop_over_words(
    ships: list[str], mixed: list[str], mixture: float, min_documents: int
) -> None:
    detector = WordLikelihood(
        mixture=mixture, min_documents=min_documents, n_general_words=3000, **ALL
    ).fit([*ships, "ship zorblax ship"])
    ratios = naive_ratios([*ships, "ship zorblax ship"], mixture, min_documents)
    general = set(wordfreq.top_n_list("en", 3000))
    expected = [naive_score(text, ratios, general) for text in mixed]
    assert detector.anomaly_score(mixed).tolist() == pytest.approx(expected, rel=1e-5)
    learned = dict(zip(detector.words_, detector.log_ratios_.tolist(), strict=True))
    assert {word: learned[word] for word in ratios} == pytest.approx(ratios, rel=1e-5)
    assert all(learned[word] == 0 for word in set(learned) - set(ratios))


def test_a_score_worked_by_hand() -> None:
    # no list knows zorblax: its share in general language is 1e-8; here it is everything
    detector = WordLikelihood(min_documents=1, n_general_words=500, false_alarm_rate=0.5, **ALL)
    detector.fit(["zorblax", "zorblax zorblax"])
    ratio = math.log(1 + 1e8)
    scores = detector.anomaly_score(
        ["zorblax", "zorblax people", "zorblax zorblax people", "people"]
    )
    expected = [-ratio, -ratio / 2, -ratio * math.log(3) / (math.log(3) + math.log(2)), 0]
    assert scores.tolist() == pytest.approx(expected, rel=1e-6)


def test_a_word_of_too_few_documents_is_worth_nothing() -> None:
    texts = [f"tanker port {n}" for n in range(5)] + ["guitar guitar guitar"]
    detector = WordLikelihood(n_general_words=0, **ALL, false_alarm_rate=0.5).fit(texts)
    worth = dict(zip(detector.words_, detector.log_ratios_.tolist(), strict=True))
    assert worth["guitar"] == 0
    assert worth["tanker"] > 5
    with pytest.raises(DataError, match="no word occurs in 7 of 6 documents"):
        WordLikelihood(min_documents=7, **ALL).fit(texts)


def test_general_words_are_evidence_against_a_document(ships: list[str]) -> None:
    few = WordLikelihood(n_general_words=0, **ALL).fit(ships)
    many = WordLikelihood(n_general_words=20_000, **ALL).fit(ships)
    text = "the ship and its guitar, piano and violin"
    assert few.anomaly_score([text])[0] < many.anomaly_score([text])[0] < 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"language": None}, "language must be a code such as 'en', got None"),
        ({"language": "xx"}, "no word frequencies for language 'xx'"),
        ({"mixture": 0}, r"mixture must be in \(0, 1\)"),
        ({"mixture": 1.0}, "mixture must be in"),
        ({"min_documents": 0}, "min_documents must be an integer of at least 1"),
        ({"n_general_words": -1}, "n_general_words must be"),
        ({"tokenization": "bpe"}, "tokenization must be one of"),
        ({"calibration": "none"}, "calibration must be one of 'split', 'training', 'cross'"),
    ],
)
def test_wrong_parameters_are_named(
    ships: list[str], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        WordLikelihood(**parameters).fit(ships)


def test_known_anomalies_are_left_out(ships: list[str], mixed: list[str]) -> None:
    music = sentences("music", 60)
    labels = [1] * len(ships) + [-1] * len(music)
    with pytest.warns(TextoclWarning, match="60 documents labelled -1 were left out"):
        with_them = WordLikelihood().fit(ships + music, labels)
    assert (
        with_them.anomaly_score(mixed) == WordLikelihood().fit(ships).anomaly_score(mixed)
    ).all()


def test_a_corpus_without_words_is_refused() -> None:
    with pytest.raises(DataError, match="no word is left of 3 documents"):
        WordLikelihood().fit(["13", "12", "a of", "14", "of a the"])
    with pytest.raises(DataError, match="expected normal documents, got none"):
        WordLikelihood().fit([])


def test_contributions_are_exact(ships: list[str], mixed: list[str]) -> None:
    detector = WordLikelihood().fit(ships)
    worth = dict(zip(detector.words_, detector.log_ratios_.tolist(), strict=True))
    for text, explanation in zip(mixed, detector.explain(mixed), strict=True):
        weights = {w: math.log(1 + n) for w, n in Counter(WORDS(text)).items() if w in worth}
        expected = [-worth[w] * weights[w] / sum(weights.values()) for w in explanation.words]
        assert explanation.contributions.tolist() == pytest.approx(expected, rel=1e-5)
        assert explanation.contributions.sum() == pytest.approx(explanation.score, rel=1e-5)


def test_an_unknown_document_scores_0_the_worst(ships: list[str], mixed: list[str]) -> None:
    detector = WordLikelihood().fit(ships)
    with pytest.warns(TextoclWarning, match="1 of 1 documents have no known word"):
        assert detector.anomaly_score(["12 qqqqqzzz"]).tolist() == [0.0]
    scores = detector.anomaly_score(mixed)
    assert (scores <= 0).all()
    assert evaluate(scores, np.repeat([False, True], 40)).auc > 0.99


def test_a_loaded_detector_is_the_same_and_a_damaged_one_refused(
    ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = WordLikelihood(n_general_words=500).fit(ships)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert isinstance(loaded, WordLikelihood)
    assert loaded.anomaly_score(mixed).tobytes() == detector.anomaly_score(mixed).tobytes()
    assert loaded.words_ == detector.words_
    files = detector._to_files()
    twice = np.frombuffer("\n".join(["ship"] * len(detector.words_)).encode(), np.uint8)
    for name, array in (("words", twice), ("calibration_scores", np.empty(0, np.float32))):
        damaged = detector._to_files()
        damaged.arrays[name] = array
        with pytest.raises(FormatError, match="twice|no calibration scores"):
            WordLikelihood(tokenization="english")._from_files(damaged)
    WordLikelihood(tokenization="english")._from_files(files)
