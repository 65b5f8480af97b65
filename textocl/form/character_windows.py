"""Texts as windows of characters: each character with those before it, as one number a size."""

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
#: more than there are numbers: windows of one character have buckets of their own
SHIFT = 5_000
_CHARACTERS_AT_ONCE = 1 << 16  # bounds memory, and keeps them in the cache
_SURROGATES, _REPLACEMENT = slice(0xD800, 0xE000), 0xFFFD


class Windows(NamedTuple):
    """Windows of d texts in order, or of a piece of one.

    Attributes
    ----------
    buckets : (order, M) int32, of the windows of 1, 2, … characters that end at each place: at the
        mark before each text (or the character before a piece), at its characters and at the mark
        after it; and at some marks between texts, which count for nothing
    before : (d,) int64, the place before each text
    lengths : (d,) int64, number of windows of each text: one for each character, and for the mark
    first : number of the first text
    """

    buckets: NDArray[np.int32]
    before: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: int

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where the windows of each text start among all, ``(d,)``."""
        return np.append(0, np.cumsum(self.lengths))[:-1]

    @property
    def places(self) -> NDArray[np.int64]:
        """Of all windows, without what is before a text, ``(m,)``."""
        return np.arange(self.lengths.sum()) + np.repeat(
            self.before + 1 - self.starts, self.lengths
        )

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

    The bucket of a window of k characters is ``(5000 k + Σ_j c_j 68724^j) mod 4194301``, with c_0
    the number of its last character, c_1 of that before it, and so on. A lone surrogate, which
    UTF-8 cannot hold, counts as U+FFFD.

    Attributes
    ----------
    alphabet : (a,) uint32, code points; that at i has the number ``i + N_MARKS``
    order : characters of the longest window
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

    @property
    def marks(self) -> NDArray[np.int64]:
        """Buckets of marks alone, by their number, ``(order - 1,)``: what a text starts after."""
        return SHIFT * np.arange(1, self.order)

    def windows(self, texts: Sequence[str]) -> Iterator[Windows]:
        """Yield the windows of ``texts``, some texts at a time, or a piece of a long one."""
        for first, part in parts(texts):
            n = len(part[0])
            if n <= _CHARACTERS_AT_ONCE:
                yield self._cut(part, first)
                continue
            for start in range(0, n + 1, _CHARACTERS_AT_ONCE):
                before, end = min(start, self.order), start + _CHARACTERS_AT_ONCE
                piece = self._cut([part[0][start - before : end]], first)
                # only the last piece has a mark after it
                buckets = piece.buckets[:, before : None if end > n else -1]
                yield piece._replace(buckets=buckets, lengths=np.array([buckets.shape[1] - 1]))

    def whole(self, texts: Sequence[str]) -> Iterator[Windows]:
        """Yield the windows of ``texts``, some texts at a time, a long one in one piece."""
        for first, part in parts(texts):
            piece, *others = self.windows(part)
            if others:
                rest = [other.buckets[:, 1:] for other in others]
                buckets = np.concatenate([piece.buckets, *rest], axis=1)
                lengths = np.array([buckets.shape[1] - 1])
                piece = piece._replace(buckets=buckets, lengths=lengths)
            yield piece._replace(first=first)

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """How many windows each bucket has, of all sizes, ``(N_BUCKETS,)``.

        With each text's beginning, the marks before it, as windows of less than ``order``.
        """
        counts = np.zeros(N_BUCKETS, np.int64)
        for windows in self.windows(texts):
            np.add.at(counts, windows.buckets[:, windows.places].ravel(), 1)
        counts[self.marks[1:]] += len(texts)  # one mark alone is also that after a text
        return counts

    def _cut(self, texts: Sequence[str], first: int) -> Windows:
        # after a text; the last of them is before the next text
        n_marks = max(self.order - 1, 2)
        codes = Codes.of(["\0", *(text + "\0" * n_marks for text in texts)])
        numbers = np.take(self._numbers, codes.points).astype(np.uint32)
        before = codes.offsets[1:-1] - 1
        lengths = np.diff(codes.offsets[1:]) - n_marks + 1
        numbers[before] = MARK
        numbers[codes.offsets[2:, None] - np.arange(n_marks, 0, -1)] = MARK
        numbers = numbers[: len(numbers) - n_marks + 1]
        keys, shift = numbers.copy(), np.uint32(SHIFT)
        buckets = np.empty((self.order, len(keys)), np.uint32)
        for back, weight in enumerate(self.weights):
            if back:
                keys[back:] += numbers[:-back] * np.uint32(weight)
            keys += shift
            # faster than %
            np.subtract(
                keys, keys // np.uint32(N_BUCKETS) * np.uint32(N_BUCKETS), out=buckets[back]
            )
        return Windows(buckets.view(np.int32), before, lengths, first)


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
