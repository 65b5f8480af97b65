"""Contexts are named by what sets them apart, and those that say nothing new are merged."""

from __future__ import annotations

import numpy as np
import pytest

from textocl.cvdd.contexts import summarize_contexts
from textocl.explain.contexts import Contexts, shown_contexts
from textocl.text.documents import pack
from textocl.text.spaces import Embedded
from textocl.text.tokenization import make_tokenizer
from textocl.text.word_index import WordIndex


def described(texts: list[str], near: list[list[int]], n_nearest: int = 100) -> Contexts:
    """Contexts to which the documents ``near[k]`` are nearest, in order; attention is even."""
    words = sorted({word for text in texts for word in text.split()})
    packed = pack(texts, make_tokenizer("unicode"), WordIndex(words))
    distances = np.ones((len(texts), len(near)), np.float32)
    for k, documents in enumerate(near):
        distances[documents, k] = np.linspace(0.1, 0.2, len(documents))
    attention = np.ones((len(packed.rows), len(near)), np.float32)
    embedded = Embedded(packed, np.zeros((len(words), 2), np.float16), words)
    numbers = np.arange(len(texts))
    return summarize_contexts(distances, attention, embedded, texts, numbers, n_nearest=n_nearest)


OIL, WHEAT = [f"said reuter oil crude word{i}" for i in range(6)], ["said reuter wheat"] * 6


def test_words_that_stand_everywhere_alike_are_not_listed() -> None:
    oil, wheat = described([*OIL, *WHEAT], [list(range(6)), list(range(6, 12))])
    assert [word.word for word in oil.words] == ["crude", "oil"]  # each word{i} is of one document
    assert [(word.word, word.count, word.distinctiveness) for word in wheat.words] == [
        ("wheat", 6, 1.0)
    ]


def test_the_order_is_that_of_the_formula() -> None:
    texts = ["mln oil brent"] * 3 + ["mln oil"] * 3 + ["mln"] * 4 + ["wheat"] * 2
    near = [list(range(6)), list(range(6, 12))]
    (first, _) = described(texts, near)
    # of all 12 documents 10 hold mln, 6 oil, 3 brent; of the 6 nearest 6, 6 and 3
    expected = {
        "mln": 5 * np.log2(12 / 10) * np.log(12 / 10),
        "oil": 5 * np.log2(2) * np.log(2),
        "brent": 2 * np.log2(2) * np.log(4),
    }
    assert [word.word for word in first.words] == sorted(expected, key=lambda w: -expected[w])


def test_without_contrast_the_most_frequent_words_are_listed() -> None:
    (context,) = described(["oil ship", "oil port", "oil ship"], [[0, 1, 2]])
    assert [(word.word, word.count) for word in context.words] == [
        ("oil", 3), ("ship", 2), ("port", 1),
    ]  # fmt: skip
    assert [word.distinctiveness for word in context.words] == [0, 0, 0]


def test_contexts_with_the_same_words_are_merged_into_the_larger() -> None:
    texts = [*OIL, *OIL, "said reuter oil crude", *WHEAT, *WHEAT]
    contexts = described(texts, [list(range(6)), list(range(6, 13)), list(range(13, 25))])
    assert [context.merged_into for context in contexts] == [1, None, None]
    both, wheat = shown_contexts(contexts)
    assert (both.numbers, both.summary.context, wheat.numbers) == ([0, 1], 1, [2])
    assert both.summary.share == pytest.approx(13 / 25)
    assert both.notes == ["Contexts 0 and 1 are alike; shown as one."]


def test_contexts_with_the_same_documents_are_merged_whatever_attention_reads() -> None:
    words = [" ".join(f"w{i}x{j}" for j in range(3)) for i in range(10)]
    contexts = described(words, [[*range(5)], [0, 1, 2, 3, 9], [8, 7, 6, 5, 4]], n_nearest=5)
    assert [context.merged_into for context in contexts] == [None, 0, None]


def test_a_context_to_which_no_document_is_nearest_is_not_shown_alone() -> None:
    texts = [*OIL, *WHEAT]
    distances_order = [list(range(6)), list(range(6, 12)), []]
    contexts = described(texts, distances_order)
    assert [context.share for context in contexts] == [0.5, 0.5, 0]
    assert [context.merged_into for context in contexts] == [None, None, 0]
    oil, _ = shown_contexts(contexts)
    assert oil.name == "0, 2"
    assert oil.notes == ["No document is nearest to context 2; shown as one with context 0."]
