"""From distances to one score, against hand-worked numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from textocl import DataError
from textocl.cvdd.scoring import aggregate, aggregation_weights, resolve_aggregation

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
def test_scores_worked_by_hand(aggregation: Any, expected: list[float]) -> None:
    name, weights = resolve_aggregation(aggregation, None, 2)
    assert aggregate(DISTANCES, name, weights) == pytest.approx(expected)


def test_the_soft_minimum_weighs_near_contexts_by_eq_3_11() -> None:
    weights = aggregation_weights(DISTANCES, "softmin")
    near, far = math.exp(-10 * 0.2), math.exp(-10 * 0.4)
    assert weights[0] == pytest.approx([near / (near + far), far / (near + far)])
    assert weights[2] == pytest.approx([0.5, 0.5])
    scores = aggregate(DISTANCES, "softmin")
    assert (scores >= aggregate(DISTANCES, "min")).all()
    assert (scores <= aggregate(DISTANCES, "mean") + 1e-7).all()
    assert aggregation_weights(np.empty((0, 2), np.float32), "softmin").shape == (0, 2)


@pytest.mark.parametrize("aggregation", ["mean", "min", "softmin"])
@pytest.mark.parametrize("weights", [[1, 0, 2], [0, 0, 3], [0.5, 0.5, 0.5], [1e-3, 5, 1]])
def test_context_weights_against_the_formula_context_by_context(
    aggregation: str, weights: list[float]
) -> None:
    distances = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    scores = aggregate(distances, aggregation, weights)
    for d, score in zip(distances.tolist(), scores, strict=True):
        parts = {"mean": lambda x: 1.0, "softmin": lambda x: math.exp(-10 * x)}
        if aggregation == "min":
            expected = min(d[k] for k in range(3) if weights[k])
        else:
            part = [weights[k] * parts[aggregation](d[k]) for k in range(3)]
            expected = sum(part[k] * d[k] for k in range(3)) / sum(part)
        assert score == pytest.approx(expected, rel=1e-5)
    if len(set(weights)) == 1:
        assert scores == pytest.approx(aggregate(distances, aggregation), rel=1e-6)


def test_context_weights_are_r_numbers_or_a_dict_of_some() -> None:
    assert resolve_aggregation("mean", None, 3) == ("mean", None)
    assert resolve_aggregation("min", {2: 0.5, np.int64(0): 1}, 3) == ("min", [1, 0, 0.5])
    assert resolve_aggregation("mean", np.array([1, 0, 2]), 3) == ("mean", [1, 0, 2])
    for wrong in ({3: 1}, {"0": 1}, {0: -1}, {0: 0}, {}, [1, 2], [1, 2, np.nan], "abc", {0: "x"}):
        with pytest.raises(DataError, match="context"):
            resolve_aggregation("mean", wrong, 3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="not both"):
        resolve_aggregation((1, 2), [1, 1], 2)


def test_weights_as_an_aggregation_are_the_context_weights_of_a_mean() -> None:
    assert resolve_aggregation((1, 0, 2), None, 3) == ("mean", [1, 0, 2])
