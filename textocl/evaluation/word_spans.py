"""How well values of words find the marked words of documents: from marked spans to measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.exceptions import DataError
from textocl.core.metrics import Evaluation, evaluate
from textocl.explain.explanation import Explanation

_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True)
class WordEvaluation:
    """Measures of finding marked words.

    Attributes
    ----------
    pooled : of all words of all documents together, as published figures are
    within : AUC within a document, mean of those that hold words of both kinds; NaN if none does
    """

    pooled: Evaluation
    within: float


def word_places(text: str) -> NDArray[np.int64]:
    """Where the words of a text stand, stopwords and numbers included, ``(w, 2)``."""
    places = [match.span() for match in _WORD.finditer(text)]
    return np.array(places, np.int64).reshape(-1, 2)


def mark_words(places: ArrayLike, spans: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Which words ``(w, 2)`` share a character with a marked span (start, end), ``(w,)``.

    Examples
    --------
    >>> mark_words(word_places("The food was cold."), [(13, 17)]).tolist()
    [False, False, False, True]
    """
    return np.asarray(_shared(places, spans).any(axis=1))


def values_at(places: ArrayLike, spans: Sequence[Sequence[int]], values: ArrayLike) -> NDArray:
    """Largest value of the spans that each word ``(w, 2)`` shares a character with, ``(w,)``.

    NaN where there is none: the word has no value.

    Raises
    ------
    DataError
        There is not one value for each span.
    """
    of_span = np.asarray(values, np.float64)
    if of_span.shape != (len(spans),):
        raise DataError(f"expected a value for each of {len(spans)} spans, got {of_span.shape}.")
    largest = np.where(_shared(places, spans), of_span, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isneginf(largest), np.nan, largest)


def explained_values(explanation: Explanation, values: ArrayLike) -> NDArray[np.float64]:
    """Values ``(w,)`` of an explanation's distinct words, at each word of its text."""
    of_word = dict(zip(explanation.words, np.asarray(values, np.float64), strict=True))
    spans = [(span.start, span.end) for span in explanation.spans]
    each = [of_word[span.word] for span in explanation.spans]
    return values_at(word_places(explanation.text), spans, each)


def evaluate_words(
    marks: Sequence[NDArray[np.bool_]], values: Sequence[NDArray[np.float64]]
) -> WordEvaluation:
    """Judge values of words by marks, ``(w,)`` each for every document.

    A word without a value (NaN), such as a stopword that a detector leaves out, ranks below all
    that have one.

    Raises
    ------
    DataError
        Marks and values do not fit, no word is marked or all are, or no word has a value.

    Examples
    --------
    >>> found = evaluate_words([np.array([True, False])], [np.array([0.9, np.nan])])
    >>> found.pooled.auc, found.within
    (1.0, 1.0)
    """
    if [len(mark) for mark in marks] != [len(value) for value in values]:
        raise DataError("expected as many values as marks in every document.")
    pooled = np.concatenate([np.empty(0), *values])
    if np.isnan(pooled).all():
        raise DataError("no word has a value.")
    least = np.nanmin(pooled) - 1
    filled = [np.where(np.isnan(value), least, value) for value in values]
    aucs = [
        evaluate(value, mark).auc
        for mark, value in zip(marks, filled, strict=True)
        if mark.any() and not mark.all()
    ]
    return WordEvaluation(
        evaluate(np.concatenate(filled), np.concatenate(marks)),
        float(np.mean(aucs)) if aucs else float("nan"),
    )


def _shared(places: ArrayLike, spans: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Which words and spans share a character, ``(w, s)``."""
    words = np.asarray(places, np.int64).reshape(-1, 2)
    marked = np.asarray(spans, np.int64).reshape(-1, 2)
    begins_before = words[:, None, 0] < marked[None, :, 1]
    ends_after = marked[None, :, 0] < words[:, None, 1]
    return np.asarray(begins_before & ends_after)
