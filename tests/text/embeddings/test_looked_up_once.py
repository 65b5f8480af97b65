"""Vectors of the same words are looked up once, and are those of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textocl.text.embeddings import load_embedding
from textocl.text.embeddings.looked_up_once import LookedUpOnce


class Counting:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.source: Any = load_embedding({"ship": [1.0, 0.0], "port": [0.8, 0.6]})
        self.name, self.dimension, self.n_asked = "counted", self.source.dimension, 0

    def vectors_of(self, words: Sequence[str]) -> Any:
        self.n_asked += 1
        return self.source.vectors_of(words)


def test_other_words_are_looked_up_anew_and_the_same_are_not() -> None:
    source = Counting()
    once = LookedUpOnce(source)
    assert (once.name, once.dimension) == ("counted", 2)
    for words, n_asked in ((["ship", "port"], 1), (("ship", "port"), 1), (["port"], 2)):
        vectors, known = once.vectors_of(words)
        np.testing.assert_array_equal(vectors, source.source.vectors_of(words)[0])
        assert known.all()
        assert source.n_asked == n_asked
