"""Measures of a ranking, by counting pairs and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import DataError
from textocl.core.metrics import evaluate, rank_correlation


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=15),
    st.lists(st.integers(0, 5), min_size=1, max_size=15),
)
def test_auc_is_the_share_of_pairs_in_the_right_order(
    normal: list[int], anomalous: list[int]
) -> None:
    pairs = [(a > n) + 0.5 * (a == n) for n in normal for a in anomalous]
    truth = [False] * len(normal) + [True] * len(anomalous)
    assert evaluate(normal + anomalous, truth).auc == pytest.approx(np.mean(pairs))


def test_measures_worked_by_hand() -> None:
    # ranked from the top: anomaly, normal, anomaly, normal, normal
    result = evaluate([5, 4, 3, 2, 1], [True, False, True, False, False])
    assert result.auc == pytest.approx(5 / 6)
    assert result.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert result.fpr_at_95_recall == pytest.approx(1 / 3)
    assert (result.n_normal, result.n_anomalous) == (3, 2)


def test_perfect_and_reversed_rankings() -> None:
    truth = [False] * 3 + [True] * 3
    assert evaluate([0, 0, 0, 1, 1, 1], truth).fpr_at_95_recall == 0
    assert evaluate([1, 1, 1, 0, 0, 0], truth).auc == 0


@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1, 2], [True, True], "no normal one"),
        ([1, 2], [False, False], "no anomalous one"),
        ([], [], "needs both kinds"),
        ([1], [True, False], "one entry of is_anomaly for each of 1 scores"),
    ],
)
def test_what_cannot_be_evaluated(scores: list[int], truth: list[bool], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(scores, truth)


def test_equal_scores_share_a_rank() -> None:
    scores, others = [1, 1, 1, 2, 3], [1, 1, 2, 2, 3]
    # ranks 2, 2, 2, 4, 5 and 1.5, 1.5, 3.5, 3.5, 5, correlated by hand
    assert rank_correlation(scores, others) == pytest.approx(7 / np.sqrt(8 * 9))
    assert rank_correlation([1] * 300 + [2, 3], [1] * 300 + [2, 3]) == pytest.approx(1)


@pytest.mark.parametrize(("scores", "others"), [([], []), ([1], [1]), ([1, 1], [1, 2])])
def test_no_order_has_no_rank_correlation(scores: list[float], others: list[float]) -> None:
    assert rank_correlation(scores, others) is None
