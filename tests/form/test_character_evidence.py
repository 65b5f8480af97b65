"""Form evidence of characters names what normal texts do not have."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from texts import sentences

from textocl import CharacterLikelihood
from textocl.form.character_evidence import unusual_runs


@pytest.fixture(scope="module")
def detector() -> CharacterLikelihood:
    return CharacterLikelihood().fit(sentences("ships", 200))


def runs_of(detector: CharacterLikelihood, text: str) -> list[tuple[int, int]]:
    return unusual_runs(detector.state_, detector.state_.trigrams(text)[:-1])


def test_planted_characters_are_found(detector: CharacterLikelihood) -> None:
    (text,) = sentences("ships", 1, seed=5)
    planted = f"{text[:20]}#£@{text[20:]}"
    (start, end), *_ = runs_of(detector, planted)
    assert start <= 20
    assert end >= 23
    (form,) = detector.explain([planted])[0].form
    assert form.spans[0] == (start, end)
    assert "#£@" in form.said
    assert re.fullmatch(
        r"unusual characters: \".*\" \(\d\.\d nats a character, normal \d\.\d to \d\.\d\)",
        form.said,
    )


def test_normal_texts_have_few_unusual_characters(detector: CharacterLikelihood) -> None:
    new = sentences("ships", 200, seed=7)
    unusual = sum(end - start for text in new for start, end in runs_of(detector, text))
    assert unusual <= 0.03 * sum(map(len, new))


def test_runs_are_apart_and_the_most_surprising_first(detector: CharacterLikelihood) -> None:
    text = " ship port ".join(["#", "£££££", "@@"] * 6)
    runs = runs_of(detector, text)
    assert len(runs) == 10
    ordered = sorted(runs)
    assert all(end < start for (_, end), (start, _) in pairwise(ordered))
    surprisals = detector.state_.table[detector.state_.trigrams(text)] - detector.state_.median
    sums = [surprisals[start:end].sum() for start, end in runs]
    assert sums == sorted(sums, reverse=True)


def test_another_alphabet_is_unusual_as_a_whole(detector: CharacterLikelihood) -> None:
    text = "漢字仮名交文章" * 10
    (start, end), *_ = runs_of(detector, text)
    assert end - start >= len(text) - 3
    (form,) = detector.explain([text])[0].form
    assert "…" in form.said
    assert len(form.said) < 120


def test_nothing_is_named_where_nothing_is_unusual(detector: CharacterLikelihood) -> None:
    text = next(text for text in sentences("ships", 99, seed=3) if not runs_of(detector, text))
    (form,) = detector.explain([text])[0].form
    assert form.spans == ()
    assert form.said.startswith("characters (")


def test_what_is_named_is_made_visible(detector: CharacterLikelihood) -> None:
    (form,) = detector.explain(["ship\u202e\x07\n\n\tport"])[0].form
    assert not set("\u202e\x07\n\t") & set(form.said)
    assert r"\n\n" in form.said


def test_the_mean_said_is_that_of_the_text(detector: CharacterLikelihood) -> None:
    text = "WIN £££ NOW"
    (form,) = detector.explain([text])[0].form
    mean = detector.state_.sums([text])[0] / len(text)
    assert f"({mean:.1f} nats a character" in form.said
    assert mean > detector.state_.high > detector.state_.low


def test_a_text_that_is_not_judged_has_no_form(detector: CharacterLikelihood) -> None:
    assert [explanation.form for explanation in detector.explain(["", " \n"])] == [(), ()]
    assert np.isfinite(detector.threshold_)
