"""One small interface to every source of word vectors, and the way from a name to a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textocl.exceptions import DataError

IN_MEMORY = "vectors in memory"  # the name of vectors that came without one


@runtime_checkable
class WordVectors(Protocol):
    """Gives a vector for each word it knows."""

    @property
    def name(self) -> str:
        """What the model records about its vectors: a name or a path."""

    @property
    def dimension(self) -> int:
        """Number of entries of a vector, d."""

    def vectors_of(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return vectors ``(n, d)``, and which words are known ``(n,)``; unknown rows are 0."""


def load_word_vectors(source: Any = "wordllama") -> WordVectors:
    """Return word vectors from a name, a file, or vectors in memory.

    Parameters
    ----------
    source
        ``"wordllama"``: 256-dimensional vectors that come with the package of that name; a word is
        the mean of its pieces, so no word is unknown.
        A path: GloVe, word2vec or fastText text (``.txt``, ``.vec``, ``.txt.gz``), word2vec or
        fastText binary (``.bin``), gensim KeyedVectors (``.kv``), or ``.npz`` with ``words``
        (strings, or UTF-8 bytes joined by newlines) and ``vectors``. All but ``.npz`` are read by
        gensim.
        A gensim KeyedVectors, or a mapping from words to vectors.
        Any object with the members of `WordVectors` is returned as it is.

    Raises
    ------
    DataError
        Nothing is found there, the file is damaged, or a vector holds NaN or infinity.
    MissingExtraError
        gensim is needed and not installed.

    Examples
    --------
    >>> vectors = load_word_vectors({"ship": [1.0, 0.0], "port": [0.8, 0.6]})
    >>> vectors.vectors_of(["port", "bank"])[1].tolist()
    [True, False]
    """
    from textocl.embeddings.vector_files import KeyedWordVectors, read_vector_file
    from textocl.embeddings.wordllama import WordLlamaVectors

    if isinstance(source, (str, Path)):
        if str(source) == WordLlamaVectors.name:
            return WordLlamaVectors()
        if str(source) == IN_MEMORY:
            raise DataError(
                "this detector was fitted on vectors in memory, which a saved model does not keep "
                "whole; to fit again give them again: set_params(embedding=...)."
            )
        return read_vector_file(Path(source))
    if isinstance(source, WordVectors):
        return source
    if isinstance(source, Mapping):
        try:
            vectors = np.array(list(source.values()), np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"the vectors of an embedding differ in length: {error}") from None
        return KeyedWordVectors(list(source), vectors, IN_MEMORY)
    if hasattr(source, "key_to_index") and hasattr(source, "vectors"):  # gensim's KeyedVectors
        return KeyedWordVectors.from_gensim(source, IN_MEMORY)
    raise DataError(
        "embedding must be a name, a path, a mapping from words to vectors, or gensim "
        f"KeyedVectors; got {type(source).__name__}."
    )
