"""What measures of words promise: marks by characters, and ranks of what has no value."""

from __future__ import annotations

import numpy as np
import pytest

from textocl import CVDD, DataError
from textocl.evaluation.word_spans import (
    evaluate_words,
    explained_values,
    mark_words,
    values_at,
    word_places,
)

TEXT = "It wasn't fresh; the 2nd dish: cold."


def test_words_hold_apostrophes_and_numbers_and_no_marks() -> None:
    words = [TEXT[start:end] for start, end in word_places(TEXT)]
    assert words == ["It", "wasn't", "fresh", "the", "2nd", "dish", "cold"]
    assert word_places(" … ").shape == (0, 2)


@pytest.mark.parametrize(
    ("span", "marked"),
    [((3, 9), [1]), ((3, 10), [1]), ((8, 11), [1, 2]), ((9, 10), []), ((0, 99), list(range(7)))],
)
def test_a_word_is_marked_by_any_shared_character(span: tuple[int, int], marked: list[int]) -> None:
    assert np.flatnonzero(mark_words(word_places(TEXT), [span])).tolist() == marked


def test_no_span_marks_no_word() -> None:
    assert mark_words(word_places(TEXT), []).tolist() == [False] * 7


def test_a_word_has_the_largest_value_of_its_spans_or_none() -> None:
    values = values_at(word_places(TEXT), [(3, 6), (7, 9), (10, 15)], [1.0, -3.0, -2.0])
    np.testing.assert_array_equal(values, [np.nan, 1, -2, *[np.nan] * 4])
    with pytest.raises(DataError, match="a value for each of 1 spans"):
        values_at(word_places(TEXT), [(0, 1)], [1.0, 2.0])


def test_words_without_a_value_rank_last() -> None:
    marks = [np.array([True, False, False]), np.array([False, False])]
    found = evaluate_words(marks, [np.array([-5.0, np.nan, np.nan]), np.array([-6.0, np.nan])])
    assert found.pooled.auc == 1
    assert found.within == 1
    assert found.pooled.n_anomalous == 1


def test_pooled_measures_compare_words_across_documents_and_within_ones_do_not() -> None:
    marks = [np.array([True, False]), np.array([True, False])]
    found = evaluate_words(marks, [np.array([1.0, 0.0]), np.array([9.0, 8.0])])
    assert found.within == 1
    assert found.pooled.auc == 0.75


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(DataError, match="as many values"):
        evaluate_words([np.array([True])], [np.array([1.0, 2.0])])
    with pytest.raises(DataError, match="no word has a value"):
        evaluate_words([np.array([True, False])], [np.full(2, np.nan)])
    with pytest.raises(DataError, match="no anomalous"):
        evaluate_words([np.array([False, False])], [np.zeros(2)])


def test_values_of_an_explanation_stand_at_every_occurrence(detector: CVDD) -> None:
    text = "The tanker, a tanker, left"
    explanation = detector.explain([text])[0]
    values = explained_values(explanation, explanation.contributions)
    words = [text[start:end].lower() for start, end in word_places(text)]
    of_word = dict(zip(explanation.words, explanation.contributions, strict=True))
    assert "tanker" in of_word
    expected = [of_word.get(word, np.nan) for word in words]
    np.testing.assert_array_equal(values, expected)
