"""What contexts a fitted CVDD has: top words, shares, typical documents (thesis §3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.explain.contexts import Contexts, ContextSummary, TopWord, TypicalDocument
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded

_EXCERPT = 240  # characters of a typical document that a model keeps


def summarize_contexts(
    distances: NDArray[np.float32],
    attention: NDArray[np.float32],
    embedded: Embedded,
    texts: Sequence[str],
    document_numbers: NDArray[np.int64],
    *,
    n_nearest: int = 100,
    n_attended: int = 10,
    n_words: int = 25,
    n_typical: int = 3,
) -> Contexts:
    """Describe each context by the training documents nearest to it (thesis §3.2.2).

    From the ``n_nearest`` documents of a context, the ``n_attended`` words with the largest
    attention are counted; the most frequent ``n_words`` are listed. Of a small corpus it is the
    context's even share, since all of it would describe every context by the same words.

    Parameters
    ----------
    distances : (n, r) of the training documents
    attention : (w, r) of their words
    embedded : the training documents
    texts, document_numbers : the documents and the numbers their owner knows them by
    """
    n_documents, n_contexts = distances.shape
    nearest = distances.argmin(axis=1)  # (n,)
    words, packed = _by_word(embedded)
    held = np.unique(packed.documents * len(words) + packed.rows) % len(words)
    holding = np.bincount(held, minlength=len(words))  # documents that hold a word, (u,)
    n_nearest = min(n_nearest, -(-n_documents // n_contexts))
    summaries = Contexts()
    for k in range(n_contexts):
        order = np.argsort(distances[:, k], kind="stable")[:n_nearest]
        rows = np.concatenate(
            [_most_attended(packed, attention[:, k], i, n_attended) for i in order]
        )
        counts = np.bincount(rows, minlength=len(words))
        listed = np.lexsort((np.arange(len(words)), -counts))[:n_words]
        top = [
            TopWord(
                words[row],
                int(counts[row]),
                float(np.log2(counts[row] / len(order) / (holding[row] / n_documents))),
            )
            for row in listed
            if counts[row]
        ]
        typical = [
            TypicalDocument(int(document_numbers[i]), float(distances[i, k]), _excerpt(texts[i]))
            for i in order[:n_typical]
        ]
        summaries.append(ContextSummary(k, float((nearest == k).mean()), top, typical))
    return summaries


def _most_attended(
    packed: PackedDocuments, attention: NDArray[np.float32], document: int, n: int
) -> NDArray[np.int32]:
    """Rows of the ``n`` words of one document with the largest attention."""
    start, end = packed.offsets[document : document + 2]
    order = np.argsort(-attention[start:end], kind="stable")[: 4 * n]
    rows = packed.rows[start:end][order]
    _, first = np.unique(rows, return_index=True)  # a word that stands in many places counts once
    return rows[np.sort(first)][:n]


def _by_word(embedded: Embedded) -> tuple[Sequence[str], PackedDocuments]:
    """Distinct words, and the documents with rows that number these."""
    if embedded.places is None:
        return embedded.words, embedded.packed
    words, numbers = np.unique(np.array(embedded.words, object), return_inverse=True)
    rows = numbers[embedded.packed.rows].astype(np.int32)
    return words.tolist(), replace(embedded.packed, rows=rows)


def _excerpt(text: str) -> str:
    text = " ".join(text[: 4 * _EXCERPT].split())
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
