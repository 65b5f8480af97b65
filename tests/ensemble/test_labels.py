"""Ten labelled anomalies or more are learned from, and what they do not show stays odd."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from texts import FILLER, TOPICS, added_up, sentences

import textocl
from textocl import DataError, Detector, Discriminant
from textocl.core.metrics import evaluate
from textocl.core.persistence import WEIGHTS
from textocl.ensemble.labels import LABELS, weighing_labels, weight_of_labels
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.export import OnnxDetector, to_onnx, verify
from textocl.form.surface_profile import SurfaceProfile
from textocl.shallow.density import KDE

ODD = ["guitar tanker awful", "12 34", "SHIP PORT!!! CALL 0800 1234567", "the of", "good ship"]


GLAD, SAD = "wonderful excellent lovely brilliant", "awful terrible boring dreadful"


def reviews(tone: str, n: int, seed: int = 0) -> list[str]:
    """Texts on two topics, with three words of praise or blame, most of which have the tone."""
    source = random.Random(f"{tone}-{seed}")
    tones = [*GLAD.split(), *SAD.split()]
    odds = [4 if word in tone else 1 for word in tones]
    texts = []
    for _ in range(n):
        topic = TOPICS[source.choice(["ships", "food"])].split()
        words = source.choices(topic, k=source.randint(4, 14))
        words += source.choices(FILLER.split(), k=4) + source.choices(tones, odds, k=3)
        texts.append(" ".join(source.sample(words, len(words))))
    return texts


@pytest.fixture(scope="module")
def training() -> tuple[list[str], list[int]]:
    return reviews(GLAD, 150) + reviews(SAD, 15), [0] * 150 + [-1] * 15


@pytest.fixture(scope="module")
def fitted(training: tuple[list[str], list[int]]) -> Detector:
    """Tests must not change it."""
    return Detector(n_contexts=2).fit(*training)


def auc(detector: Detector, odd: list[str]) -> float:
    normal = reviews(GLAD, 100, seed=7)
    scores = detector.anomaly_score(normal + odd)
    return evaluate(scores, np.arange(len(scores)) >= len(normal)).auc


def test_a_tone_that_labels_show_is_found_and_unseen_topics_stay_odd(
    fitted: Detector, training: tuple[list[str], list[int]]
) -> None:
    assert isinstance(fitted.members_["labels"].detector, Discriminant)
    blind = Detector(n_contexts=2).fit(training[0][:150])
    sad, unseen = reviews(SAD, 100, seed=7), sentences("music", 100, seed=7)
    assert auc(fitted, sad) > 0.88 > auc(blind, sad) + 0.05
    assert auc(fitted, unseen) > 0.97
    assert (fitted.predict(reviews(GLAD, 300, seed=8)) == -1).mean() < 0.15


def test_nine_labels_and_labels_that_are_not_needed_add_no_member(
    training: tuple[list[str], list[int]],
) -> None:
    texts, labels = training
    nine = Detector(n_contexts=2).fit(texts[:159], labels[:159])
    assert LABELS.keys().isdisjoint(nine.members_)
    ten = Detector(n_contexts=2).fit(texts[:160], labels[:160])
    assert "labels" in ten.members_
    # what is far off anyway
    far = Detector(n_contexts=2).fit(texts[:150] + sentences("music", 15), labels)
    assert LABELS.keys().isdisjoint(far.members_)
    assert far.state_.out_of_sample is not None
    assert far.state_.out_of_sample.scores.shape == (150, len(far.members_))
    # copies count once
    copies = Detector(n_contexts=2).fit(texts[:155] + texts[150:155], labels[:155] + [-1] * 5)
    assert LABELS.keys().isdisjoint(copies.members_)


def test_words_and_form_and_labels_add_up_to_the_score(fitted: Detector) -> None:
    scores = fitted.anomaly_score(ODD)
    for explanation, score in zip(fitted.explain(ODD), scores, strict=True):
        excess = score - fitted.threshold_
        assert added_up(explanation) == pytest.approx([score, excess, 1], rel=1e-3, abs=1e-3)
    (explained,) = fitted.explain(["ship awful port"])
    assert explained.anomalous_words(1)[0][0] == "awful"


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_saved_and_exported_it_scores_as_before_and_vectors_are_kept_once(
    fitted: Detector, tmp_path: Path
) -> None:
    asked = [*ODD, "", *reviews(SAD, 20, seed=7)]
    scores = fitted.anomaly_score(asked)
    fitted.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.anomaly_score(asked).tobytes() == scores.tobytes()
    one, other = loaded.explain(asked[:3]), fitted.explain(asked[:3])
    assert [e.to_dict() for e in one] == [e.to_dict() for e in other]
    names = {name for name in load_file(tmp_path / "model" / WEIGHTS) if name.startswith("labels")}
    assert names == {f"labels.{n}" for n in ("direction", "offset", "calibration_scores")}
    exported = OnnxDetector(to_onnx(fitted, tmp_path / "model.onnx"))
    np.testing.assert_allclose(exported.anomaly_score(asked), scores, rtol=1e-5, atol=1e-5)


def test_beside_a_language_model_the_vectors_that_tell_labels_are_taken(
    tiny_bert: Path, training: tuple[list[str], list[int]], tmp_path: Path
) -> None:
    """Vectors of a model of random weights tell nothing."""
    detector = Detector(embedding=str(tiny_bert), n_contexts=2).fit(*training)
    members = detector.members_
    assert "labels" not in members
    assert members["word_labels"].detector._space is members["word_density"].detector._space
    asked = ODD + reviews(SAD, 20, seed=7)
    scores = detector.anomaly_score(asked)
    for explanation, score in zip(detector.explain(asked), scores, strict=True):
        assert added_up(explanation)[::2] == pytest.approx([score, 1], rel=1e-3, abs=1e-3)
    detector.save(tmp_path / "model")
    assert textocl.load(tmp_path / "model").anomaly_score(asked).tobytes() == scores.tobytes()
    exported = to_onnx(detector, tmp_path / "model.onnx")
    assert verify(detector, exported, asked).largest_difference < 1e-4


def test_without_form_it_is_a_term_beside_the_mean_of_the_words(
    training: tuple[list[str], list[int]],
) -> None:
    detector = Detector(n_contexts=2, form_weight=0).fit(*training)
    asked = reviews(SAD, 20, seed=7) + sentences("music", 5)
    of_members = detector.member_scores(asked)
    weights = {name: member.weight for name, member in detector.members_.items()}
    words = [name for name in weights if name != "labels"]
    fusion = detector.state_.fusion
    mean = sum(weights[n] * of_members[n].astype(float) for n in words)
    mean = mean / sum(weights[n] for n in words)
    standard = (mean - fusion.location) / fusion.scale
    total = weights["density"] * np.log1p(np.exp(standard - 0.5))
    total += weights["labels"] * np.log1p(np.exp(of_members["labels"].astype(float) - 0.5))
    expected = np.log(np.expm1(total)) + 0.5
    assert detector.anomaly_score(asked) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_training_documents_are_judged_as_new_ones(
    fitted: Detector, training: tuple[list[str], list[int]]
) -> None:
    new = fitted.anomaly_score(reviews(GLAD, 300, seed=9))
    assert abs(np.median(fitted.training_scores_[:150]) - np.median(new)) < 0.5 * new.std()


def test_an_unlabelled_detector_is_bit_equal_whatever_the_member_would_do(
    training: tuple[list[str], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, labels = training
    asked = reviews(SAD, 20, seed=7)
    given = [(texts[:150], None), (texts[:159], labels[:159])]
    ours = [Detector(n_contexts=2).fit(X, y).anomaly_score(asked).tobytes() for X, y in given]
    monkeypatch.setattr("textocl.ensemble.composition.FEWEST_LABELLED", 10**9)
    never = [Detector(n_contexts=2).fit(X, y).anomaly_score(asked).tobytes() for X, y in given]
    assert ours == never


def test_labelled_anomalies_without_a_known_word_are_no_obstacle() -> None:
    texts = sentences("ships", 60) + [f"{10**k} {k}" for k in range(10)]
    detector = Detector(n_contexts=2, language=None).fit(texts, [0] * 60 + [-1] * 10)
    assert np.isfinite(detector.anomaly_score(texts)).all()


@pytest.mark.parametrize("labels", [[0] * 164, [0] * 164 + [2], [-1] * 165])
def test_wrong_labels_are_refused(training: tuple[list[str], list[int]], labels: list[int]) -> None:
    with pytest.raises(DataError):
        Detector(n_contexts=2).fit(training[0], labels)


# --- the weight ---


def three() -> dict[str, Member]:
    return {
        "density": Member(KDE(), 1.0, 0.0, 1.0),
        "surface": Member(SurfaceProfile(), 0.5, 0.0, 1.0),
        "labels": Member(Discriminant(), 1.0, 0.0, 1.0),
    }


def judged(n: int = 500) -> OutOfSampleScores:
    scores = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    known = np.ones((n, 3), bool)
    return OutOfSampleScores(scores, known, known[:, 0], np.empty((n, 0), np.float32))


def labelled(*means: float) -> np.ndarray:
    return np.random.default_rng(1).normal(means, 1, (30, 3)).astype(np.float32)


def test_the_weight_is_0_where_labels_say_nothing_or_others_suffice() -> None:
    for means in ([0, 0, 0], [9, 0, 0], [9, 0, 9]):
        weight, gains = weight_of_labels(three(), judged(), labelled(*means))
        assert (weight, gains.any()) == (0, False)
        members, scores = weighing_labels(three(), judged(), labelled(*means))
        assert list(members) == ["density", "surface"]
        assert scores.scores.tolist() == judged().scores[:, :2].tolist()


def test_the_weight_grows_where_only_labels_tell() -> None:
    weight, gains = weight_of_labels(three(), judged(), labelled(0, 0, 1.5))
    assert weight >= 1
    assert gains.shape == (30,)
    assert gains.mean() > 0.2
    members, scores = weighing_labels(three(), judged(), labelled(0, 0, 1.5))
    assert members["labels"].weight == weight
    assert scores.scores.shape == (500, 3)
    # whatever weight it comes with
    other = {**three(), "labels": replace(three()["labels"], weight=3.0)}
    assert weight_of_labels(other, judged(), labelled(0, 0, 1.5))[0] == weight


def test_two_kinds_of_vectors_share_the_weight_unless_one_is_surely_better() -> None:
    random = np.random.default_rng(2)
    head = three()["labels"]
    members = three() | {"word_density": three()["density"], "word_labels": head}
    scores = random.normal(0, 1, (500, 5)).astype(np.float32)
    four = OutOfSampleScores(
        scores, np.ones(scores.shape, bool), np.ones(500, bool), np.empty((500, 0), np.float32)
    )
    names = list(members)

    def found(labels: float, word_labels: float) -> dict[str, float]:
        means = [{"labels": labels, "word_labels": word_labels}.get(name, 0) for name in names]
        odd = random.normal(means, 1, (60, 5)).astype(np.float32)
        weighed, of_them = weighing_labels(members, four, odd)
        assert of_them.scores.shape == (500, len(weighed))
        return {name: one.weight for name, one in weighed.items() if name in LABELS}

    both = found(1.5, 1.5)
    assert both["labels"] == both["word_labels"] >= 0.5
    assert found(2, -1).keys() == {"labels"}
    assert found(-1, 2).keys() == {"word_labels"}


def test_what_nobody_judged_out_of_sample_does_not_count() -> None:
    unknown = labelled(0, 0, 1.5)
    unknown[:, 0] = np.nan
    assert weight_of_labels(three(), judged(), unknown)[0] >= 1
