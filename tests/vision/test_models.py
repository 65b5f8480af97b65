"""Detectors of images by name."""

from __future__ import annotations

import pytest

from textocl.core.exceptions import DataError
from textocl.vision.feature_detector import ON_FEATURES
from textocl.vision.models import MODELS, make_detector


@pytest.mark.parametrize("model", MODELS)
def test_every_name_makes_its_detector(model: str) -> None:
    detector = make_detector(model, false_alarm_rate=0.1)
    assert type(detector).__name__ == MODELS[model][1]
    assert detector.false_alarm_rate == 0.1


def test_shallow_models_are_those_of_the_feature_detector() -> None:
    names = {name for name, (_, kind, _) in MODELS.items() if kind == "FeatureDetector"}
    assert names == set(ON_FEATURES)
    assert all(make_detector(name).get_params()["model"] == name for name in names)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DataError, match="model must be one of 'deep-svdd'"):
        make_detector("svm")
    with pytest.raises(DataError, match="model 'hsc' has no parameter 'n_pretraining_epochs'"):
        make_detector("hsc", n_pretraining_epochs=1)
