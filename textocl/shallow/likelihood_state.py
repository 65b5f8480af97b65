"""What a `WordLikelihood` learns: how often normal documents have each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles, words_array
from textocl.core.validation import check_integer
from textocl.text.documents import PackedDocuments, pack
from textocl.text.spaces import Embedded
from textocl.text.tokenization import CutTexts, Tokenizer
from textocl.text.vocabulary import general_frequencies
from textocl.text.word_index import WordIndex

_RAREST = 1e-8  # share in general language of a word that its list does not have
_DISCOUNT = 0.5  # taken off each word's weight: rare words are rarer than they look


class WordCounts(NamedTuple):
    """How often normal documents have each of u words.

    Attributes
    ----------
    weights : (u,) float64, Σ log(1 + n) over the documents
    n_documents : (u,) int64, of documents that have it
    n : number of documents that have any
    """

    weights: NDArray[np.float64]
    n_documents: NDArray[np.int64]
    n: int

    @classmethod
    def of(cls, packed: PackedDocuments, n_words: int) -> WordCounts:
        """Count documents, whose rows are below ``n_words``."""
        return cls(
            np.bincount(packed.rows, np.log1p(packed.counts), n_words).astype(np.float64),
            np.bincount(packed.rows, minlength=n_words),
            int((packed.n_distinct > 0).sum()),
        )

    def log_ratios(
        self, shares: NDArray[np.float64], mixture: float, min_documents: int
    ) -> NDArray[np.float32]:
        """What each word is worth, ``(u,)``; 0 where too few documents have it.

        Parameters
        ----------
        shares : (u,), of each word in general language
        mixture, min_documents : as in `textocl.WordLikelihood`
        """
        is_normal = self.n_documents >= min_documents
        weights = np.where(is_normal, self.weights - _DISCOUNT, 0).clip(min=0)
        odds = mixture / (1 - mixture)
        return np.log1p(odds * weights / max(weights.sum(), 1e-30) / shares).astype(np.float32)

    def joined_by(self, other: WordCounts) -> WordCounts:
        """Of the documents of both; the other may have more words."""
        more = len(other.weights) - len(self.weights)
        return WordCounts(
            np.pad(self.weights, (0, more)) + other.weights,
            np.pad(self.n_documents, (0, more)) + other.n_documents,
            self.n + other.n,
        )


@dataclass(frozen=True, repr=False)
class LikelihoodState:
    """What a `WordLikelihood` learns.

    Attributes
    ----------
    words : u words, those of the training documents first, then general ones, then those of updates
    log_ratios : (u,) float32
    tokenizer : Tokenizer
    counts : of the words; None in models saved before 0.2
    """

    words: list[str]
    log_ratios: NDArray[np.float32]
    tokenizer: Tokenizer
    counts: WordCounts | None = None

    @cached_property
    def index(self) -> WordIndex:
        return WordIndex(self.words)

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Look the words of ``texts`` up."""
        packed = pack(texts, self.tokenizer, self.index)
        return self.embed_packed(packed, CutTexts(texts, self.tokenizer))

    def embed_packed(self, packed: PackedDocuments, cut: CutTexts) -> Embedded:
        """Texts whose words were looked up already; these words have no vectors."""
        return Embedded(packed, np.empty((len(self.words), 0), np.float16), self.words, cut=cut)

    def to_files(self) -> ModelFiles:
        files = ModelFiles({}, {"words": words_array(self.words), "log_ratios": self.log_ratios})
        if self.counts is not None:
            files.facts["n_documents"] = self.counts.n
            files.arrays["word_weights"] = self.counts.weights
            files.arrays["word_documents"] = self.counts.n_documents
        return files

    @classmethod
    def from_files(cls, files: ModelFiles, tokenizer: Tokenizer) -> LikelihoodState:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        words = files.words("words")
        ratios = files.array("log_ratios", np.float32, len(words))
        if len(set(words)) != len(words):
            raise FormatError("a word stands twice among its words.")
        if "word_weights" not in files.arrays:
            return cls(words, ratios, tokenizer)
        counts = WordCounts(
            files.array("word_weights", np.float64, len(words)),
            files.array("word_documents", np.int64, len(words)),
            check_integer("n_documents", files.facts.get("n_documents"), 1),
        )
        if (counts.weights < 0).any() or (counts.n_documents < 0).any():
            raise FormatError("it counts a word less than never.")
        return cls(words, ratios, tokenizer, counts)


def general_shares(
    words: Sequence[str], language: str, tokenizer: Tokenizer
) -> NDArray[np.float64]:
    """Share of each word in general language, ``(u,)`` float64, at least that of the rarest."""
    frequency = general_frequencies(language, tokenizer)
    return np.array([max(frequency.get(word, 0.0), _RAREST) for word in words])
