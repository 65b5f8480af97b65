"""What the members say becomes one explanation that adds up to the score."""

from __future__ import annotations

import pytest
from texts import sentences

from textocl import Detector

ODD = ["SHIP PORT!!! CALL 0800 1234567 NOW £££", "tanker guitar", "12 34", "Корабль в порту"]


@pytest.fixture(scope="module")
def fitted() -> Detector:
    return Detector(n_contexts=2).fit(sentences("ships", 100))


def test_words_and_form_add_up_to_the_score(fitted: Detector) -> None:
    scores = fitted.anomaly_score(ODD)
    for explanation, score in zip(fitted.explain(ODD), scores, strict=True):
        assert explanation.form
        contributions = [one.contribution for one in explanation.form]
        shares = [one.share for one in explanation.form]
        evidence = [one.evidence for one in explanation.form]
        total = explanation.contributions.sum() + sum(contributions)
        assert total == pytest.approx(score, rel=1e-3, abs=1e-3)
        assert explanation.shares.sum() + sum(shares) == pytest.approx(1)
        total = explanation.evidence.sum() + sum(evidence)
        assert total == pytest.approx(score - fitted.threshold_, rel=1e-3, abs=1e-3)
        assert evidence == sorted(evidence, reverse=True)


def test_what_is_odd_by_form_is_said_and_ordinary_documents_have_nothing(
    fitted: Detector,
) -> None:
    (loud,) = fitted.explain(ODD[:1])
    assert {"capitals", "characters"} <= {one.name for one in loud.unusual_form()}
    plain = fitted.explain(sentences("ships", 50, seed=3))
    unusual = [one.name for explanation in plain for one in explanation.unusual_form()]
    assert unusual.count("capitals") == unusual.count("long numbers") == 0
