"""Thresholds and p-values keep their promise and agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textocl.core.thresholds import (
    ROUNDING,
    TOLERANCE,
    calibration_borders,
    conformal_p_values,
    conformal_threshold,
    score_sizes,
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
    borders = calibration_borders(calibration).tolist()
    expected = [(1 + sum(b >= s for b in borders)) / (1 + len(calibration)) for s in new]
    assert conformal_p_values(calibration, new).tolist() == pytest.approx(expected)


@given(scores, scores)
def test_p_values_are_those_of_the_scores_themselves_but_for_the_tolerance(
    calibration: list[float], new: list[float]
) -> None:
    def p_values(moved: float) -> list[float]:
        return [
            (1 + sum(c + moved >= s for c in calibration)) / (1 + len(calibration)) for s in new
        ]

    p = conformal_p_values(calibration, new)
    assert (p >= np.array(p_values(0)) - 1e-12).all()  # so that they keep their promise
    assert (p <= np.array(p_values(1.2 * TOLERANCE)) + 1e-12).all()


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


# --- where there are too few calibration scores ---


@pytest.mark.parametrize("calibration", [[0.3], [0.3, 0.1], [0.2, 0.3, 0.1]])
def test_scores_that_tell_of_no_tail_give_the_highest(calibration: list[float]) -> None:
    threshold = conformal_threshold(calibration, 0.05)
    assert 0.3 < threshold == pytest.approx(0.3, abs=1.1 * TOLERANCE)


def test_the_continued_tail_worked_by_hand() -> None:
    # the highest three of 0 to 9 lie above 6 by 2 on average: 6 + 2 log(3 / (11 α))
    assert conformal_threshold(range(10), 0.05) == pytest.approx(9.392896, abs=1e-5)
    assert conformal_threshold(range(10), 0.01) == pytest.approx(12.611772, abs=1e-5)
    # the highest tenth of 0 to 39, four, lie above 35 by 2.5: 35 + 2.5 log(4 / (41 α))
    assert conformal_threshold(range(40), 0.01) == pytest.approx(40.694733, abs=1e-5)


def test_a_continued_tail_is_never_below_the_highest_score() -> None:
    # 6 + 2 log(3 / (11 * 0.09)) = 8.2
    assert 9 < conformal_threshold(range(10), 0.09) == pytest.approx(9, abs=10 * TOLERANCE)


@pytest.mark.parametrize(("worst", "expected"), [(9.5, 9.3929), (9.3, 9.2999), (9.0, 9.0)])
def test_a_continued_tail_stays_below_the_worst_score(worst: float, expected: float) -> None:
    threshold = conformal_threshold(range(10), 0.05, worst)
    assert threshold == pytest.approx(expected, abs=1e-4)


@given(scores, st.sampled_from([0.001, 0.01, 0.05, 0.1]))
def test_a_worst_score_that_no_score_reaches_stays_above_a_threshold(
    calibration: list[float], rate: float
) -> None:
    threshold = conformal_threshold(calibration, rate, worst=1.1)
    assert max(calibration) < threshold < 1.1 or len(calibration) >= smallest_calibration_size(rate)


def test_the_rate_holds_roughly_with_too_few_scores_of_an_exponential_tail() -> None:
    rng = np.random.default_rng(0)
    samples = rng.exponential(size=(2000, 40))
    alarms = [np.exp(-conformal_threshold(sample, 0.005)) for sample in samples]
    assert np.median(alarms) == pytest.approx(0.005, rel=0.5)
    # the highest score alone would be passed three times as often
    assert np.median(np.exp(-samples.max(axis=1))) > 2.5 * np.median(alarms)


anywhere = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60
)
rates = st.sampled_from([0.01, 0.05, 0.1, 0.3, 0.5, 0.9])


def kth(calibration: list[float], rate: float) -> float:
    rank = int(np.ceil((len(calibration) + 1) * (1 - rate) - 1e-9))
    return sorted(calibration)[min(rank, len(calibration)) - 1]


@given(anywhere | scores, rates)
def test_a_threshold_lies_between_scores(calibration: list[float], rate: float) -> None:
    attained, threshold = kth(calibration, rate), conformal_threshold(calibration, rate)
    assert threshold >= attained
    largest = float(np.finfo(np.float32).max)
    assert threshold == np.float32(threshold) <= largest
    # above all that rounding explains, unless float32 has no number in between
    size = float(score_sizes(calibration, attained))
    rounded = max(c for c in calibration if c <= attained + ROUNDING * size)
    higher = min((c for c in calibration if c > rounded), default=np.inf)
    between = float(np.nextafter(np.float32(rounded), np.float32(np.inf)))
    assert rounded < threshold < higher or between in (higher, np.inf)
    if len(calibration) >= smallest_calibration_size(rate):
        assert threshold <= rounded + 1.1 * TOLERANCE * max(abs(rounded), 1)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), rates)
def test_as_many_calibration_scores_are_above_a_threshold_as_above_the_kth(
    counts: list[int], rate: float
) -> None:
    calibration = [count / 16 for count in counts]
    threshold = conformal_threshold(calibration, rate)
    expected = sum(c > kth(calibration, rate) for c in calibration)
    assert sum(c > threshold for c in calibration) == expected


@given(anywhere | scores)
@example([0.0, 0.0, 1.2466549596908653e38, 1.2466550611029133e38])  # continued beyond float32
def test_a_higher_rate_never_has_a_higher_threshold(calibration: list[float]) -> None:
    thresholds = [conformal_threshold(calibration, rate) for rate in (0.01, 0.1, 0.3, 0.5, 0.9)]
    assert thresholds == sorted(thresholds, reverse=True)


@given(
    st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=9), rates, st.integers(0, 2**32 - 1)
)
def test_label_and_p_value_of_a_repeated_score_survive_rounding(
    kinds: list[float], rate: float, seed: int
) -> None:
    kinds = [float(np.float32(round(kind, 2))) for kind in kinds]
    calibration = np.repeat(kinds, 20).astype(np.float32)
    errors = np.random.default_rng(seed).uniform(-1, 1, len(calibration))
    again = (calibration + ROUNDING * np.maximum(np.abs(calibration), 1) * errors).astype(
        np.float32
    )
    threshold = conformal_threshold(calibration, rate)
    assert ((again > threshold) == (calibration > threshold)).all()
    np.testing.assert_array_equal(
        conformal_p_values(calibration, again), conformal_p_values(calibration, calibration)
    )


def test_scores_that_differ_by_rounding_are_one() -> None:
    calibration = [0.1] * 15 + [0.5, 0.5 + 2e-7, 0.5 + 5e-7] * 10 + [0.9]
    assert len(set(calibration_borders(calibration).tolist())) == 3
    assert conformal_threshold(calibration, 0.5) > 0.5 + 5e-7


def test_small_scores_are_told_apart() -> None:
    calibration = np.arange(1, 41) * 1e-5
    threshold = conformal_threshold(calibration, 0.1)
    assert (calibration > threshold).sum() == 3
    assert conformal_threshold(calibration, 0.025) < 41e-5


@pytest.mark.parametrize("scale", [1e-3, 1e-6, 1e-9])
def test_labels_and_p_values_do_not_hang_on_the_scale_of_scores(scale: float) -> None:
    calibration = np.random.default_rng(0).gamma(2, size=100).astype(np.float32)
    new = np.random.default_rng(1).gamma(3, size=200).astype(np.float32)
    small, small_new = calibration * np.float32(scale), new * np.float32(scale)
    n_flagged = (new > conformal_threshold(calibration, 0.1)).sum()
    assert (small_new > conformal_threshold(small, 0.1)).sum() == pytest.approx(n_flagged, abs=1)
    one_more = 1 / (1 + len(calibration))  # the score a border lies above may count, or not
    np.testing.assert_allclose(
        conformal_p_values(small, small_new), conformal_p_values(calibration, new), atol=one_more
    )


def test_scores_that_are_zero_but_for_rounding_are_one() -> None:
    calibration = np.arange(40) * 1e-16
    assert conformal_threshold(calibration, 0.1) == pytest.approx(2 * ROUNDING)
    assert (conformal_p_values(calibration, [0, 1e-15, 1e-6]) == 1).all()


def test_the_worst_score_is_a_threshold_that_float32_holds() -> None:
    worst = float(np.finfo(np.float32).max)
    assert conformal_threshold([0.1, 0.2, worst], 0.01) == worst
    assert conformal_threshold([0.1, 0.2, worst], 0.5) == pytest.approx(0.2, abs=1.1 * TOLERANCE)


@pytest.mark.parametrize(
    ("share", "expected"), [(0, [1, 2, 3, 9]), (0.25, [1, 2, 3]), (0.4, [1, 2]), (1, [1])]
)
def test_the_highest_scores_are_left_out(share: float, expected: list[int]) -> None:
    assert trim_highest(np.array([3, 1, 9, 2], np.float32), share).tolist() == expected
