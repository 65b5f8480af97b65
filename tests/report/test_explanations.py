"""Explanations as small integers: what comes out is what went in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import CVDD
from textocl.explain.explanation import FormEvidence
from textocl.report.explanations import (
    ATTENTION_STEPS,
    EVIDENCE_STEPS,
    Vocabulary,
    evidence_scale,
    pack_explanation,
    utf16_places,
)
from textocl.report.vlq import encoded

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def decoded(text: str) -> list[int]:
    """Integers from Base64 VLQ, as explanations.js reads them."""
    numbers, value, shift = [], 0, 0
    for character in text:
        digit = DIGITS.index(character)
        value += (digit % 32) << shift
        shift += 5
        if digit < 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    return numbers


@given(st.lists(st.integers(-(2**30), 2**30)))
def test_numbers_come_back(numbers: list[int]) -> None:
    assert decoded(encoded(numbers)) == numbers


def test_small_numbers_take_one_character() -> None:
    assert [len(encoded([n])) for n in (-16, -15, 0, 15, 16)] == [2, 1, 1, 1, 2]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_places_are_those_of_utf_16(text: str) -> None:
    naive = [len(text[:i].encode("utf-16-le")) // 2 for i in range(len(text) + 1)]
    assert utf16_places(text).tolist() == naive


@pytest.mark.parametrize("n_characters", [10_000, 40, 3])
def test_a_packed_explanation_says_what_the_explanation_says(
    detector: CVDD, n_characters: int
) -> None:
    text = "😀 The Ship left port; guitar, ship 🎸 and guitar… tanker again, harbour at last"
    explanation = detector.explain([text])[0]
    vocabulary = Vocabulary()
    scale = evidence_scale([explanation])
    packed = pack_explanation(explanation, vocabulary, scale, n_characters)
    words = [vocabulary.words[number] for number in decoded(packed["words"])]
    spans = [span for span in explanation.spans if span.end <= n_characters]
    assert words == list(dict.fromkeys(span.word for span in spans))

    units = text.encode("utf-16-le")
    end, found = 0, []
    for gap, length, word in np.reshape(decoded(packed["spans"]), (-1, 3)).tolist():
        start, end = end + gap, end + gap + length
        found.append((units[2 * start : 2 * end].decode("utf-16-le"), words[word]))
    assert found == [(text[span.start : span.end], span.word) for span in spans]

    place = [explanation.words.index(word) for word in words]
    evidence = np.array(decoded(packed["evidence"])) * scale / EVIDENCE_STEPS
    assert np.allclose(evidence, explanation.evidence[place], atol=scale / EVIDENCE_STEPS)
    rest = packed["rest"] * scale / EVIDENCE_STEPS
    assert rest == pytest.approx(
        explanation.evidence.sum() - explanation.evidence[place].sum(), abs=scale / EVIDENCE_STEPS
    )
    for k, column in enumerate(packed["attention"]):
        attention = np.array(decoded(column)) / ATTENTION_STEPS
        assert np.allclose(attention, explanation.attention[place, k], atol=0.6 / ATTENTION_STEPS)


def test_places_that_are_odd_by_form_come_back(detector: CVDD) -> None:
    text = "😀 The SHIP left 🎸 0800 1234 and the tanker left the port again"
    (explanation,) = detector.explain([text])
    at, number = text.index("SHIP"), text.index("0800")
    loud = FormEvidence("capitals", "capitals \u202e", 1.0, 5.0, ((at, at + 4),))
    long = FormEvidence("digits", "digits", 1.0, 9.0, ((number, number + 4), (number + 5, 99)))
    usual = FormEvidence("length", "length", 1.0, 9.0, ((0, 9),), is_unusual=False)
    odd = replace(explanation, form=(loud, usual, long))
    packed = pack_explanation(odd, Vocabulary(), 1.0, number + 6)
    assert packed["form"] == ["digits", "capitals \ufffd"]
    units = text.encode("utf-16-le")
    end, found = 0, []
    for gap, length, k in np.reshape(decoded(packed["form_spans"]), (-1, 3)).tolist():
        start, end = end + gap, end + gap + length
        found.append((units[2 * start : 2 * end].decode("utf-16-le"), k))
    assert found == [("SHIP", 1), ("0800", 0), ("1", 0)]
    plain = pack_explanation(explanation, Vocabulary(), 1.0, 99)
    assert (plain["form"], plain["form_spans"]) == ([], "")


def test_one_scale_holds_for_all_documents(detector: CVDD, mixed: list[str]) -> None:
    explanations = detector.explain(mixed)
    magnitudes = sorted(abs(e) for explanation in explanations for e in explanation.evidence)
    scale = evidence_scale(explanations)
    assert np.mean(np.array(magnitudes) <= scale) == pytest.approx(0.99, abs=0.01)
    assert evidence_scale([]) == 1
