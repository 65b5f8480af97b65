"""What a word is said to add is what taking it out takes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl import KDE, KNN
from textocl.explain.occlusion import explain_by_occlusion
from textocl.text.spaces import WordSpace
from textocl.text.tokenization import UnicodeTokenizer
from textocl.text.vectorizer import DocumentVectorizer
from textocl.text.vocabulary import Vocabulary

TEXTS = [
    "ship ship port tanker guitar",
    "a guitar and a piano",
    "port",
    "port port port",
    "The crew left the harbour today; the band played.",
]


@pytest.fixture(scope="module", params=["mean", "tfidf", "max"])
def fitted(request: pytest.FixtureRequest, ships: list[str]) -> KDE:
    return KDE(pooling=request.param, language=None).fit([*ships, "guitar piano band played"])


def test_contributions_add_up_for_every_pooling(fitted: KDE) -> None:
    scores = fitted.anomaly_score(TEXTS)
    for explanation, score in zip(fitted.explain(TEXTS), scores, strict=True):
        assert explanation.score == pytest.approx(score, abs=1e-6)
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-4)
        assert explanation.evidence.sum() == pytest.approx(score - fitted.threshold_, abs=1e-4)
        assert explanation.shares.sum() == pytest.approx(1)
        assert explanation.attention.sum() == pytest.approx(1)


def test_contributions_are_shares_of_the_score_and_what_taking_a_word_out_changes(
    fitted: KDE,
) -> None:
    texts = ["ship ship port tanker guitar", "crew harbour sea band", "piano freight dock dock"]
    for text, explanation in zip(texts, fitted.explain(texts), strict=True):
        score = fitted.anomaly_score([text])[0]
        without = [
            " ".join(other for other in text.split() if other != word) for word in explanation.words
        ]
        change = score - fitted.anomaly_score(without)
        expected = explanation.shares * (score - change.sum()) + change
        assert explanation.contributions == pytest.approx(expected, abs=1e-4)


def test_shares_are_each_words_part_of_the_pooled_vector(ships: list[str]) -> None:
    vectors = {"ship": [2.0, 0.0], "port": [0.0, 1.0]}
    settings: dict[str, Any] = {
        "embedding": vectors, "language": None, "standardize": False, "calibration": "training",
    }  # fmt: skip
    texts = [f"{words} {n}" for n in range(10) for words in ("ship", "port ship", "port")]
    (explanation,) = KNN(n_neighbors=1, **settings).fit(texts).explain(["ship port port"])
    # of v = (2, 2) / 3, ship is (2, 0) / 3 and port (0, 2) / 3
    assert dict(zip(explanation.words, explanation.shares, strict=True)) == pytest.approx(
        {"ship": 0.5, "port": 0.5}
    )
    assert explanation.attention[:, 0] == pytest.approx([1 / 3, 2 / 3])
    (explanation,) = KNN(n_neighbors=1, pooling="max", **settings).fit(texts).explain(["ship port"])
    assert explanation.shares == pytest.approx([0.5, 0.5])  # each leads one of two entries


class Cosine:
    """Documents of random words, and their cosine distance to one context."""

    def __init__(self, n_words: int) -> None:
        random = np.random.default_rng(n_words)
        self.words = ["".join(map(chr, random.integers(97, 123, 12))) for _ in range(n_words)]
        table = (random.normal(size=(n_words, 20)) + 0.5).astype(np.float16)
        self.vectorizer = DocumentVectorizer(
            WordSpace(Vocabulary(self.words, table), UnicodeTokenizer(), "made up"), "mean"
        )
        self.table, self.context = table.astype(float), random.normal(size=20) + 0.5

    def score(self, points: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(points, axis=1) * np.linalg.norm(self.context)
        return 0.5 * (1 - points.astype(float) @ self.context / lengths)

    def error(self) -> float:
        """Largest difference from the exact decomposition, relative to its largest part."""
        (explanation,) = explain_by_occlusion(
            self.vectorizer.space.embed([" ".join(self.words)]),
            self.vectorizer,
            self.score,
            np.zeros(3, np.float32),
            0.1,
            1.0,
        )
        parts = self.table / len(self.table)  # v_i
        v = parts.sum(axis=0)
        away = v / np.linalg.norm(v) - self.context / np.linalg.norm(self.context)
        exact = 0.5 * parts @ away / np.linalg.norm(v)
        assert exact.sum() == pytest.approx(explanation.score)
        return float(np.abs(explanation.contributions - exact).max() / np.abs(exact).max())


def test_for_a_cosine_distance_it_is_the_exact_decomposition_to_first_order() -> None:
    errors = [Cosine(n).error() for n in (50, 500, 5000)]
    assert errors[0] < 0.1
    # the parts of a tenth the size, a tenth the error
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 4


def test_a_word_of_the_other_topic_speaks_for_an_anomaly(ships: list[str]) -> None:
    detector = KDE().fit(ships)
    (explanation,) = detector.explain(["ship tanker harbour guitar cargo"])
    assert explanation.anomalous_words(1)[0][0] == "guitar"
    assert "guitar" not in [word for word, _ in explanation.normal_words()]


def test_a_text_without_words_has_the_worst_score_and_no_words(fitted: KDE) -> None:
    (explanation,) = fitted.explain(["12 34"])
    assert explanation.words == []
    assert explanation.contributions.shape == explanation.evidence.shape == (0,)
    assert explanation.score == np.finfo(np.float32).max
    assert (explanation.label, explanation.status) == (0, "not judged")


def test_explaining_what_it_was_calibrated_with_agrees_with_its_judgement(
    fitted: KDE, ships: list[str]
) -> None:
    explanations = fitted.explain(ships)
    assert [e.label for e in explanations] == fitted.predict(ships).tolist()
    assert [e.p_value for e in explanations] == fitted.p_value(ships).tolist()


def test_a_word_in_several_places_of_a_language_model_is_one_word(
    tiny_bert: Path, ships: list[str]
) -> None:
    for pooling in ("mean", "tfidf", "max"):
        detector = KDE(embedding=str(tiny_bert), pooling=pooling, calibration="training").fit(ships)
        text = "The ship left, the ship sank."
        (explanation,) = detector.explain([text])
        assert explanation.words == ["the", "ship", "left", ",", "sank", "."]
        assert explanation.counts.tolist() == [2, 2, 1, 1, 1, 1]
        score = detector.anomaly_score([text])[0]
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-4)
