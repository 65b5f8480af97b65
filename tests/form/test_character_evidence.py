"""Form evidence of characters names what normal texts do not have."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from texts import sentences

from textocl import CharacterLikelihood
from textocl.form.character_evidence import unusual_runs

(NORMAL,) = sentences("ships", 1)  # a training text, whose every window is known


@pytest.fixture(scope="module")
def detector() -> CharacterLikelihood:
    return CharacterLikelihood().fit(sentences("ships", 200))


def runs_of(detector: CharacterLikelihood, text: str) -> list[tuple[int, int]]:
    return unusual_runs(detector.state_, text, detector._windows(text))


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
        r"unusual characters: \".*\" \(rarer than in (\d+ % of|all) normal documents\)",
        form.said,
    )


def test_normal_texts_have_few_unusual_characters(detector: CharacterLikelihood) -> None:
    new = sentences("ships", 200, seed=7)
    unusual = sum(end - start for text in new for start, end in runs_of(detector, text))
    assert unusual <= 0.1 * sum(map(len, new))


def test_runs_are_apart_and_the_most_surprising_first(detector: CharacterLikelihood) -> None:
    text = f" {NORMAL} ".join(["#", "£££££", "@@"] * 6)
    runs = runs_of(detector, text)
    assert len(runs) == 10
    assert all(end < start for (_, end), (start, _) in pairwise(sorted(runs)))
    windows = detector._windows(text)
    means = windows.means(detector.state_.surprisals(windows), 5) - detector.state_.median
    sums = [means[start:end].sum() for start, end in runs]
    assert sums == pytest.approx(sorted(sums, reverse=True))


def test_a_run_reaches_to_white_space(detector: CharacterLikelihood) -> None:
    assert runs_of(detector, NORMAL) == []
    text = f"{NORMAL} £££ {NORMAL[:-2]}#{NORMAL[-2:]} {NORMAL}"
    last = NORMAL.split()[-1]
    found = {text[start:end] for start, end in runs_of(detector, text)}
    assert found >= {"£££", f"{last[:-2]}#{last[-2:]}"}
    assert all(run.split() == [run] for run in found)


def test_unusual_white_space_is_shown_between_what_it_parts(detector: CharacterLikelihood) -> None:
    text = f"{NORMAL}\n\n\n{NORMAL}"
    ((start, end),) = runs_of(detector, text)
    before, after = text[start:end].split("\n\n\n")
    assert before
    assert after
    assert NORMAL.split()[-1].endswith(before)
    assert NORMAL.split()[0].startswith(after)


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
    assert form.said.startswith("characters (rarer than in ")


def test_what_is_named_is_made_visible(detector: CharacterLikelihood) -> None:
    (form,) = detector.explain(["ship\u202e\x07\n\n\tport"])[0].form
    assert not set("\u202e\x07\n\t") & set(form.said)
    assert r"\n\n" in form.said


def test_the_share_said_is_that_of_calibration_documents(detector: CharacterLikelihood) -> None:
    (text,) = sentences("ships", 1, seed=5)
    said = {}
    for asked in (text, "WIN £££ NOW" * 9):
        score = detector.anomaly_score([asked])[0]
        share = (detector.calibration_scores_ < score).mean()
        (form,) = detector.explain([asked])[0].form
        others = "all" if share == 1 else f"{math.floor(100 * share)} % of"
        assert f"(rarer than in {others} normal documents)" in form.said
        said[asked] = share
        assert form.is_unusual == (share >= 0.95)
    assert 0 < said[text] < 0.95 < 1 == said["WIN £££ NOW" * 9]


def test_a_text_that_is_not_judged_has_no_form(detector: CharacterLikelihood) -> None:
    assert [explanation.form for explanation in detector.explain(["", " \n"])] == [(), ()]
    assert np.isfinite(detector.threshold_)
