"""Texts cut once for several vocabularies."""

from __future__ import annotations

import numpy as np
import pytest
from texts import sentences

from textocl.text.documents import pack
from textocl.text.shared_index import SharedIndex
from textocl.text.tokenization import make_tokenizer
from textocl.text.word_index import WordIndex


@pytest.mark.parametrize("tokenization", ["english", "unicode"])
def test_it_packs_as_each_vocabulary_alone(tokenization: str) -> None:
    texts = [*sentences("ships", 20), "", "12 ,", *sentences("music", 20), "ship ship ship port"]
    tokenizer = make_tokenizer(tokenization)
    words = sorted({word for text in texts for word in tokenizer.words(text)})
    random = np.random.default_rng(0)
    vocabularies = [random.permutation(words)[:n].tolist() for n in (len(words), 20, 5, 0)]
    shared = SharedIndex(vocabularies, tokenizer).pack(texts)
    for packed, vocabulary in zip(shared, vocabularies, strict=True):
        alone = pack(texts, tokenizer, WordIndex(vocabulary))
        assert packed.rows.tolist() == alone.rows.tolist()
        assert packed.counts.tolist() == alone.counts.tolist()
        assert packed.offsets.tolist() == alone.offsets.tolist()
