"""Photographs are read as people see them, whichever way up their pixels are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from textocl.vision.images import read_image, read_mask

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
ORIENTATION = 0x0112
#: what turns the pixels of an upright image into those stored under an orientation
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def store(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(pixels).transpose(STORED[orientation]).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_a_turned_photo_is_the_upright_one(tmp_path: Path, suffix: str, orientation: int) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "upright.png")
    stored = store(tmp_path / f"turned{suffix}", PIXELS, orientation)
    assert read_image(stored).equal(read_image(tmp_path / "upright.png"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
def test_grey_photos_and_masks_are_turned_too(tmp_path: Path, dtype: type) -> None:
    grey = (PIXELS[:, :, 0] > 128).astype(dtype)
    stored = store(tmp_path / "turned.png", grey, 6)
    assert np.array_equal(read_mask(stored), grey > 0)


def test_damaged_exif_leaves_the_pixels_as_they_are_stored(tmp_path: Path) -> None:
    for damaged in (b"Exif\x00\x00nonsense", b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x09\x01"):
        Image.fromarray(PIXELS).save(tmp_path / "damaged.png", exif=damaged)
        assert read_image(tmp_path / "damaged.png").shape == (3, 6, 9)
