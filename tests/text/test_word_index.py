"""Looking words up in a buffer equals looking them up in a dictionary, for any words."""

from __future__ import annotations

import string

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textocl.text import word_index
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.word_index import LETTERS_AT_ONCE, WordIndex

# few letters, all lengths around the edges at 8 and 16: many near misses
words = st.text("abz", min_size=1, max_size=20)


def look_up(index: WordIndex, tokens: list[str]) -> list[int]:
    buffer = (" ".join(tokens) + " " * (LETTERS_AT_ONCE + 1)).encode()
    lengths = np.array([len(token) for token in tokens], np.int64)
    starts = np.cumsum(lengths + 1) - lengths - 1
    return index.rows_in(buffer, starts, lengths).tolist()


@given(st.lists(words, unique=True, max_size=30), st.lists(words, max_size=30))
def test_rows_in_a_buffer_equal_those_of_a_dictionary(known: list[str], asked: list[str]) -> None:
    index = WordIndex(known)
    tokens = asked + known
    expected = [known.index(token) if token in known else -1 for token in tokens]
    assert look_up(index, tokens) == index.rows(tokens).tolist() == expected


def test_words_that_share_a_slot_are_told_apart() -> None:
    known = [a + b + c for a in string.ascii_lowercase for b in "xyz" for c in "klm"]

    class Crowded(WordIndex):
        def _slots_of(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.zeros(len(first), np.int64) + self._last_slot - 3  # and around the end

    index = Crowded(known)
    assert look_up(index, [*known, "qqq"]) == [*range(len(known)), -1]


def test_a_prefix_or_an_extension_of_a_known_word_is_another_word() -> None:
    known = ["internat", "internation", "internationalise", "internationalised"]
    asked = ["intern", "internati", "internationa", "internationalis", "internationalisedx"]
    assert look_up(WordIndex(known), known + asked) == [0, 1, 2, 3] + [-1] * 5


@given(st.lists(st.text("abz É1", max_size=25), max_size=6), st.lists(words, unique=True))
def test_the_english_tokenizer_looks_up_what_it_cuts(texts: list[str], known: list[str]) -> None:
    tokenizer = EnglishTokenizer()
    known = [word for word in known if tokenizer.keeps(word)]
    index = WordIndex(known)
    fast = [
        (r, d)
        for rows, docs in tokenizer.look_up(texts, index)
        for r, d in zip(rows, docs, strict=True)
    ]
    plain = [
        (known.index(word), document)
        for words_, documents in tokenizer.cut(texts)
        for word, document in zip(words_, documents, strict=True)
        if word in known
    ]
    assert fast == plain


def test_an_empty_index_knows_nothing() -> None:
    assert look_up(WordIndex([]), ["oil"]) == [-1]
    assert word_index.WordIndex([]).rows([]).tolist() == []
