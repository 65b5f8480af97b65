"""Texts as sets of hashed shingles: three words in a row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHORTEST, _SHORT = 4, 8  # words: below the first only equality counts, to the second single words
_SLICE = 1 << 18  # words hashed at once
_EDGE = ["", ""]  # before and behind a text: words at its ends weigh as much as others
_ASCII_SEPARATORS = {i: " " for i in range(128) if not chr(i).isalnum()}
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = (
    rf"[{_UNSPACED}]\p{{M}}*"
    rf"|[\p{{L}}\p{{N}}--[{_UNSPACED}]][\p{{L}}\p{{M}}\p{{N}}--[{_UNSPACED}]]*"
)
_TELLING_ALONE = rf"[\p{{N}}{_UNSPACED}]"  # one of them changed makes another short text


def normalized_words(text: str) -> list[str]:
    """Words and numbers of a text, whatever their case, form, spacing and punctuation.

    In scripts that are written without spaces every character is a word.

    Examples
    --------
    >>> normalized_words("Paid: ２ of 3 — über 東京!")
    ['paid', '2', 'of', '3', 'über', '東', '京']
    """
    if text.isascii():
        return text.lower().translate(_ASCII_SEPARATORS).split()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _compiled(_WORD).findall(unicodedata.normalize("NFKC", folded))


def marked_words(words: Sequence[str]) -> list[str]:
    """Words with marks of the text's edges, every three of which in a row are a shingle.

    Around each word of a short text: its shingles are then single words. Empty where only equal
    texts are copies: below four words, and in short texts with numbers or of characters.
    """
    if len(words) > _SHORT:
        return [*words, *_EDGE]
    if len(words) < _SHORTEST or _compiled(_TELLING_ALONE).search(" ".join(words)):
        return []
    return [mark for word in words for mark in (word, *_EDGE)]


def hashed_shingles(
    marked: Iterable[list[str]],
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield shingles ``(s,)`` and how many each text has ``(t,)``, many texts at a time.

    Parameters
    ----------
    marked : for each text what `marked_words` returns, not empty
    """
    words, lengths = [*_EDGE], []
    for text in marked:
        words += text
        lengths.append(len(text))
        if len(words) >= _SLICE:
            yield _hashed(words), np.array(lengths, np.int64)
            words, lengths = [*_EDGE], []
    if lengths:
        yield _hashed(words), np.array(lengths, np.int64)


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of numbers over all 64 (the finalizer of splitmix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _hashed(words: list[str]) -> NDArray[np.uint64]:
    hash_of = {
        word: int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        for word in set(words)
    }
    h = np.fromiter(map(hash_of.__getitem__, words), np.uint64, len(words))
    return mixed(mixed(mixed(h[:-2]) + h[1:-1]) + h[2:])


@cache
def _compiled(pattern: str) -> Any:
    import regex  # scripts and marks, which the standard re cannot name

    return regex.compile(pattern, regex.V1)
