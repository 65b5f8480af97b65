"""A space gives the words of a text their vectors and places, and is the same after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bert import build_model

from textocl import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.text.embeddings import load_embedding
from textocl.text.spaces import ContextSpace, WordSpace, fit_space
from textocl.text.tokenization import EnglishTokenizer, make_tokenizer

TEXTS = ["The SHIP left the port, the ship.", "", "a guitar", "Port!"]
VECTORS = {"ship": [1.0, 0.0], "port": [0.0, 2.0], "band": [3.0, 3.0]}


def space_of(source: Any, **settings: Any) -> Any:
    chosen = {
        "content_words": True, "language": None, "n_general_words": 0, "n_training_words": 100,
        "standardized": False, "frequency_damping": None, "seed": 0, **settings,
    }  # fmt: skip
    return fit_space(source, TEXTS, make_tokenizer("english"), **chosen)


@pytest.fixture
def word_space() -> WordSpace:
    return space_of(VECTORS)


@pytest.fixture
def context_space(tiny_bert: Path) -> ContextSpace:
    return space_of(str(tiny_bert))


def test_a_word_has_one_vector_wherever_it_stands(word_space: WordSpace) -> None:
    embedded = word_space.embed(TEXTS)
    assert embedded.packed.n_distinct.tolist() == [2, 0, 0, 1]
    assert embedded.places is None
    for i, expected in ((0, {"ship": 2, "port": 1}), (3, {"port": 1})):
        rows = embedded.packed.rows_of(i)
        counts = embedded.packed.counts[embedded.packed.offsets[i] : embedded.packed.offsets[i + 1]]
        assert (
            dict(zip([embedded.words[r] for r in rows], counts.tolist(), strict=True)) == expected
        )
        for row in rows:
            assert embedded.table[row].tolist() == VECTORS[embedded.words[row]]
    assert word_space.dimension == 2


def test_only_known_words_have_spans(word_space: WordSpace) -> None:
    embedded = word_space.embed(TEXTS)
    spans = embedded.spans(0)
    assert [TEXTS[0][span.start : span.end] for span in spans] == ["SHIP", "port", "ship"]
    assert [span.word for span in spans] == ["ship", "port", "ship"]
    assert embedded.spans(2) == []


def test_a_word_space_is_the_same_after_loading(word_space: WordSpace) -> None:
    loaded = WordSpace.from_files(word_space.to_files(), EnglishTokenizer(), "somewhere")
    one, other = word_space.embed(TEXTS), loaded.embed(TEXTS)
    assert one.table.tobytes() == other.table.tobytes()
    assert list(one.words) == list(other.words)
    assert (one.packed.rows == other.packed.rows).all()
    assert loaded.source_name == "somewhere"


def test_a_word_that_stands_twice_in_a_vocabulary_is_refused(word_space: WordSpace) -> None:
    words = np.frombuffer(b"ship\nship", np.uint8)
    arrays = {"words": words, "vectors": np.zeros((2, 2), np.float16)}
    with pytest.raises(FormatError, match="stands twice"):
        WordSpace.from_files(ModelFiles({}, arrays), EnglishTokenizer(), "x")


def test_with_a_language_model_every_place_has_its_own_vector(
    context_space: ContextSpace, tiny_bert: Path
) -> None:
    embedded = context_space.embed(TEXTS)
    encoded = load_embedding(str(tiny_bert)).encode(TEXTS)
    rows = embedded.packed.rows_of(0)
    assert [embedded.words[row] for row in rows] == ["ship", "left", "port", "ship"]
    assert embedded.packed.n_distinct.tolist() == [4, 0, 1, 1]
    assert (embedded.table[rows[0]] != embedded.table[rows[3]]).any()
    # the vector and number of pieces of each are those that the model gives at that place
    for row, count in zip(embedded.packed.rows, embedded.packed.counts, strict=True):
        (same,) = np.flatnonzero((encoded.vectors == embedded.table[row]).all(axis=1))
        assert encoded.pieces[same] == count
        assert (encoded.spans[same] == embedded.places[row]).all()


def test_all_words_count_where_no_content_words_are_asked_for(tiny_bert: Path) -> None:
    space = space_of(str(tiny_bert), content_words=False)
    embedded = space.embed(TEXTS[:1])
    expected = ["the", "ship", "left", "the", "port", ",", "the", "ship", "."]
    assert [embedded.words[row] for row in embedded.packed.rows_of(0)] == expected


def test_spans_of_a_language_model_are_the_places_of_the_words_that_count(
    context_space: ContextSpace,
) -> None:
    embedded = context_space.embed(TEXTS)
    for i, expected in enumerate((["SHIP", "left", "port", "ship"], [], ["guitar"], ["Port"])):
        spans = embedded.spans(i)
        assert [TEXTS[i][span.start : span.end] for span in spans] == expected
        assert [span.word for span in spans] == [word.lower() for word in expected]


def test_what_is_remembered_is_what_would_be_encoded(context_space: ContextSpace) -> None:
    before = context_space.embed(TEXTS)
    context_space.remember(TEXTS)
    after = context_space.embed(TEXTS)
    assert before.table.tobytes() == after.table.tobytes()
    assert (before.packed.offsets == after.packed.offsets).all()


def test_a_context_space_finds_its_language_model_again(
    context_space: ContextSpace, tiny_bert: Path
) -> None:
    files = context_space.to_files()
    assert files.arrays == {}
    loaded = ContextSpace.from_files(files, EnglishTokenizer(), str(tiny_bert))
    assert loaded.embed(TEXTS).table.tobytes() == context_space.embed(TEXTS).table.tobytes()


def test_another_language_model_at_the_same_place_is_noticed(
    context_space: ContextSpace, tmp_path: Path
) -> None:
    other = build_model(tmp_path / "other", seed=1)
    with pytest.raises(DataError, match="another language model now"):
        ContextSpace.from_files(context_space.to_files(), EnglishTokenizer(), str(other))
    with pytest.raises(FormatError, match="names no language model"):
        ContextSpace.from_files(context_space.to_files(), EnglishTokenizer(), "wordllama")
