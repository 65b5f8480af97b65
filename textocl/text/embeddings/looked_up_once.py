"""Word vectors for several spaces of the same words: looked up once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textocl.text.embeddings.sources import WordVectors


class LookedUpOnce:
    """Remembers the vectors of the words that it was last asked for."""

    def __init__(self, source: WordVectors) -> None:
        self._source = source
        self._words: list[str] | None = None
        self._vectors: tuple[NDArray[np.float32], NDArray[np.bool_]]

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def dimension(self) -> int:
        return self._source.dimension

    def vectors_of(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """As that of the source; not to be written to."""
        if self._words != list(words):
            self._words, self._vectors = list(words), self._source.vectors_of(words)
        return self._vectors
