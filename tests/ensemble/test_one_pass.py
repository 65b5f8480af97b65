"""A text is cut once for all members of a `Detector`, and CVDD judges it once."""

from __future__ import annotations

from collections import Counter

import pytest

from textocl import CVDD, Detector
from textocl.cvdd.scoring import ScoringTable
from textocl.text.tokenization import EnglishTokenizer


@pytest.fixture(scope="module")
def fitted(ships: list[str]) -> Detector:
    return Detector(n_contexts=2, n_references=50).fit(ships)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counts: Counter[str] = Counter()
    look_up, spans, distances = (
        EnglishTokenizer.look_up,
        EnglishTokenizer.spans,
        ScoringTable.distances,
    )

    def counted_look_up(self, texts, index):  # type: ignore[no-untyped-def]
        counts["looked up"] += len(texts)
        return look_up(self, texts, index)

    def counted_spans(self, text):  # type: ignore[no-untyped-def]
        counts["spans"] += 1
        return spans(self, text)

    def counted_distances(self, packed):  # type: ignore[no-untyped-def]
        counts["judged by CVDD"] += len(packed)
        return distances(self, packed)

    monkeypatch.setattr(EnglishTokenizer, "look_up", counted_look_up)
    monkeypatch.setattr(EnglishTokenizer, "spans", counted_spans)
    monkeypatch.setattr(ScoringTable, "distances", counted_distances)
    return counts


@pytest.mark.parametrize("method", ["anomaly_score", "assess"])
def test_scores_and_nearest_contexts_come_from_one_look_up(
    method: str, fitted: Detector, mixed: list[str], calls: Counter[str]
) -> None:
    getattr(fitted, method)(mixed)
    assert calls == {"looked up": len(mixed), "judged by CVDD": len(mixed)}


def test_an_explanation_looks_up_once_and_finds_places_once(
    fitted: Detector, mixed: list[str], calls: Counter[str]
) -> None:
    fitted.explain(mixed)
    assert calls["looked up"] == calls["spans"] == len(mixed)


def test_members_say_the_same_together_and_alone(fitted: Detector, mixed: list[str]) -> None:
    embedded = fitted.state_.embed(mixed)
    for name, member in fitted.members_.items():
        together = member.detector._scored_embedded(embedded[name]).scores
        assert together.tobytes() == member.detector.anomaly_score(mixed).tobytes()
    contexts = fitted.members_["contexts"].detector
    assert isinstance(contexts, CVDD)
    nearest = fitted.assess(mixed).nearest_context
    assert nearest.tolist() == contexts.assess(mixed).nearest_context.tolist()
