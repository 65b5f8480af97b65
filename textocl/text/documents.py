"""A whole corpus as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textocl.text.tokenization import Tokenizer
from textocl.text.word_index import WordIndex


@dataclass(frozen=True)
class PackedDocuments:
    """Documents as their distinct known words and how often each occurs.

    With static word vectors a word's attention logit depends on the word alone, so a softmax over
    the words of a document equals the softmax of ``logit + log(count)`` over its distinct words.
    Nothing is padded, and no document sees another.

    Attributes
    ----------
    rows : (w,) int32, row of each word in the table of vectors, ascending within a document
    counts : (w,) float32, how often the word occurs in its document
    offsets : (n + 1,) int64, document i is ``offsets[i]:offsets[i + 1]``
    """

    rows: NDArray[np.int32]
    counts: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_distinct(self) -> NDArray[np.int64]:
        """Number of distinct known words of each document, ``(n,)``; 0 is an empty document."""
        return np.diff(self.offsets)

    @property
    def documents(self) -> NDArray[np.int64]:
        """Document of each word, ``(w,)``."""
        return np.repeat(np.arange(len(self)), self.n_distinct)

    def rows_of(self, document: int) -> NDArray[np.int32]:
        """Rows of one document's words."""
        return self.rows[self.offsets[document] : self.offsets[document + 1]]

    def take(self, indices: NDArray[np.int64]) -> PackedDocuments:
        """Return the documents at ``indices``, in that order."""
        lengths = self.n_distinct[indices]
        offsets = np.append(0, np.cumsum(lengths))
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[indices] - offsets[:-1], lengths)
        return PackedDocuments(self.rows[places], self.counts[places], offsets)


def pack(texts: Sequence[str], tokenizer: Tokenizer, index: WordIndex) -> PackedDocuments:
    """Cut texts into words and count the distinct ones that ``index`` knows.

    Examples
    --------
    >>> from textocl.text.tokenization import EnglishTokenizer
    >>> index = WordIndex(["oil", "ship"])
    >>> packed = pack(["oil ship oil", "", "ship"], EnglishTokenizer(), index)
    >>> packed.rows.tolist(), packed.counts.tolist(), packed.offsets.tolist()
    ([0, 1, 1], [2.0, 1.0, 1.0], [0, 2, 2, 3])
    """
    width = max(len(index), 1)
    found = tokenizer.look_up(texts, index)
    parts = [documents * width + rows for rows, documents in found]  # one sortable number a word
    keys, counts = np.unique(np.concatenate([np.empty(0, np.int64), *parts]), return_counts=True)
    documents, rows = np.divmod(keys, width)
    offsets = np.searchsorted(documents, np.arange(len(texts) + 1))
    return PackedDocuments(rows.astype(np.int32), counts.astype(np.float32), offsets)
