"""From the words of a document to one vector (thesis §3.2.2, baselines)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.text.documents import PackedDocuments
from textocl.text.segment_sums import weighted_sums

POOLINGS = ("mean", "tfidf", "lead", "max")
LEAD = 64  # words (with a language model, pieces) after which a word counts 1/e
_WORDS_AT_ONCE = 1 << 17  # bounds the float32 copy of a table of vectors


def pool(
    packed: PackedDocuments,
    table: NDArray[np.float16],
    pooling: str,
    word_weights: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return one vector a document, ``(n, d)``; 0 for a document without words.

    Parameters
    ----------
    packed : n documents
    table : (u, d)
    pooling : "mean", ``Σ_i n_i h_i / Σ_i n_i`` over distinct words with counts n; "tfidf", the
        same with ``n_i idf_i``; "lead", with `lead_weights`; "max", the largest value of each
        entry
    word_weights : (w,) of each word of ``packed``, for "tfidf" and "lead"
    """
    pooled = np.zeros((len(packed), table.shape[1]), np.float32)
    weights = packed.counts if word_weights is None else packed.counts * word_weights  # (w,)
    start = 0
    while start < len(packed):  # as many documents at once as hold about _WORDS_AT_ONCE words
        limit = packed.offsets[start] + _WORDS_AT_ONCE
        end = max(start + 1, int(np.searchsorted(packed.offsets, limit, side="right")) - 1)
        words = slice(packed.offsets[start], packed.offsets[end])
        offsets = packed.offsets[start : end + 1] - packed.offsets[start]
        rows, place = np.unique(packed.rows[words], return_inverse=True)
        vectors = table[rows].astype(np.float32)  # (distinct words of these, d)
        filled = np.flatnonzero(np.diff(offsets))
        if len(filled) and pooling == "max":
            largest = np.maximum.reduceat(vectors[place], offsets[filled], axis=0)
            pooled[start + filled] = largest
        elif len(filled):
            part = weights[words]
            sums = weighted_sums(vectors, place, part, offsets)
            totals = np.maximum(np.add.reduceat(part, offsets[filled]), 1e-30)
            pooled[start + filled] = sums[filled] / totals[:, None]
        start = end
    return pooled


def inverse_document_frequency(packed: PackedDocuments, n_words: int) -> NDArray[np.float32]:
    """Smooth idf of words that rows name, ``(u,)``: ``1 + log((1 + n) / (1 + n_i))``.

    ``n_i`` of n documents hold word i. This is scikit-learn's formula; a word that no document
    holds gets the largest value.
    """
    keys = np.unique(packed.documents * max(n_words, 1) + packed.rows)  # a row may repeat
    holding = np.bincount(keys % max(n_words, 1), minlength=n_words)
    return (1 + np.log((1 + len(packed)) / (1 + holding))).astype(np.float32)


def lead_weights(packed: PackedDocuments) -> NDArray[np.float32]:
    """Weight of each word, ``(w,)``: ``exp(−t / 64)`` after t words or pieces of its document.

    A text's beginning says what it is about. ``packed`` must hold words in the order of the text.
    """
    before = np.cumsum(packed.counts, dtype=np.float64) - packed.counts  # (w,), of all documents
    filled = packed.offsets[:-1] < packed.offsets[1:]
    first = before[packed.offsets[:-1][filled]]
    t = before - np.repeat(first, np.diff(packed.offsets)[filled])
    return np.exp(-t / LEAD).astype(np.float32)
