"""What odd words promise: values by hand, nothing learned from a text's own words, bounded size."""

from __future__ import annotations

import numpy as np
import pytest
from texts import sentences
from tiny_bert import build_model

from textocl import DataError
from textocl.explain.odd_words import OddWords
from textocl.text.embeddings.transformer import TransformerVectors

NORMAL = sentences("ships", 30)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> TransformerVectors:
    return TransformerVectors(build_model(tmp_path_factory.mktemp("odd") / "tiny"), n_layers=1)


@pytest.fixture(scope="module")
def odd(source: TransformerVectors) -> OddWords:
    return OddWords.learn(NORMAL, source)


def test_values_are_distance_and_rarity_as_in_the_formula(
    odd: OddWords, source: TransformerVectors
) -> None:
    text = "the ship plays"
    vectors = source.encode([text]).vectors.astype(np.float64)
    references = odd.references.astype(np.float64)
    for word, vector, value in zip(text.split(), vectors, odd.of([text])[0].values, strict=True):
        cosines = sorted(references @ vector / np.linalg.norm(vector))[-5:]
        n = sum(word in normal.lower().replace(".", " ").replace(",", " ").split()
                for normal in NORMAL)  # fmt: skip
        raw = [1 - np.mean(cosines), -np.log((n + 0.5) / (len(NORMAL) + 1))]
        assert value == pytest.approx(np.mean((raw - odd.usual[:, 0]) / odd.usual[:, 1]), abs=0.02)


def test_normal_words_have_mean_0_when_judged_by_other_texts(odd: OddWords) -> None:
    assert abs(odd.location) < 1e-6
    assert min(odd.spread) > 0


def test_words_that_no_normal_text_holds_are_odder(odd: OddWords) -> None:
    text = odd.of([f"{NORMAL[0]} zyx qwv"])[0]
    assert text.words[-2:] == ["zyx", "qwv"]
    assert min(text.values[-2:]) > np.mean(text.values[:-2])
    usual, strange = odd.of([NORMAL[0], "zyx qwv jjj"])
    assert strange.document > usual.document
    np.testing.assert_allclose(strange.with_document, strange.values + strange.document)


def test_words_stand_where_they_say_and_marks_are_none(odd: OddWords) -> None:
    text = "A ship, in (port)!"
    found = odd.of([text])[0]
    assert [text[a:b].lower() for a, b in found.spans] == found.words == ["a", "ship", "in", "port"]


def test_a_text_without_words_has_no_score(odd: OddWords) -> None:
    none, some = odd.of(["?!", "a ship"])
    assert (len(none.values), np.isnan(none.document), len(some.values)) == (0, True, 2)
    assert odd.of([]) == []


def test_a_text_gets_the_same_values_alone(odd: OddWords) -> None:
    together = odd.of(NORMAL[:5])[3]
    np.testing.assert_allclose(together.values, odd.of([NORMAL[3]])[0].values, atol=2e-2)


def test_references_are_bounded_and_seeded(source: TransformerVectors) -> None:
    first, again = (OddWords.learn(NORMAL, source, n_references=40) for _ in range(2))
    other = OddWords.learn(NORMAL, source, n_references=40, random_state=1)
    assert first.references.shape == (40, source.dimension)
    np.testing.assert_array_equal(first.references, again.references)
    assert not np.array_equal(first.references, other.references)


@pytest.mark.parametrize("texts", [[], ["?"], ["the ship left the old port at noon today"]])
def test_too_few_texts_are_refused(source: TransformerVectors, texts: list[str]) -> None:
    with pytest.raises(DataError, match="at least two texts"):
        OddWords.learn(texts, source)
