"""The character likelihood is the formula it states, and says which characters decided."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import sentences

import textocl
from textocl import CharacterLikelihood, DataError, FormatError, TextoclWarning
from textocl.form import character_windows
from textocl.form.character_model import WORST_CHARACTER_SCORE, CharacterModel
from textocl.form.character_windows import WindowCutter
from textocl.form.count_levels import COUNTS, levels_of

TEXTS = [*sentences("ships", 30), "A ship!", "x", "12 £"]
ODD = [
    "x", "£££", "A SHIP", "ship\0port", "ship\ud800port", "\x01\x02", "漢字 かな", "e\u0301", "😀👩‍🚀",
    " ship ", "\n\nship", "ship\u3000port", "\U0010ffff", "end", "é" * 100_000, "ab " * 33_333,
]  # fmt: skip


def framed(text: str, alphabet: str, order: int) -> list[str]:
    known = [character if character in alphabet else "other" for character in text]
    return ["mark"] * (order - 1) + known + ["mark"]


def naive_surprisals(text: str, others: list[str], alphabet: str, order: int = 5) -> list[float]:
    """One for each character and the mark after them, by counts of the ``others``."""
    following: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for other in others:
        characters = framed(other, alphabet, order)
        for at in range(order - 1, len(characters)):
            for n_before in range(order):
                following[tuple(characters[at - n_before : at])][characters[at]] += 1
    characters, surprisals = framed(text, alphabet, order), []
    for at in range(order - 1, len(characters)):
        p = 1 / (len(alphabet) + 2)
        for n_before in range(order):
            counts = following[tuple(characters[at - n_before : at])]
            # known to 7 % where they are more than 63; how many characters there are, exactly
            n, total = rounded(counts[characters[at]]), counts.total()
            total = rounded(total) if n_before else total
            p = (n + 5 * p) / (total + 5)
        surprisals.append(-math.log(min(p, 1)))
    return surprisals


def rounded(count: int) -> int:
    return int(COUNTS[levels_of(np.array([count]))[0]])


def naive_median(texts: list[str], alphabet: str, order: int = 5) -> float:
    means = [
        sum(naive_surprisals(text, texts[:i] + texts[i + 1 :], alphabet, order)) / len(text)
        for i, text in enumerate(texts)
    ]
    return float(np.median(means))


@pytest.fixture(scope="module")
def detector() -> CharacterLikelihood:
    return CharacterLikelihood().fit(TEXTS)


@pytest.mark.parametrize(("order", "prior_length"), [(2, 1), (3, 30), (4, 0), (5, 30)])
def test_scores_are_those_of_a_loop_over_characters(
    mixed: list[str], order: int, prior_length: int
) -> None:
    normal = TEXTS[:20] + TEXTS[-3:]
    detector = CharacterLikelihood(order=order, prior_length=prior_length).fit(normal)
    assert set(detector.alphabet_) == set("".join(normal))
    median = naive_median(normal, detector.alphabet_, order)
    # of the windows of five characters a few share a bucket with others
    near = 5e-4 if order == 5 else 4e-6
    assert detector.state_.median == pytest.approx(median, abs=near)
    texts = [*mixed[::5], *ODD[:10], "zzz 漢"]
    expected = []
    for text in texts:
        total = sum(naive_surprisals(text, normal, detector.alphabet_, order))
        expected.append((total + prior_length * median) / (len(text) + prior_length))
    assert detector.anomaly_score(texts).tolist() == pytest.approx(expected, abs=near)


def test_a_score_worked_by_hand() -> None:
    detector = CharacterLikelihood(order=2, prior_length=0, false_alarm_rate=0.5)
    detector.fit(["ab", "aab"])
    # seven characters, marks after texts among them: a 3, b 2, mark 2; four are told apart
    a, b, mark = (3 + 5 / 4) / 12, (2 + 5 / 4) / 12, (2 + 5 / 4) / 12
    # both texts start with a; after a come b twice and a once; both end after b
    p = [(2 + 5 * a) / 7, (2 + 5 * b) / 8, (2 + 5 * mark) / 7]
    assert detector.anomaly_score(["ab"])[0] == pytest.approx(-np.log(p).sum() / 2)
    p = [5 * b / 7, (2 + 5 * mark) / 7]
    assert detector.anomaly_score(["b"])[0] == pytest.approx(-np.log(p).sum())


def test_probabilities_of_what_may_follow_sum_to_one() -> None:
    model, _ = CharacterModel.of(["abab", "aab", "ba"], order=3)
    surprisals = []
    for text in ("aba", "abb", "abx", "ab"):  # after "ab" follow a, b, any other or the mark
        (windows,) = model.cutter.whole([text])
        surprisals.append(model.surprisals(windows)[2])
    assert np.exp(-np.array(surprisals)).sum() == pytest.approx(1, abs=1e-5)


def test_training_scores_are_those_of_the_other_texts() -> None:
    detector = CharacterLikelihood().fit(TEXTS)
    median = detector.state_.median
    for i in (0, 7, 30, 31, 32):
        others = TEXTS[:i] + TEXTS[i + 1 :]
        total = sum(naive_surprisals(TEXTS[i], others, detector.alphabet_))
        expected = (total + 30 * median) / (len(TEXTS[i]) + 30)
        assert detector.training_scores_[i] == pytest.approx(expected, abs=2e-5)
    assert (np.sort(detector.training_scores_) == detector.calibration_scores_).all()
    assert (detector.training_scores_ > detector.anomaly_score(TEXTS)).all()


def test_training_scores_take_the_level_of_what_others_have() -> None:
    texts = ["a ship", *["the ship left the port" + "!" * i for i in range(90)]]
    model, sums = CharacterModel.of(texts, order=5)
    for i in (0, 1, 50, 90):
        others = texts[:i] + texts[i + 1 :]
        without, _ = CharacterModel.of(others, order=5)
        cutter = WindowCutter(model.cutter.alphabet, 5)
        counts = cutter.count(others)
        buckets = np.flatnonzero(counts).astype(np.int32)
        of_others = replace(
            without, cutter=cutter, buckets=buckets, levels=levels_of(counts[buckets])
        )
        assert of_others.sums([texts[i]])[0] == sums[i]
    assert model.levels.max() > 64  # not all counts are exact


def test_what_is_usual_is_measured_out_of_sample() -> None:
    detector = CharacterLikelihood().fit(TEXTS)
    means = [
        np.mean(values[place : place + 5])
        for i, text in enumerate(TEXTS)
        for values in [naive_surprisals(text, TEXTS[:i] + TEXTS[i + 1 :], detector.alphabet_)]
        for place in range(len(text))
    ]
    every, usual = np.array(means), detector.state_.usual
    assert (every > usual).mean() <= 0.01 < (every >= usual - 0.0101).mean()


def test_a_short_text_is_drawn_to_what_is_normal(detector: CharacterLikelihood) -> None:
    scores = detector.anomaly_score(["£", "£" * 300])
    assert scores[0] < scores[1]
    median = detector.state_.median
    assert 0 < scores[0] - median < 0.1 * (scores[1] - median)
    total = sum(naive_surprisals("£" * 300, TEXTS, detector.alphabet_))
    assert scores[1] == pytest.approx((total + 30 * median) / 330, abs=1e-4)


def test_parts_change_no_bit(detector: CharacterLikelihood, mixed: list[str]) -> None:
    texts = [*mixed, *ODD]
    expected = detector.anomaly_score(texts)
    alone = np.concatenate([detector.anomaly_score([text]) for text in texts])
    assert alone.tobytes() == expected.tobytes()
    for size in (1, 7, 300):
        with patch.object(character_windows, "_CHARACTERS_AT_ONCE", size):
            short = [text for text in texts if len(text) < 1000]
            again = CharacterLikelihood().fit(TEXTS)
            assert again.anomaly_score(short).tobytes() == expected[:-2].tobytes()
            assert again.threshold_ == detector.threshold_
            assert again.state_.usual == detector.state_.usual


def test_form_counts_and_meaning_does_not(ships: list[str]) -> None:
    detector = CharacterLikelihood().fit(ships)
    scores = detector.anomaly_score([ships[0], ships[0].upper(), ships[0].replace(" ", "  ")])
    assert scores[0] < min(scores[1:])


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(), min_size=1, max_size=40))
@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_every_text_but_an_empty_one_is_judged_below_the_worst(
    detector: CharacterLikelihood, text: str
) -> None:
    assessment = detector.assess([text])
    judged = not text.isspace()
    assert assessment.n_known_words[0] == (len(text) if judged else 0)
    assert (assessment.score[0] < WORST_CHARACTER_SCORE) == judged
    contributions = detector.character_contributions([text])[0]
    assert contributions.shape == (len(text),)
    assert contributions.sum() == pytest.approx(assessment.score[0] if judged else 0, abs=1e-5)


def test_contributions_are_those_of_the_formula(detector: CharacterLikelihood) -> None:
    text = "A ship £5"
    n = len(text)
    shares = np.zeros(n)
    for end, value in enumerate(naive_surprisals(text, TEXTS, detector.alphabet_)):
        held = range(max(0, end - 4), min(end + 1, n))
        shares[held] += value / len(held)
    expected = (shares + 30 * detector.state_.median / n) / (n + 30)
    assert detector.character_contributions([text])[0].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_contributions_of_short_texts_add_up(order: int) -> None:
    detector = CharacterLikelihood(order=order).fit(TEXTS)
    texts = ["£", "a £", "abc", "abcd", "abcde", "abcdef"]
    for values, score in zip(
        detector.character_contributions(texts), detector.anomaly_score(texts), strict=True
    ):
        assert values.sum() == pytest.approx(score, abs=1e-5)
        assert (values > 0).all()


def test_white_space_belongs_to_the_piece_before_it(detector: CharacterLikelihood) -> None:
    text = " \tship port  ship\n"
    (explanation,) = detector.explain([text])
    (of_characters,) = detector.character_contributions([text])
    assert explanation.words == ["ship", "port"]
    assert explanation.counts.tolist() == [2, 1]
    assert [(span.start, span.end) for span in explanation.spans] == [(2, 6), (7, 11), (13, 17)]
    expected = [of_characters[:7].sum() + of_characters[13:].sum(), of_characters[7:13].sum()]
    assert explanation.contributions.tolist() == pytest.approx(expected)
    assert explanation.shares.tolist() == pytest.approx([12 / 18, 6 / 18])


def test_explanations_of_odd_texts_add_up(detector: CharacterLikelihood) -> None:
    for explanation, score in zip(detector.explain(ODD), detector.anomaly_score(ODD), strict=True):
        assert explanation.score == score
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-5)
        excess = score - explanation.threshold
        assert explanation.evidence.sum() == pytest.approx(excess, abs=1e-5)
        assert {span.word for span in explanation.spans} == set(explanation.words)
        (form,) = explanation.form
        assert (form.name, form.contribution) == ("characters", score)
        assert form.evidence == pytest.approx(excess)


def test_known_anomalies_and_empty_texts_are_left_out(mixed: list[str]) -> None:
    labels = [1] * len(TEXTS) + [-1] * 20 + [0]
    with pytest.warns(TextoclWarning) as caught:
        both = CharacterLikelihood().fit([*TEXTS, *sentences("music", 20), "  "], labels)
    said = " ".join(str(warning.message) for warning in caught)
    assert "20 documents labelled -1 were left out" in said
    assert "1 of 34 documents have no known word" in said
    alone = CharacterLikelihood().fit(TEXTS)
    assert both.anomaly_score(mixed).tobytes() == alone.anomaly_score(mixed).tobytes()
    assert np.isnan(both.training_scores_).nonzero()[0].tolist() == [*range(33, 54)]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"order": 1}, "order must be an integer of at least 2"),
        ({"order": 6}, "order must be an integer of at most 5"),
        ({"prior_length": -1}, "prior_length must be an integer of at least 0"),
        ({"prior_length": 1.5}, "prior_length must be an integer"),
        ({"random_state": -1}, "random_state must be"),
        ({"calibration": "none"}, "calibration must be one of 'split', 'training', 'cross'"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        CharacterLikelihood(**parameters).fit(TEXTS)


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(DataError, match="two documents or more to learn from, got 1; 1 of 2 are"):
        CharacterLikelihood().fit(["a ship", " "])
    with pytest.raises(DataError, match="expected normal documents, got none"):
        CharacterLikelihood().fit([])


def test_a_loaded_detector_is_the_same(detector: CharacterLikelihood, tmp_path: Path) -> None:
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert isinstance(loaded, CharacterLikelihood)
    assert loaded.alphabet_ == detector.alphabet_
    assert loaded.anomaly_score(ODD).tobytes() == detector.anomaly_score(ODD).tobytes()
    ours, theirs = detector.explain(ODD[:5]), loaded.explain(ODD[:5])
    assert [explanation.form for explanation in ours] == [it.form for it in theirs]
    # the model holds what texts have, not the whole table
    assert (tmp_path / "model" / "weights.safetensors").stat().st_size < 20_000


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("alphabet", lambda a: np.repeat(a[:1], len(a)), "alphabet should be 4,094 characters"),
        ("alphabet", lambda a: np.arange(4095, dtype=np.uint32), "alphabet should be 4,094"),
        ("alphabet", lambda a: a + np.uint32(0x110000), "no character"),
        ("alphabet", lambda a: a + np.uint32(0xD800), "no character"),
        ("buckets", lambda a: a[::-1].copy(), "ascend"),
        ("buckets", lambda a: a - a[0] - 1, "buckets should be from 0 to 4,194,300"),
        ("buckets", lambda a: a - a[-1] + 4_194_301, "buckets should be from 0 to 4,194,300"),
        ("buckets", lambda a: np.sort(np.r_[a[1:], a[1]]), "ascend"),
        ("buckets", lambda a: a[1:], "levels"),
        ("buckets", lambda a: a.astype(np.int64), "should be int32"),
        ("levels", lambda a: a * 0, "counted wrongly"),
        ("levels", lambda a: a.astype(np.int32), "should be uint8"),
        ("surprisal_scale", lambda a: a * np.nan, "NaN"),
        ("surprisal_scale", lambda a: -a, "should be from 0 to 100"),
        ("surprisal_scale", lambda a: a * 1e3, "should be from 0 to 100"),
    ],
)
def test_a_damaged_model_is_refused(
    detector: CharacterLikelihood, name: str, damage: Any, message: str
) -> None:
    files = detector._to_files()
    CharacterLikelihood()._from_files(files)
    files.arrays[name] = damage(files.arrays[name])
    with pytest.raises(FormatError, match=message):
        CharacterLikelihood()._from_files(files)


def test_a_model_without_windows_is_refused(detector: CharacterLikelihood) -> None:
    files = detector._to_files()
    files.arrays |= {"buckets": np.empty(0, np.int32), "levels": np.empty(0, np.uint8)}
    with pytest.raises(FormatError, match="buckets should be from 0"):
        CharacterLikelihood()._from_files(files)


@pytest.mark.parametrize(
    ("n_characters", "message"),
    [(None, "n_characters"), (0.5, "n_characters"), (True, "n_characters"), (-1, "wrongly"),
     (3, "wrongly"), (2**53 + 1, "wrongly"), (10**400, "wrongly")],
)  # fmt: skip
def test_a_wrong_number_of_windows_is_refused(
    detector: CharacterLikelihood, n_characters: Any, message: str
) -> None:
    files = detector._to_files()
    files.facts["n_characters"] = n_characters
    with pytest.raises(FormatError, match=message):
        CharacterLikelihood()._from_files(files)
