"""One small interface to every source of vectors that depend on a word's context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EncodedTexts:
    """The words of n texts, in reading order, each with a vector for its place.

    A word is what the tokenizer of the model calls one (punctuation marks are words, too); its
    vector is the mean over its pieces, so the mean over pieces of a text is the mean over its
    words weighted by ``pieces``.

    Attributes
    ----------
    vectors : (w, d) float16
    pieces : (w,) int32, into how many pieces the model cuts the word
    spans : (w, 2) int32, where the word begins and ends in its text
    offsets : (n + 1,) int64, text i is ``offsets[i]:offsets[i + 1]``
    """

    vectors: NDArray[np.float16]
    pieces: NDArray[np.int32]
    spans: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@runtime_checkable
class ContextualVectors(Protocol):
    """Gives each word of a text a vector that depends on the words around it."""

    @property
    def name(self) -> str:
        """What the model records about its vectors: a name or a path."""

    @property
    def dimension(self) -> int:
        """Number of entries of a vector, d."""

    @property
    def fingerprint(self) -> str:
        """Changes with anything that changes a vector."""

    def encode(
        self, texts: Sequence[str], *, remember: bool = False, progress: bool = False
    ) -> EncodedTexts:
        """Return the vectors of ``texts``; with ``remember``, also keep them on disk."""
