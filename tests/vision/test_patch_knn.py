"""Places of images against those of normal ones: the formula, the place, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from digits import Digits

import textocl
from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.vision import PatchKNN
from textocl.vision.frozen import maps_of
from textocl.vision.images import read_samples
from textocl.vision.patch_knn import PatchMemory, patches_of

SMALL: dict[str, Any] = {
    "backbone": "efficientnet-lite0:5", "backbone_size": 64, "n_patches": 400,
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted(digits: Digits) -> PatchKNN:
    return PatchKNN(**SMALL).fit(digits.train)


def textures(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 0.7, (n, 64, 64)).astype(np.float32)


def test_distances_are_those_to_the_nearest_patch() -> None:
    random = np.random.default_rng(0)
    maps = random.normal(size=(3, 4, 6, 5)).astype(np.float32)
    patches = random.normal(size=(20, 4)).astype(np.float32)
    shift, scale = random.normal(size=4).astype(np.float32), np.float32([1, 2, 0.5, 3])
    usual = random.uniform(size=(6, 5)).astype(np.float32)
    memory = PatchMemory(*map(torch.from_numpy, (patches, shift, scale, usual)))
    scores, unusual = memory(torch.from_numpy(maps))
    distances = memory.distances(torch.from_numpy(maps))
    expected = np.empty((3, 6, 5))
    for i, r, c in np.ndindex(3, 6, 5):
        around = maps[i, :, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2].mean(axis=(1, 2))
        cell = (around - shift) / scale
        expected[i, r, c] = ((cell - patches) ** 2).sum(axis=1).min() / 4
    assert distances.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert unusual.numpy() == pytest.approx(expected - usual, rel=1e-4, abs=1e-5)
    assert scores.numpy() == pytest.approx((expected - usual).max(axis=(1, 2)), rel=1e-4)  # 3 %
    nearest = torch.from_numpy(np.arange(20) == 7)
    others = memory.distances(torch.from_numpy(maps), nearest).numpy()
    without = PatchMemory(
        torch.from_numpy(np.delete(patches, 7, 0)), *map(torch.from_numpy, (shift, scale, usual))
    )
    assert others == pytest.approx(without.distances(torch.from_numpy(maps)).numpy(), abs=1e-5)


def test_a_patch_that_is_kept_has_no_distance(fitted: PatchKNN, digits: Digits) -> None:
    everything = PatchKNN(**{**SMALL, "n_patches": 10**6}, calibration="training")
    memory = everything.fit(digits.train).state_.memory
    maps = maps_of(everything.state_.network, read_samples(digits.train))
    assert memory.distances(maps).numpy() == pytest.approx(0, abs=1e-4)
    assert (memory.usual > 0.01).all()
    # of normal images, each without its own patches, places are as usual
    own = everything.calibration_scores_
    assert own.max() <= 0
    assert len(everything.state_.memory.patches) < 10**6
    assert len(fitted.state_.memory.patches) == 400


def test_patches_are_standardised(fitted: PatchKNN) -> None:
    patches = fitted.state_.memory.patches.numpy()
    assert patches.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert patches.std(axis=0) == pytest.approx(1, abs=1e-3)
    assert patches_of(torch.ones(1, 2, 3, 3)).equal(torch.ones(1, 2, 3, 3))


def test_a_spot_that_no_normal_image_has_is_where_the_heatmap_is_hot() -> None:
    detector = PatchKNN(backbone="efficientnet-lite0:5", n_patches=2000).fit(textures(50, 0))
    spoiled = textures(10, 1)
    spoiled[:, 8:24, 36:52] = 0.95
    heatmaps = detector.explain(spoiled)
    assert heatmaps.shape == (10, 64, 64)
    hottest = [np.unravel_index(heatmap.argmax(), heatmap.shape) for heatmap in heatmaps]
    assert all(4 <= row < 28 and 32 <= column < 56 for row, column in hottest)
    assert set(detector.predict(spoiled)) == {-1}
    low, high = detector.heatmap_range_
    assert (heatmaps[:, 8:24, 36:52] > high).mean() > 0.5
    assert np.median(detector.explain(textures(10, 2))) == pytest.approx(low, rel=0.3)


def test_small_images_are_enlarged_and_large_ones_are_not() -> None:
    for side, size in ((32, 192), (194, None)):
        images = np.random.default_rng(0).uniform(0, 1, (40, side, side + 3)).astype(np.float32)
        detector = PatchKNN(backbone="efficientnet-lite0:1", n_patches=50).fit(images)
        assert detector.state_.network.facts["size"] == size


def test_known_anomalies_are_left_out(digits: Digits, fitted: PatchKNN) -> None:
    X = np.concatenate([digits.train, 1 - digits.train[:5]])
    y = np.repeat([1, -1], [len(digits.train), 5])
    with pytest.warns(TextoclWarning, match="5 images labelled -1 were left out: PatchKNN does"):
        again = PatchKNN(**SMALL).fit(X, y)
    assert again.anomaly_score(digits.test).tobytes() == fitted.anomaly_score(digits.test).tobytes()
    assert not again.learns_from_anomalies


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_patches": 0}, "n_patches"),
        ({"backbone": "resnet"}, "backbone must be"),
        ({"backbone_size": 7}, "backbone_size"),
        ({"calibration": "cross"}, "calibration"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        PatchKNN(**{**SMALL, **parameters}).fit(textures(40, 0))


def test_wrong_samples_are_refused() -> None:
    with pytest.raises(DataError, match="takes images"):
        PatchKNN(**SMALL).fit(np.ones((30, 4), np.float32))
    with pytest.raises(DataError, match="too few"):
        PatchKNN(**SMALL).fit(textures(2, 0))
    with pytest.raises(DataError, match="expected normal images, got none"):
        PatchKNN(**SMALL).fit(textures(4, 0), [-1] * 4)


@pytest.mark.parametrize("broken", ["patches", "scale", "n_samples"])
def test_damaged_models_are_refused(fitted: PatchKNN, tmp_path: Path, broken: str) -> None:
    files = fitted._to_files()
    if broken == "patches":
        files.arrays["memory.patches"] = np.empty((0, files.arrays["memory.scale"].shape[0]), "f4")
    elif broken == "scale":
        files.arrays["memory.scale"] = -files.arrays["memory.scale"]
    else:
        files.facts["n_samples"] = json.loads("0.5")
    with pytest.raises((FormatError, DataError)):
        PatchKNN(**SMALL)._from_files(files)
    fitted.save(tmp_path / "model")
    assert isinstance(textocl.load(tmp_path / "model"), PatchKNN)
