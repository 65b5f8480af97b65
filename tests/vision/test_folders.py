"""Folders that say what is normal, in both layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.vision import DeepSVDD
from textocl.vision.folders import read_folder
from textocl.vision.images import read_samples

SOURCE = np.random.default_rng(0)


def save(path: Path, array: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = SOURCE.integers(0, 256, (6, 8), np.uint8) if array is None else array
    Image.fromarray(pixels).save(path)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 5] = 255
    return mask


def test_normal_anomalous_and_masks(tmp_path: Path, mask: np.ndarray) -> None:
    for name in ("normal/b.png", "normal/a.png", "anomalous/x.png", "anomalous/y.png"):
        save(tmp_path / name)
    save(tmp_path / "masks" / "y.png", mask)
    folder = read_folder(tmp_path)
    assert [path.name for path in folder.paths] == ["a.png", "b.png", "x.png", "y.png"]
    assert folder.labels.tolist() == [0, 0, -1, -1]
    masks = folder.read_masks()
    assert masks.shape == (4, 6, 8)
    assert not masks[:3].any()
    assert (masks[3] == (mask > 0)).all()
    assert read_samples(folder.paths).shape == (4, 1, 6, 8)


def test_the_layout_of_mvtec_ad(tmp_path: Path, mask: np.ndarray) -> None:
    for name in ("train/good/0.png", "test/good/0.png", "test/hole/0.png", "test/cut/0.png"):
        save(tmp_path / name)
    for defect in ("hole", "cut"):
        save(tmp_path / "ground_truth" / defect / "0_mask.png", mask)
    assert read_folder(tmp_path).labels.tolist() == [0]
    test = read_folder(tmp_path, "test")
    assert [path.parent.name for path in test.paths] == ["good", "cut", "hole"]
    assert test.labels.tolist() == [0, -1, -1]
    assert test.read_masks().sum(axis=(1, 2)).tolist() == [0, 2, 2]


def test_masks_that_do_not_match_are_refused(tmp_path: Path, mask: np.ndarray) -> None:
    for name in ("normal/a.png", "anomalous/x.png"):
        save(tmp_path / name)
    save(tmp_path / "masks" / "x.png", mask[:4])
    with pytest.raises(DataError, match=r"x.png is \(4, 8\), but images are \(6, 8\)"):
        read_folder(tmp_path).read_masks()
    save(tmp_path / "masks" / "z.png", mask)
    with pytest.raises(DataError, match="1 masks have no image, the first is .*z.png"):
        read_folder(tmp_path)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a folder 'normal' nor 'train/good'"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="split must be"):
        read_folder(tmp_path, "all")
    (tmp_path / "normal").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        read_folder(tmp_path)


def test_fit_takes_labels_from_such_a_folder(tmp_path: Path) -> None:
    for i in range(30):
        save(tmp_path / "normal" / f"{i}.png")
    save(tmp_path / "anomalous" / "x.png")
    settings = {"network": "lenet-4-fc4", "n_epochs": 1, "n_pretraining_epochs": 0}
    with pytest.warns(TextoclWarning, match="1 images labelled -1"):
        detector = DeepSVDD(**settings, calibration="training").fit(tmp_path)
    assert detector.n_samples_ == 30
    paths = read_folder(tmp_path).paths
    same = DeepSVDD(**settings, calibration="training").fit(paths[:30])
    # masks are no images
    save(tmp_path / "masks" / "x.png")
    assert detector.anomaly_score(tmp_path).tobytes() == detector.anomaly_score(paths).tobytes()
    assert detector.anomaly_score(paths).tobytes() == same.anomaly_score(paths).tobytes()
