"""Images in every form, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from textocl.core.exceptions import DataError
from textocl.vision.form import resized, with_channels
from textocl.vision.images import image_paths, read_arrays, read_samples

SOURCE = np.random.default_rng(0)
GREY = SOURCE.integers(0, 256, (4, 5, 7), np.uint8)
COLOUR = SOURCE.integers(0, 256, (4, 5, 7, 3), np.uint8)


def test_arrays_become_tensors_with_channels_first() -> None:
    assert read_samples(GREY).shape == (4, 1, 5, 7)
    out = read_samples(COLOUR)
    assert out.shape == (4, 3, 5, 7)
    assert out.dtype == torch.float32
    assert np.allclose(out.numpy()[2, 1], COLOUR[2, :, :, 1] / 255)
    assert read_samples(torch.from_numpy(COLOUR).permute(0, 3, 1, 2)).equal(out)
    assert read_samples(list(COLOUR)).equal(out)


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535), (bool, 1), (np.float64, 1)]
)
def test_whatever_the_dtype_white_is_1(dtype: Any, largest: float) -> None:
    assert read_samples(np.full((1, 2, 2), largest, dtype)).flatten().tolist() == [1] * 4


def test_arrays_are_the_tensors_numbers() -> None:
    for given in (GREY, COLOUR, torch.from_numpy(COLOUR).permute(0, 3, 1, 2), []):
        found = read_arrays(given)
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float32
        assert read_samples(given).equal(torch.from_numpy(found))


def test_features_are_copied() -> None:
    X = np.ones((2, 3), np.float32)
    for given in (X, torch.from_numpy(X)):
        assert not np.shares_memory(read_arrays(given), X)


def test_features_stay_features() -> None:
    X = SOURCE.normal(size=(6, 3))
    expected = read_samples(X)
    assert np.allclose(expected.numpy(), X)
    for same in (torch.from_numpy(X), pd.DataFrame(X), X.tolist(), list(X), csr_array(X)):
        assert read_samples(same).equal(expected)
    assert read_samples(np.arange(6, dtype=np.uint8).reshape(3, 2)).tolist()[2] == [4, 5]


def save(folder: Path, arrays: Any, mode: str | None = None) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(len(arrays))]
    for array, path in zip(arrays, paths, strict=True):
        image = Image.fromarray(array)
        (image.convert(mode) if mode else image).save(path)
    return paths


def test_files_and_folders_equal_arrays(tmp_path: Path) -> None:
    paths = save(tmp_path / "a", COLOUR)
    assert read_samples(paths).equal(read_samples(COLOUR))
    assert read_samples([str(path) for path in paths]).equal(read_samples(COLOUR))
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert read_samples(tmp_path / "a").equal(read_samples(COLOUR))
    assert image_paths(tmp_path) == paths
    assert read_samples(save(tmp_path / "grey", GREY)).equal(read_samples(GREY))


def test_bit_depths_and_palettes(tmp_path: Path) -> None:
    deep = SOURCE.integers(0, 65536, (2, 5, 7), np.uint16)
    assert read_samples(save(tmp_path / "deep", deep)).equal(read_samples(deep))
    flat = (GREY > 128).astype(np.uint8) * 255
    assert read_samples(save(tmp_path / "bits", flat, "1")).equal(read_samples(flat))
    assert read_samples(save(tmp_path / "palette", COLOUR, "P")).shape == (4, 3, 5, 7)
    assert read_samples(save(tmp_path / "alpha", COLOUR, "RGBA")).equal(read_samples(COLOUR))


def test_unreadable_files_are_named_and_counted(tmp_path: Path) -> None:
    paths = save(tmp_path, COLOUR)
    paths[1].write_bytes(paths[1].read_bytes()[:60])
    paths[3].write_bytes(b"no image at all")
    missing = tmp_path / "missing.png"
    with pytest.raises(DataError, match="3 of 5 images cannot be read") as caught:
        read_samples([*paths, missing])
    assert all(str(path) in str(caught.value) for path in (paths[1], paths[3], missing))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 3, 4, 5)), "1 or 3 channels"),
        (np.zeros((2, 0, 4)), "1 or 3 channels"),
        (np.zeros(3), "expected images"),
        (torch.zeros(3, 4, 5), r"tensor \(n, c, h, w\)"),
        (np.array([["a"]]), "expected images"),
        (np.full((2, 3, 3), np.nan), "image 0 holds NaN"),
        (np.full((2, 3, 3), np.inf), "image 0 holds NaN or infinity"),
        (np.full((2, 3, 3), 1e300), r"image 0 holds 1e\+300 to 1e\+300"),
        (np.zeros((2, 3, 3), complex), "dtype complex"),
        (np.full((2, 3), np.nan), "features of sample 0"),
        ([1, 2], "item 0 is int"),
        (["a.png", np.zeros((2, 2))], "item 0 is str"),
        (b"bytes", "got bytes"),
        (pd.DataFrame({"path": ["a.png"]}), "got DataFrame"),
        (None, "got NoneType"),
        ("no/such/folder", "is no folder"),
    ],
)
def test_what_is_no_image_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_samples(wrong)


def test_mixed_sizes_are_refused_by_name(tmp_path: Path) -> None:
    paths = save(tmp_path / "a", COLOUR) + save(tmp_path / "b", COLOUR[:, :4])
    with pytest.raises(DataError, match=r"one size: image 0 is \(5, 7, 3\), image 4 .*0.png"):
        read_samples(paths)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image"):
        read_samples(tmp_path)


def test_resizing_keeps_means_and_does_not_alias() -> None:
    stripes = torch.zeros(1, 64, 64)
    stripes[:, :, ::4] = 1  # a quarter white; every fourth pixel alone would be all white
    small = resized(stripes, (16, 16))
    assert small.shape == (1, 16, 16)
    assert small.mean().item() == pytest.approx(0.25, abs=0.02)
    assert small.max() < 0.5
    assert resized(stripes, (64, 64)) is stripes
    assert resized(torch.full((3, 5, 7), 0.3), (10, 4)).numpy() == pytest.approx(0.3)


def test_channels_follow() -> None:
    grey, colour = torch.rand(1, 2, 3), torch.rand(3, 2, 3)
    assert with_channels(grey, 3).equal(torch.cat([grey] * 3))
    expected = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    assert torch.allclose(with_channels(colour, 1)[0], expected)
    assert with_channels(colour, 3) is colour
