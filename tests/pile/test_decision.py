"""One of four rules decides what is flagged, and none that cannot be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import DataError
from textocl.core.contamination import null_p_values
from textocl.pile import Decision
from textocl.pile.decision import false_discovery_rates

# six documents: 1 and 2 are copies, 4 is not judged
RANKS = np.array([3, 1, 1, 2, 0, 4])
P_VALUES = np.array([0.2, 0.01, 0.01, 0.05, np.nan, 0.9])
FALSE_DISCOVERY = np.array([0.4, 0.06, 0.06, 0.1, np.nan, 0.9])


@pytest.mark.parametrize(
    ("rule", "flagged"),
    [
        ({"top": 1}, [1, 2]),
        ({"top": 2}, [1, 2, 3]),
        ({"top": 99}, [0, 1, 2, 3, 5]),
        ({"budget": 0.01}, []),
        ({"budget": 1 / 6}, []),  # one of a pair of copies cannot be flagged alone
        ({"budget": 2 / 6}, [1, 2]),
        ({"budget": 3 / 6}, [1, 2, 3]),
        ({"budget": 1}, [0, 1, 2, 3, 5]),
        ({"fdr": 0.05}, []),
        ({"fdr": 0.06}, [1, 2]),
        ({"fdr": 0.1}, [1, 2, 3]),
        ({}, [1, 2, 3]),  # a false discovery rate of 0.1
        ({"false_alarm_rate": 0.05}, [1, 2, 3]),
        ({"false_alarm_rate": 0.005}, []),
    ],
)
def test_what_each_rule_flags_worked_by_hand(rule: dict[str, Any], flagged: list[int]) -> None:
    flags = Decision.of(**rule).flags(RANKS, P_VALUES, FALSE_DISCOVERY)
    assert np.flatnonzero(flags).tolist() == flagged


def test_more_than_one_rule_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="choose one of top and fdr: each decides on its own"):
        Decision.of(top=3, fdr=0.1)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"top": 0}, "top must be an integer of at least 1"),
        ({"top": 1.5}, "top must be an integer"),
        ({"budget": 0}, "budget must be"),
        ({"budget": 1.01}, "budget must be"),
        ({"fdr": 1}, "fdr must be"),
        ({"fdr": "low"}, "fdr must be"),
        ({"false_alarm_rate": 0}, "false_alarm_rate must be"),
        ({"false_alarm_rate": float("nan")}, "false_alarm_rate must be"),
    ],
)
def test_a_value_out_of_range_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Decision.of(**rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"top": 1200}, "the 1,200 with the highest scores"),
        ({"budget": 0.025}, "the 2.50% with the highest scores"),
        ({"fdr": 0.2}, "a false discovery rate of 0.2"),
        ({"false_alarm_rate": 0.05}, "a false-alarm rate of 0.05"),
        ({}, "a false discovery rate of 0.1"),
    ],
)
def test_a_rule_says_what_it_is(rule: dict[str, Any], words: str) -> None:
    assert str(Decision.of(**rule)) == words


@given(st.lists(st.integers(0, 6), max_size=30), st.floats(0.001, 1))
def test_a_budget_is_never_passed_and_keeps_copies_together(kinds: list[int], share: float) -> None:
    order = {kind: rank for rank, kind in enumerate(sorted({k for k in kinds if k}), 1)}
    ranks = np.array([order.get(kind, 0) for kind in kinds], np.int64)
    nothing = np.full(len(ranks), np.nan)
    flags = Decision.of(budget=share).flags(ranks, nothing, nothing)
    assert flags.sum() <= round(share * len(ranks))
    assert not flags[ranks == 0].any()
    flagged = set(ranks[flags].tolist())
    assert flagged == set(range(1, len(flagged) + 1))
    assert not set(ranks[~flags].tolist()) & flagged
    following = int((ranks == len(flagged) + 1).sum())
    assert not following or flags.sum() + following > round(share * len(ranks))


# --- false discovery rates ---


def test_rates_are_those_of_a_loop_by_benjamini_and_hochberg() -> None:
    scores = np.append(np.random.default_rng(0).normal(size=80), [6, 7, 8]).astype(np.float32)
    p_values = null_p_values(scores, 10)
    rates = false_discovery_rates(scores)
    n = len(scores)
    for i, p in enumerate(p_values):
        later = [q for q in p_values if q >= p]
        expected = min(q * n / sum(other <= q for other in p_values) for q in later)
        assert rates[i] == pytest.approx(min(expected, 1))


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=40))
def test_a_higher_score_never_has_a_higher_rate(scores: list[float]) -> None:
    rates = false_discovery_rates(np.array(scores, np.float32))
    assert rates.shape == (len(scores),)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates[np.argsort(scores)]) <= 1e-12).all()


def test_far_scores_are_found_and_nothing_where_all_are_normal() -> None:
    normal = np.random.default_rng(1).normal(size=2000).astype(np.float32)
    assert (false_discovery_rates(normal) <= 0.1).sum() <= 3
    with_anomalies = np.append(normal, np.full(40, 12, np.float32))
    found = np.flatnonzero(false_discovery_rates(with_anomalies) <= 0.1)
    assert np.isin(np.arange(2000, 2040), found).all()
    assert len(found) <= 44
