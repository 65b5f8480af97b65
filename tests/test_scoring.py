"""From distances to one score, against hand-worked numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from textocl.scoring import aggregate, aggregation_weights

DISTANCES = np.array([[0.2, 0.4], [0.5, 0.1], [1.0, 1.0]], np.float32)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("mean", [0.3, 0.3, 1.0]),
        ("min", [0.2, 0.1, 1.0]),
        ((0, 1), [0.4, 0.1, 1.0]),
        ((1, 3), [0.35, 0.2, 1.0]),
    ],
)
def test_scores_worked_by_hand(aggregation: object, expected: list[float]) -> None:
    assert aggregate(DISTANCES, aggregation) == pytest.approx(expected)


def test_the_soft_minimum_weighs_near_contexts_by_eq_3_11() -> None:
    weights = aggregation_weights(DISTANCES, "softmin")
    near, far = math.exp(-10 * 0.2), math.exp(-10 * 0.4)
    assert weights[0] == pytest.approx([near / (near + far), far / (near + far)])
    assert weights[2] == pytest.approx([0.5, 0.5])
    scores = aggregate(DISTANCES, "softmin")
    assert (scores >= aggregate(DISTANCES, "min")).all()
    assert (scores <= aggregate(DISTANCES, "mean") + 1e-7).all()
    assert aggregation_weights(np.empty((0, 2), np.float32), "softmin").shape == (0, 2)
