"""Texts as windows of characters: each character with those before it, as one number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.form.codes import N_CODE_POINTS, Codes

LARGEST_ALPHABET = 4094
#: numbers that are no character of an alphabet: before and after a text, and any other character
MARK, OTHER = 0, 1
N_MARKS = 2
N_BUCKETS = 4_194_301  # the largest prime below 2**22
#: of the digits of a window; its powers modulo N_BUCKETS add up to less than 2**19, and windows of
#: frequent characters, whose numbers are small, seldom share a bucket
BASE = 68_724
_CHARACTERS_AT_ONCE = 1 << 16  # bounds memory, and keeps them in the cache
_SURROGATES, _REPLACEMENT = slice(0xD800, 0xE000), 0xFFFD


class Windows(NamedTuple):
    """Windows of d texts in order, or of a piece of one.

    Attributes
    ----------
    buckets : (m,) int32, of a window that ends at each character, and at the mark after each text
    starts : (d,) int64, where each text starts
    first : number of the first text
    """

    buckets: NDArray[np.int32]
    starts: NDArray[np.int64]
    first: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of windows of each text, ``(d,)``."""
        return np.diff(self.starts, append=len(self.buckets))

    def sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sum over each text of its windows' ``values`` ``(m,)``, ``(d,)``."""
        return np.asarray(np.add.reduceat(values, self.starts, dtype=np.float64))

    def means(self, values: NDArray[Any], order: int) -> NDArray[np.float64]:
        """Mean of the ``values`` ``(m,)`` of the windows that hold each character, ``(m - d,)``."""
        ends = self.starts + self.lengths
        characters = np.delete(np.arange(len(values)), ends - 1)
        ends = np.minimum(characters + order, np.repeat(ends, self.lengths - 1))
        before = np.append(0.0, np.cumsum(values, dtype=np.float64))
        return np.asarray((before[ends] - before[characters]) / (ends - characters))


@dataclass(frozen=True, repr=False)
class WindowCutter:
    """Which characters are told apart, and how many make a window.

    The bucket of a window is ``Σ_j c_j 68724^j mod 4194301``, with c_0 the number of its last
    character, c_1 of that before it, and so on. A lone surrogate, which UTF-8 cannot hold, counts
    as U+FFFD.

    Attributes
    ----------
    alphabet : (a,) uint32, code points; that at i has the number ``i + N_MARKS``
    order : characters of a window
    """

    alphabet: NDArray[np.uint32]
    order: int

    @classmethod
    def of(cls, texts: Sequence[str], order: int) -> WindowCutter:
        """Take the `LARGEST_ALPHABET` most frequent characters, of equals the lower code point.

        Examples
        --------
        >>> WindowCutter.of(["baab", "b"], order=5).alphabet.tolist()
        [98, 97]
        """
        counts = np.zeros(N_CODE_POINTS, np.int64)
        for _, part in parts(texts):
            for start in range(0, len(part[0]) + 1, _CHARACTERS_AT_ONCE):
                pieces = [text[start : start + _CHARACTERS_AT_ONCE] for text in part]
                np.add.at(counts, Codes.of(pieces).points, 1)
        counts[_REPLACEMENT] += counts[_SURROGATES].sum()
        counts[_SURROGATES] = 0
        used = np.flatnonzero(counts)
        most = np.argsort(-counts[used], kind="stable")[:LARGEST_ALPHABET]
        return cls(used[most].astype(np.uint32), order)

    @property
    def weights(self) -> list[int]:
        """What each character of a window is multiplied by, the last one first.

        They are so small that a sum over a window fits in 31 bits.
        """
        return [pow(BASE, place, N_BUCKETS) for place in range(self.order)]

    @cached_property
    def _numbers(self) -> NDArray[np.uint16]:
        """Number of each code point."""
        numbers = np.full(N_CODE_POINTS, OTHER, np.uint16)
        numbers[self.alphabet] = np.arange(N_MARKS, N_MARKS + len(self.alphabet))
        numbers[_SURROGATES] = numbers[_REPLACEMENT]
        return numbers

    def windows(self, texts: Sequence[str]) -> Iterator[Windows]:
        """Yield the windows of ``texts``, some texts at a time, or a piece of a long one."""
        for first, part in parts(texts):
            n = len(part[0])
            if n <= _CHARACTERS_AT_ONCE:
                yield self._cut(part, first)
                continue
            for start in range(0, n + 1, _CHARACTERS_AT_ONCE):
                before, end = min(start, self.order - 1), start + _CHARACTERS_AT_ONCE
                piece = self._cut([part[0][start - before : end]], first)
                # only the last piece has a mark after it
                yield piece._replace(buckets=piece.buckets[before : None if end > n else -1])

    def whole(self, texts: Sequence[str]) -> Iterator[Windows]:
        """Yield the windows of ``texts``, some texts at a time, a long one in one piece."""
        for first, part in parts(texts):
            pieces = list(self.windows(part))
            buckets = np.concatenate([piece.buckets for piece in pieces])
            yield Windows(buckets, pieces[0].starts, first)

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How many windows each bucket has, ``(N_BUCKETS,)``."""
        counts = np.zeros(N_BUCKETS, np.int64)
        for windows in self.windows(texts):
            np.add.at(counts, windows.buckets, 1)
        return counts

    def _cut(self, texts: Sequence[str], first: int) -> Windows:
        n_marks = self.order - 1  # after a text; the next text has the same before it
        codes = Codes.of([text + "\0" * n_marks for text in texts])
        numbers = np.take(self._numbers, codes.points).astype(np.uint32)
        marks = codes.offsets[1:, None] - np.arange(n_marks, 0, -1)  # (d, order - 1)
        numbers[marks] = MARK
        keys = numbers.copy()
        for back, weight in enumerate(self.weights[1:], 1):
            keys[back:] += numbers[:-back] * np.uint32(weight)
        keys -= keys // np.uint32(N_BUCKETS) * np.uint32(N_BUCKETS)  # faster than %
        buckets = np.delete(keys, marks[:, 1:]).view(np.int32)
        return Windows(buckets, codes.offsets[:-1] - (n_marks - 1) * np.arange(len(texts)), first)


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
