"""Which words a model knows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from textocl import DataError, TextoclWarning, load_embedding
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.vocabulary import build_vocabulary, count_words, frequent_words, most_used

VECTORS = load_embedding({w: [i + 1.0, 1.0] for i, w in enumerate(["ship", "port", "people"])})


def build(texts: list[str], **changes: Any) -> Any:
    settings = {
        "language": "en",
        "n_general_words": 1000,
        "n_training_words": 100,
        "standardized": False,
        "frequency_damping": None,
    }
    vectors = changes.pop("vectors", VECTORS)
    return build_vocabulary(texts, EnglishTokenizer(), vectors, **{**settings, **changes})


def test_training_words_come_first_then_general_ones_with_a_vector() -> None:
    vocabulary = build(["port ship port", "zeppelin"])
    assert vocabulary.words == ["port", "ship", "people"]
    assert vocabulary.index.rows(["people", "port", "bank"]).tolist() == [2, 0, -1]
    assert vocabulary.table.tolist() == [[2, 1], [1, 1], [3, 1]]
    assert vocabulary.table.dtype == np.float16


def test_without_a_language_only_training_words() -> None:
    assert build(["port ship"], language=None).words == ["port", "ship"]


def test_the_most_frequent_training_words_are_kept() -> None:
    vocabulary = build(["port ship port"], n_training_words=1, n_general_words=0)
    assert vocabulary.words == ["port"]


def test_general_words_are_damped_by_their_frequency() -> None:
    plain, damped = build(["ship people"]), build(["ship people"], frequency_damping=1e-4)
    ratio = damped.table[:, 0] / plain.table[:, 0]
    assert ratio[plain.index["people"]] < 0.2 < ratio[plain.index["ship"]] < 1


def test_counts_leave_out_what_no_vocabulary_keeps() -> None:
    counts = count_words(["the ship of the port", "Ship 12"], EnglishTokenizer())
    assert counts == {"ship": 2, "port": 1}


def test_frequent_words_are_kept_by_the_tokenizer() -> None:
    words = frequent_words("en", 500, EnglishTokenizer())
    assert "people" in words
    assert "the" not in words
    assert frequent_words(None, 500, EnglishTokenizer()) == []


def test_vectors_too_large_to_store_are_refused() -> None:
    source = load_embedding({"ship": [1e6, 1.0]})
    with pytest.raises(DataError, match="beyond ±65,504"):
        build_vocabulary(
            ["ship"], EnglishTokenizer(), source, language=None, n_general_words=0,
            n_training_words=9, standardized=False, frequency_damping=None,
        )  # fmt: skip


def _texts_and_vectors(n_words: int, n_unknown: int, each: int) -> tuple[list[str], dict]:
    words = [f"{first}{second}word" for first in "abcdefghij" for second in "klmnopqrst"][:n_words]
    vectors = {word: np.ones(2) for word in words[n_unknown:]}
    return [word for word in words for _ in range(each)], vectors


@pytest.mark.parametrize(("n_words", "n_unknown", "each"), [(40, 2, 5), (40, 9, 4), (40, 0, 9)])
def test_few_or_rare_words_without_a_vector_need_no_warning(
    n_words: int, n_unknown: int, each: int
) -> None:
    texts, vectors = _texts_and_vectors(n_words, n_unknown, each)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            len(build(texts, vectors=load_embedding(vectors), language=None)) == n_words - n_unknown
        )


def test_frequent_words_without_a_vector_are_counted() -> None:
    texts, vectors = _texts_and_vectors(40, 7, 5)
    message = (
        "7 of the 40 most frequent words have no vector in 'vectors in memory' and do not count, "
        "such as 'akword', 'alword', 'amword', 'anword', 'aoword'"
    )
    with pytest.warns(TextoclWarning, match=message):
        build(texts, vectors=load_embedding(vectors), language=None)


def test_words_that_are_used_most_are_kept() -> None:
    words = ["tanker", "freighter", "harbour", "zzyzx", "ship", "time", "xylem"]
    assert most_used(words, 3, None).tolist() == [0, 1, 2]  # as the documents have them
    # of general language "time" is the most frequent, then "ship"
    assert [words[i] for i in most_used(words, 3, "en")] == ["tanker", "freighter", "time"]
    assert most_used(words, 99, "en").tolist() == list(range(7))
