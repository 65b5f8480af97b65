"""Packing counts distinct known words, for any texts, in any grouping."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textocl.text.documents import pack
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.word_index import WordIndex

WORDS = ["oil", "ship", "port", "rate"]
INDEX = WordIndex(WORDS)
texts_strategy = st.lists(
    st.lists(st.sampled_from(["oil", "ship", "port", "rate", "unknown", "the", "ox", ""]), max_size=9)
    .map(" ".join),
    max_size=8,
)  # fmt: skip


@given(texts_strategy)
def test_rows_and_counts_equal_a_counter(texts: list[str]) -> None:
    packed = pack(texts, EnglishTokenizer(), INDEX)
    assert len(packed) == len(texts)
    for i, text in enumerate(texts):
        a, b = packed.offsets[i : i + 2]
        found = dict(zip(packed.rows[a:b].tolist(), packed.counts[a:b].tolist(), strict=True))
        assert found == Counter(WORDS.index(w) for w in text.split() if w in WORDS)
        assert packed.rows[a:b].tolist() == sorted(found)


@given(texts_strategy, st.randoms())
def test_taking_documents_equals_packing_them_alone(texts: list[str], random: object) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    taken = pack(texts, EnglishTokenizer(), INDEX).take(np.array(order, np.int64))
    alone = pack([texts[i] for i in order], EnglishTokenizer(), INDEX)
    assert (taken.rows == alone.rows).all()
    assert (taken.counts == alone.counts).all()
    assert (taken.offsets == alone.offsets).all()


def test_no_documents_and_no_known_words() -> None:
    assert len(pack([], EnglishTokenizer(), INDEX)) == 0
    assert pack(["", "zzz"], EnglishTokenizer(), INDEX).n_distinct.tolist() == [0, 0]
    assert pack(["oil"], EnglishTokenizer(), WordIndex([])).n_distinct.tolist() == [0]
