"""A level says a count exactly where it is small, and nearly where it is large."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textocl.form.count_levels import COUNTS, N_LEVELS, levels_of


def test_levels_ascend_from_none_to_a_trillion() -> None:
    assert COUNTS.shape == (N_LEVELS,)
    assert (np.diff(COUNTS) > 0).all()
    assert COUNTS[:64].tolist() == list(range(64))
    assert COUNTS[-1] == 2**40
    assert (levels_of(COUNTS) == np.arange(N_LEVELS)).all()


@given(count=st.integers(0, 2**40))
def test_a_count_is_known_to_seven_percent(count: int) -> None:
    (level,) = levels_of(np.array([count]))
    assert abs(int(COUNTS[level]) - count) == min(abs(int(c) - count) for c in COUNTS)
    assert abs(int(COUNTS[level]) - count) <= (0 if count < 64 else 0.07 * count)


def test_more_than_the_largest_count_is_the_last_level() -> None:
    assert levels_of(np.array([2**53])).tolist() == [255]
