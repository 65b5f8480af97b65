"""Text -> words.

A tokenizer cuts many texts at once and returns flat lists, because a Python loop over documents
would cost more than everything that follows.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.validation import check_choice
from textocl.text.stopwords import ENGLISH_STOPWORDS
from textocl.text.word_index import LETTERS_AT_ONCE, WordIndex

_SLICE = 1 << 19  # characters cut at once: bounds the memory that words take, whatever comes


class Words(NamedTuple):
    """A run of words: ``words[j]`` stands in document ``documents[j]``."""

    words: list[str]
    documents: NDArray[np.int64]  # (number of words,)


class Span(NamedTuple):
    """One word of a text: ``text[start:end]``, and the form it is looked up by."""

    start: int
    end: int
    word: str


class Tokenizer(ABC):
    """Cuts texts into words, and says which words may enter a vocabulary."""

    name: str

    @abstractmethod
    def cut(self, texts: Sequence[str]) -> Iterator[Words]:
        """Yield all words of ``texts`` in order, about half a million characters at a time.

        The words are candidates: those that `keeps` refuses are among them, since leaving them
        out of the vocabulary costs nothing and testing each would.
        """

    def look_up(
        self, texts: Sequence[str], index: WordIndex
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield rows ``(w,)`` and documents ``(w,)`` of those words that ``index`` knows."""
        for words, documents in self.cut(texts):
            rows = index.rows(words)
            known = rows >= 0
            yield rows[known], documents[known]

    @abstractmethod
    def keeps(self, word: str) -> bool:
        """Whether ``word`` may enter a vocabulary."""

    @abstractmethod
    def spans(self, text: str) -> list[Span]:
        """Return the words of one text that `keeps` accepts, with their places."""

    def words(self, text: str) -> list[str]:
        """Return the words of one text that `keeps` accepts."""
        return [word for part in self.cut([text]) for word in part.words if self.keeps(word)]


class EnglishTokenizer(Tokenizer):
    """The thesis's cleaning (§3.2.2), for English.

    Lower-case; everything but the letters a-z separates words; words of fewer than three letters
    and English stopwords are dropped. Only ASCII letters are lower-cased and kept: an exported
    model can then cut every string the same way on any system.

    Examples
    --------
    >>> EnglishTokenizer().words("The Fed's 2 rate cuts weren't enough.")
    ['fed', 'rate', 'cuts', 'enough']
    """

    name = "english"
    # every byte -> its lower-case letter, or a space
    _LETTERS = bytes(
        byte | 0x20 if chr(byte).isalpha() and byte < 128 else 0x20 for byte in range(256)
    )
    _SHORTEST = 3
    _WORD, _KEPT = re.compile(r"[A-Za-z]{3,}"), re.compile(r"[a-z]{3,}")
    _SEPARATOR = re.compile(r"[^A-Za-z]")

    def cut(self, texts: Sequence[str]) -> Iterator[Words]:
        for letters, ends, documents in self._letters(texts):
            starts = _word_edges(letters)[::2]
            document = documents[np.searchsorted(ends, starts, side="right")]
            yield Words(letters.decode("ascii").split(), document)

    def look_up(
        self, texts: Sequence[str], index: WordIndex
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for letters, ends, documents in self._letters(texts):
            edges = _word_edges(letters)
            starts, lengths = edges[::2], edges[1::2] - edges[::2]
            long_enough = lengths >= self._SHORTEST
            starts, lengths = starts[long_enough], lengths[long_enough]
            rows = index.rows_in(letters, starts, lengths)
            known = rows >= 0
            place = np.searchsorted(ends, starts[known], side="right")
            yield rows[known], documents[place]

    def _letters(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[bytes, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield slices of all texts as lower-case letters and spaces.

        With each slice, where its pieces of texts end ``(p,)`` and which documents they are of
        ``(p,)``. One character becomes one byte.
        """
        for pieces, documents in self._slices(texts):
            ends = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)) + 1)
            joined = " ".join(pieces) + " " * (LETTERS_AT_ONCE + 1)
            yield joined.encode("ascii", "replace").translate(self._LETTERS), ends, documents

    def _slices(self, texts: Sequence[str]) -> Iterator[tuple[list[str], NDArray[np.int64]]]:
        """Group texts into slices, cutting a very long one between two words."""
        pieces: list[str] = []
        documents: list[int] = []
        size = 0
        for document, text in enumerate(texts):
            start = 0
            while start < len(text) or start == 0:
                end = len(text)
                if end - start > _SLICE:
                    separator = self._SEPARATOR.search(text, start + _SLICE)
                    end = separator.end() if separator else end
                pieces.append(text[start:end])
                documents.append(document)
                size += end - start + 1
                start = max(end, 1)
                if size >= _SLICE:
                    yield pieces, np.array(documents, np.int64)
                    pieces, documents, size = [], [], 0
        if pieces:
            yield pieces, np.array(documents, np.int64)

    def keeps(self, word: str) -> bool:
        return self._KEPT.fullmatch(word) is not None and word not in ENGLISH_STOPWORDS

    def spans(self, text: str) -> list[Span]:
        found = (Span(*m.span(), m.group().lower()) for m in self._WORD.finditer(text))
        return [span for span in found if span.word not in ENGLISH_STOPWORDS]


class CutTexts:
    """Texts, and where their words stand: each text is cut once, when it is asked for.

    Attributes
    ----------
    texts : Sequence[str]
    """

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer | None) -> None:
        self.texts = texts
        self._tokenizer = tokenizer
        self._spans: dict[int, list[Span]] = {}

    def spans(self, i: int) -> list[Span]:
        """Words of text ``i`` that the tokenizer keeps, with their places."""
        if i not in self._spans:
            self._spans[i] = [] if self._tokenizer is None else self._tokenizer.spans(self.texts[i])
        return self._spans[i]


def _word_edges(letters: bytes) -> NDArray[np.int64]:
    """Where words begin and end, in turn: begin, end, begin, end …, in letters and spaces."""
    inside = np.frombuffer(letters, np.uint8) != 0x20
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return np.concatenate(([0], changes)) if inside[0] else changes


class UnicodeTokenizer(Tokenizer):
    """Plain words of any alphabet: letters with their marks, lower-cased; nothing is dropped.

    For languages other than English, together with vectors of that language. It cuts about ten
    times slower than `EnglishTokenizer`, and does not segment languages written without spaces.

    Examples
    --------
    >>> UnicodeTokenizer().words("Zwölf Boxkämpfer, 1 Deich")
    ['zwölf', 'boxkämpfer', 'deich']
    """

    name = "unicode"

    @cached_property
    def _word(self) -> Any:
        import regex  # letters with their marks, which the standard re cannot name

        return regex.compile(r"\p{L}[\p{L}\p{M}]*")

    def cut(self, texts: Sequence[str]) -> Iterator[Words]:
        words: list[str] = []
        documents: list[int] = []
        for document, text in enumerate(texts):
            for match in self._word.finditer(text):
                words.append(_folded(match.group()))
                documents.append(document)
                if len(words) >= _SLICE:
                    yield Words(words, np.array(documents, np.int64))
                    words, documents = [], []
        if words:
            yield Words(words, np.array(documents, np.int64))

    def keeps(self, word: str) -> bool:
        return self._word.fullmatch(word) is not None

    def spans(self, text: str) -> list[Span]:
        found = self._word.finditer(text)
        return [Span(m.start(), m.end(), _folded(m.group())) for m in found]


def _folded(word: str) -> str:
    """One form for a word, however its case and accents are written."""
    return unicodedata.normalize("NFC", word.lower())


_TOKENIZERS: dict[str, type[Tokenizer]] = {
    kind.name: kind for kind in (EnglishTokenizer, UnicodeTokenizer)
}


def make_tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer of that name: ``"english"`` or ``"unicode"``.

    Raises
    ------
    DataError
        Any other name.
    """
    return _TOKENIZERS[check_choice("tokenization", name, list(_TOKENIZERS))]()
