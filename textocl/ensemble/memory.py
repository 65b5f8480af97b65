"""Which documents a model was trained on, without their texts: keyed hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textocl.core.persistence import ModelFiles

_KEY_BYTES = 16


@dataclass(frozen=True)
class TrainingMemory:
    """Recognizes training documents, whatever their white space.

    Whoever has the model and a text can tell whether it was among them; the text cannot be had from
    the model. The key is made of all documents, so hashes of two models do not compare.

    Attributes
    ----------
    key : (16,) uint8
    hashes : (n,) uint64, of each training document that is not labelled -1
    """

    key: NDArray[np.uint8]
    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> TrainingMemory:
        """Remember these documents."""
        whole = hashlib.blake2b(digest_size=_KEY_BYTES)
        for text in texts:
            whole.update(_bytes_of(text) + b"\0")
        key = whole.digest()
        return cls(np.frombuffer(key, np.uint8), _hashes(texts, key))

    def rows_of(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Which training document each text is, ``(m,)``; -1 for none."""
        hashes = _hashes(texts, self.key.tobytes())
        places = np.searchsorted(self.hashes, hashes, sorter=self._order)
        rows = self._order[np.minimum(places, len(self._order) - 1)]
        return np.where(self.hashes[rows] == hashes, rows, -1)

    def joined_by(self, texts: Sequence[str], kept: NDArray[np.int64]) -> TrainingMemory:
        """Remember those ``kept``, and these documents after them."""
        hashes = _hashes(texts, self.key.tobytes())
        return TrainingMemory(self.key, np.concatenate([self.hashes[kept], hashes]))

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.hashes, kind="stable")

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs."""
        return ModelFiles({}, {"key": self.key, "hashes": self.hashes})

    @classmethod
    def from_files(cls, files: ModelFiles, n: int) -> TrainingMemory:
        """Inverse of `to_files`, of n documents.

        Raises
        ------
        FormatError
        """
        key = files.array("key", np.uint8, _KEY_BYTES)
        return cls(key, files.array("hashes", np.uint64, n))


def _hashes(texts: Sequence[str], key: bytes) -> NDArray[np.uint64]:
    digests = (hashlib.blake2b(_bytes_of(t), digest_size=8, key=key).digest() for t in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _bytes_of(text: str) -> bytes:
    return " ".join(text.split()).encode("utf-8", "surrogatepass")
