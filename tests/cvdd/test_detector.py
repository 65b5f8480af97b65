"""CVDD beyond the contract: its parameters, odd corpora, calibration, thesis settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from texts import TOPICS, sentences

from textocl import CVDD, KNN, DataError, TextoclWarning
from textocl.core.thresholds import conformal_threshold

WORDLESS = ["", "   ", "1234 56", "a of the", "...", "\x00\x01"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_contexts": 0}, "n_contexts must be an integer of at least 1, got int 0"),
        ({"n_contexts": 2.0}, "n_contexts"),
        ({"n_contexts": True}, "n_contexts"),
        ({"attention_size": -1}, "attention_size"),
        ({"n_epochs": -1}, "n_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"orthogonality": float("nan")}, "orthogonality"),
        ({"learning_rate": 0}, r"learning_rate must be in \(0, inf\)"),
        ({"drop_after": 1.5}, r"drop_after must be in \[0, 1\]"),
        ({"alpha": "often"}, "alpha"),
        ({"false_alarm_rate": 1.5}, r"false_alarm_rate must be in \(0, 1\), got float 1.5"),
        ({"false_alarm_rate": 0}, "false_alarm_rate"),
        ({"calibration": "none"}, "calibration must be one of 'split', 'training'"),
        ({"aggregation": "max"}, "aggregation must be one of"),
        ({"aggregation": (1, 2)}, "3 non-negative weights"),
        ({"aggregation": (0, 0, 0)}, "not all 0"),
        ({"aggregation": (1, -1, 1)}, "non-negative"),
        ({"tokenization": "bpe"}, "tokenization must be one of"),
        ({"language": "xx"}, "no word frequencies for language 'xx'"),
        ({"frequency_damping": 0}, "frequency_damping"),
        ({"embedding": "no/such/file.txt"}, "no word vectors at 'no/such/file.txt'"),
        ({"embedding": 7}, "embedding must be a name"),
        ({"device": "tpu9"}, "device must be"),
        ({"random_state": -1}, "random_state"),
        ({"random_state": 2**32}, "random_state must be an integer of at most"),
        ({"language": ""}, "no word frequencies for language ''"),
        ({"language": "not a lang"}, "no word frequencies"),
        ({"language": 5}, "no word frequencies"),
        ({"aggregation": ["a", "b", "c"]}, "non-negative weights"),
    ],
)
def test_wrong_parameters_are_named(
    ships: list[str], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        CVDD(**parameters).fit(ships)


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(DataError, match="expected normal documents, got none"):
        CVDD().fit([])


def test_a_corpus_without_words_is_refused() -> None:
    with pytest.raises(DataError, match="no word of the documents has a vector"):
        CVDD().fit(WORDLESS * 10)


def test_fewer_documents_than_contexts_are_refused(ships: list[str]) -> None:
    with pytest.raises(DataError, match="3 of 5 documents .* too few for n_contexts=5"):
        CVDD(n_contexts=5).fit(ships[:5])


def test_one_document_has_nothing_to_calibrate_with(ships: list[str]) -> None:
    with pytest.raises(DataError, match="left to calibrate with"):
        CVDD(n_contexts=1).fit(ships[:1])


def test_documents_without_words_score_worst_and_are_counted(detector: CVDD) -> None:
    with pytest.warns(TextoclWarning, match="6 of 7 documents have no known word") as caught:
        assessment = detector.assess(["ship", *WORDLESS])
    assert len(caught) == 1
    assert (assessment.score[1:] == 1.0).all()
    assert assessment.score[0] < 1
    assert assessment.label.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert assessment.n_known_words.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert (assessment.nearest_context[1:] == -1).all()


def test_training_documents_without_words_are_set_aside_with_one_warning(
    ships: list[str],
) -> None:
    # two of the six are blank: copies of each other, which count once
    with pytest.warns(TextoclWarning, match="5 of 125 documents have no known word") as caught:
        detector = CVDD(n_general_words=0).fit(ships + WORDLESS)
    assert len(caught) == 1
    assert detector.n_documents_ + len(detector.calibration_scores_) == 120
    assert detector.calibration_scores_.max() < 1


def test_too_few_documents_to_calibrate_say_what_the_rate_is(ships: list[str]) -> None:
    with pytest.warns(TextoclWarning, match="needs 99 documents to calibrate with; there are 60"):
        detector = CVDD(n_general_words=0, false_alarm_rate=0.01).fit(ships)
    assert detector.threshold_ == conformal_threshold(detector.calibration_scores_, 0.01)
    assert detector.calibration_scores_[-1] < detector.threshold_ < 1


def test_the_false_alarm_rate_holds_for_new_documents(ships: list[str]) -> None:
    detector = CVDD(n_general_words=0, false_alarm_rate=0.2).fit(sentences("ships", 600))
    alarms = (detector.predict(sentences("ships", 1000, seed=5)) == -1).mean()
    assert alarms == pytest.approx(0.2, abs=0.08)


@pytest.mark.parametrize("objective", ["deep-sad", "hsc"])
def test_known_anomalies_score_higher_than_without_them(ships: list[str], objective: str) -> None:
    music, more = sentences("music", 60), sentences("music", 60, seed=4)
    y = [1] * 60 + [0] * 60 + [-1] * 60
    settings = {"n_general_words": 2000, "objective": objective}
    with_labels, without = CVDD(**settings).fit(ships + music, y), CVDD(**settings).fit(ships)
    gap = [
        detector.anomaly_score(more).mean() - detector.threshold_
        for detector in (with_labels, without)
    ]
    assert gap[0] > gap[1]
    # they set neither the contexts nor the threshold
    words = {word.word for context in with_labels.contexts_ for word in context.words}
    assert words & set(TOPICS["ships"].split())
    assert not words & set(TOPICS["music"].split())
    assert with_labels.n_documents_ == without.n_documents_


def test_labels_of_one_kind_only_change_nothing_but_weights(ships: list[str]) -> None:
    plain = CVDD(n_general_words=0).fit(ships)
    zeros = CVDD(n_general_words=0).fit(ships, [0] * len(ships))
    assert (plain.anomaly_score(ships) == zeros.anomaly_score(ships)).all()


def test_words_never_seen_in_training_count(ships: list[str], detector: CVDD) -> None:
    assert "parliament" not in " ".join(ships)
    assert detector.anomaly_score(["parliament election minister"])[0] > detector.threshold_


def test_the_order_of_training_documents_changes_no_vocabulary(ships: list[str]) -> None:
    one = CVDD(n_general_words=100, calibration="training", n_epochs=0).fit(ships)
    other = CVDD(n_general_words=100, calibration="training", n_epochs=0).fit(ships[::-1])
    assert one.vocabulary_.words == other.vocabulary_.words


def test_two_topics_become_two_contexts() -> None:
    texts = sentences("ships", 100) + sentences("food", 100)
    detector = CVDD(n_contexts=2, n_general_words=0, calibration="training").fit(texts)
    nearest = detector.context_distances(texts).argmin(axis=1)
    assert (nearest[:100] == nearest[0]).mean() > 0.95
    assert (nearest[100:] == nearest[-1]).mean() > 0.95
    assert nearest[0] != nearest[-1]
    assert [context.share for context in detector.contexts_] == pytest.approx([0.5, 0.5], abs=0.05)


def test_training_lowers_the_objective(ships: list[str]) -> None:
    history = CVDD(n_general_words=0, n_epochs=30).fit(ships).history_
    assert history[-1] < 0.9 * history[0]


def test_orthogonality_pushes_contexts_apart(ships: list[str]) -> None:
    def largest_overlap(weight: float) -> float:
        detector = CVDD(
            n_general_words=0,
            n_epochs=40,
            learning_rate=0.01,
            context_rate=1.0,
            orthogonality=weight,
        ).fit(ships)
        c = detector.context_vectors_
        return float(np.abs(c @ c.T - np.eye(3)).max())

    assert largest_overlap(10.0) < 0.2 < largest_overlap(0.0)


def test_the_scale_of_the_vectors_does_not_matter(ships: list[str], mixed: list[str]) -> None:
    words = sorted(set(" ".join(ships + mixed).split()))
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=20) for word in words}
    small = CVDD(embedding=vectors, n_general_words=0)
    large = clone(small).set_params(embedding={w: 1000 * v for w, v in vectors.items()})
    difference = small.fit(ships).anomaly_score(mixed) - large.fit(ships).anomaly_score(mixed)
    assert np.abs(difference).max() < 1e-3


def test_thesis_settings() -> None:
    detector = CVDD.thesis(n_contexts=5)
    assert detector.n_epochs == 100
    assert detector.learning_rate == 0.01
    assert detector.orthogonality == pytest.approx(1 / 25)
    assert detector.frequency_damping is None
    assert CVDD.thesis(n_epochs=3).n_epochs == 3
    with pytest.raises(DataError, match="n_contexts"):
        CVDD.thesis(n_contexts=0)


def test_a_table_is_not_read_as_its_column_names(detector: CVDD) -> None:
    class Table:  # as pandas has it
        columns = ("text", "label")

        def __iter__(self) -> Any:
            return iter(self.columns)

    with pytest.raises(DataError, match="got a Table; give its column of texts"):
        detector.anomaly_score(Table())


def test_fit_predict_takes_a_generator(ships: list[str]) -> None:
    labels = CVDD(n_general_words=0).fit_predict(text for text in ships)
    assert labels.shape == (120,)


def test_weights_as_an_array(ships: list[str], mixed: list[str]) -> None:
    one = CVDD(n_general_words=0, aggregation=np.array([1, 0, 1])).fit(ships)
    other = CVDD(n_general_words=0, aggregation=[1, 0, 1]).fit(ships)
    assert (one.anomaly_score(mixed) == other.anomaly_score(mixed)).all()


def test_points_are_means_by_attention(detector: CVDD, mixed: list[str]) -> None:
    table, words = detector.vocabulary_.table, detector.vocabulary_.words
    row = {word: i for i, word in enumerate(words)}
    points = detector.points([*mixed[:5], "12"])
    for point, explanation in zip(points, detector.explain(mixed[:5]), strict=False):
        # a word that stands twice has the attention of both places
        shares = explanation.attention.mean(axis=1)
        expected = sum(
            share * table[row[word]].astype(float)
            for share, word in zip(shares, explanation.words, strict=True)
        )
        assert np.allclose(point, expected, atol=1e-5)
    assert not points[5].any()
    assert KNN().fit(detector.points(mixed)).anomaly_score(points).shape == (6,)


def test_recalibrating_judges_differently_without_fitting(
    ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = CVDD(n_general_words=500).fit(ships)
    distances = detector.context_distances(mixed)
    assert detector.recalibrate(aggregation=(0, 1, 0), false_alarm_rate=0.2) is detector
    assert np.allclose(detector.anomaly_score(mixed), distances[:, 1])
    refitted = CVDD(n_general_words=500, aggregation=(0, 1, 0), false_alarm_rate=0.2).fit(ships)
    assert detector.threshold_ == refitted.threshold_
    assert (detector.p_value(mixed) == refitted.p_value(mixed)).all()
    detector.save(tmp_path / "model")
    loaded = CVDD.load(tmp_path / "model")
    assert (loaded.p_value(mixed) == refitted.p_value(mixed)).all()
    assert loaded.get_params()["false_alarm_rate"] == 0.2
    with pytest.raises(DataError, match="non-negative weights"):
        detector.recalibrate(aggregation=(1, 2))
    with pytest.raises(DataError, match="false_alarm_rate"):
        detector.recalibrate(false_alarm_rate=0)


def test_setting_parameters_of_a_fitted_detector_changes_nothing_by_half(
    ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = CVDD(n_general_words=0).fit(ships)
    before = detector.p_value(mixed)
    detector.set_params(aggregation="min", false_alarm_rate=0.4, n_contexts=7)
    assert (detector.p_value(mixed) == before).all()
    detector.save(tmp_path / "model")
    assert (CVDD.load(tmp_path / "model").p_value(mixed) == before).all()


def test_a_failed_fit_leaves_the_detector_as_it_was(
    ships: list[str], mixed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = CVDD(n_general_words=0).fit(ships)
    before = detector.anomaly_score(mixed)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("textocl.cvdd.training.train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        detector.fit(sentences("food", 50))
    assert (detector.anomaly_score(mixed) == before).all()
