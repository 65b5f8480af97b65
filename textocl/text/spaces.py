"""From texts to their words and the vectors of these, whatever source the vectors come from.

A space is fixed when a detector is fitted and belongs to its model. It comes in two kinds with one
member, `embed`: in a `WordSpace` a word has one vector, kept in the model; in a `ContextSpace` a
language model gives every word of every text its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles, words_array
from textocl.text.documents import PackedDocuments, pack
from textocl.text.embeddings import load_embedding
from textocl.text.embeddings.contextual import ContextualVectors
from textocl.text.embeddings.sources import WordVectors
from textocl.text.tokenization import CutTexts, Span, Tokenizer
from textocl.text.vocabulary import Vocabulary, build_vocabulary


@dataclass(frozen=True)
class Embedded:
    """Documents, and the table that their rows point into.

    Attributes
    ----------
    packed : PackedDocuments
    table : (u, d) float16
    words : (u,) str, the word of each row; in a `ContextSpace` words repeat
    places : (u, 2) int32 or None, where the word of each row stands in its text; None where a row
        is a word that may stand anywhere
    cut : CutTexts or None, the texts; None where nobody asks for them
    """

    packed: PackedDocuments
    table: NDArray[np.float16]
    words: Sequence[str]
    places: NDArray[np.int32] | None = None
    cut: CutTexts | None = None

    @property
    def texts(self) -> Sequence[str]:
        return () if self.cut is None else self.cut.texts

    def take(self, documents: NDArray[np.int64]) -> Embedded:
        """The same of some of the documents, without their texts."""
        return replace(self, packed=self.packed.take(documents), cut=None)

    def spans(self, document: int) -> list[Span]:
        """Where the known words of a document stand in its text."""
        rows = self.packed.rows_of(document)
        if self.places is not None:
            places = self.places[rows].tolist()
            return [
                Span(start, end, self.words[row])
                for (start, end), row in zip(places, rows, strict=True)
            ]
        if self.cut is None:
            return []
        known = {self.words[row] for row in rows}
        return [span for span in self.cut.spans(document) if span.word in known]


@dataclass(frozen=True)
class WordSpace:
    """Words and their vectors, chosen from the training documents and general language."""

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    source_name: str

    @property
    def dimension(self) -> int:
        return int(self.vocabulary.table.shape[1])

    @property
    def words(self) -> Sequence[str]:
        return self.vocabulary.words

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Look the words of ``texts`` up."""
        packed = pack(texts, self.tokenizer, self.vocabulary.index)
        return self.embed_packed(packed, CutTexts(texts, self.tokenizer))

    def embed_packed(self, packed: PackedDocuments, cut: CutTexts) -> Embedded:
        """Texts whose words were looked up already."""
        return Embedded(packed, self.vocabulary.table, self.vocabulary.words, cut=cut)

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs."""
        vocabulary = self.vocabulary
        return ModelFiles({}, {"words": words_array(vocabulary.words), "vectors": vocabulary.table})

    @classmethod
    def from_files(cls, files: ModelFiles, tokenizer: Tokenizer, source_name: str) -> WordSpace:
        """Inverse of `to_files`."""
        words = files.words("words")
        table = files.array("vectors", np.float16, len(words), None)
        if len(set(words)) != len(words):
            raise FormatError("a word stands twice in its vocabulary.")
        return cls(Vocabulary(words, table), tokenizer, source_name)


@dataclass(frozen=True)
class ContextSpace:
    """A language model and what is taken from its vectors.

    Attributes
    ----------
    source : ContextualVectors
    tokenizer : Tokenizer or None
        Only words that it keeps count (no stopwords, no punctuation); None counts all.
    """

    source: ContextualVectors
    tokenizer: Tokenizer | None

    @property
    def dimension(self) -> int:
        return self.source.dimension

    @property
    def source_name(self) -> str:
        return self.source.name

    def remember(self, texts: Sequence[str], *, progress: bool = False) -> None:
        """Encode ``texts`` so that `embed` finds their vectors on disk."""
        self.source.encode(texts, remember=True, progress=progress)

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Encode ``texts``, or find them encoded."""
        encoded = self.source.encode(texts)
        words = [
            text[start:end].lower()
            for i, text in enumerate(texts)
            for start, end in encoded.spans[encoded.offsets[i] : encoded.offsets[i + 1]].tolist()
        ]
        vectors, pieces, offsets = encoded.vectors, encoded.pieces, encoded.offsets
        places = encoded.spans
        if self.tokenizer is not None:
            kept = np.fromiter(map(self.tokenizer.keeps, words), bool, len(words))
            left = np.flatnonzero(kept)
            words = [words[i] for i in left]
            vectors, pieces, places = vectors[left], pieces[left], places[left]
            offsets = np.searchsorted(left, offsets)
        packed = PackedDocuments(
            np.arange(len(pieces), dtype=np.int32), pieces.astype(np.float32), offsets
        )
        return Embedded(packed, vectors, words, places, CutTexts(texts, self.tokenizer))

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs: the model itself is not saved, only what tells it."""
        return ModelFiles({"fingerprint": self.source.fingerprint}, {})

    @classmethod
    def from_files(
        cls, files: ModelFiles, tokenizer: Tokenizer | None, source: Any
    ) -> ContextSpace:
        """Inverse of `to_files`; finds the language model again by its name."""
        vectors = load_embedding(source)
        if not isinstance(vectors, ContextualVectors):
            raise FormatError(f"{source!r} names no language model.")
        if vectors.fingerprint != files.fact("fingerprint", str):
            raise DataError(
                f"{source!r} is another language model now than the one this detector was "
                "fitted with; put that one back, or fit again."
            )
        return cls(vectors, tokenizer)


Space: TypeAlias = "WordSpace | ContextSpace"


def fit_space(
    source: Any,
    texts: Sequence[str],
    tokenizer: Tokenizer,
    *,
    content_words: bool,
    **settings: Any,
) -> Space:
    """Make the space of a model from its training documents.

    Parameters
    ----------
    source : see `textocl.load_embedding`; or a space, which stays as it is
    texts : the training documents
    content_words : with a language model, count only words that ``tokenizer`` keeps
    settings : of `textocl.text.vocabulary.build_vocabulary`; of no effect with a language model
    """
    if isinstance(source, (WordSpace, ContextSpace)):
        return source
    vectors: WordVectors | ContextualVectors = load_embedding(source)
    if isinstance(vectors, ContextualVectors):
        return ContextSpace(vectors, tokenizer if content_words else None)
    vocabulary = build_vocabulary(texts, tokenizer, vectors, **settings)
    return WordSpace(vocabulary, tokenizer, vectors.name)
