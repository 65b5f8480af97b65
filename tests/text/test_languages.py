"""Languages are told by their words, and what "auto" stands for is settled by a fit."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from ten_languages import ARTICLE_1, shuffled

import textocl
from textocl import CVDD, KDE, DataError, Detector, WordLikelihood
from textocl.core.exceptions import TextoclWarning
from textocl.text.languages import (
    _BY_SCRIPT,
    LANGUAGES,
    _frequent_words,
    detect_language,
    other_languages,
    settled,
)

SMALL = {"n_contexts": 2, "n_general_words": 500, "n_epochs": 1}


@pytest.mark.parametrize("code", ARTICLE_1)
def test_one_sentence_tells_its_language(code: str) -> None:
    assert detect_language([ARTICLE_1[code]]) == code


@pytest.mark.parametrize(
    "texts",
    [
        ["a tanker left port", "the cargo ship sank"],
        ["Shr 23 cts vs 18 cts", "Net 509,144 vs 406,000 LT"],
        ["die", "der Tanker"],  # too little to tell
        ["", "1234", "?"],
        [],
    ],
)
def test_where_latin_letters_leave_it_open_it_is_english(texts: list[str]) -> None:
    assert settled("auto", "auto", texts) == ("english", "en")


@pytest.mark.parametrize("code", ARTICLE_1)
def test_a_document_in_another_language_than_the_corpus_is_named(
    code: str, ships: list[str]
) -> None:
    name = LANGUAGES[code]
    assert other_languages([ARTICLE_1[code], ships[0]], ships) == [name, None]
    english = (
        " ".join(ships[:3]) + " and the crew of the other ship did not know what to do with it"
    )
    assert other_languages([english, ARTICLE_1[code]], [ARTICLE_1[code]]) == ["English", None]


def test_a_few_words_and_signs_do_not_tell_another_language(ships: list[str]) -> None:
    texts = [
        "die",
        "der Tanker",
        "港口",
        "Shr 23 cts vs 18 cts",
        "qwx zzkt vrrp " * 30,
        "1 ? !",
        "",
    ]
    for corpus in (ships, [ARTICLE_1["pl"]], [ARTICLE_1["ru"]], [ARTICLE_1["th"]]):
        assert other_languages(texts, corpus) == [None] * 7


def test_every_language_that_can_be_told_has_a_name() -> None:
    assert LANGUAGES.keys() == _frequent_words().keys() | _BY_SCRIPT.keys()


def test_a_few_foreign_documents_change_nothing(ships: list[str]) -> None:
    assert settled("auto", "auto", [*ships, ARTICLE_1["de"], ARTICLE_1["ru"]]) == ("english", "en")


def test_many_foreign_words_are_not_cut_as_english(ships: list[str]) -> None:
    mixed = ships + [ARTICLE_1["pl"]] * (len(ships) // 6)
    assert settled("auto", "auto", mixed) == ("unicode", "en")


@pytest.mark.parametrize(
    ("tokenization", "language", "code", "expected"),
    [
        ("auto", "auto", "de", ("unicode", "de")),
        ("auto", "auto", "ja", ("characters", "ja")),
        ("auto", "auto", "th", ("characters", None)),
        ("auto", None, "de", ("unicode", None)),
        ("auto", "fr", "de", ("unicode", "fr")),
        ("english", "auto", "de", ("english", "de")),
        ("unicode", "en", "zh", ("unicode", "en")),
    ],
)
def test_what_is_given_stays(
    tokenization: str, language: str | None, code: str, expected: tuple[str, str | None]
) -> None:
    assert settled(tokenization, language, [ARTICLE_1[code]]) == expected


def test_letters_that_no_word_list_knows_have_no_language() -> None:
    text = "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით"
    assert settled("auto", "auto", [text]) == ("unicode", None)
    with pytest.raises(DataError, match="none that has a word list"):
        WordLikelihood().fit([text] * 3)


def test_scores_of_english_are_those_of_the_settings_for_english(
    ships: list[str], mixed: list[str]
) -> None:
    named = {"tokenization": "english", "language": "en"}
    for kind, parameters in ((CVDD, SMALL), (KDE, {}), (WordLikelihood, {}), (Detector, {})):
        found, given = kind(**parameters), kind(**parameters, **named)
        scores = [detector.fit(ships).anomaly_score(mixed) for detector in (found, given)]
        np.testing.assert_array_equal(*scores)
        assert found.threshold_ == given.threshold_
        assert found.get_params()["language"] == "auto"
        assert named.items() <= found.fit_params_.items()


def test_a_model_keeps_what_was_found(tmp_path: Path) -> None:
    texts = shuffled("de", 60)
    detector = CVDD(**SMALL).fit(texts)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.fit_params_["tokenization"] == "unicode"
    assert loaded.fit_params_["language"] == "de"
    english = ["a tanker left port"]
    np.testing.assert_array_equal(
        loaded.anomaly_score(texts + english), detector.anomaly_score(texts + english)
    )


def test_a_language_that_is_cut_to_pieces_is_warned_of(ships: list[str]) -> None:
    with pytest.warns(TextoclWarning, match="tokenization='english' cuts them to pieces"):
        CVDD(**SMALL, tokenization="english").fit(shuffled("de", 60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CVDD(**SMALL, tokenization="english").fit(ships)


def test_the_commonest_words_of_a_language_have_no_vector() -> None:
    words = CVDD(**SMALL).fit(shuffled("de", 60)).vocabulary_.words
    assert {"würde", "menschen", "vernunft"} <= set(words)
    assert not {"und", "sind", "sie", "mit"} & set(words)


def test_an_unknown_tokenization_is_refused_before_anything_is_read() -> None:
    for kind in (CVDD, KDE, WordLikelihood, Detector):
        with pytest.raises(DataError, match="'auto', 'english', 'unicode', 'characters'"):
            kind(tokenization="klingon").fit(["a ship"])
