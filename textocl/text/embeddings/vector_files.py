"""Word vectors from files: GloVe, word2vec, fastText, gensim's own format, and .npz."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, MissingExtraError, TextoclWarning
from textocl.text.embeddings.text_vectors import open_vectors, read_text_vectors

# what gensim and numpy raise on damaged files, each in its own place; MemoryError where a damaged
# header announces more than any memory holds
_UNREADABLE = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError,
    NotImplementedError, OSError, OverflowError, TypeError, ValueError,
    pickle.UnpicklingError, struct.error, zlib.error,
)  # fmt: skip
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")


class KeyedWordVectors:
    """Vectors of a fixed list of words; with fastText's subwords, of any word.

    Parameters
    ----------
    words : u strings
    vectors : (u, d)
    name : what a model records about its vectors

    Raises
    ------
    DataError
        The shapes do not agree, or a vector holds NaN or infinity.
    """

    def __init__(self, words: Sequence[str], vectors: NDArray[Any], name: str) -> None:
        if vectors.ndim != 2 or len(words) != len(vectors) or not vectors.size:
            raise DataError(
                f"{name}: expected vectors of shape ({len(words)}, d), one for each word, "
                f"got {vectors.shape}."
            )
        self.name = name
        self._vectors = vectors
        self._index = {word: row for row, word in enumerate(words)}
        self._cased: dict[str, int] = {}  # rows of words that are there in capitals only
        self._looked_for: set[str] = set()
        self._subwords: Any = None
        self._refuse_nonfinite(words)

    @classmethod
    def from_gensim(cls, keyed_vectors: Any, name: str) -> KeyedWordVectors:
        """Take over a gensim KeyedVectors or FastTextKeyedVectors."""
        vectors = cls(keyed_vectors.index_to_key, keyed_vectors.vectors, name)
        if hasattr(keyed_vectors, "vectors_ngrams"):
            vectors._subwords = keyed_vectors
        return vectors

    @property
    def dimension(self) -> int:
        return int(self._vectors.shape[1])

    def vectors_of(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return vectors ``(n, d)``, 0 for unknown words, and which are known ``(n,)``.

        Texts are looked up in lower case. Where a file has a word with capitals only, such as
        "Käufer", that one's vector serves.
        """
        self._find_cased({word for word in words if word not in self._index} - self._looked_for)
        rows = np.fromiter(
            (self._index.get(word, self._cased.get(word, -1)) for word in words),
            np.int64,
            len(words),
        )
        vectors = np.where((rows >= 0)[:, None], self._vectors[rows], 0).astype(np.float32)
        if self._subwords is not None:
            for i in np.flatnonzero(rows < 0):
                vectors[i] = self._subwords.get_vector(words[int(i)])
        # a zero vector says nothing: files often give one to words they do not really know
        return vectors, np.any(vectors != 0, axis=1)

    def _find_cased(self, missing: set[str]) -> None:
        """Find "Word", or else the first in the file that is "word" in lower case."""
        if not missing:
            return
        self._looked_for |= missing
        for word, row in self._index.items():
            if (lower := str(word).lower()) in missing:
                self._cased.setdefault(lower, row)
        for word in missing & self._cased.keys():
            self._cased[word] = self._index.get(word[:1].upper() + word[1:], self._cased[word])

    def _refuse_nonfinite(self, words: Sequence[str], block: int = 1 << 14) -> None:
        for start in range(0, len(words), block):
            bad = ~np.isfinite(self._vectors[start : start + block]).all(axis=1)
            if bad.any():
                word = words[start + int(np.argmax(bad))]
                raise DataError(f"{self.name}: the vector of {word!r} holds NaN or infinity.")


def read_vector_file(path: Path, name: str | None = None) -> KeyedWordVectors:
    """Read word vectors from any file that `load_embedding` names; its ending says how.

    Parameters
    ----------
    path : the file
    name : what a model records about its vectors; the path unless given

    Raises
    ------
    DataError
        No such file, or it is damaged, ragged, or holds NaN or infinity.
    MissingExtraError
        gensim is needed and not installed.
    """
    if not path.is_file():
        raise DataError(
            f"no word vectors at {str(path)!r}: expected 'wordllama', 'corpus', 'minilm', "
            "'gensim:NAME', 'model2vec:NAME', 'transformer:NAME', the folder of a model, or a file "
            "(.txt, .vec, .bin, .gz, .kv, .npz)."
        )
    name = name or str(path)
    if path.suffix == ".npz":
        return _read_npz(path, name)
    try:
        if _is_text(path):
            return KeyedWordVectors(*read_text_vectors(path), name)
        import gensim  # noqa: F401

        read = _read_gensim if path.suffix == ".kv" else _read_binary
        return KeyedWordVectors.from_gensim(read(path), name)
    except ImportError:
        raise MissingExtraError("gensim", "gensim", f"reading {path.name}") from None
    except DataError:
        raise
    except _UNREADABLE as error:
        raise DataError(f"{path}: these are not readable word vectors: {error}") from error


def _read_npz(path: Path, name: str) -> KeyedWordVectors:
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = {"words", "vectors"} - set(archive.files)
            if missing:
                raise DataError(f"{path}: no array named {sorted(missing)[0]!r}.")
            words, vectors = archive["words"], archive["vectors"]
        if words.dtype == np.uint8:
            names = words.tobytes().decode("utf-8").split("\n")
        else:
            names = [str(word) for word in words.ravel()]
    except DataError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable .npz: {error}") from error
    return KeyedWordVectors(names, vectors, name)


def _is_text(path: Path) -> bool:
    """Tell by the ending or, as with gensim's downloads, by what the file begins with."""
    ending = Path(path.name.removesuffix(".gz")).suffix
    if ending in (".txt", ".vec", ".bin", ".kv"):
        return ending in (".txt", ".vec")
    with open_vectors(path) as file:
        start = file.read(1 << 12)
    # entries of float32 vectors hold bytes that no text has
    return not start.startswith(_FASTTEXT_MAGIC) and not _CONTROL.search(start)


def _read_binary(path: Path) -> Any:
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    with open_vectors(path) as file:
        magic = file.read(4)
    if magic == _FASTTEXT_MAGIC:
        return load_facebook_vectors(str(path))
    vectors = KeyedVectors.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
    n_cut = sum("\ufffd" in word for word in vectors.index_to_key)
    if n_cut:
        warnings.warn(
            f"{path}: {n_cut:,} of {len(vectors):,} words are no UTF-8, such as those cut in the "
            "middle of a character; no text holds them.",
            TextoclWarning,
            stacklevel=4,
        )
    return vectors


class _VectorsUnpickler(pickle.Unpickler):
    """gensim's .kv is a pickle; this reads vectors from one and can run nothing else."""

    _MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
    _NAMES = ("ndarray", "dtype", "_reconstruct", "scalar")
    _GENSIM = ("KeyedVectors", "FastTextKeyedVectors", "CompatVocab", "Vocab")

    def find_class(self, module: str, name: str) -> Any:
        known = (module in self._MODULES and name in self._NAMES) or (
            module in ("gensim.models.keyedvectors", "gensim.models.fasttext")
            and name in self._GENSIM
        )
        if not known:
            raise pickle.UnpicklingError(f"it wants to load {module}.{name}, which no vectors need")
        return super().find_class(module, name)


def _read_gensim(path: Path) -> Any:
    from gensim.models import KeyedVectors

    with path.open("rb") as file:
        vectors = _VectorsUnpickler(file).load()
    if not isinstance(vectors, KeyedVectors):
        raise DataError(f"{path}: not gensim KeyedVectors, but {type(vectors).__name__}.")
    # large arrays lie beside the file as .npy
    for name in getattr(vectors, "__numpys", []):
        if name not in ("vectors", "vectors_vocab", "vectors_ngrams", "buckets_word"):
            raise DataError(f"{path}: an array {name!r} is no part of word vectors.")
        setattr(vectors, name, np.load(f"{path}.{name}.npy", allow_pickle=False))
    if hasattr(vectors, "vectors_ngrams"):  # fastText: saved without what its subwords give
        vectors.recalc_char_ngram_buckets()
        vectors.adjust_vectors()
    return vectors
