"""Models and exported files that earlier versions wrote load, and score what they did then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from make_models import detectors, sample

import textocl

HERE = Path(__file__).parent / "saved"

SCORES = json.loads((HERE / "models" / "scores.json").read_text())
# equal to the bit on the machine that made them; elsewhere sums may round differently
CLOSE = {"rtol": 2e-6, "atol": 2e-6}


@pytest.fixture(params=SCORES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_kind_of_detector_has_a_saved_model() -> None:
    assert set(SCORES) == set(detectors())


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_a_saved_model_scores_as_before(name: str) -> None:
    detector = textocl.load(HERE / "models" / name)
    np.testing.assert_allclose(
        detector.anomaly_score(sample(name)[2]), SCORES[name]["model"], **CLOSE
    )
    assert [detector.threshold_] == SCORES[name]["threshold"]


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_an_exported_file_scores_as_before(name: str) -> None:
    from textocl.export import OnnxDetector

    exported = OnnxDetector(HERE / "models" / f"{name}.onnx")
    np.testing.assert_allclose(
        exported.anomaly_score(sample(name)[2]), SCORES[name]["exported"], **CLOSE
    )
