"""A `Detector` learns more: each document once, no anomaly it knows, and the new topic that is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texts import added_up, sentences

import textocl
from textocl import CharacterLikelihood, DataError, Detector, TextoclWarning
from textocl.core.metrics import evaluate

SHIPS, MORE = sentences("ships", 200), sentences("ships", 100, seed=5)
MUSIC, OTHERS = sentences("music", 60, seed=1), sentences("music", 60, seed=2)
FRESH = sentences("ships", 60, seed=8)


@pytest.fixture(scope="module")
def fitted() -> Detector:
    """Tests must not change it."""
    return Detector(n_contexts=2).fit(SHIPS)


@pytest.fixture
def detector(fitted: Detector) -> Detector:
    return copy.copy(fitted)


def auc(detector: Detector, normal: list[str], odd: list[str]) -> float:
    is_odd = np.repeat([False, True], [len(normal), len(odd)])
    return evaluate(detector.anomaly_score(normal + odd), is_odd).auc


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_documents_learned_before_change_nothing(detector: Detector) -> None:
    before, scores = detector.anomaly_score(FRESH), detector.recalled_scores(SHIPS)
    with pytest.warns(TextoclWarning, match="200 of 200 documents were learned from before"):
        detector.update([text.replace(" ", "  ") for text in SHIPS])
    np.testing.assert_array_equal(detector.anomaly_score(FRESH), before)
    with pytest.warns(TextoclWarning, match="200 of 300 documents were learned from before"):
        detector.update(SHIPS + MORE)
    # the former ones are judged as they were, on the new scale
    assert np.corrcoef(detector.training_scores_[:200], scores)[0, 1] > 0.99
    n, threshold = detector.n_training_samples_, detector.threshold_
    again = detector.anomaly_score(FRESH)
    with pytest.warns(TextoclWarning, match="100 of 100"):
        detector.update(MORE)
    assert detector.n_training_samples_ == n
    assert detector.threshold_ == threshold
    np.testing.assert_array_equal(detector.anomaly_score(FRESH), again)


def test_what_is_learned_is_recalled(detector: Detector) -> None:
    assert np.isnan(detector.recalled_scores(MORE)).all()
    detector.update(MORE, [1] * 100)
    np.testing.assert_allclose(detector.recalled_scores(MORE), detector.training_scores_, atol=1e-6)
    assert not np.isnan(detector.recalled_scores(SHIPS)).any()


def test_what_is_called_anomalous_is_not_learned(detector: Detector) -> None:
    with pytest.warns(TextoclWarning, match="of 160 documents are as unusual as one in twenty"):
        detector.update(MORE + MUSIC)
    assert np.isin(np.arange(100, 160), detector.suspected_).all()
    assert (detector.training_labels_[100:] == -1).all()
    assert (detector.predict(FRESH) == 1).mean() > 0.85
    assert (detector.predict(OTHERS) == -1).all()


def test_nothing_is_not_unusual(detector: Detector) -> None:
    with pytest.warns(TextoclWarning) as said:
        detector.update([" ", "\n"])
    assert [str(warning.message) for warning in said] == [
        "1 of 2 documents are copies of others, or nearly (2 in the largest group); each group "
        "counts once.",
        "1 of 1 documents have no known word; they were set aside.",
    ]


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_without_contamination_everything_is_learned() -> None:
    detector = Detector(n_contexts=2, contamination=0).fit(SHIPS).update(MUSIC)
    assert not len(detector.suspected_)
    assert (detector.predict(OTHERS) == 1).mean() > 0.5


def test_a_topic_that_is_told_becomes_normal(detector: Detector) -> None:
    assert (detector.predict(OTHERS) == -1).all()
    detector.update(MUSIC, [1] * 60)
    assert (detector.predict(OTHERS) == 1).mean() > 0.85
    assert (detector.predict(FRESH) == 1).mean() > 0.85
    assert detector.contamination_.share < 0.05  # what is told to be normal is none
    assert (detector.predict(sentences("food", 40, seed=3)) == -1).mean() > 0.95


def test_anomalies_that_are_told_are_known(detector: Detector) -> None:
    score = detector.anomaly_score(OTHERS).mean()
    with pytest.warns(TextoclWarning, match="densities learned from 60 labelled anomalies"):
        detector.update(MUSIC + MORE, [-1] * 60 + [1] * 100)
    assert detector.anomaly_score(OTHERS).mean() > score + 0.5
    assert auc(detector, FRESH, OTHERS) > 0.99
    density: Any = detector.members_["density"].detector
    assert len(density.state_.learned["known_anomalies"]) == 60  # none of those only suspected
    assert density.state_.learned["settings"][2] == 0.5


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_what_was_suspected_is_learned_once_it_is_told(tmp_path: Path) -> None:
    pile = Detector(n_contexts=2).fit(SHIPS + MUSIC[:12])
    pile.save(tmp_path / "model")  # as marks come back later
    odd, others = MUSIC[:12], MUSIC[12:40]
    assert np.isin(np.arange(200, 212), pile.suspected_).all()
    before, judged = pile.anomaly_score(others), pile.recalled_scores(odd)
    told = textocl.load(tmp_path / "model")
    assert isinstance(told, Detector)
    told.update(odd, [1] * 12)  # they belong
    assert (told.anomaly_score(others) < before - 1).all()
    assert (told.recalled_scores(odd) < judged - 1).all()
    n = told.n_training_samples_
    told.update(odd, [1] * 12)
    assert told.n_training_samples_ == n
    told = textocl.load(tmp_path / "model")
    assert isinstance(told, Detector)
    told.update(odd, [-1] * 12)  # they do not
    assert np.isnan(told.recalled_scores(odd)).all()
    assert len(told.members_["density"].detector.state_.learned["known_anomalies"]) == 12
    assert told.anomaly_score(others).mean() > before.mean()


def test_contexts_are_chosen_after_an_update(detector: Detector) -> None:
    detector.update(MORE, [1] * 100)
    before = detector.anomaly_score(FRESH)
    detector.recalibrate(context_weights={0: 1.0}, false_alarm_rate=0.1)
    assert (detector.anomaly_score(FRESH) != before).any()
    assert (detector.predict(FRESH) == 1).mean() > 0.75
    with pytest.raises(AttributeError, match="known after a fit"):
        detector.training_scores_  # noqa: B018


def test_explanations_add_up_after_an_update(detector: Detector) -> None:
    detector.update(MORE, [1] * 100)
    for one in detector.explain(["a ship WITH 3 drums", *OTHERS[:3]]):
        contributions, evidence, shares = added_up(one)
        assert contributions == pytest.approx(one.score, abs=1e-4)
        assert evidence == pytest.approx(one.score - one.threshold, abs=1e-4)
        assert shares == pytest.approx(1, abs=1e-6)


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_unexpected_words_are_told_by_new_documents_too(detector: Detector) -> None:
    text = ["the violin played a melody at the concert"]
    before, n = detector.explain(text)[0].surprisal, detector.state_.surprisal.n_references
    detector.update(MUSIC, [1] * 60)
    after = detector.explain(text)[0].surprisal
    assert before is not None
    assert after is not None
    assert after.mean() < before.mean() - 0.5
    assert detector.state_.surprisal.n_references == n + 60


@pytest.mark.parametrize(
    "forget",
    [
        lambda arrays: [n for n in arrays if n.startswith("held_out.")],
        lambda arrays: ["words.word_weights", "words.word_documents"],
        lambda arrays: ["surface.sample"],
    ],
)
def test_what_kept_too_little_says_so(
    fitted: Detector, tmp_path: Path, forget: Callable[[Any], list[str]]
) -> None:
    files = fitted._to_files()
    for name in forget(list(files.arrays)):
        del files.arrays[name]
    old = Detector(n_contexts=2)
    old._from_files(files)
    with pytest.raises(DataError, match="saved by a textocl that .*fit it again"):
        old.update(MORE)


def test_a_saved_model_of_an_earlier_version_says_so() -> None:
    folder = Path(__file__).parents[1] / "saved" / "models" / "CharacterLikelihood"
    saved = textocl.load(folder)
    assert isinstance(saved, CharacterLikelihood)
    assert saved.n_training_samples_ is None
    with pytest.raises(DataError, match="could not update it: fit it again"):
        saved.update(MORE)
