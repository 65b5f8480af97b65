"""From texts to one unit vector each, for detectors that work on points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.persistence import ModelFiles, words_array
from textocl.text.pooling import inverse_document_frequency, lead_weights, pool
from textocl.text.spaces import ContextSpace, Embedded, Space
from textocl.text.word_index import WordIndex


@dataclass(frozen=True)
class WordImportance:
    """Inverse document frequencies, fitted on training documents only."""

    words: list[str]
    idf: NDArray[np.float32]  # (u,)
    unseen: float  # of a word that no training document holds

    @classmethod
    def fitted(cls, embedded: Embedded) -> WordImportance:
        packed = embedded.packed
        names, rows = np.unique([embedded.words[row] for row in packed.rows], return_inverse=True)
        idf = inverse_document_frequency(replace(packed, rows=rows.astype(np.int32)), len(names))
        return cls(names.tolist(), idf, float(1 + np.log(1 + len(packed))))

    @cached_property
    def _index(self) -> WordIndex:
        return WordIndex(self.words)

    def of(self, embedded: Embedded) -> NDArray[np.float32]:
        """Idf of each word of each document, ``(w,)``."""
        used, inverse = np.unique(embedded.packed.rows, return_inverse=True)
        rows = self._index.rows([embedded.words[row] for row in used])
        return np.where(rows >= 0, self.idf[rows], np.float32(self.unseen))[inverse]

    def to_files(self) -> ModelFiles:
        return ModelFiles(
            {"idf_unseen": self.unseen}, {"idf_words": words_array(self.words), "idf": self.idf}
        )

    @classmethod
    def from_files(cls, files: ModelFiles) -> WordImportance:
        words = files.words("idf_words")
        idf = files.array("idf", np.float32, len(words))
        return cls(words, idf, float(files.fact("idf_unseen", float)))


@dataclass(frozen=True)
class DocumentVectorizer:
    """One space, and how the words of a document become one vector in it."""

    space: Space
    pooling: str
    importance: WordImportance | None = None

    @classmethod
    def fitted(cls, space: Space, pooling: str, texts: Sequence[str]) -> DocumentVectorizer:
        if pooling == "lead" and not isinstance(space, ContextSpace):
            raise DataError(
                "pooling 'lead' needs a language model such as embedding='minilm'; with one vector "
                "a word, where a word stands is not kept."
            )
        if pooling != "tfidf":
            return cls(space, pooling)
        return cls(space, pooling, WordImportance.fitted(space.embed(texts)))

    def word_weights(self, embedded: Embedded) -> NDArray[np.float32] | None:
        """What words count in pooling beside how often they occur, ``(w,)``; None for the same."""
        if self.pooling == "lead":
            return lead_weights(embedded.packed)
        return None if self.importance is None else self.importance.of(embedded)

    def pooled(self, embedded: Embedded) -> NDArray[np.float32]:
        """One vector a document, ``(n, d)``; 0 without a known word."""
        return pool(embedded.packed, embedded.table, self.pooling, self.word_weights(embedded))

    def to_files(self) -> ModelFiles:
        files = self.space.to_files()
        if self.importance is not None:
            extra = self.importance.to_files()
            files = ModelFiles(files.facts | extra.facts, files.arrays | extra.arrays)
        return files


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1; rows of 0 stay 0."""
    exact = vectors.astype(np.float64)  # no finite float32 overflows
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.where(lengths > 0, lengths, 1), np.float32)
