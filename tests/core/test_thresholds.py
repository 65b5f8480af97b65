"""Thresholds and p-values keep their promise and agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.core.thresholds import (
    conformal_p_values,
    conformal_threshold,
    smallest_calibration_size,
    trim_highest,
)

scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60)


def test_p_values_worked_by_hand_with_ties() -> None:
    calibration = [0.1, 0.2, 0.2, 0.4]
    assert conformal_p_values(calibration, [0.0, 0.2, 0.3, 0.4, 0.5]).tolist() == pytest.approx(
        [5 / 5, 4 / 5, 2 / 5, 2 / 5, 1 / 5]
    )


@pytest.mark.parametrize(("rate", "size"), [(0.05, 19), (0.1, 9), (0.5, 1), (0.01, 99)])
def test_smallest_calibration_size(rate: float, size: int) -> None:
    assert smallest_calibration_size(rate) == size
    assert 1 / (size + 1) <= rate + 1e-12
    assert 1 / size > rate


@given(scores, scores, st.sampled_from([0.01, 0.05, 0.1, 0.3, 0.5]))
def test_p_values_agree_with_a_loop(
    calibration: list[float], new: list[float], rate: float
) -> None:
    expected = [(1 + sum(c >= s for c in calibration)) / (1 + len(calibration)) for s in new]
    assert conformal_p_values(calibration, new).tolist() == pytest.approx(expected)


@given(scores, scores, st.sampled_from([0.05, 0.1, 0.3, 0.5]))
def test_above_the_threshold_means_a_p_value_of_at_most_the_rate(
    calibration: list[float], new: list[float], rate: float
) -> None:
    if len(calibration) < smallest_calibration_size(rate):
        return
    threshold = conformal_threshold(calibration, rate)
    flagged = np.array(new) > threshold
    assert (flagged == (conformal_p_values(calibration, new) <= rate + 1e-9)).all()


def test_false_alarms_of_new_normal_data_stay_at_the_rate() -> None:
    rng = np.random.default_rng(0)
    rates = [
        np.mean(rng.normal(size=500) > conformal_threshold(rng.normal(size=99), 0.1))
        for _ in range(400)
    ]
    assert np.mean(rates) == pytest.approx(0.1, abs=0.01)


def test_too_few_scores_give_the_highest() -> None:
    assert conformal_threshold([0.3, 0.1], 0.05) == 0.3


@pytest.mark.parametrize(
    ("share", "expected"), [(0, [1, 2, 3, 9]), (0.25, [1, 2, 3]), (0.4, [1, 2]), (1, [1])]
)
def test_the_highest_scores_are_left_out(share: float, expected: list[int]) -> None:
    assert trim_highest(np.array([3, 1, 9, 2], np.float32), share).tolist() == expected
