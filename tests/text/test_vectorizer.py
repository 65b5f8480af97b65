"""One vector a text: what weighs how much, in both kinds of space."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl.core.exceptions import DataError
from textocl.core.persistence import ModelFiles
from textocl.text.spaces import fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.text.vectorizer import DocumentVectorizer, WordImportance, unit

TRAINING = ["ship ship port", "ship", "port cargo"]
VECTORS = {"ship": [1.0, 0.0], "port": [0.0, 1.0], "cargo": [1.0, 1.0], "band": [-1.0, 2.0]}


def view_of(source: Any, pooling: str) -> DocumentVectorizer:
    space = fit_space(
        source, [*TRAINING, "band"], make_tokenizer("english"), content_words=True, language=None,
        n_general_words=0, n_training_words=99, standardized=False, frequency_damping=None, seed=0,
    )  # fmt: skip
    return DocumentVectorizer.fitted(space, pooling, TRAINING)


def idf(holding: int) -> float:
    return 1 + math.log((1 + 3) / (1 + holding))


def test_importance_comes_from_the_training_documents_alone() -> None:
    view = view_of(VECTORS, "tfidf")
    embedded = view.space.embed(["ship band", "cargo port"])
    weights = view.word_weights(embedded)
    assert weights is not None
    found = {embedded.words[r]: w for r, w in zip(embedded.packed.rows, weights, strict=True)}
    # ship and port stand in two of three documents, cargo in one, band in none
    expected = {"ship": idf(2), "port": idf(2), "cargo": idf(1), "band": idf(0)}
    assert found == pytest.approx(expected)


def test_pooled_vectors_worked_by_hand() -> None:
    text = "ship ship band"
    w, b = idf(2), idf(0)
    expected = {
        "mean": [(2 - 1) / 3, 2 / 3],
        "tfidf": [(2 * w - b) / (2 * w + b), 2 * b / (2 * w + b)],
        "max": [1.0, 2.0],
    }
    for pooling, vector in expected.items():
        view = view_of(VECTORS, pooling)
        pooled = view.pooled(view.space.embed([text, "unknown"]))
        assert pooled == pytest.approx(np.array([vector, [0, 0]]), abs=1e-6)


def test_in_a_language_model_a_word_in_two_places_is_one_word_to_idf(tiny_bert: Path) -> None:
    view = view_of(str(tiny_bert), "tfidf")
    embedded = view.space.embed(["port ship ship strange"])
    weights = view.word_weights(embedded)
    assert weights == pytest.approx([idf(2), idf(2), idf(2), idf(0)])
    pieces = embedded.packed.counts
    expected = (weights * pieces) @ embedded.table.astype(float) / (weights * pieces).sum()
    assert np.allclose(view.pooled(embedded)[0], expected, atol=1e-5)


def test_lead_needs_to_know_where_words_stand(tiny_bert: Path) -> None:
    with pytest.raises(DataError, match="'lead' needs a language model"):
        view_of(VECTORS, "lead")
    lead, mean = (view_of(str(tiny_bert), pooling) for pooling in ("lead", "mean"))
    embedded = lead.space.embed([("ship " * 200 + "cargo " * 200).strip()])
    weights = lead.word_weights(embedded)
    assert weights is not None
    assert weights[0] == 1
    assert (np.diff(weights) < 0).all()
    first = embedded.table[:100].astype(float).mean(axis=0)
    near = [np.linalg.norm(view.pooled(embedded)[0] - first) for view in (lead, mean)]
    assert near[0] < near[1]


def test_importance_is_the_same_after_loading() -> None:
    view = view_of(VECTORS, "tfidf")
    embedded = view.space.embed([*TRAINING, "band"])
    importance = view.importance
    assert importance is not None
    loaded = WordImportance.from_files(importance.to_files())
    assert loaded.of(embedded).tobytes() == importance.of(embedded).tobytes()
    files = view.to_files()
    assert isinstance(files, ModelFiles)
    assert {"words", "vectors", "idf_words", "idf"} == set(files.arrays)


def test_unit_vectors() -> None:
    scaled = unit(np.array([[3, 4], [0, 0], [1e-3, 0]], np.float32))
    assert np.allclose(scaled, [[0.6, 0.8], [0, 0], [1, 0]])
    assert scaled.dtype == np.float32
