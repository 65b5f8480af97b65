"""Texts as code points."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textocl.form.codes import Codes


@given(st.lists(st.text(st.characters())))
def test_every_character_is_there_in_order(texts):
    codes = Codes.of(texts)
    for i, text in enumerate(texts):
        own = codes.points[codes.offsets[i] : codes.offsets[i + 1]]
        assert own.tolist() == [ord(character) for character in text]


def test_lone_surrogates_are_characters_too():
    assert Codes.of(["a\ud800"]).points.tolist() == [97, 0xD800]


def test_sums_are_of_each_text():
    codes = Codes.of(["ab", "", "c"])
    assert codes.sums(np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 0.0, 4.0]
    assert codes.documents.tolist() == [0, 0, 2]
