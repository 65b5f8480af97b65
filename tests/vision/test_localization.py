"""Measures of heatmaps, against loops over thresholds and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from textocl.core.exceptions import DataError
from textocl.vision.localization import aupro, pixel_auc


def regions_of(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """Sets of anomalous pixels that touch at edges or corners, by walking from each."""
    left = {(int(i), int(j)) for i, j in np.argwhere(mask)}
    regions = []
    while left:
        region, edge = set(), [left.pop()]
        while edge:
            i, j = edge.pop()
            region.add((i, j))
            near = {(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            left -= near
            edge += near
        regions.append(region)
    return regions


def naive_aupro(heat: np.ndarray, masks: np.ndarray, limit: float) -> float:
    xs, ys = [0.0], [0.0]
    for threshold in sorted(set(heat.ravel().tolist()), reverse=True):
        above = heat >= threshold
        xs.append(above[~masks].mean())
        overlaps = [
            np.mean([above[n][pixel] for pixel in region])
            for n, mask in enumerate(masks)
            for region in regions_of(mask)
        ]
        ys.append(float(np.mean(overlaps)))
    area = 0.0
    for x0, x1, y0, y1 in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if x1 <= x0 or x0 >= limit:
            continue
        end = min(x1, limit)
        y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + y_end) / 2
    return area / limit


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    levels=st.integers(1, 40),
    share=st.floats(0.02, 0.9),
    limit=st.sampled_from([0.01, 0.05, 0.3, 0.5, 1.0]),
)
def test_measures_are_loops_over_thresholds(
    seed: int, levels: int, share: float, limit: float
) -> None:
    source = np.random.default_rng(seed)
    masks = source.random((3, 5, 6)) < share
    masks[0, 0, :2] = [True, False]
    heat = source.integers(0, levels, masks.shape) + 2 * masks  # many ties
    assert aupro(heat, masks, limit) == pytest.approx(naive_aupro(heat, masks, limit))
    assert pixel_auc(heat, masks) == pytest.approx(roc_auc_score(masks.ravel(), heat.ravel()))


def test_every_defect_counts_alike() -> None:
    masks = np.zeros((1, 10, 10), np.uint8)
    masks[0, :4, :4], masks[0, 9, 9] = 1, 1  # 16 pixels and 1; 83 are normal
    heat = np.where(masks, 1.0, 0.0)
    heat[0, 9, 9] = -1  # the small one is missed
    # found before any normal pixel: half of the defects, 16 of 17 pixels
    assert aupro(heat, masks) == pytest.approx(0.5)
    assert pixel_auc(heat, masks) == pytest.approx(16 / 17)


def test_pixels_that_touch_at_a_corner_are_one_defect() -> None:
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[0, 3, 3] = True
    heat = np.zeros(masks.shape)
    heat[0, 0, 0] = 1  # half of one defect of two
    heat[0, 2, 0] = heat[0, 2, 1] = 0.5  # 2 of 29 normal pixels
    # from 0.25 level to 2/29, then straight to (1, 1)
    at_limit = 0.25 + 0.75 * (0.5 - 2 / 29) / (1 - 2 / 29)
    expected = (0.25 * 2 / 29 + (0.5 - 2 / 29) * (0.25 + at_limit) / 2) / 0.5
    assert aupro(heat, masks, 0.5) == pytest.approx(expected)


def test_images_one_after_the_other_do_not_touch() -> None:
    masks = np.zeros((2, 3, 3), bool)
    masks[:, 0, 0] = True
    heat = np.zeros(masks.shape)
    heat[0, 0, 0] = 1
    assert aupro(heat, masks, 1e-9) == pytest.approx(0.5, abs=1e-6)


def test_perfect_reversed_and_flat_heatmaps() -> None:
    masks = np.random.default_rng(0).random((2, 9, 9)) < 0.2
    perfect = masks.astype(float)
    assert pixel_auc(perfect, masks) == 1
    assert aupro(perfect, masks) == pytest.approx(1)
    assert aupro(-perfect, masks) == pixel_auc(-perfect, masks) == 0
    assert pixel_auc(np.zeros(masks.shape), masks) == 0.5
    assert aupro(np.zeros(masks.shape), masks) == pytest.approx(0.15)  # half of the limit


@pytest.mark.parametrize(
    ("heat", "masks", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3)), "there is no anomalous one"),
        (np.zeros((2, 3, 3)), np.ones((2, 3, 3)), "there is no normal one"),
        (np.zeros((0, 3, 3)), np.zeros((0, 3, 3)), "there is no anomalous one"),
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), r"got float64 \(2, 3, 3\) and \(2, 3, 4\)"),
        (np.zeros((3, 3)), np.zeros((3, 3)), r"expected heatmaps \(n, h, w\)"),
        (np.full((1, 1, 2), "a"), np.zeros((1, 1, 2)), "of numbers"),
        (np.array([[[0.0]], [[np.nan]]]), np.array([[[0]], [[1]]]), "heatmap 1 holds NaN"),
    ],
)
def test_what_cannot_be_measured(heat: Any, masks: Any, message: str) -> None:
    for measure in (pixel_auc, aupro):
        with pytest.raises(DataError, match=message):
            measure(heat, masks)


@pytest.mark.parametrize("limit", [0, 1.5, np.nan])
def test_wrong_limits_are_refused(limit: float) -> None:
    with pytest.raises(DataError, match=r"max_false_positive_rate must be in \(0, 1\]"):
        aupro([[[0, 1]]], [[[0, 1]]], limit)
