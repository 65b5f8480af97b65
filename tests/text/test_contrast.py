"""Contrastive words are those of the group, whatever single documents do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.text.contrast import WordPresence
from textocl.text.tokenization import make_tokenizer

WORDS = ["oil", "ship", "wheat", "corn", "the", "and"]


def presence(texts: list[str], tokenization: str = "english") -> WordPresence:
    return WordPresence.of(texts, make_tokenizer(tokenization))


def test_words_of_the_group_come_first_and_words_of_all_not_at_all() -> None:
    pile = presence(
        ["said oil crude", "said oil crude", "said oil", "said oil tanker"] + ["said wheat"] * 6
    )
    assert pile.contrastive(np.arange(4)) == ["oil", "crude"]  # one document alone has the tanker
    assert pile.contrastive(np.arange(4), n=1) == ["oil"]
    assert pile.contrastive(np.arange(4, 10)) == ["wheat"]


def test_one_document_does_not_dominate_by_repeating_a_word() -> None:
    pile = presence(["wow " * 1000 + "oil", "oil", "oil"] + ["wheat"] * 3)
    assert pile.contrastive(np.arange(3)) == ["oil"]
    assert pile.contrastive(np.arange(1)) == ["wow", "oil"]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=6), min_size=1, max_size=12),
    st.data(),
)
def test_weights_are_those_of_the_formula(documents: list[list[str]], data: st.DataObject) -> None:
    numbers = st.integers(0, len(documents) - 1)
    members = sorted(data.draw(st.sets(numbers)))
    against = sorted(
        data.draw(st.none() | st.sets(numbers)) or set(range(len(documents))) - set(members)
    )
    weights = {}
    for word in ("corn", "oil", "ship", "wheat"):  # the others are stopwords
        held = sum(word in documents[i] for i in members)
        rest = max(sum(word in documents[i] for i in against), 0.5) / max(len(against), 1)
        if 0 < held >= min(len(members), 2) and held / len(members) > rest:
            weights[word] = held / len(members) * np.log(held / len(members) / rest)
    pile = presence([" ".join(words) for words in documents])
    found = pile.contrastive(np.array(members, int), against=np.array(against, int))
    assert set(found) == set(weights)
    assert [weights[w] for w in found] == pytest.approx(sorted(weights.values(), reverse=True))


def test_ties_are_alphabetical_and_words_are_only_compared_with_those_given() -> None:
    pile = presence(["zebra apple mango", "mango", "mango", "pear"])
    assert pile.contrastive(np.array([0])) == ["apple", "zebra", "mango"]
    assert pile.contrastive(np.array([0]), against=np.array([3])) == ["apple", "mango", "zebra"]


def test_stopwords_and_digits_name_nothing_in_any_alphabet() -> None:
    assert presence(["the oil 1987 12", "wheat"]).contrastive(np.array([0])) == ["oil"]
    assert presence(["Zwölf 1987 ٣٤", "wheat"], "unicode").contrastive(np.array([0])) == ["zwölf"]


def test_nothing_is_named_where_there_is_nothing() -> None:
    none = np.empty(0, np.int64)
    assert presence([]).contrastive(none) == []
    assert presence(["", "12"]).contrastive(np.array([0])) == []
    assert presence(["oil", "oil"]).contrastive(none) == []
    assert presence(["oil", "oil"]).contrastive(np.array([0])) == []


def test_a_document_longer_than_a_slice_counts_a_word_once() -> None:
    pile = presence(["oil wheat " * 120_000, "oil"])
    assert pile.incidence.toarray().tolist() == [[1, 1], [1, 0]]
