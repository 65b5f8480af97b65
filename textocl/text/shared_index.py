"""One look-up of words for several vocabularies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textocl.text.documents import PackedDocuments, pack
from textocl.text.tokenization import Tokenizer
from textocl.text.word_index import WordIndex


class SharedIndex:
    """Cuts texts once, and packs them by the rows of each of ``vocabularies``.

    Examples
    --------
    >>> from textocl.text.tokenization import EnglishTokenizer
    >>> shared = SharedIndex([["oil", "ship"], ["ship", "sea"]], EnglishTokenizer())
    >>> [packed.rows.tolist() for packed in shared.pack(["ship on sea of oil"])]
    [[0, 1], [0, 1]]
    """

    def __init__(self, vocabularies: Sequence[Sequence[str]], tokenizer: Tokenizer) -> None:
        words = list(dict.fromkeys(word for vocabulary in vocabularies for word in vocabulary))
        self._index = WordIndex(words)
        self._tokenizer = tokenizer
        self._sizes = [len(vocabulary) for vocabulary in vocabularies]
        self._rows = []  # row in each vocabulary of each word, -1 where it has none, (u,)
        for vocabulary in vocabularies:
            rows = np.full(len(words), -1, np.int64)
            rows[self._index.rows(vocabulary)] = np.arange(len(vocabulary))
            self._rows.append(rows)

    def pack(self, texts: Sequence[str]) -> list[PackedDocuments]:
        """What `textocl.text.documents.pack` returns for each vocabulary."""
        packed = pack(texts, self._tokenizer, self._index)
        documents = packed.documents
        return [
            _renumbered(packed, documents, rows[packed.rows], max(size, 1))
            for rows, size in zip(self._rows, self._sizes, strict=True)
        ]


def _renumbered(
    packed: PackedDocuments, documents: NDArray[np.int64], rows: NDArray[np.int64], width: int
) -> PackedDocuments:
    """Documents by other ``rows`` ``(w,)``, without the words whose row is -1."""
    known = np.flatnonzero(rows >= 0)
    keys = documents[known] * width + rows[known]
    order = np.argsort(keys, kind="stable")  # rows ascend within a document
    offsets = np.searchsorted(known, packed.offsets)
    return PackedDocuments(
        rows[known][order].astype(np.int32), packed.counts[known][order], offsets
    )
