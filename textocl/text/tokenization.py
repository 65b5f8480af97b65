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
from typing import Any, ClassVar, NamedTuple

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
    #: whether it drops stopwords itself
    has_stopwords: ClassVar[bool] = False
    #: whether it cuts what word lists have as one word
    cuts_words: ClassVar[bool] = False

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

    @abstractmethod
    def explicit_pattern(self) -> str:
        """Regular expression of a word, its sets as ranges of characters, a-z in lower case."""

    def written(self, word: str) -> list[str]:
        """How ``word`` may stand in a text whose letters a-z are in lower case."""
        return [word]

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
    has_stopwords = True
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

    def explicit_pattern(self) -> str:
        return self._KEPT.pattern

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

    For languages other than English; what is most frequent in the language stays out of the
    vocabulary (`textocl.text.vocabulary.build_vocabulary`). Cutting takes about ten times as long
    as in `EnglishTokenizer`.

    Examples
    --------
    >>> UnicodeTokenizer().words("Zwölf Boxkämpfer, 1 Deich")
    ['zwölf', 'boxkämpfer', 'deich']
    """

    name = "unicode"
    #: what a word is made of: sets of characters, and the pattern with their names
    _SETS: ClassVar[dict[str, str]] = {"letter": r"\p{L}", "more": r"\p{L}\p{M}"}
    _PATTERN: ClassVar[str] = "{letter}{more}*"

    @cached_property
    def _word(self) -> Any:
        import regex  # letters with their marks, which the standard re cannot name

        sets = {name: f"[{characters}]" for name, characters in self._SETS.items()}
        return regex.compile(self._PATTERN.format(**sets), regex.V1)

    def explicit_pattern(self) -> str:
        import regex

        every = "".join(chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000)
        ranges = {}
        for name, characters in self._SETS.items():
            runs = regex.findall(f"[{characters}]+", every, regex.V1)
            ends = (f"\\x{{{ord(run[0]):x}}}-\\x{{{ord(run[-1]):x}}}" for run in runs)
            ranges[name] = f"[{''.join(ends)}]"
        return self._PATTERN.format(**ranges)

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

    def written(self, word: str) -> list[str]:
        """As it is, Capitalized, or in CAPITALS; accents composed or not."""
        forms = [word, word[:1].upper() + word[1:], word.title(), word.upper()]
        forms = [unicodedata.normalize(kind, form) for kind in ("NFC", "NFD") for form in forms]
        return list(dict.fromkeys(form for form in forms if _folded(form) == word))


_SYLLABLES = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SPACELESS = rf"[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}ー{_SYLLABLES}]"


class CharactersTokenizer(UnicodeTokenizer):
    """Pieces of languages that are written without spaces; other words as in `UnicodeTokenizer`.

    A Chinese character is a word, and so is a run of one Japanese syllabary, and a consonant of
    Thai, Lao, Khmer or Burmese with its vowels and marks.

    Examples
    --------
    >>> CharactersTokenizer().words("船はロンドン港へ FOB")
    ['船', 'は', 'ロンドン', '港', 'へ', 'fob']
    """

    name = "characters"
    cuts_words = True
    _SETS: ClassVar[dict[str, str]] = {
        "han": r"\p{Han}&&\p{L}",
        "hiragana": r"\p{Hiragana}&&\p{L}",
        "katakana": r"[\p{Katakana}&&\p{L}]ー",
        "before": "เ-ไເ-ໄ",
        "syllable": rf"[{_SYLLABLES}]&&\p{{L}}",
        "after": r"\p{M}ะาำๅະາຳ",
        "letter": rf"\p{{L}}--{_SPACELESS}",
        "more": rf"[\p{{L}}\p{{M}}]--{_SPACELESS}",
    }
    _PATTERN: ClassVar[str] = (
        "{han}|{hiragana}+|{katakana}+|{before}?{syllable}{after}*|{letter}{more}*"
    )


def _folded(word: str) -> str:
    """One form for a word, however its case and accents are written."""
    return unicodedata.normalize("NFC", word.lower())


TOKENIZERS: dict[str, type[Tokenizer]] = {
    kind.name: kind for kind in (EnglishTokenizer, UnicodeTokenizer, CharactersTokenizer)
}


def make_tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer of that name: ``"english"``, ``"unicode"`` or ``"characters"``.

    Raises
    ------
    DataError
        Any other name.
    """
    return TOKENIZERS[check_choice("tokenization", name, list(TOKENIZERS))]()
