"""Pooled vectors against naive loops, and idf against scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from textocl.text import pooling
from textocl.text.documents import PackedDocuments, pack
from textocl.text.pooling import POOLINGS, inverse_document_frequency, lead_weights, pool
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.word_index import WordIndex

TABLE = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float16)


def made_up(lengths: list[int], seed: int = 0) -> PackedDocuments:
    random = np.random.default_rng(seed)
    rows = [np.sort(random.choice(12, length, replace=False)) for length in lengths]
    return PackedDocuments(
        np.concatenate([*rows, np.empty(0)]).astype(np.int32),
        random.integers(1, 6, sum(lengths)).astype(np.float32),
        np.cumsum([0, *lengths]).astype(np.int64),
    )


def naive(packed: PackedDocuments, name: str, idf: np.ndarray | None) -> np.ndarray:
    vectors = []
    for i in range(len(packed)):
        numerator, denominator, largest = np.zeros(5), 0.0, np.full(5, -np.inf)
        for place in range(packed.offsets[i], packed.offsets[i + 1]):
            vector = TABLE[packed.rows[place]].astype(float)
            weight = float(packed.counts[place]) * (1.0 if idf is None else float(idf[place]))
            numerator, denominator = numerator + weight * vector, denominator + weight
            largest = np.maximum(largest, vector)
        empty = packed.offsets[i] == packed.offsets[i + 1]
        mean = numerator / denominator if denominator else numerator
        vectors.append(np.zeros(5) if empty else largest if name == "max" else mean)
    return np.array(vectors)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("lengths", [[3, 0, 12, 1, 0], [0], [0, 0, 2], [1] * 30])
def test_pooled_vectors_are_those_of_a_loop_over_words(
    name: str, lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = made_up(lengths)
    idf = np.random.default_rng(1).uniform(1, 4, sum(lengths)).astype(np.float32)
    weights = {"tfidf": idf, "lead": lead_weights(packed)}.get(name)
    expected = naive(packed, name, weights)
    pooled = pool(packed, TABLE, name, weights)
    assert pooled.dtype == np.float32
    assert np.allclose(pooled, expected, atol=1e-6)
    for at_once in (1, 4, 13):  # however many are pooled together
        monkeypatch.setattr(pooling, "_WORDS_AT_ONCE", at_once)
        assert np.allclose(pool(packed, TABLE, name, weights), expected, atol=1e-6)


def test_no_documents_give_no_vectors() -> None:
    assert pool(made_up([]), TABLE, "mean").shape == (0, 5)


def test_a_mean_worked_by_hand() -> None:
    table = np.array([[1, 0], [0, 2]], np.float16)
    packed = PackedDocuments(
        np.array([0, 1], np.int32), np.array([3, 1], np.float32), np.array([0, 2])
    )
    assert pool(packed, table, "mean").tolist() == [[0.75, 0.5]]
    assert pool(packed, table, "tfidf", np.array([1, 3], np.float32)).tolist() == [[0.5, 1.0]]
    assert pool(packed, table, "max").tolist() == [[1.0, 2.0]]


def test_idf_is_that_of_scikit_learn(ships: list[str]) -> None:
    tokenizer = EnglishTokenizer()
    vectorizer = TfidfVectorizer(analyzer=tokenizer.words).fit(ships)
    words = vectorizer.get_feature_names_out().tolist()
    idf = inverse_document_frequency(pack(ships, tokenizer, WordIndex(words)), len(words))
    assert idf.dtype == np.float32
    assert np.allclose(idf, vectorizer.idf_, rtol=1e-6)


def test_idf_counts_documents_and_not_occurrences() -> None:
    packed = PackedDocuments(
        np.array([0, 0, 1, 0], np.int32), np.ones(4, np.float32), np.array([0, 3, 4, 4])
    )
    expected = [1 + math.log(4 / 3), 1 + math.log(4 / 2), 1 + math.log(4)]
    assert inverse_document_frequency(packed, 3).tolist() == pytest.approx(expected)
    assert inverse_document_frequency(packed, 3)[2] == inverse_document_frequency(packed, 3).max()


def test_lead_weights_fall_from_the_beginning_of_each_document() -> None:
    packed = PackedDocuments(
        np.arange(5, dtype=np.int32),
        np.array([1, 2, 1, 3, 1], np.float32),  # pieces
        np.array([0, 0, 3, 3, 5], np.int64),
    )
    expected = np.exp(-np.array([0, 1, 3, 0, 3]) / 64)
    assert np.allclose(lead_weights(packed), expected)
    nothing = made_up([0, 0])
    assert lead_weights(nothing).shape == (0,)
