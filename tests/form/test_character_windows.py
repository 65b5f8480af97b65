"""Trigrams are those of a loop over characters, however texts are cut into parts."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.form import trigrams
from textocl.form.trigrams import END, LARGEST_ALPHABET, N_MARKS, OTHER, START, Alphabet, parts

ANY = st.text(st.one_of(st.sampled_from("ab \0"), st.characters()), max_size=12)


def naive_cells(text: str, alphabet: Alphabet) -> list[int]:
    place = {chr(point): i + N_MARKS for i, point in enumerate(alphabet.points.tolist())}
    n = alphabet.n_classes
    framed = [START, START, *(place.get(character, OTHER) for character in text), END]
    return [(a * n + b) * n + c for a, b, c in zip(framed, framed[1:], framed[2:], strict=False)]


@pytest.fixture(params=[1, 2, 5, 1 << 16])
def characters_at_once(request: pytest.FixtureRequest):
    with patch.object(trigrams, "_CHARACTERS_AT_ONCE", request.param):
        yield request.param


@given(texts=st.lists(ANY, max_size=8))
@pytest.mark.parametrize("at_once", [1, 2, 5, 1 << 16])
def test_every_character_and_end_has_its_trigram(texts: list[str], at_once: int) -> None:
    alphabet = Alphabet(np.array([97, 98, 32, 0], np.uint32))
    expected = [naive_cells(text, alphabet) for text in texts]
    with patch.object(trigrams, "_CHARACTERS_AT_ONCE", at_once):
        found: list[list[int]] = [[] for _ in texts]
        totals = np.zeros(len(texts))
        for part in alphabet.trigrams(texts):
            pieces = np.split(part.cells, part.starts[1:])
            sums = part.sums(part.cells.astype(np.float32))
            for i, piece in enumerate(pieces, part.first):
                found[i] += piece.tolist()
                totals[i] += sums[i - part.first]
        counts = alphabet.count(texts)
        each = [Counter() for _ in texts]
        for numbers, cells, own in alphabet.count_each(texts):
            for number, cell, count in zip(numbers, cells, own, strict=True):
                each[number][cell] += count
            assert (np.diff(numbers) >= 0).all()
    assert found == expected
    assert totals.tolist() == [sum(cells) for cells in expected]
    assert counts[counts > 0].tolist() == [n for _, n in sorted(Counter(chain(*expected)).items())]
    assert each == [Counter(cells) for cells in expected]


def test_no_text_has_no_trigram() -> None:
    alphabet = Alphabet(np.array([97], np.uint32))
    assert list(alphabet.trigrams([])) == []
    assert alphabet.count([]).sum() == 0


def test_the_alphabet_is_what_occurs_most(characters_at_once: int) -> None:
    assert Alphabet.of(["bb", "", "acac", "b"]).points.tolist() == [98, 97, 99]
    many = ["".join(map(chr, range(200, 400))), "".join(map(chr, range(350, 400)))]
    points = Alphabet.of(many).points.tolist()
    assert points == [*range(350, 400), *range(200, 275)]
    assert len(points) == LARGEST_ALPHABET
    assert Alphabet.of(many).n_classes == 128


def test_a_lone_surrogate_is_a_replacement_character() -> None:
    alphabet = Alphabet.of(["\ud800\udfff", "x"])
    assert alphabet.points.tolist() == [0xFFFD, ord("x")]
    for text in ("\ud800x\udcff", "\ufffdx\ufffd"):
        (part,) = alphabet.trigrams([text])
        assert part.cells.tolist() == naive_cells("\ufffdx\ufffd", alphabet)


@given(st.lists(ANY, max_size=20))
def test_parts_hold_every_text_once_and_are_bounded(texts: list[str]) -> None:
    with patch.object(trigrams, "_CHARACTERS_AT_ONCE", 10):
        found = list(parts(texts))
    assert [text for _, part in found for text in part] == texts
    for first, part in found:
        assert part == texts[first : first + len(part)]
        assert len(part) == 1 or sum(map(len, part)) <= 10
