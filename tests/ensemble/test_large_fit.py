"""A fit in parts: nothing is left out, and it ranks as a fit at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import sentences

import textocl
from textocl import Detector
from textocl.core.metrics import evaluate
from textocl.ensemble import detector as detector_module
from textocl.ensemble import large_fit

TEXTS = sentences("ships", 400)
ODD = sentences("music", 12, seed=3)
FRESH, OTHERS = sentences("ships", 60, seed=8), sentences("music", 60, seed=9)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if some hundred documents were many."""
    monkeypatch.setattr(detector_module, "MOST_AT_ONCE", 200)
    monkeypatch.setattr(large_fit, "_FIRST", 150)
    monkeypatch.setattr(large_fit, "_PART", 60)


def auc(detector: Detector) -> float:
    is_odd = np.repeat([False, True], 60)
    return evaluate(detector.anomaly_score(FRESH + OTHERS), is_odd).auc


def test_a_fit_in_parts_ranks_as_one_at_once(in_parts: None, tmp_path: Path) -> None:
    detector = Detector(n_contexts=2).fit(TEXTS + ODD)
    assert auc(detector) > 0.99
    assert (detector.predict(FRESH) == 1).mean() > 0.85
    # each is judged by what did not learn from it, those that hide as well
    scores = detector.training_scores_
    assert scores.shape == (412,)
    assert not np.isnan(scores).any()
    assert set(np.argsort(-scores)[:12]) == set(range(400, 412))
    assert (detector.training_labels_[400:] == -1).all()
    assert np.isin(np.arange(400, 412), detector.suspected_).all()
    assert detector.n_training_samples_ > 300
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.anomaly_score(FRESH), detector.anomaly_score(FRESH))
    again = Detector(n_contexts=2).fit(TEXTS + ODD)
    np.testing.assert_array_equal(again.anomaly_score(FRESH), detector.anomaly_score(FRESH))
    np.testing.assert_array_equal(again.training_scores_, scores)


def test_labels_reach_a_fit_in_parts(in_parts: None) -> None:
    labels = [0] * 380 + [1] * 20 + [-1] * 12
    detector = Detector(n_contexts=2).fit(TEXTS + ODD, labels)
    assert np.isnan(detector.training_scores_[400:]).all()
    assert not np.isnan(detector.training_scores_[:400]).any()
    assert not np.isin(np.arange(380, 400), detector.suspected_).any()
    density = detector.members_["density"].detector
    assert len(density.state_.learned["known_anomalies"]) == 12
    assert auc(detector) > 0.99


def test_a_fit_in_parts_that_fails_changes_nothing(
    in_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(n_contexts=2).fit(TEXTS[:100])
    before = dict(vars(detector))
    monkeypatch.setattr(
        large_fit, "replace", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        detector.fit(TEXTS)
    assert all(vars(detector)[name] is value for name, value in before.items())


@given(st.lists(st.sampled_from([1, 0, 0, 0, -1]), min_size=1, max_size=400), st.integers(0, 99))
def test_every_document_is_learned_once(labels: list[int], seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_fit, "_FIRST", 40)
        patch.setattr(large_fit, "_PART", 25)
        first, parts = large_fit._divided(np.array(labels), seed)
    everyone = np.concatenate([first, *parts])
    assert np.sort(everyone).tolist() == list(range(len(labels)))
    known = np.array(labels) < 0
    assert known[first].sum() == min(known.sum(), 20)
    assert max(len(part) for part in parts) <= 25
