"""From words to rows of a table, many at once.

A dictionary needs a Python object for every word of every text, which costs more than all the rest
of scoring. Here words are looked up where they stand, in a buffer of letters: up to 16 letters are
two numbers of 64 bits, a hash of them names a slot, and the numbers in the slot must be equal. No
two words are ever confused.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

LETTERS_AT_ONCE = 16  # longer words go through the dictionary
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)  # the first n bytes of 8
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd, bits well spread


class WordIndex:
    """Row of each of ``words``, in their order; -1 for any other.

    Examples
    --------
    >>> WordIndex(["oil", "ship"]).rows(["ship", "port"]).tolist()
    [1, -1]
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._row_of = {word: row for row, word in enumerate(words)}
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        short = [row for row, word in enumerate(encoded) if len(word) <= LETTERS_AT_ONCE]
        packed = b"".join(encoded[row].ljust(LETTERS_AT_ONCE, b"\0") for row in short)
        keys = np.frombuffer(packed, "<u8").reshape(-1, 2)
        self._first, self._second = np.zeros((2, len(words) + 1), np.uint64)  # (u + 1,)
        self._first[short], self._second[short] = keys.T
        self._fill_slots(np.array(short, np.int64), len(words))

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, word: str) -> bool:
        return word in self._row_of

    def __getitem__(self, word: str) -> int:
        return self._row_of[word]

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Row of each word, ``(n,)``."""
        return np.fromiter(map(self._row_of.get, words, repeat(-1)), np.int64, len(words))

    def rows_in(
        self, letters: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Row of each word ``letters[start : start + length]``, ``(n,)``.

        ``letters`` must go on for `LETTERS_AT_ONCE` bytes behind the last word.
        """
        windows = np.ndarray((len(letters) - 7,), "<u8", letters, strides=(1,))  # at every byte
        first = windows[starts] & _MASKS[np.minimum(lengths, 8)]
        second = np.zeros_like(first)
        longer = np.flatnonzero(lengths > 8)
        remaining = np.minimum(lengths[longer] - 8, 8)
        second[longer] = windows[starts[longer] + 8] & _MASKS[remaining]
        rows = self._find(first, second)
        for i in np.flatnonzero(lengths > LETTERS_AT_ONCE):
            word = letters[starts[i] : starts[i] + lengths[i]].decode("ascii")
            rows[i] = self._row_of.get(word, -1)
        return rows

    def _slots_of(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
        mixed = (first * _MIX[0]) ^ (second * _MIX[1])
        mixed ^= mixed >> np.uint64(29)
        return ((mixed * _MIX[0]) >> self._shift).astype(np.int64)

    def _fill_slots(self, rows: NDArray[np.int64], n_words: int) -> None:
        """Open addressing: a word whose slot is taken goes to the next one."""
        bits = max(4, int(4 * len(rows)).bit_length())  # at most a quarter is taken
        self._shift = np.uint64(64 - bits)
        self._last_slot = (1 << bits) - 1
        self._rows = np.full(1 << bits, -1, np.int32)
        slots = self._slots_of(self._first[rows], self._second[rows])
        while len(rows):
            free = self._rows[slots] < 0
            _, chosen = np.unique(slots[free], return_index=True)
            chosen = np.flatnonzero(free)[chosen]
            self._rows[slots[chosen]] = rows[chosen]
            rows, slots = np.delete(rows, chosen), np.delete(slots, chosen)
            slots = (slots + 1) & self._last_slot

    def _find(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
        slots = self._slots_of(first, second)
        rows = self._rows[slots].astype(np.int64)
        # row -1 is the extra, empty key at the end, which no word equals
        wrong = (self._first[rows] != first) | (self._second[rows] != second)
        pending = np.flatnonzero(wrong & (rows >= 0))  # another word sits there: look further
        while len(pending):
            slots[pending] = (slots[pending] + 1) & self._last_slot
            found = self._rows[slots[pending]].astype(np.int64)
            rows[pending] = found
            wrong = (self._first[found] != first[pending]) | (
                self._second[found] != second[pending]
            )
            pending = pending[wrong & (found >= 0)]
        return rows
