"""Words as the mean of the vectors of their pieces, as subword models store them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textocl.core.exceptions import DataError


class PieceVectors:
    """Vectors of word pieces, and the tokenizer that cuts a word into them.

    Parameters
    ----------
    pieces : (p, d), one vector for each piece that the tokenizer knows
    tokenizer : a ``tokenizers.Tokenizer``
    name : what a model records about its vectors
    unknown : the number of the piece that stands for what the tokenizer does not know; it is left
        out of a word, and a word of nothing else is unknown

    Raises
    ------
    DataError
        The shape does not fit the tokenizer, or a vector holds NaN or infinity.
    """

    def __init__(
        self, pieces: NDArray[Any], tokenizer: Any, name: str, unknown: int | None = None
    ) -> None:
        n_pieces = max(tokenizer.get_vocab().values(), default=-1) + 1
        if pieces.ndim != 2 or len(pieces) < n_pieces or not pieces.size:
            raise DataError(
                f"{name}: expected vectors of shape ({n_pieces}, d), one for each piece of its "
                f"tokenizer, got {pieces.shape}."
            )
        if not np.isfinite(pieces).all():
            raise DataError(f"{name}: a vector holds NaN or infinity.")
        self.name = name
        self._pieces = pieces.astype(np.float32, copy=False)
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._unknown = unknown

    @property
    def dimension(self) -> int:
        return int(self._pieces.shape[1])

    def vectors_of(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return vectors ``(n, d)``, 0 for unknown words, and which are known ``(n,)``."""
        encodings = self._tokenizer.encode_batch(list(words), add_special_tokens=False)
        lengths = np.fromiter((len(e.ids) for e in encodings), np.int64, len(encodings))
        flat = np.fromiter((i for e in encodings for i in e.ids), np.int64, int(lengths.sum()))
        if self._unknown is not None:
            kept = flat != self._unknown
            owner = np.repeat(np.arange(len(words)), lengths)[kept]
            flat, lengths = flat[kept], np.bincount(owner, minlength=len(words))
        ones, offsets = np.ones(len(flat), np.float32), np.append(0, np.cumsum(lengths))
        pieces_of = csr_array((ones, flat, offsets), shape=(len(words), len(self._pieces)))
        vectors = np.asarray(pieces_of @ self._pieces) / np.maximum(lengths, 1)[:, None]  # (n, d)
        return vectors.astype(np.float32, copy=False), lengths > 0
