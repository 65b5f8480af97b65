"""Relevance adds up to the score, follows its formula, and points at what is strange."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from texts import TOPICS

from textocl import KDE, KNN, OCSVM, SVDD, DataError, Gaussian
from textocl.shallow.pooled import PooledDetector
from textocl.shallow.relevance import explain_by_relevance, relevance_of

ON_FEATURES: dict[str, PooledDetector] = {
    "kde": KDE(bandwidth=0.8, whitening=0.0),
    "kde-whitened": KDE(bandwidth=0.8, whitening=0.5),
    "kde-unit": KDE(bandwidth=0.8, unit_length=True, whitening=0.4),
    "kde-landmarks": KDE(bandwidth=0.8, whitening=0.5, n_landmarks=40),
    "knn": KNN(),
    "knn-farthest": KNN(aggregation="max", whitening=1.0),
    "ocsvm-rbf": OCSVM(kernel="rbf"),
    "ocsvm": OCSVM(unit_length=True),
    "svdd": SVDD(),
    "svdd-linear": SVDD(kernel="linear"),
}


@pytest.fixture(scope="module")
def blob() -> np.ndarray:
    return np.random.default_rng(0).normal([3, 0, -1, 0], [1, 2, 1, 0.5], size=(150, 4))


@pytest.fixture(scope="module", params=ON_FEATURES)
def fitted(request: pytest.FixtureRequest, blob: np.ndarray) -> PooledDetector:
    return ON_FEATURES[request.param].fit(blob)


def test_relevance_and_bias_add_up_to_the_score(fitted: PooledDetector, blob: np.ndarray) -> None:
    points = np.concatenate([blob[:20], blob[:20] + 5, np.zeros((1, 4))])
    found = relevance_of(fitted, points)
    scores = fitted.anomaly_score(points)
    assert found.scores == pytest.approx(scores, rel=1e-6)
    assert found.features.sum(axis=1) + found.bias == pytest.approx(scores, rel=1e-5, abs=1e-5)
    assert found.features.shape == points.shape


def test_the_bias_is_what_the_pooling_says(blob: np.ndarray) -> None:
    """So that adding up says something: the bias must not swallow what features should carry."""
    points = blob[:20] + np.array([0, 5, 0, 0])
    for kind in ("kde", "kde-whitened", "kde-unit", "kde-landmarks", "knn", "knn-farthest"):
        assert relevance_of(ON_FEATURES[kind].fit(blob), points).bias == pytest.approx(0, abs=1e-6)
    machine = ON_FEATURES["ocsvm-rbf"].fit(blob)
    offset = machine.state_.learned["offset"][0]
    assert relevance_of(machine, points).bias == pytest.approx(offset - 1, abs=1e-5)
    sphere = ON_FEATURES["svdd-linear"].fit(blob)
    found = relevance_of(sphere, points)
    assert found.bias == pytest.approx(-sphere.state_.learned["radius_squared"][0], rel=1e-5)
    plane = ON_FEATURES["ocsvm"].fit(blob)
    w, offset = plane.state_.learned["support"][0].astype(float), plane.state_.learned["offset"][0]
    assert relevance_of(plane, points).bias == pytest.approx(offset - (1 + w @ w) / 2, abs=1e-5)


def test_kde_against_a_loop_over_references_and_features(blob: np.ndarray) -> None:
    detector = ON_FEATURES["kde"].fit(blob)
    training = detector.state_.learned["training_points"].astype(float)
    points = blob[:5] + 2
    found = relevance_of(detector, points)
    for point, relevances, score in zip(points, found.features, found.scores, strict=True):
        near = np.exp(-((point - training) ** 2).sum(axis=1) / (2 * 0.8**2))
        expected = np.zeros(4)
        for reference, weight in zip(training, near / near.sum(), strict=True):
            squares = (point - reference) ** 2
            expected += weight * score * squares / squares.sum()
        assert relevances == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_landmarks_share_a_score_by_weight_and_width(blob: np.ndarray) -> None:
    detector = KDE(bandwidth=0.8, whitening=0.0, n_landmarks=30).fit(blob)
    learned = detector.state_.learned
    shares, variances = learned["training_cells"]
    assert len(set(shares)) > 1 < len(set(variances))
    points = blob[:5] + 2
    found = relevance_of(detector, points)
    for point, relevances, score in zip(points, found.features, found.scores, strict=True):
        squares = (point - learned["training_points"].astype(float)) ** 2
        widths = 0.8**2 + variances
        near = shares * (0.8**2 / widths) ** 2 * np.exp(-squares.sum(axis=1) / (2 * widths))
        parts = (near / near.sum() * score / squares.sum(axis=1))[:, None] * squares
        assert relevances == pytest.approx(parts.sum(axis=0), rel=1e-4, abs=1e-5)


def test_nearest_neighbours_against_a_loop(blob: np.ndarray) -> None:
    detector = ON_FEATURES["knn"].fit(blob)
    training = detector.state_.learned["training_points"].astype(float)
    point = np.array([9.0, 1.0, 0.0, 0.0])
    order = np.argsort(((training - point) ** 2).sum(axis=1))[:5]
    expected = np.mean(
        [(point - t) ** 2 / np.linalg.norm(point - t) for t in training[order]], axis=0
    )
    assert relevance_of(detector, point[None]).features[0] == pytest.approx(expected, rel=1e-5)


def test_whitening_is_a_layer_that_relevance_goes_through(blob: np.ndarray) -> None:
    detector = KNN(n_neighbors=1, whitening=1.0).fit(blob)
    W = detector.state_.metric.whitening
    reference = detector.state_.learned["training_points"][0].astype(float) @ np.linalg.inv(W)
    point = reference + np.array([0, 0.05, 0, 0])
    found = relevance_of(detector, point[None])
    # only the second feature differs, though whitening mixes it into all
    assert found.features[0] == pytest.approx([0, found.scores[0], 0, 0], abs=1e-4)


@pytest.mark.parametrize("kind", [k for k, d in ON_FEATURES.items() if not d.unit_length])
def test_the_strange_feature_leads(kind: str, blob: np.ndarray) -> None:
    fitted = ON_FEATURES[kind].fit(blob)
    strange = np.median(blob, axis=0) + np.array([0, 0, 12, 0])
    assert relevance_of(fitted, strange[None]).features[0].argmax() == 2


def test_far_from_the_origin_nothing_is_lost(blob: np.ndarray) -> None:
    far = (blob + 1e5).astype(np.float32)
    found = relevance_of(KNN().fit(far), far[:5] + 4)
    there = relevance_of(KNN().fit(far - np.float32(1e5)), far[:5] + 4 - np.float32(1e5))
    assert found.features == pytest.approx(there.features, rel=1e-5)


def test_a_training_point_has_no_relevance_to_hand_out(blob: np.ndarray) -> None:
    detector = KNN(n_neighbors=1, calibration="training").fit(blob)
    found = relevance_of(detector, blob[:3])
    assert (found.features == 0).all()
    assert (found.bias == found.scores).all()


OWN_WORDS: dict[str, Any] = {"language": None}
ON_TEXTS: dict[str, PooledDetector] = {
    "kde": KDE(),
    "kde-max": KDE(pooling="max", **OWN_WORDS),
    "kde-landmarks": KDE(n_landmarks=25, **OWN_WORDS),
    "kde-raw": KDE(unit_length=False, whitening=0.0, **OWN_WORDS),
    "knn-tfidf": KNN(pooling="tfidf", **OWN_WORDS),
    "ocsvm": OCSVM(),
    "svdd": SVDD(**OWN_WORDS),
}


@pytest.mark.parametrize("kind", ON_TEXTS)
def test_words_add_up_to_the_score_and_point_at_the_other_topic(
    kind: str, ships: list[str], mixed: list[str]
) -> None:
    detector = ON_TEXTS[kind].fit([*ships, "guitar piano concert"])
    texts = [*mixed[::8], "ship", "ship tanker harbour guitar cargo crew"]
    scores, explanations = detector.anomaly_score(texts), explain_by_relevance(detector, texts)
    for explanation, score, other in zip(
        explanations, scores, detector.explain(texts), strict=True
    ):
        assert explanation.score == pytest.approx(score, abs=1e-6)
        assert explanation.contributions.sum() == pytest.approx(score, abs=1e-5)
        excess = score - detector.threshold_
        assert explanation.evidence.sum() == pytest.approx(excess, abs=1e-5)
        assert explanation.shares.sum() == pytest.approx(1)
        assert explanation.words == other.words
        assert explanation.label == other.label
    assert explanations[-1].words[explanations[-1].evidence.argmax()] == "guitar"


def test_words_against_a_loop_over_references(ships: list[str]) -> None:
    detector = ON_TEXTS["knn-tfidf"].fit(ships)
    (text,) = ["ship guitar port port"]
    (explanation,) = explain_by_relevance(detector, [text])
    view = detector.state_.vectorizer
    embedded = view.space.embed([text])
    weights = embedded.packed.counts * view.word_weights(embedded)
    names = [embedded.words[row] for row in embedded.packed.rows]
    vectors = embedded.table[embedded.packed.rows].astype(float) * weights[:, None]
    y = vectors.sum(axis=0)
    vectors, y = vectors / np.linalg.norm(y), y / np.linalg.norm(y)
    training = detector.state_.learned["training_points"].astype(float)
    distances = np.linalg.norm(training - y, axis=1)
    expected = dict.fromkeys(names, 0.0)
    for j in np.argsort(distances)[:5]:
        for name, vector in zip(names, vectors, strict=True):
            share = vector @ y
            part = (y - training[j]) @ (vector - share * training[j])
            expected[name] += part / distances[j] / 5
    found = dict(zip(explanation.words, explanation.contributions, strict=True))
    assert found == pytest.approx(expected, abs=1e-5)


def test_relevance_and_taking_out_agree_on_the_other_topics_words(
    ships: list[str], mixed: list[str]
) -> None:
    detector = KDE().fit(ships)
    strange = set(TOPICS["music"].split())
    for by_relevance, by_occlusion in zip(
        explain_by_relevance(detector, mixed[40::8]), detector.explain(mixed[40::8]), strict=True
    ):
        together = np.corrcoef(by_relevance.evidence, by_occlusion.evidence)[0, 1]
        assert together > 0.7
        assert strange & {word for word, _ in by_relevance.anomalous_words(3)}


def test_other_detectors_and_features_without_words_are_refused(blob: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected a KDE, KNN, OCSVM or SVDD, got a Gaussian"):
        relevance_of(Gaussian().fit(blob), blob)
    with pytest.raises(DataError, match="fitted on features"):
        explain_by_relevance(ON_FEATURES["knn"].fit(blob), ["ship"])
