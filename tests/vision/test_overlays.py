"""Heatmaps over images: colours by hand, one scale, files that are whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digits import Digits
from PIL import Image

import textocl
from textocl.core.exceptions import DataError, FormatError
from textocl.vision import FCDD, DeepSVDD
from textocl.vision.overlays import normal_range, overlay, save_overlays

GREY = np.full((2, 3), 100, np.uint8)


def test_calm_places_show_the_image_and_the_hottest_its_colour() -> None:
    heat = np.array([[0.0, 1.0, 3.0], [99.0, 2.0, -1.0]])
    out = overlay(GREY, heat, 1.0, 3.0)
    assert out.dtype == np.uint8
    assert out.shape == (2, 3, 3)
    assert (out[[0, 0, 1], [0, 1, 2]] == 100).all()
    # a quarter of the image remains under light yellow
    expected = np.rint(0.25 * 100 + 0.75 * np.array([252, 255, 164]))
    assert (out[0, 2] == expected).all()
    assert (out[1, 0] == expected).all()
    half = np.rint(0.625 * 100 + 0.375 * np.array([212, 72, 66]))  # red, in the middle
    assert (out[1, 1] == half).all()


def test_colours_grow_lighter_on_the_way() -> None:
    heat = np.linspace(0, 1, 21)[None]
    out = overlay(np.zeros((1, 21)), heat, 0, 1)[0] @ [0.299, 0.587, 0.114]
    assert (np.diff(out) > 0).all()


def test_images_come_grey_or_in_colour_as_integers_or_floats() -> None:
    heat = np.random.default_rng(0).random((2, 3))
    expected = overlay(GREY, heat, 0, 1)
    colour = np.stack([GREY] * 3, axis=2)
    for same in (GREY / 255, GREY.astype(int), colour, (colour / 255).astype(np.float32)):
        assert (overlay(same, heat, 0, 1) == expected).all()


@pytest.mark.parametrize(
    ("image", "heat", "low", "message"),
    [
        (GREY, np.zeros((3, 2)), 0, r"got \(2, 3\) and \(3, 2\)"),
        (np.zeros((2, 3, 4)), np.zeros((2, 3)), 0, "expected an image"),
        (GREY.astype(np.int8), np.zeros((2, 3)), 0, "int8 holds at most 127"),
        (GREY.astype(float), np.zeros((2, 3)), 0, "holds 100 to 100. Write X / 255"),
        (GREY, np.full((2, 3), np.nan), 0, "without NaN"),
        (GREY, np.zeros((2, 3)), 1, "low < high, got 1, 1"),
    ],
)
def test_what_does_not_fit_is_refused(image: Any, heat: Any, low: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        overlay(image, heat, low, 1)


def test_the_range_puts_hot_normal_pixels_halfway() -> None:
    heat = np.arange(1001.0).reshape(1, 7, 143)
    assert normal_range(heat) == pytest.approx((500, 500 + 2 * 495))
    low, high = normal_range(np.zeros((2, 3, 3)))
    assert low == 0 < high
    low, high = normal_range(np.array([[[np.nan, np.inf, -np.inf, 0]]], np.float32))
    assert np.isfinite([low, high]).all()


def test_files_hold_the_overlays_and_nothing_else_is_left(tmp_path: Path) -> None:
    heat = np.random.default_rng(0).random((2, 2, 3))
    paths = [tmp_path / "a" / "x.png", tmp_path / "y.png"]
    (tmp_path / "y.png").write_bytes(b"an older one")
    save_overlays(paths, [GREY, GREY], heat, 0, 1)
    for path, own in zip(paths, heat, strict=True):
        assert (np.asarray(Image.open(path)) == overlay(GREY, own, 0, 1)).all()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "x.png", "y.png"]
    with pytest.raises(DataError, match="got 2, 1 and 2"):
        save_overlays(paths, [GREY], heat, 0, 1)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write to .*x.png: "):
        save_overlays([tmp_path / "file" / "x.png"], [GREY], [np.zeros((2, 3))], 0, 1)
    (tmp_path / "x.png").mkdir()
    with pytest.raises(DataError, match=r"cannot write to .*x.png: "):
        save_overlays([tmp_path / "x.png"], [GREY], [np.zeros((2, 3))], 0, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "x.png"]


@pytest.mark.parametrize("kind", ["fcdd", "deep-svdd"])
def test_a_detector_learns_the_range_from_held_out_normal_images(
    kind: str, digits: Digits, tmp_path: Path
) -> None:
    X, y = digits.labelled()
    detector: Any = FCDD(n_epochs=1, batch_size=32, random_state=3)
    if kind == "deep-svdd":
        detector = DeepSVDD(
            network="lenet-4-fc4", n_epochs=1, n_pretraining_epochs=1, random_state=3
        )
    detector.fit(*((X, y) if detector.learns_from_anomalies else (digits.train,)))
    held_out = detector._split_for_calibration(len(digits.train), 3)[1]
    expected = normal_range(detector.explain(digits.train[held_out]))
    assert detector.heatmap_range_ == pytest.approx(expected, rel=1e-4)
    detector.save(tmp_path / "model")
    assert textocl.load(tmp_path / "model").heatmap_range_ == detector.heatmap_range_


@pytest.mark.parametrize("wrong", ["null", "[0]", "[1, 1]", '["a", 1]', "[0, 1, 2]"])
def test_a_damaged_range_is_refused(digits: Digits, tmp_path: Path, wrong: str) -> None:
    DeepSVDD(network="lenet-4-fc4", n_epochs=0, n_pretraining_epochs=0).fit(digits.train).save(
        tmp_path / "model"
    )
    config = tmp_path / "model" / "config.json"
    text = config.read_text("utf-8")
    start = text.index('"heatmap_range": ') + len('"heatmap_range": ')
    config.write_text(text[:start] + wrong + text[text.index("]", start) + 1 :], "utf-8")
    with pytest.raises(FormatError):
        textocl.load(tmp_path / "model")
