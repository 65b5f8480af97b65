"""A file is compared with its detector, and refused where it differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textocl import CVDD, KDE
from textocl.export import VerificationError, to_onnx, verify


def test_agreement_is_reported(
    detector: CVDD, mixed: list[str], is_anomaly: np.ndarray, tmp_path: Path
) -> None:
    file = to_onnx(detector, tmp_path / "model.onnx")
    found = verify(detector, file, mixed, is_anomaly=is_anomaly)
    assert found.n_documents == len(mixed)
    assert found.largest_difference < 1e-6
    assert found.rank_agreement == pytest.approx(1, abs=1e-6)
    assert found.flipped_labels == 0
    assert found.auc == pytest.approx(found.onnx_auc, abs=1e-6)
    assert "| flipped labels | 0 |" in found.to_markdown()
    assert found.to_dict()["n_documents"] == len(mixed)


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
