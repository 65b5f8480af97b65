"""Centring and damping, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from textocl.text.embeddings.weighting import damp_frequent_words, standardize


def test_standardize_subtracts_the_frequency_weighted_mean() -> None:
    vectors = np.array([[2.0, 0.0], [0.0, 4.0]], np.float32)
    # mean = ¾ (2, 0) + ¼ (0, 4) = (1.5, 1): centred (0.5, -1) and (-1.5, 3), norms √1.25, √11.25
    result = standardize(vectors, np.array([0.3, 0.1]))
    centred = np.array([[0.5, -1.0], [-1.5, 3.0]])
    scale = 0.5 * np.sqrt(2) / np.mean([np.sqrt(1.25), np.sqrt(11.25)])
    assert result == pytest.approx(centred * scale)


def test_standardize_without_frequencies_takes_the_plain_mean() -> None:
    result = standardize(np.array([[1.0], [3.0]], np.float32), np.zeros(2))
    assert result.tolist() == [[-0.5], [0.5]]


def test_equal_vectors_stay_finite() -> None:
    assert np.isfinite(standardize(np.ones((3, 2), np.float32), np.zeros(3))).all()


def test_damping_halves_at_its_frequency() -> None:
    result = damp_frequent_words(np.ones((3, 1), np.float32), np.array([0.0, 0.01, 0.03]), 0.01)
    assert result.ravel().tolist() == pytest.approx([1, 0.5, 0.25])
