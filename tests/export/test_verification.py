"""A file is compared with its detector, and refused where it differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textocl import CVDD, KDE
from textocl.export import OnnxDetector, VerificationError, to_onnx, verify


def test_agreement_is_reported(
    detector: CVDD, mixed: list[str], is_anomaly: np.ndarray, tmp_path: Path
) -> None:
    file = to_onnx(detector, tmp_path / "model.onnx")
    comparison = verify(detector, file, mixed, is_anomaly=is_anomaly)
    assert comparison.n_documents == len(mixed)
    assert comparison.largest_difference < 1e-6
    assert comparison.rank_agreement == pytest.approx(1, abs=1e-6)
    assert comparison.flipped_labels == 0
    assert comparison.auc == pytest.approx(comparison.onnx_auc, abs=1e-6)
    assert "| flipped labels | 0 |" in comparison.to_markdown()
    assert comparison.to_dict()["n_documents"] == len(mixed)


def test_another_detectors_file_is_refused(
    ships: list[str], detector: CVDD, mixed: list[str], tmp_path: Path
) -> None:
    file = to_onnx(KDE().fit(ships), tmp_path / "model.onnx")
    with pytest.raises(VerificationError, match="does not agree with its detector on 80 documents"):
        verify(detector, file, mixed)


def test_a_bound_is_a_bound(detector: CVDD, mixed: list[str], tmp_path: Path) -> None:
    file = to_onnx(detector, tmp_path / "model.onnx")
    with pytest.raises(VerificationError, match="bound -1"):
        verify(detector, file, mixed, largest_difference=-1)


def test_no_documents_agree(detector: CVDD, tmp_path: Path) -> None:
    file = to_onnx(detector, tmp_path / "model.onnx")
    assert verify(detector, file, []).n_documents == 0


def test_scores_at_the_threshold_are_counted_and_few_of_their_labels_may_differ(
    detector: CVDD, mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = mixed[:1] * 30 + mixed[40:]
    file = to_onnx(detector, tmp_path / "model.onnx")
    score = detector.anomaly_score(mixed[:1])[0]
    assert verify(detector, file, texts).at_threshold == 0
    below = float(np.nextafter(score, np.float32(-np.inf)))
    monkeypatch.setattr(detector, "threshold_", below)
    assert (detector.predict(mixed[:1]), OnnxDetector(file).predict(mixed[:1])) == (-1, 1)
    comparison = verify(detector, file, mixed[:1])
    assert (comparison.flipped_labels, comparison.at_threshold) == (1, 1)
    assert "| scores at the threshold | 1 |" in comparison.to_markdown()
    with pytest.raises(VerificationError, match="30 labels flipped, 30 scores are the threshold"):
        verify(detector, file, texts)


def test_repeated_texts_agree_in_rank(detector: CVDD, mixed: list[str], tmp_path: Path) -> None:
    file = to_onnx(detector, tmp_path / "model.onnx")
    assert verify(detector, file, mixed * 3).rank_agreement == pytest.approx(1, abs=1e-4)
    assert verify(detector, file, mixed[:1] * 5).rank_agreement == 1
