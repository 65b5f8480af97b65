"""One small interface to every source of word vectors, and the way from a name to a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.text.embeddings.contextual import ContextualVectors
from textocl.text.embeddings.gensim_downloads import downloaded_file
from textocl.text.embeddings.model2vec import Model2VecVectors
from textocl.text.embeddings.model_folders import read_json
from textocl.text.embeddings.trained import CorpusVectors
from textocl.text.embeddings.transformer import TransformerVectors
from textocl.text.embeddings.vector_files import KeyedWordVectors, read_vector_file
from textocl.text.embeddings.wordllama import WordLlamaVectors

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


def load_embedding(source: Any = "wordllama") -> WordVectors | ContextualVectors:
    """Return word vectors, or vectors that depend on context, from a name, a file, or memory.

    Parameters
    ----------
    source
        A name:

        - ``"wordllama"``: 256-dimensional vectors that come with the package of that name; a word
          is the mean of its pieces, so no word is unknown.
        - ``"corpus"``: vectors that a detector learns from its training documents (by gensim).
        - ``"minilm"`` and ``"transformer:NAME_OR_FOLDER"``: a transformer, whose vectors depend on
          the words around.
        - ``"gensim:NAME"``: vectors that gensim's downloader offers, fetched the first time.
        - ``"model2vec:NAME_OR_FOLDER"``: a static model of word pieces, in a folder or on the
          Hugging Face hub; a name is fetched the first time.

        A path: a folder with a model2vec or transformers model; GloVe, word2vec or fastText text
        (``.txt``, ``.vec``), word2vec or fastText binary (``.bin``), either also as ``.gz``;
        gensim KeyedVectors (``.kv``); or ``.npz`` with ``words`` (strings, or UTF-8 bytes joined by
        newlines) and ``vectors``. Binary files and ``.kv`` are read by gensim.

        In memory: a mapping from words to vectors, gensim KeyedVectors, or torchtext's vectors or
        vocabulary (anything with ``itos``, ``stoi`` and ``vectors``).
        An object with the members of `WordVectors` or `ContextualVectors` is returned as it is.

    Raises
    ------
    DataError
        Nothing is found there, the file is damaged, or a vector holds NaN or infinity.
    MissingExtraError
        An optional package is needed and not installed.

    Examples
    --------
    >>> vectors = load_embedding({"ship": [1.0, 0.0], "port": [0.8, 0.6]})
    >>> vectors.vectors_of(["port", "bank"])[1].tolist()
    [True, False]
    """
    if isinstance(source, (str, Path)):
        return _from_name(str(source))
    if isinstance(source, (WordVectors, ContextualVectors)):
        return source
    if isinstance(source, Mapping):
        try:
            vectors = np.array(list(source.values()), np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"the vectors of an embedding differ in length: {error}") from None
        return KeyedWordVectors(list(source), vectors, IN_MEMORY)
    if hasattr(source, "key_to_index") and hasattr(source, "vectors"):  # gensim's KeyedVectors
        return KeyedWordVectors.from_gensim(source, IN_MEMORY)
    if hasattr(source, "stoi") and hasattr(source, "itos"):
        return _from_torchtext(source)
    raise DataError(
        "embedding must be a name, a path, a mapping from words to vectors, gensim KeyedVectors, "
        f"or torchtext vectors; got {type(source).__name__}."
    )


def _from_name(source: str) -> WordVectors | ContextualVectors:
    kind, _, name = source.partition(":")
    if source == WordLlamaVectors.name:
        return WordLlamaVectors()
    if source == CorpusVectors.name:
        return CorpusVectors()
    if source == "minilm" or kind == "transformer":
        return _transformer(source)
    if kind == "gensim":
        return read_vector_file(downloaded_file(name), name=source)
    if kind == "model2vec":
        return Model2VecVectors(source)
    if source == IN_MEMORY:
        raise DataError(
            "this detector was fitted on vectors in memory, which a saved model does not keep "
            "whole; to fit again give them again: set_params(embedding=...)."
        )
    if Path(source).is_dir():
        is_model2vec = _model_type(Path(source)) == "model2vec"
        return Model2VecVectors(source) if is_model2vec else _transformer(source)
    return read_vector_file(Path(source))


def _transformer(source: str) -> ContextualVectors:
    vectors = TransformerVectors(source.removeprefix("transformer:"))
    vectors.name = source  # what a model records must lead back here
    return vectors


def _model_type(folder: Path) -> str:
    """Return what the config.json of a model's folder says it holds."""
    expected = (
        f"{folder} is a folder without a model: expected the config.json of a model2vec or "
        "transformers model, with a 'model_type'"
    )
    try:
        model_type = read_json(folder / "config.json").get("model_type")
    except DataError as error:
        raise DataError(f"{expected}; {error}") from error
    if not isinstance(model_type, str):
        raise DataError(f"{expected}, which it lacks.")
    return model_type


def _from_torchtext(source: Any) -> WordVectors:
    """Take over torchtext's Vectors or Vocab, known by their members; torchtext is not needed."""
    vectors = getattr(source, "vectors", None)
    if vectors is None:
        raise DataError(
            f"this {type(source).__name__} is a vocabulary without vectors: load some into it "
            "(vocab.load_vectors(...)), or give the vectors themselves."
        )
    if hasattr(vectors, "detach"):  # a torch tensor, wherever it lies and of whatever precision
        vectors = vectors.detach().cpu().float().numpy()
    try:
        table = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"the vectors of this {type(source).__name__}: {error}") from None
    return KeyedWordVectors(list(source.itos), table, IN_MEMORY)
