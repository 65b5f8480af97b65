"""The words a model knows, fixed when it is fitted, and one vector for each.

The words of the training documents come first, then frequent words of the language, so that words
that never occurred in training still count as evidence in a new document.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.text.embeddings.sources import WordVectors
from textocl.text.embeddings.trained import CorpusVectors
from textocl.text.embeddings.weighting import damp_frequent_words, standardize
from textocl.text.tokenization import Tokenizer
from textocl.text.word_index import WordIndex

_N_FREQUENT, _OFTEN = 500, 5  # a frequent word is among so many, and occurs so often
_STOPWORD = 1e-3  # share in general language of a word that says nothing about a topic
_MISSING_COUNT, _MISSING_SHARE = 3, 0.02  # what is worth a warning: so many, and so large a share


@dataclass(frozen=True)
class Vocabulary:
    """Words and their vectors: ``table[row]`` is the vector of ``words[row]``."""

    words: list[str]
    table: NDArray[np.float16]  # (u, d), as stored with a model

    @cached_property
    def index(self) -> WordIndex:
        """Finds the row of each word."""
        return WordIndex(self.words)

    def __len__(self) -> int:
        return len(self.words)


def count_words(texts: Sequence[str], tokenizer: Tokenizer) -> Counter[str]:
    """Count the words of ``texts`` that may enter a vocabulary."""
    counts = Counter(chain.from_iterable(part.words for part in tokenizer.cut(texts)))
    return Counter({word: n for word, n in counts.items() if tokenizer.keeps(word)})


def build_vocabulary(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    word_vectors: WordVectors,
    *,
    language: str | None,
    n_general_words: int,
    n_training_words: int,
    standardized: bool,
    frequency_damping: float | None,
    seed: int = 0,
) -> Vocabulary:
    """Choose the words of a model and make its table of vectors.

    Parameters
    ----------
    texts : the training documents
    language : language of the general word list (a code such as ``"en"``); None for no list
    n_general_words : how many of its most frequent words to add
    n_training_words : the most frequent training words to keep at most
    standardized, frequency_damping : see `textocl.text.embeddings.weighting`; None is off
    seed : of vectors that are learned from the training documents; others do not need it

    Returns
    -------
    Vocabulary of the words that have a vector. The table is rounded to float16 here, before
    training, so that a model scores with the very numbers that it stores.

    Raises
    ------
    DataError
        No training word has a vector; the language has no word list.
    """
    if learned := isinstance(word_vectors, CorpusVectors):
        word_vectors = word_vectors.trained_on([tokenizer.words(text) for text in texts], seed=seed)
    frequency = general_frequencies(language, tokenizer)
    counts = count_words(texts, tokenizer)
    frequent = set() if tokenizer.has_stopwords else _stopwords(frequency)
    # ties in alphabetical order: a vocabulary does not depend on the order of the documents
    words = sorted(counts.keys() - frequent, key=lambda word: (-counts[word], word))
    words = words[:n_training_words]
    n_own = len(words)
    general = frequent_words(language, n_general_words, tokenizer)
    words = list(dict.fromkeys(words + [word for word in general if word not in frequent]))
    vectors, known = word_vectors.vectors_of(words)
    if not known[:n_own].any():
        raise DataError(
            f"no word of the documents has a vector in {word_vectors.name!r} "
            f"({n_own} different words after {tokenizer.name!r} tokenization)."
        )
    if not learned:
        _warn_of_missing(words[:n_own], known[:n_own], counts, word_vectors.name)
    words = list(compress(words, known))
    frequencies = np.array([frequency.get(word, 0.0) for word in words])
    vectors = vectors[known]
    if standardized:
        vectors = standardize(vectors, frequencies)
    if frequency_damping is not None:
        vectors = damp_frequent_words(vectors, frequencies, frequency_damping)
    with np.errstate(over="ignore"):
        table = vectors.astype(np.float16)
    if not np.isfinite(table).all():
        raise DataError(
            f"the vectors of {word_vectors.name!r} hold entries beyond ±65,504, too large to store."
        )
    return Vocabulary(words, table)


def _warn_of_missing(
    words: Sequence[str], known: NDArray[np.bool_], counts: Counter[str], name: str
) -> None:
    """Count those of the most frequent words, which come first, that have no vector."""
    frequent = [word for word in words[:_N_FREQUENT] if counts[word] >= _OFTEN]
    missing = list(compress(frequent, ~known))
    if len(missing) >= max(_MISSING_COUNT, _MISSING_SHARE * len(frequent)):
        warnings.warn(
            f"{len(missing):,} of the {len(frequent):,} most frequent words have no vector in "
            f"{name!r} and do not count, such as {', '.join(map(repr, missing[:5]))}.",
            TextoclWarning,
            stacklevel=2,
        )


def _stopwords(frequency: dict[str, float]) -> set[str]:
    return {word for word, share in frequency.items() if share >= _STOPWORD}


def general_frequencies(
    language: str | None, tokenizer: Tokenizer | None = None
) -> dict[str, float]:
    """Share of each word in general language; empty without a language.

    With a ``tokenizer`` that cuts the words of the list into pieces, the shares of these.
    """
    if language is None:
        return {}
    import wordfreq

    try:
        shares = dict(wordfreq.get_frequency_dict(language))
    except (LookupError, ValueError, TypeError, AttributeError):  # unknown, or no language tag
        known = ", ".join(sorted(wordfreq.available_languages()))
        raise DataError(
            f"no word frequencies for language {language!r}: expected None or one of {known}."
        ) from None
    if tokenizer is None or not tokenizer.cuts_words:
        return shares
    pieces: Counter[str] = Counter()
    for part in tokenizer.cut(list(shares)):
        words = list(shares.values())
        for piece, word in zip(part.words, part.documents.tolist(), strict=True):
            pieces[piece] += words[word]
    return dict(pieces)


def most_used(words: Sequence[str], n_words: int, language: str | None) -> NDArray[np.int64]:
    """Rows of the ``n_words`` of a vocabulary that can be missed least, ascending.

    These stand early in it, being frequent in the training documents, or are frequent in general
    language, so that anomalies hold them: words are taken by the lesser of their two ranks.
    """
    frequency = general_frequencies(language)
    general = np.array([-frequency.get(word, 0.0) for word in words])
    rank = np.empty(len(words), np.int64)
    rank[np.argsort(general, kind="stable")] = np.arange(len(words))
    lesser = np.minimum(rank, np.arange(len(words))) if language else np.arange(len(words))
    return np.sort(np.argsort(lesser, kind="stable")[:n_words])


def frequent_words(language: str | None, n_words: int, tokenizer: Tokenizer) -> list[str]:
    """Return those of the ``n_words`` most frequent words that the tokenizer keeps."""
    if language is None or not n_words:
        return []
    shares = general_frequencies(language, tokenizer)  # refuses an unknown language
    if tokenizer.cuts_words:
        words = sorted(shares, key=lambda word: (-shares[word], word))[:n_words]
    else:
        import wordfreq

        words = wordfreq.top_n_list(language, n_words)
    return [word for word in words if tokenizer.keeps(word)]
