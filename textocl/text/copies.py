"""Texts that are equal or nearly, found without comparing every text with every other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from textocl.text.shingles import hashed_shingles, marked_words, mixed, normalized_words

_NO_WORD = "\0"  # begins what no words say
_ALIKE = 0.8  # of the shingles of two copies are in both
# at 16 bands of 4, 1 in 4,500 pairs of texts just as alike as that share no bucket
_BANDS, _ROWS = 16, 4
_FACTORS = mixed(np.arange(1, _BANDS * _ROWS + 1, dtype=np.uint64)) | np.uint64(1)
_NEIGHBORS = 4  # others of its bucket that a text is compared with, besides the most typical
_COMPARED = 1 << 21  # shingles of pairs compared at once


def copy_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Index of the first text that is a copy of each, ``(n,)``; its own if there is none before.

    Copies are texts of the same words, and those that share 0.8 of their shingles of three words
    (Jaccard similarity), which takes 25 words if one is changed: shorter lines of a log that differ
    in a number are no copies. Texts up to eight words are compared by single words; up to three
    words, or if they have numbers, only equal ones are copies. A copy of a copy is in its group.
    Of texts without a letter or digit those of the same characters are copies, white space apart.

    Notes
    -----
    MinHash in bands finds pairs, whose shingles are then compared. In a bucket of many texts each
    is compared with its most similar and the most typical only: time and memory grow with the
    size of the texts, not its square, and among hundreds of similar texts some copies are missed.
    Groups do not depend on the order of the texts.

    References
    ----------
    Broder: On the resemblance and containment of documents. 1997.

    Examples
    --------
    >>> copy_groups(["Oil is up.", "Ships wait.", "oil is UP"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[bytes, int] = {}  # of distinct texts, by the digest of their words
    distinct = np.empty(len(texts), np.int64)
    compared: list[int] = []

    def marked() -> Iterator[list[str]]:
        for i, text in enumerate(texts):
            words = normalized_words(text)
            said = " ".join(words) if words else _NO_WORD + "".join(text.split())
            digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            is_new = digest not in numbers
            distinct[i] = numbers.setdefault(digest, len(numbers))
            if is_new and (shingled := marked_words(words)):
                compared.append(distinct[i])
                yield shingled

    shingles, keys = _signed(marked())
    group = np.arange(len(numbers))
    if compared:
        digests = np.frombuffer(b"".join(numbers), "<u8")[::2]
        group[compared] = np.array(compared)[_near(shingles, keys, digests[compared])]
    _, first, inverse = np.unique(group[distinct], return_index=True, return_inverse=True)
    return first[inverse]


def largest_groups(groups: NDArray[np.int64], n: int = 5) -> list[tuple[int, int]]:
    """First index and size of the ``n`` largest groups of two or more, the largest first.

    Examples
    --------
    >>> largest_groups(np.array([0, 1, 0, 3, 1, 1]))
    [(1, 3), (0, 2)]
    """
    first, sizes = np.unique(groups, return_counts=True)
    order = np.argsort(-sizes, kind="stable")[:n]
    return [(int(first[i]), int(sizes[i])) for i in order if sizes[i] > 1]


def _signed(marked: Iterator[list[str]]) -> tuple[csr_array, NDArray[np.uint64]]:
    """Sets of shingles, one a row ``(m, 2^63 - 1)``, and the bands of their MinHash ``(m, b)``."""
    columns, lengths = [np.empty(0, np.int64)], [np.zeros(1, np.int64)]
    keys = [np.empty((0, _BANDS), np.uint64)]
    for hashes, counts in hashed_shingles(marked):
        starts = np.cumsum(counts) - counts
        bands = np.zeros((len(counts), _BANDS), np.uint64)
        for k, factor in enumerate(_FACTORS):
            bands[:, k % _BANDS] += np.minimum.reduceat(hashes * factor, starts)
            bands[:, k % _BANDS] = mixed(bands[:, k % _BANDS])
        keys.append(bands)
        columns.append((hashes >> np.uint64(1)).astype(np.int64))
        lengths.append(counts)
    column, offsets = np.concatenate(columns), np.cumsum(np.concatenate(lengths))
    ones = np.ones(len(column), np.int32)
    shingles = csr_array((ones, column, offsets), shape=(len(offsets) - 1, 2**63 - 1))
    shingles.sum_duplicates()
    shingles.data[:] = 1
    return shingles, np.concatenate(keys)


def _near(
    shingles: csr_array, keys: NDArray[np.uint64], digests: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """One member of the group of each row, ``(m,)``, the same for all in it."""
    buckets = np.stack([np.unique(key, return_inverse=True)[1] for key in keys.T])  # (b, m)
    crowd = sum(np.bincount(bucket)[bucket] for bucket in buckets)
    typical = np.lexsort((digests, -crowd))  # the most typical first, in any order of texts
    typical = typical[crowd[typical] > _BANDS]  # the others are alone in all buckets
    group = np.arange(len(digests))
    for band in range(_BANDS):
        a, b = typical[_pairs(buckets[:, typical], band)]
        apart = group[a] != group[b]
        a, b = a[apart], b[apart]
        near = _are_near(shingles, a, b)
        links = (np.ones(near.sum(), np.int8), (group[a[near]], group[b[near]]))
        graph = coo_array(links, shape=(len(group), len(group)))
        _, component = connected_components(graph, directed=False)
        group = component[group].astype(np.int64)
    return group


def _pairs(buckets: NDArray[np.int64], band: int) -> NDArray[np.int64]:
    """Pairs of texts that share their bucket of a band, ``(2, p)``, some for each text."""
    bucket, second, third = (buckets[(band + k) % _BANDS] for k in range(3))
    _, first, inverse = np.unique(bucket, return_index=True, return_inverse=True)
    order = np.lexsort((third, second, bucket))  # the more alike, the closer
    steps = range(1, _NEIGHBORS + 1)
    left = np.concatenate([first[inverse], *(order[:-step] for step in steps)])
    right = np.concatenate([np.arange(len(bucket)), *(order[step:] for step in steps)])
    return np.stack([left, right])[:, (bucket[left] == bucket[right]) & (left != right)]


def _are_near(shingles: csr_array, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether rows ``a`` and ``b``, ``(p,)``, have enough shingles in common."""
    sizes = np.diff(shingles.indptr)
    both = sizes[a] + sizes[b]
    near = np.minimum(sizes[a], sizes[b]) / np.maximum(sizes[a], sizes[b]) >= _ALIKE
    asked = np.flatnonzero(near)
    parts = np.cumsum(both[asked]) // _COMPARED
    for part in np.split(asked, np.flatnonzero(np.diff(parts)) + 1):
        common = np.diff(shingles[a[part]].multiply(shingles[b[part]]).indptr)
        near[part] = common / (both[part] - common) >= _ALIKE
    return near
