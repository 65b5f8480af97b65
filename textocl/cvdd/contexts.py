"""What contexts a fitted CVDD has: top words, shares, typical documents (thesis §3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.explain.contexts import Contexts, ContextSummary, TopWord, TypicalDocument
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded

_EXCERPT = 240  # characters of a typical document that a model keeps
_LEADING, _ALIKE = 10, 7  # contexts with so many of their leading words in common are alike


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
    attention are counted. Of a small corpus it is the context's even share, since all of it would
    describe every context by the same words. Listed are the ``n_words`` with the largest contrast
    to all training documents: (count − 1) × distinctiveness × log(1 / share of all that hold the
    word). This is c-TF-IDF, count × log(1 + A / frequency), times distinctiveness, less a document,
    so that none alone names a context (the thesis lists the most frequent): words that stand
    everywhere alike fall out. Where no word has contrast, the most frequent are listed.

    Contexts that are alike, by their leading words or nearest documents, are merged into the one of
    them with the largest share; those with a share of 0 into one that is nearer to their documents.

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
    summaries, described_by = Contexts(), []
    for k in range(n_contexts):
        order = np.argsort(distances[:, k], kind="stable")[:n_nearest]
        rows = np.concatenate(
            [_most_attended(packed, attention[:, k], i, n_attended) for i in order]
        )
        counts = np.bincount(rows, minlength=len(words))
        listed = np.flatnonzero(counts)
        everywhere = holding[listed] / n_documents
        distinctiveness = np.log2(counts[listed] / len(order) / everywhere)
        contrast = (1 - counts[listed]) * np.maximum(distinctiveness, 0) * np.log(everywhere)
        if not contrast.any():
            contrast = counts[listed]
        top = [
            TopWord(words[listed[i]], int(counts[listed[i]]), float(distinctiveness[i]))
            for i in np.argsort(-contrast, kind="stable")[:n_words]
            if contrast[i] > 0
        ]
        typical = [
            TypicalDocument(int(document_numbers[i]), float(distances[i, k]), _excerpt(texts[i]))
            for i in order[:n_typical]
        ]
        summaries.append(ContextSummary(k, float((nearest == k).mean()), top, typical))
        described_by.append(order)
    return _merged(summaries, described_by, nearest)


def _merged(
    summaries: Contexts, described_by: list[NDArray[np.int64]], nearest: NDArray[np.int64]
) -> Contexts:
    """The same, where those that tell a reader nothing new name the context to show for them."""
    shown: list[int] = []
    into: dict[int, int] = {}
    for k in sorted(range(len(summaries)), key=lambda k: -summaries[k].share):
        alike = [j for j in shown if _are_alike(*(_leading(summaries[i]) for i in (j, k)))]
        alike += [j for j in shown if _are_alike(*(set(described_by[i].tolist()) for i in (j, k)))]
        if alike:
            into[k] = alike[0]
        elif summaries[k].share:
            shown.append(k)
        else:
            usual = int(np.bincount(nearest[described_by[k]]).argmax())
            into[k] = into.get(usual, usual)
    return Contexts(replace(c, merged_into=into.get(c.context)) for c in summaries)


def _leading(summary: ContextSummary) -> set[str]:
    return {word.word for word in summary.words[:_LEADING]}


def _are_alike(one: set[Any], other: set[Any]) -> bool:
    """Whether they have most in common; sets without members are unlike all."""
    return len(one & other) * _LEADING >= _ALIKE * max(len(one), len(other), 1)


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
