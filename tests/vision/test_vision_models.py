"""Detectors of images by name."""

from __future__ import annotations

import pytest

from textocl.exceptions import DataError
from textocl.vision.models import MODELS, make_detector


@pytest.mark.parametrize("model", MODELS)
def test_every_name_makes_its_detector(model: str) -> None:
    detector = make_detector(model, n_epochs=3)
    assert type(detector).__name__ == MODELS[model][1]
    assert detector.n_epochs == 3


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DataError, match="model must be one of 'deep-svdd'"):
        make_detector("svm")
    with pytest.raises(DataError, match="model 'hsc' has no parameter 'n_pretraining_epochs'"):
        make_detector("hsc", n_pretraining_epochs=1)
