"""The members' scores become one: a mean of those on words, a noisy or with those on form."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import sentences

import textocl
from textocl import CharacterLikelihood, Detector, SurfaceProfile, WordLikelihood
from textocl.core.exceptions import FormatError
from textocl.core.persistence import CONFIG
from textocl.ensemble.fusion import (
    Fusion,
    fused_odds,
    loss,
    slope_of_fused_odds,
    slope_of_loss,
)
from textocl.ensemble.members import Member, OutOfSampleScores

KNOWN, UNKNOWN = np.ones(1, np.int64), np.zeros(1, np.int64)


@pytest.fixture(scope="module")
def fitted() -> Detector:
    """Tests must not change it."""
    return Detector(n_contexts=2).fit(sentences("ships", 100))


def scored(*values: float | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """One document as each member sees it; None where it knows nothing."""
    return [
        (np.float32([0 if value is None else value]), UNKNOWN if value is None else KNOWN)
        for value in values
    ]


def with_form() -> Fusion:
    members = [
        Member(WordLikelihood(), 1.0, 2.0, 1.0),
        Member(WordLikelihood(), 3.0, 25.0, 15.0),
        Member(SurfaceProfile(), 0.5, 1.0, 2.0),
        Member(CharacterLikelihood(), 0.25, 0.0, 1.0),
    ]
    return Fusion(members, 0.5, 2.0)


def test_members_on_words_alone_have_their_mean_over_those_that_know_one() -> None:
    fusion = Fusion(with_form().members[:2])
    assert fusion.fuse(scored(1, 10))[0] == pytest.approx((-1 - 3) / 4)
    assert fusion.fuse(scored(9, None))[0] == pytest.approx(7)
    score, n_known = fusion.fuse(scored(None, None))
    assert (score[0] > 1e30, n_known[0]) == (True, 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # by hand: words ((3 − 2) + 3 (40 − 25) / 15) / 4 = 1, standard (1 − 0.5) / 2 = 0.25
        ((3, 40, 5, 1), [(1, 0.25), (0.5, 2), (0.25, 1)]),
        ((3, None, 5, 1), [(1, 0.25), (0.5, 2), (0.25, 1)]),
        # without a known word the words are as odd as the form
        ((None, None, 5, 1), [(0.5 * (1 + 1 / 0.75), 2), (0.25 * (1 + 1 / 0.75), 1)]),
        # without a character there is no form
        ((3, 40, None, 1), [(1, 0.25), (0.25, 1)]),
    ],
)
def test_with_form_it_is_the_log_odds_of_a_noisy_or(
    values: tuple[float | None, ...], expected: list[tuple[float, float]]
) -> None:
    normal = math.prod((1 - 1 / (1 + math.exp(0.5 - z))) ** weight for weight, z in expected)
    odds = math.log((1 - normal) / normal) + 0.5
    assert with_form().fuse(scored(*values))[0] == pytest.approx(odds, abs=1e-6)


def test_nothing_known_is_not_judged_and_form_alone_counts_as_one_word() -> None:
    assert with_form().fuse(scored(None, None, None, None))[1] == 0
    form = [(np.float32([3]), np.array([80]))] * 2
    assert with_form().fuse([*scored(None, None), *form])[1] == 1


@given(
    st.lists(st.floats(-1e30, 1e30), min_size=4, max_size=4),
    st.integers(0, 3),
    st.floats(0, 1e30),
)
def test_no_member_that_finds_more_odd_makes_a_document_less_odd(
    values: list[float], k: int, more: float
) -> None:
    higher = [value + more * (i == k) for i, value in enumerate(values)]
    one, other = (with_form().fuse(scored(*these))[0] for these in (values, higher))
    assert np.isfinite([one, other]).all()
    assert other >= one


def test_the_words_scale_is_by_the_median_and_nine_tenths_of_known_words() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(7, 3, (5_000, 4)).astype(np.float32)
    is_known = np.ones((5_000, 4), bool)
    is_known[:40, :2] = False
    judged = OutOfSampleScores(scores, is_known, np.ones(5_000, bool), np.empty((5_000, 0)))
    members = [Member(one.detector, one.weight, 7, 3) for one in with_form().members]
    fusion = Fusion.of(members, judged)
    words = ((scores[40:, 0] - 7.0) + 3 * (scores[40:, 1] - 7.0)) / 3 / 4
    low, high = np.quantile(words, [0.5, 0.9])
    assert fusion.location == pytest.approx(low, abs=1e-6)
    assert fusion.scale == pytest.approx((high - low) / 1.2815516, rel=1e-5)


def test_slopes_are_the_derivatives() -> None:
    for at in (-3.0, 0.2, 4.0):
        step = 1e-6
        numeric = (loss(np.array(at + step)) - loss(np.array(at - step))) / (2 * step)
        assert slope_of_loss(at) == pytest.approx(float(numeric), rel=1e-6)
    for at in (1e-3, 0.7, 9.0):
        step = 1e-6 * at
        ends = fused_odds(np.array([at - step, at + step]))
        assert slope_of_fused_odds(at) == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-6)
    assert slope_of_fused_odds(0) == 0
    assert np.isfinite(fused_odds(np.zeros(1))).all()


def test_the_detector_fuses_its_members_so(fitted: Detector) -> None:
    texts = [*sentences("ships", 20, seed=4), *sentences("music", 5), "SHIP!!! 0800 123", "12 34"]
    normal = np.ones(len(texts))
    alone = fitted.member_scores(texts)
    members, fusion = fitted.members_, fitted.state_.fusion
    weights = {name: one.weight for name, one in members.items() if not one.detector.sees_form}
    known = {name: np.where(np.isnan(alone[name]), 0, weights[name]) for name in weights}
    words = sum(weights[name] * np.nan_to_num(alone[name]) for name in weights)
    words = words / np.maximum(sum(known.values()), 1e-30)
    standard = (words - fusion.location) / fusion.scale
    is_known = sum(known.values()) > 0
    assert 0 < is_known.sum() < len(texts)
    weight = members["density"].weight
    normal *= np.where(is_known, (1 + np.exp(standard - 0.5)) ** -weight, 1)
    of_form = {name: members[name].weight for name in ("surface", "characters")}
    more = np.where(is_known, 1, 1 + weight / sum(of_form.values()))
    for name, weight in of_form.items():
        normal *= (1 + np.exp(alone[name] - 0.5)) ** -(weight * more)
    expected = np.log((1 - normal) / normal) + 0.5
    assert np.allclose(fitted.anomaly_score(texts), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("values", [None, [0], [0, 0], [0, -1], ["0", 1], [math.nan, 1], {}])
def test_a_damaged_scale_of_words_is_refused(
    fitted: Detector, tmp_path: Path, values: object
) -> None:
    fitted.save(tmp_path / "model")
    model = Path(shutil.copytree(tmp_path / "model", tmp_path / "damaged"))
    config = json.loads((model / CONFIG).read_text("utf-8"))
    if values is None:
        del config["words_scale"]
    else:
        config["words_scale"] = values
    (model / CONFIG).write_text(json.dumps(config), "utf-8")
    with pytest.raises(FormatError, match="words_"):
        textocl.load(model)
