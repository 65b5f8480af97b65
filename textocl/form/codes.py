"""Texts as one row of code points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

N_CODE_POINTS = 0x110000


class Codes(NamedTuple):
    """The characters of n texts, one text after the other.

    Attributes
    ----------
    points : (N,) uint32, code points as they stand in the texts; lone surrogates too
    offsets : (n + 1,) int64, where each text starts and the last one ends
    """

    points: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Codes:
        """Take the characters of ``texts``, case, white space and symbols unchanged.

        Examples
        --------
        >>> Codes.of(["ab", "", "c"])
        Codes(points=array([97, 98, 99], dtype=uint32), offsets=array([0, 2, 2, 3]))
        """
        joined = "".join(texts).encode("utf-32-le", "surrogatepass")
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return cls(np.frombuffer(joined, np.uint32), offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of characters of each text, ``(n,)``."""
        return np.diff(self.offsets)

    @property
    def documents(self) -> NDArray[np.int64]:
        """Which text each character is of, ``(N,)``."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the ``values`` ``(N,)`` of each text's characters, ``(n,)``.

        The same to the bit whatever other texts stand beside it.
        """
        return np.asarray(np.bincount(self.documents, values, len(self.lengths)), np.float64)
