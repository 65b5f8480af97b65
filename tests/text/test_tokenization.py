"""Words are cut as documented, however texts are grouped, sliced, or hostile."""

from __future__ import annotations

import re
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.core.exceptions import DataError
from textocl.text import tokenization
from textocl.text.stopwords import ENGLISH_STOPWORDS
from textocl.text.tokenization import (
    CharactersTokenizer,
    EnglishTokenizer,
    UnicodeTokenizer,
    make_tokenizer,
)

any_text = st.text(st.characters(), max_size=60) | st.text(
    "aBz -'1é\u212a\u0130\n\x00", max_size=60
)


def naive_english(text: str) -> list[str]:
    """Lower-case ASCII letters, everything else separates, short words and stopwords go."""
    cleaned = "".join(c.lower() if "a" <= c.lower() <= "z" and c.isascii() else " " for c in text)
    return [w for w in cleaned.split() if len(w) >= 3 and w not in ENGLISH_STOPWORDS]


def cut_by_document(tokenizer: tokenization.Tokenizer, texts: list[str]) -> list[list[str]]:
    words: list[list[str]] = [[] for _ in texts]
    for part in tokenizer.cut(texts):
        assert len(part.words) == len(part.documents)
        for word, document in zip(part.words, part.documents.tolist(), strict=True):
            if tokenizer.keeps(word):
                words[document].append(word)
    return words


@given(st.lists(any_text, max_size=8))
def test_english_words_equal_the_naive_form_for_any_texts(texts: list[str]) -> None:
    assert cut_by_document(EnglishTokenizer(), texts) == [naive_english(t) for t in texts]


@pytest.mark.parametrize("tokenizer", [EnglishTokenizer(), UnicodeTokenizer()])
@given(text=any_text)
def test_spans_are_the_words_in_their_places(tokenizer: tokenization.Tokenizer, text: str) -> None:
    spans = tokenizer.spans(text)
    assert [span.word for span in spans] == tokenizer.words(text)
    found = [text[span.start : span.end].lower() for span in spans]
    assert [normalize("NFC", word) for word in found] == [span.word for span in spans]


@given(st.lists(any_text, max_size=6))
def test_slicing_long_texts_changes_nothing(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenization, "_SLICE", 7)
        small = cut_by_document(EnglishTokenizer(), texts)
        small_unicode = cut_by_document(UnicodeTokenizer(), texts)
    assert small == cut_by_document(EnglishTokenizer(), texts)
    assert small_unicode == cut_by_document(UnicodeTokenizer(), texts)


def test_a_huge_document_without_any_separator_is_one_word() -> None:
    words = EnglishTokenizer().words("x" * (3 << 20))
    assert [len(word) for word in words] == [3 << 20]


def test_the_kelvin_sign_and_the_dotted_i_separate_words() -> None:
    # str.lower makes ASCII letters of both; an exported graph does not
    assert EnglishTokenizer().words("cara\u212avan \u0130stanbul") == ["cara", "van", "stanbul"]


def test_only_lower_case_letters_may_enter_an_english_vocabulary() -> None:
    tokenizer = EnglishTokenizer()
    assert tokenizer.keeps("ship")
    for word in ("of", "the", "Ship", "naïve", "don't", "b2b", ""):
        assert not tokenizer.keeps(word)
    assert all(re.fullmatch("[a-z]{3,}", word) for word in ENGLISH_STOPWORDS)


def test_unicode_words_of_other_alphabets() -> None:
    assert UnicodeTokenizer().words("Привет, мир! Ελλάδα_2") == ["привет", "мир", "ελλάδα"]


def test_marks_belong_to_their_letters() -> None:
    assert UnicodeTokenizer().words("हिन्दी भाषा cafe\u0301s") == ["हिन्दी", "भाषा", "cafés"]
    assert not UnicodeTokenizer().keeps("don't")


def test_what_is_written_without_spaces_is_cut_by_characters() -> None:
    words = CharactersTokenizer().words
    assert words("船はロンドン港へ。Die Fähre") == [
        "船",
        "は",
        "ロンドン",
        "港",
        "へ",
        "die",
        "fähre",
    ]
    assert words("เรือออกจากท่า") == ["เรื", "อ", "อ", "อ", "ก", "จา", "ก", "ท่า"]
    assert words("한국어 텍스트") == ["한국어", "텍스트"]


@pytest.mark.parametrize("kind", [UnicodeTokenizer, CharactersTokenizer])
def test_explicit_ranges_are_the_same_pattern(kind: type[UnicodeTokenizer]) -> None:
    explicit = re.compile(
        re.sub(r"\\x\{(\w+)\}", lambda m: re.escape(chr(int(m[1], 16))), kind().explicit_pattern())
    )
    for text in (
        "Zwölf हिन्दी 1ª x²",
        "船はロンドン港ーへ々〆",
        "ភាសាខ្មែរ မြန်မာ ลาว ເຮືອ",
        "𝒜𠀀𐐀\U000e0100",
    ):
        assert [m.group().lower() for m in explicit.finditer(text)] == [
            text[span.start : span.end].lower() for span in kind().spans(text)
        ]


def test_forms_of_a_word_are_those_that_fold_into_it() -> None:
    assert UnicodeTokenizer().written("fähre")[:2] == ["fähre", "Fähre"]
    assert "FÄHRE" in UnicodeTokenizer().written("fähre")
    assert "STRASSE" not in UnicodeTokenizer().written("straße")


def test_an_unknown_tokenization_names_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"'english', 'unicode', 'characters'; got str 'klingon'"):
        make_tokenizer("klingon")
