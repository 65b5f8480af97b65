"""One rule for the range of pixels: the dtype decides, and what cannot be known is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.vision.images import read_arrays
from textocl.vision.pixels import in_unit_range

BYTES = np.random.default_rng(0).integers(0, 256, (4, 5, 7), np.uint8)
WIDE = ("int16", "int32", "int64", "uint32", "uint64")


@pytest.mark.parametrize("dtype", ["uint8", *WIDE])
def test_integers_of_0_to_255_are_the_same_image(dtype: str) -> None:
    expected = read_arrays(BYTES)
    assert np.array_equal(expected[:, 0], BYTES / np.float32(255))
    images = BYTES.astype(dtype)
    assert read_arrays(images).tobytes() == expected.tobytes()
    assert read_arrays(list(images)).tobytes() == expected.tobytes()
    if hasattr(torch, dtype):
        tensor = torch.from_numpy(BYTES)[:, None].to(getattr(torch, dtype))
        assert read_arrays(tensor).tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_of_0_to_1_stay_as_they_are(dtype: str) -> None:
    images = (BYTES / 255).astype(dtype)
    assert np.array_equal(in_unit_range(images), images.astype(np.float32))
    assert in_unit_range(images[:1] + np.finfo(np.float16).eps / 2).dtype == np.float32


def test_half_precision_tensors_are_read() -> None:
    tensor = torch.from_numpy(BYTES / 255)[:, None]
    for half in (torch.bfloat16, torch.float16):
        assert np.array_equal(read_arrays(tensor.to(half)), tensor.to(half).float().numpy())


def test_booleans_and_16_bits_have_their_own_white() -> None:
    assert in_unit_range(BYTES > 99).max() == 1
    deep = BYTES.astype(np.uint16) * 257
    assert np.allclose(in_unit_range(deep), BYTES / 255)


@given(images=arrays(np.int64, (3, 2, 2), elements=st.integers(2, 255)), i=st.integers(0, 2))
def test_an_image_is_the_same_whatever_else_is_in_its_batch(images: Any, i: int) -> None:
    assert np.array_equal(in_unit_range(images)[i], in_unit_range(images[i : i + 1])[0])


def test_black_images_are_black_in_every_dtype() -> None:
    for dtype in ("bool", "uint8", "uint16", "float32", *WIDE):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not in_unit_range(np.zeros((2, 3, 3), dtype)).any()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (BYTES.astype(float), r"image 0 holds \d+ to \d+. Write X / 255"),
        (np.stack([BYTES[0] / 255, BYTES[0] / 85]), "image 1 holds .* to [23]"),
        (BYTES / 255 - 0.5, r"image 0 holds -0\.\d+ to 0\.\d+.*X.clip\(0, 1\)"),
        (np.full((2, 3, 3), -np.inf), "image 0 holds NaN or infinity"),
        (np.full((2, 3, 3), 4095), r"int64; image 0 holds 4095 to 4095. .*X.astype\(np.uint16\)"),
        (-BYTES.astype(np.int32) - 1, "image 0 holds -2"),
        (np.eye(3, dtype=int)[None], r"image 0 of int64 .* white may be 1 or 255; .*astype\(bool\)"),
        (np.ones((2, 3, 3), np.int8), "int8 holds at most 127"),
        (np.ones((2, 3, 3), complex), "got dtype complex"),
        (np.ones((2, 3, 3), "U1"), "got dtype str"),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_known_is_refused_with_what_to_write(
    images: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        in_unit_range(images)


def test_bytes_kept_in_16_bits_are_reported() -> None:
    with pytest.warns(TextoclWarning, match="no pixel of 4 images of uint16 is above 255"):
        read_arrays(BYTES.astype(np.uint16))
