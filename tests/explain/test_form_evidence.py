"""Form is told of where it is unusual and matters, and shown where it stands."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import CVDD
from textocl.explain.explanation import Explanation, FormEvidence
from textocl.explain.form_evidence import form_places, pieces_of
from textocl.text.tokenization import Span

LOUD = FormEvidence("capitals", "capitals 90 % (normal none)", 1.0, 0.4, ((0, 4),), 0.1)
LONG = FormEvidence("long numbers", "2 long numbers (normal none)", 1.0, 0.5, ((5, 9),), 0.1)
USUAL = replace(LOUD, name="length", said="9 characters", evidence=0.6, is_unusual=False)
FAINT = replace(LOUD, name="digits", said="digits 9 %", evidence=0.01)
NORMAL = replace(LOUD, name="lines", said="1 line", evidence=-3.0)


@pytest.fixture
def explanation(detector: CVDD) -> Explanation:
    (explanation,) = detector.explain(["port guitar"])
    return replace(explanation, evidence=np.array([0.5, -9.0]))


def with_form(explanation: Explanation, *form: FormEvidence) -> Explanation:
    return replace(explanation, form=form)


def test_only_what_is_unusual_and_clear_is_a_reason(explanation: Explanation) -> None:
    odd = with_form(explanation, USUAL, LOUD, FAINT, NORMAL, LONG)
    assert odd.form_reasons() == [LONG.said, LOUD.said]
    assert odd.form_reasons(1) == [LONG.said]
    assert odd.unusual_form() == [LONG, LOUD]
    assert odd.form_share == pytest.approx(0.9 / (0.5 + 0.6 + 0.4 + 0.01 + 0.5))
    assert odd.reasons() == explanation.reasons()
    # a fiftieth of all that speaks for an anomaly is enough, less is not
    just = replace(FAINT, evidence=0.51 / 49)
    assert with_form(explanation, just).form_reasons() == [just.said]
    less = replace(FAINT, evidence=0.49 / 49)
    assert with_form(explanation, less).form_reasons() == []


def test_without_form_or_anything_for_an_anomaly_there_is_no_reason_of_form(
    explanation: Explanation,
) -> None:
    for none in (explanation, with_form(explanation, NORMAL), with_form(explanation, USUAL)):
        assert none.form_reasons() == none.unusual_form() == []
        assert none.form_share == 0
    nothing = replace(explanation, evidence=-np.ones(2))
    assert with_form(nothing, replace(LOUD, evidence=0.0)).form_reasons() == []
    assert with_form(nothing, FAINT).form_share == 1


def test_what_is_written_has_all_of_the_form_and_tables_have_words(
    explanation: Explanation,
) -> None:
    pytest.importorskip("pandas")
    odd = with_form(explanation, LOUD, NORMAL)
    first, second = json.loads(json.dumps(odd.to_dict(), allow_nan=False))["form"]
    assert first == {
        "name": "capitals", "said": LOUD.said, "contribution": 1.0, "evidence": 0.4,
        "spans": [[0, 4]], "share": 0.1, "is_unusual": True,
    }  # fmt: skip
    assert second["evidence"] == -3.0
    assert explanation.to_dict()["form"] == []
    assert odd.to_frame().equals(explanation.to_frame())
    assert "form=['capitals']" in repr(odd)
    assert "form" not in repr(explanation)


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), max_size=4)


@given(st.lists(SPANS, max_size=4), st.integers(0, 50))
def test_places_of_form_are_apart_and_hold_each_character_that_it_is_about(
    spans: list[list[tuple[int, int]]], end: int
) -> None:
    about = [{i for start, size in one for i in range(start, start + size)} for one in spans]
    runs_of = [[range(start, start + size) for start, size in one] for one in spans]
    form = [
        FormEvidence("", "", 0, 0, tuple((run.start, run.stop) for run in runs if run))
        for runs in runs_of
    ]
    sizes = [sum(i < end for run in runs for i in run) for runs in runs_of]
    of_parts = [one if 2 * size <= end else set() for one, size in zip(about, sizes, strict=True)]
    places = form_places(form, end)
    cut = [list(range(start, stop)) for start, stop, _ in places]
    characters = [i for run in cut for i in run]
    assert characters == sorted(set(characters))
    assert set(characters) == {i for one in of_parts for i in one if i < end}
    for run, (_, _, k) in zip(cut, places, strict=True):
        assert of_parts[k].issuperset(run)
        for i in run:  # no other that is about fewer characters holds it
            assert sizes[k] == min(n for n, one in zip(sizes, of_parts, strict=True) if i in one)


@given(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=8), st.integers(0, 9))
def test_pieces_are_the_text_and_say_what_stands_there(
    end: int, cuts: list[int], start: int
) -> None:
    cuts = sorted(set(cuts))
    spans = [Span(a, b, "w") for a, b in zip(cuts[::2], cuts[1::2], strict=False) if b <= end]
    places = [(start, start + 5, 7)] if start + 5 <= end else []
    pieces = list(pieces_of(end, spans, places))
    assert [i for a, b, *_ in pieces for i in range(a, b)] == list(range(end))
    for a, b, word, run in pieces:
        for i in range(a, b):
            assert (word == "w") == any(span.start <= i < span.end for span in spans)
            assert (run == 7) == any(first <= i < last for first, last, _ in places)
