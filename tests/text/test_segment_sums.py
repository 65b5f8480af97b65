"""Faster sums, equal to numpy's to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from textocl.text.segment_sums import weighted_sums


@pytest.mark.parametrize("exact", [True, False])
def test_sums_are_those_of_reduceat_to_the_bit(exact: bool) -> None:
    random = np.random.default_rng(0)
    lengths = np.concatenate([np.arange(1, 150), random.integers(1, 400, 30)])
    random.shuffle(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    vectors = random.normal(size=(500, 37)).astype(np.float32)
    place = random.integers(0, 500, offsets[-1])
    weights = random.integers(1, 9, offsets[-1]).astype(np.float32)
    if not exact:
        weights *= np.float32(0.7)
    expected = np.add.reduceat(vectors[place] * weights[:, None], offsets[:-1], axis=0)
    assert np.array_equal(weighted_sums(vectors, place, weights, offsets), expected)


def test_empty_documents_sum_to_nothing() -> None:
    sums = weighted_sums(
        np.ones((2, 3), np.float32),
        np.array([1]),
        np.array([2.0], np.float32),
        np.array([0, 0, 1, 1]),
    )
    assert sums.tolist() == [[0, 0, 0], [2, 2, 2], [0, 0, 0]]
    assert weighted_sums(
        np.ones((2, 3), np.float32), np.empty(0, int), np.empty(0, np.float32), np.array([0])
    ).shape == (0, 3)
