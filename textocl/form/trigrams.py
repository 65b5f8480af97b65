"""Texts as trigrams of characters: each character with the two before it, as one number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.form.codes import N_CODE_POINTS, Codes

LARGEST_ALPHABET = 125
#: classes that are no character of an alphabet; START is 0, as is what stands before a text
START, END, OTHER = 0, 1, 2
N_MARKS = 3
_CHARACTERS_AT_ONCE = 1 << 16  # bounds memory, and keeps them in the cache
_SURROGATES, _REPLACEMENT = slice(0xD800, 0xE000), 0xFFFD


class Trigrams(NamedTuple):
    """Trigrams of d texts in order, or of a piece of one.

    Attributes
    ----------
    cells : (m,) int32, ``(a V + b) V + c`` of a character of class c after those of a and b; the
        last of each text is of its end mark
    starts : (d,) int64, where each text starts
    first : number of the first text
    """

    cells: NDArray[np.int32]
    starts: NDArray[np.int64]
    first: int

    def sums(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum over each text of its trigrams' ``values`` ``(m,)``, ``(d,)``."""
        return np.asarray(np.add.reduceat(values, self.starts, dtype=np.float64))


@dataclass(frozen=True, repr=False)
class Alphabet:
    """The characters that are told apart; all others are one class.

    A lone surrogate, which UTF-8 cannot hold, counts as U+FFFD.

    Attributes
    ----------
    points : (a,) uint32, code points; that at i has class ``i + N_MARKS``
    """

    points: NDArray[np.uint32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Alphabet:
        """Take the `LARGEST_ALPHABET` most frequent characters, of equals the lower code point.

        Examples
        --------
        >>> Alphabet.of(["baab", "b"]).points.tolist()
        [98, 97]
        """
        counts = np.zeros(N_CODE_POINTS, np.int64)
        for _, part in parts(texts):
            for start in range(0, len(part[0]) + 1, _CHARACTERS_AT_ONCE):
                pieces = [text[start : start + _CHARACTERS_AT_ONCE] for text in part]
                points, numbers = np.unique(Codes.of(pieces).points, return_counts=True)
                counts[points] += numbers
        counts[_REPLACEMENT] += counts[_SURROGATES].sum()
        counts[_SURROGATES] = 0
        used = np.flatnonzero(counts)
        order = np.argsort(-counts[used], kind="stable")[:LARGEST_ALPHABET]
        return cls(used[order].astype(np.uint32))

    @property
    def n_classes(self) -> int:
        """Number of classes V, marks included."""
        return len(self.points) + N_MARKS

    @cached_property
    def _classes(self) -> NDArray[np.uint8]:
        """Class of each code point."""
        classes = np.full(N_CODE_POINTS, OTHER, np.uint8)
        classes[self.points] = np.arange(N_MARKS, self.n_classes)
        classes[_SURROGATES] = classes[_REPLACEMENT]
        return classes

    def trigrams(self, texts: Sequence[str]) -> Iterator[Trigrams]:
        """Yield the trigrams of ``texts``, some texts at a time, or a piece of a long one."""
        for first, part in parts(texts):
            n = len(part[0])
            if n <= _CHARACTERS_AT_ONCE:
                yield self._framed(part, first)
                continue
            for start in range(0, n + 1, _CHARACTERS_AT_ONCE):
                before, end = min(start, 2), start + _CHARACTERS_AT_ONCE
                piece = self._framed([part[0][start - before : end]], first)
                # only the last piece has an end mark
                yield piece._replace(cells=piece.cells[before : None if end > n else -1])

    def _framed(self, texts: Sequence[str], first: int) -> Trigrams:
        codes = Codes.of([text + "\0" for text in texts])  # a place for the end mark
        classes = np.take(self._classes, codes.points).astype(np.int32)
        starts, ends = codes.offsets[:-1], codes.offsets[1:] - 1
        classes[ends] = END
        n_classes = self.n_classes
        cells = classes.copy()
        cells[1:] += n_classes * classes[:-1]
        cells[2:] += n_classes**2 * classes[:-2]
        # what the text before ends with is not before this one: START is 0
        second = starts[starts < ends] + 1
        cells[starts] = classes[starts]
        cells[second] = classes[second] + n_classes * classes[second - 1]
        return Trigrams(cells, starts, first)

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How often each trigram occurs, ``(V³,)``."""
        counts = np.zeros(self.n_classes**3, np.int64)
        for trigrams in self.trigrams(texts):
            cells, numbers = np.unique(trigrams.cells, return_counts=True)
            counts[cells] += numbers
        return counts

    def count_each(self, texts: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], ...]]:
        """Yield, for some texts at a time, what distinct trigrams each has: three ``(m,)`` int64.

        These are numbers of texts, ascending; cells, ascending in each text; and counts.
        """
        size = self.n_classes**3
        for first, part in parts(texts):
            if len(part[0]) > _CHARACTERS_AT_ONCE:
                counts = self.count(part)
                cells = np.flatnonzero(counts)
                yield np.full(len(cells), first), cells, counts[cells]
                continue
            trigrams = self._framed(part, first)
            lengths = np.diff(trigrams.starts, append=len(trigrams.cells))
            keys = np.repeat(np.arange(len(part)) * size, lengths) + trigrams.cells
            keys, counts = np.unique(keys, return_counts=True)
            yield first + keys // size, keys % size, counts


def parts(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield some texts that follow each other, with the number of the first; a long one alone."""
    part: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        if part and size + len(text) > _CHARACTERS_AT_ONCE:
            yield number - len(part), part
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield len(texts) - len(part), part
