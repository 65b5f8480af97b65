"""A frozen network and a detector of points, as one detector of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from digits import Digits
from sklearn.base import clone

import textocl
from textocl import KDE, KNN
from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.registry import FEATURE_MODELS
from textocl.vision import FeatureDetector, extract_features
from textocl.vision.backbones import evened
from textocl.vision.feature_detector import _of_cells
from textocl.vision.images import read_samples

SMALL: dict[str, Any] = {"backbone": "efficientnet-lite0:6", "backbone_size": 64}


@pytest.fixture(scope="module")
def fitted(digits: Digits) -> FeatureDetector:
    return FeatureDetector(**SMALL).fit(digits.train)


def test_it_is_a_detector_of_points_on_the_features(
    fitted: FeatureDetector, digits: Digits
) -> None:
    train, test = (
        extract_features(X, SMALL["backbone"], size=64).numpy() for X in (digits.train, digits.test)
    )
    points = KNN(unit_length=True, whitening=0.5).fit(train)
    assert np.allclose(fitted.anomaly_score(digits.test), points.anomaly_score(test), rtol=1e-4)
    assert fitted.threshold_ == pytest.approx(points.threshold_, rel=1e-4)
    assert fitted.n_samples_ == points.n_documents_


@pytest.mark.parametrize("model", FEATURE_MODELS)
def test_every_model_scores_saves_and_explains(model: str, digits: Digits, tmp_path: Path) -> None:
    detector = FeatureDetector(model=model, **SMALL).fit(digits.train)
    scores = detector.anomaly_score(digits.test)
    assert np.mean(scores[digits.is_anomaly]) > np.mean(scores[~digits.is_anomaly])
    detector.save(tmp_path / "m")
    assert textocl.load(tmp_path / "m").anomaly_score(digits.test).tobytes() == scores.tobytes()
    assert detector.explain(digits.test[:2]).shape == (2, 8, 8)


def test_contributions_of_the_cells_add_up_to_the_score(
    fitted: FeatureDetector, digits: Digits
) -> None:
    samples = read_samples(digits.test[:20])
    maps = fitted.state_.network(samples).flatten(2).transpose(1, 2).double().numpy()  # (n, m, d)
    sums = [_of_cells(cells, fitted.state_.learner).mean() for cells in maps]
    assert np.allclose(sums, fitted.anomaly_score(digits.test[:20]), rtol=1e-4)
    low, high = fitted.heatmap_range_
    assert low < np.median(fitted.explain(digits.test)) < high


def test_a_spot_that_no_normal_image_has_is_where_the_heatmap_is_hot() -> None:
    texture = np.random.default_rng(0).uniform(0.3, 0.7, (60, 64, 64)).astype(np.float32)
    detector = FeatureDetector(backbone="efficientnet-lite0:6").fit(texture[:50])
    spoiled = texture[50:].copy()
    spoiled[:, 8:24, 36:52] = 0.95
    heatmaps = detector.explain(spoiled)
    assert heatmaps[:, 8:24, 36:52].mean() > 2 * heatmaps[:, 40:, :20].mean()
    assert set(detector.predict(spoiled)) == {-1}


def test_small_images_are_enlarged_and_large_ones_are_not() -> None:
    for side, size in ((32, 128), (130, None)):
        images = np.random.default_rng(0).uniform(0, 1, (40, side, side + 3)).astype(np.float32)
        detector = FeatureDetector(backbone="efficientnet-lite0:2").fit(images)
        assert detector.state_.network.facts["size"] == size


def test_known_anomalies_teach_a_density_ratio(digits: Digits) -> None:
    X, y = digits.labelled()
    assert FeatureDetector(model="kde").learns_from_anomalies
    assert not FeatureDetector(model="knn").learns_from_anomalies
    train = extract_features(X, SMALL["backbone"], size=64).numpy()
    test = extract_features(digits.test, SMALL["backbone"], size=64).numpy()
    points = KDE(unit_length=True, whitening=0.5).fit(train, y)
    detector = FeatureDetector(model="kde", **SMALL).fit(X, y)
    assert np.allclose(
        detector.anomaly_score(digits.test), points.anomaly_score(test), rtol=1e-3, atol=1e-4
    )
    assert detector.n_samples_ < len(digits.train)


def test_brightness_and_contrast_can_be_evened_out(digits: Digits) -> None:
    images = torch.rand(5, 3, 9, 7)
    even = evened(images)
    assert torch.allclose(even.mean(dim=(1, 2, 3)), torch.full((5,), 0.45), atol=0.02)
    assert torch.allclose(evened(0.5 * images + 0.2), even, atol=1e-5)
    flat = evened(torch.full((1, 1, 4, 4), 0.3))
    assert torch.allclose(flat, torch.full_like(flat, 0.45))
    dark = 0.4 * digits.test
    for contrast, same in ((True, True), (False, False)):
        detector = FeatureDetector(**SMALL, backbone_contrast=contrast).fit(digits.train)
        found = np.allclose(
            detector.anomaly_score(dark), detector.anomaly_score(digits.test), rtol=0.01
        )
        assert found == same


def test_parameters_of_the_model_are_kept(digits: Digits, tmp_path: Path) -> None:
    given = {"n_neighbors": 1, "aggregation": "max", "whitening": 0.0}
    detector = FeatureDetector(model_parameters=given, **SMALL)
    assert clone(detector).model_parameters == given
    detector.fit(digits.train).save(tmp_path / "m")
    loaded: Any = textocl.load(tmp_path / "m")
    assert loaded.model_parameters == given
    assert loaded.state_.learner.n_neighbors == 1
    default = FeatureDetector(**SMALL).fit(digits.train)
    assert not np.allclose(loaded.anomaly_score(digits.test), default.anomaly_score(digits.test))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "svm"}, "model must be one of 'knn'"),
        ({"model_parameters": {"nu": 0.1}}, "'knn' has no parameter 'nu' of its own"),
        ({"model_parameters": {"random_state": 3}}, "no parameter 'random_state' of its own"),
        ({"model_parameters": [1]}, "model_parameters must be a dict"),
        ({"model_parameters": {"n_neighbors": 0}}, "n_neighbors must be"),
        ({"backbone": "resnet"}, "backbone must be"),
        ({"backbone_size": 8}, "backbone_size must be"),
        ({"backbone_contrast": "yes"}, "backbone_contrast must be True or False"),
        ({"false_alarm_rate": 1}, "false_alarm_rate must be"),
        ({"calibration": "half"}, "calibration must be"),
        ({"device": "abacus"}, "device must be"),
    ],
)
def test_wrong_parameters_are_refused(
    parameters: dict[str, Any], message: str, digits: Digits
) -> None:
    with pytest.raises(DataError, match=message):
        FeatureDetector(**{**SMALL, **parameters}).fit(digits.train)


def test_it_takes_images_only(digits: Digits) -> None:
    with pytest.raises(DataError, match="takes images; for features use a detector of points"):
        FeatureDetector().fit(np.zeros((9, 4)))
    with pytest.raises(DataError, match="expected normal .*, got none"):
        FeatureDetector().fit([])
    with pytest.raises(DataError, match="2 normal or unlabelled images are too few"):
        FeatureDetector().fit(digits.train[:2])
    with pytest.warns(TextoclWarning, match="false-alarm rate of 0.05 needs 19"):
        FeatureDetector(**SMALL).fit(digits.train[:20])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_shape", [64]),
        ("sample_shape", [2, 8, 8]),
        ("heatmap_range", [1, 1]),
        ("threshold", "0"),
        ("learner", None),
        ("learner", {"class": "CVDD", "parameters": {}, "facts": {}}),
        ("backbone", {"kind": "efficientnet-lite0", "n_blocks": 5, "size": 64, "square": False}),
        ("backbone", None),
    ],
)
def test_a_damaged_model_gives_one_clear_error(
    name: str, value: Any, fitted: FeatureDetector, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, name: value}), "utf-8")
    with pytest.raises(FormatError):
        textocl.load(tmp_path / "m")
