"""Vectors learned from the training documents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from textocl import CVDD, DataError, load, load_embedding
from textocl.text.embeddings import CorpusVectors
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.vocabulary import build_vocabulary

pytest.importorskip("gensim")


@pytest.fixture(autouse=True)
def _few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textocl.text.embeddings.trained._PASSES", (1, 3))


def test_there_are_no_vectors_before_training() -> None:
    source = load_embedding("corpus")
    assert isinstance(source, CorpusVectors)
    with pytest.raises(DataError, match="before a detector is fitted"):
        source.vectors_of(["ship"])


def test_every_word_of_the_documents_is_known_and_no_other() -> None:
    vectors = CorpusVectors().trained_on([["ship", "port"], [], ["ship"]], seed=0)
    assert vectors.name == "corpus"
    table, known = vectors.vectors_of(["ship", "port", "ships"])
    assert table.shape == (3, CorpusVectors.dimension)
    assert known.tolist() == [True, True, False]


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_without_words_there_is_nothing_to_learn(documents: list[list[str]]) -> None:
    with pytest.raises(DataError, match="learns from the words"):
        CorpusVectors().trained_on(documents, seed=0)


def test_words_that_occur_together_become_similar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textocl.text.embeddings.trained._PASSES", (60, 60))
    topics = [["ship", "crew", "dock", "sail"], ["bake", "oven", "loaf", "yeast"]]
    source = np.random.default_rng(0)
    documents = [list(source.permutation(topics[i % 2])) for i in range(300)]
    vectors, _ = CorpusVectors().trained_on(documents, seed=0).vectors_of([*topics[0], *topics[1]])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert cosines[:4, :4].min() > cosines[:4, 4:].max()


def test_the_seed_alone_decides_whatever_the_process() -> None:
    program = (
        "from textocl.text.embeddings import CorpusVectors, trained\n"
        "trained._PASSES = (1, 3)\n"
        "words = [['tanker', 'ports', 'ferry'], ['crew', 'ferry']] * 9\n"
        "table, _ = CorpusVectors().trained_on(words, seed={}).vectors_of(['ferry', 'crew'])\n"
        "print(table.tobytes().hex())"
    )

    def run(seed: int, hash_seed: str) -> str:
        command = [sys.executable, "-c", program.format(seed)]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    one, same, other = run(3, "1"), run(3, "2"), run(4, "1")
    assert one == same != other


def test_a_vocabulary_holds_exactly_the_training_words() -> None:
    texts = ["The ship left the port.", "A port, a SHIP and 3 cranes"]
    settings = {
        "language": "en", "n_general_words": 500, "n_training_words": 100,
        "standardized": True, "frequency_damping": None,
    }  # fmt: skip
    one, same, other = (
        build_vocabulary(texts, EnglishTokenizer(), CorpusVectors(), seed=seed, **settings)
        for seed in (0, 0, 1)
    )
    assert sorted(one.words) == ["cranes", "left", "port", "ship"]
    assert (one.table == same.table).all()
    assert (one.table != other.table).any()


def test_a_saved_model_scores_without_gensim(
    ships: list[str], mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = CVDD(embedding="corpus").fit(ships)
    scores = detector.anomaly_score(mixed)
    detector.save(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "gensim", None)
    assert (load(tmp_path / "model").anomaly_score(mixed) == scores).all()
