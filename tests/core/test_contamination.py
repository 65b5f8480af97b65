"""The share of hidden anomalies is counted beyond the tail of the scores of normal samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.core.contamination import (
    ContaminationEstimate,
    estimate_contamination,
    null_p_values,
)

some_scores = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60
)
EVEN = np.arange(101.0)  # its median and 90 % quantile are 50 and 90
NORMAL = np.random.default_rng(0).normal(size=400)


def with_the_highest_moved(n: int, far: float = 1e6) -> np.ndarray:
    """0 to 100, the highest ``n`` ≤ 10 far away, which changes neither quantile."""
    return np.where(np.arange(101) > 100 - n, far, EVEN)


def test_p_values_worked_by_hand() -> None:
    p_values = null_p_values(EVEN)
    assert p_values[[10, 50, 90]] == pytest.approx([0.9, 0.5, 0.1])
    # the 1 % quantile of the distribution is at 2.528 times its scale, 40 / 1.3253
    far = null_p_values(np.where(EVEN == 100, 50 + 2.528 * 40 / 1.3253, EVEN))
    assert far[100] == pytest.approx(0.01, rel=0.01)
    assert (np.diff(p_values) < 0).all()


def test_a_share_worked_by_hand() -> None:
    # 10 of 101, less 0.2 % that lie there by chance: 0.097010 / 0.998
    estimate = estimate_contamination(with_the_highest_moved(10))
    assert estimate.share == pytest.approx(0.097204, abs=1e-5)
    # three standard errors are 3 sqrt(0.099204 * 0.902796 / 101)
    assert estimate.at_least == pytest.approx(0.097204 - 0.089335, abs=1e-5)
    assert str(estimate) == "9.7% (at least 0.8%)"


def test_a_share_of_at_least_nothing_is_not_told() -> None:
    assert str(ContaminationEstimate(0.012, 0.0004)) == "1.2%"
    assert str(ContaminationEstimate(0.012, 0.0006)) == "1.2% (at least 0.1%)"


@given(some_scores)
def test_a_share_is_one_and_is_no_less_than_it_is_at_least(scores: list[float]) -> None:
    estimate = estimate_contamination(scores)
    assert 0 <= estimate.at_least <= estimate.share < 1
    p_values = null_p_values(scores)
    assert ((p_values >= 0) & (p_values <= 1)).all()


@given(st.integers(0, 9), st.floats(1000, 1e30))
def test_one_more_far_score_never_lowers_the_share(n: int, far: float) -> None:
    fewer, more = (estimate_contamination(with_the_highest_moved(k, far)) for k in (n, n + 1))
    assert fewer.share <= more.share
    assert more.share == pytest.approx((n + 1) / 101, abs=0.006)


def test_far_anomalies_among_normal_samples_are_counted() -> None:
    shares = [estimate_contamination(np.append(NORMAL, [9.0] * n)).share for n in range(0, 45, 5)]
    assert (np.diff(shares) > 0).all()
    expected = [n / (400 + n) for n in range(0, 45, 5)]
    assert shares == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_normal_samples_are_hardly_counted(seed: int) -> None:
    source = np.random.default_rng(seed)
    for scores in (source.normal(size=2000), source.uniform(size=2000)):
        assert estimate_contamination(scores).at_least < 0.002


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_the_unit_of_scores_does_not_matter(scale: float, shift: float) -> None:
    scores = np.append(NORMAL, [9.0] * 20)
    np.testing.assert_allclose(
        null_p_values(scale * scores + shift), null_p_values(scores), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_scores_tell_of_no_anomaly(n: int) -> None:
    assert estimate_contamination(np.arange(n) ** 9.0) == (0, 0)
    assert null_p_values(np.arange(n)).shape == (n,)


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_constant_scores_hold_no_anomaly(n: int) -> None:
    assert estimate_contamination(np.full(n, 3.0)) == (0, 0)
    assert (null_p_values(np.full(n, 3.0)) == 1).all()


def test_the_few_above_many_equal_ones_are_anomalies() -> None:
    few = np.append(np.zeros(995), np.ones(5))
    assert estimate_contamination(few).share == pytest.approx(0.003 / 0.998)
    assert null_p_values(few)[-5:].tolist() == [0] * 5
    assert (null_p_values(few)[:-5] == 1).all()
    assert estimate_contamination(np.append(np.zeros(910), np.ones(90))).share == 0
