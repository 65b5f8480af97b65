"""Detectors of images by name."""

from __future__ import annotations

import pytest

from textocl.core.exceptions import DataError
from textocl.core.factory import make_image_detector
from textocl.registry import FEATURE_MODELS, IMAGE_MODELS


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_every_name_makes_its_detector(model: str) -> None:
    detector = make_image_detector(model, false_alarm_rate=0.1)
    assert type(detector).__name__ == IMAGE_MODELS[model].detector
    assert detector.false_alarm_rate == 0.1


def test_shallow_models_are_those_of_the_feature_detector() -> None:
    names = {name for name, m in IMAGE_MODELS.items() if m.detector == "FeatureDetector"}
    assert names == set(FEATURE_MODELS)
    assert all(make_image_detector(name).get_params()["model"] == name for name in names)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DataError, match="model must be one of 'deep-svdd'"):
        make_image_detector("svm")
    with pytest.raises(DataError, match="model 'hsc' has no parameter 'n_pretraining_epochs'"):
        make_image_detector("hsc", n_pretraining_epochs=1)
