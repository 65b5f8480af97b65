"""Heatmaps laid over their images, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.files import whole_file
from textocl.vision.pixels import in_unit_range

#: from calm to anomalous, evenly spaced; lightness rises throughout, so it also reads in grey
_COLOURS = np.array([[40, 11, 84], [136, 34, 106], [212, 72, 66], [252, 165, 10], [252, 255, 164]])
_STRONGEST = 0.75  # opacity of the hottest colour
_CALM, _HOT = 0.5, 0.995  # quantiles of normal pixels
_BEYOND = 2.0  # the hottest colour lies so far above calm, in units of how far hot normal ones do


def normal_range(heatmaps: ArrayLike) -> tuple[float, float]:
    """Scale for overlays from heatmaps of normal images, ``(n, h, w)``: calm at, saturated from.

    Calm is the median of their pixels. The 99.5 % quantile lies halfway, so that normal images show
    a few violet spots at most, and what is twice as far from calm saturates.
    """
    pixels = np.nan_to_num(np.asarray(heatmaps, np.float32).ravel())  # no gradient at a centre
    low, hot = np.quantile(pixels.astype(np.float64), [_CALM, _HOT])
    least = 1e-6 * max(1.0, abs(low))  # flat heatmaps have a scale too
    return float(low), float(low + max(_BEYOND * (hot - low), least))


def overlay(image: ArrayLike, heatmap: ArrayLike, low: float, high: float) -> NDArray[np.uint8]:
    """Lay a heatmap over its image, ``(h, w, 3)`` uint8.

    Up to ``low`` the image is as it was; from there the colour turns from violet over red and
    orange to light yellow at ``high``, ever more opaque.

    Parameters
    ----------
    image : (h, w) or (h, w, 3), of values as `textocl.vision.pixels.in_unit_range` takes them
    heatmap : (h, w)
    low, high : float, as a detector's ``heatmap_range_`` has them

    Raises
    ------
    DataError
        Sizes differ, values are out of range, the heatmap holds NaN, or high is not above low.
    """
    base, heat = np.asarray(image), np.asarray(heatmap)
    if base.shape not in (heat.shape, (*heat.shape, 3)) or heat.ndim != 2:
        raise DataError(
            f"expected an image (h, w) or (h, w, 3) and a heatmap (h, w), got {base.shape} and "
            f"{heat.shape}."
        )
    if np.isnan(heat).any() or not low < high:
        raise DataError(f"expected a heatmap without NaN and low < high, got {low:g}, {high:g}.")
    base = in_unit_range(base[None])[0].clip(0, 1) * 255
    base = base if base.ndim == 3 else base[:, :, None]  # (h, w, 1 or 3)
    heat = np.clip((heat.astype(np.float64) - low) / (high - low), 0, 1)  # (h, w)
    places = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(heat, places, part) for part in _COLOURS.T], axis=2)
    opacity = _STRONGEST * heat[:, :, None]
    return np.rint((1 - opacity) * base + opacity * colours).astype(np.uint8)


def save_overlays(
    paths: Sequence[str | PathLike[str]],
    images: Sequence[ArrayLike] | NDArray[Any],
    heatmaps: Sequence[ArrayLike] | NDArray[Any],
    low: float,
    high: float,
) -> None:
    """Write an `overlay` of each image as PNG; each file appears when it is complete.

    Raises
    ------
    DataError
        The numbers differ, or a place cannot be written to.
    MissingExtraError
        Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "vision", "writing overlays") from None
    if not len(paths) == len(images) == len(heatmaps):
        raise DataError(
            "expected a path, an image and a heatmap of each, got "
            f"{len(paths)}, {len(images)} and {len(heatmaps)}."
        )
    for path, image, heatmap in zip(map(Path, paths), images, heatmaps, strict=True):
        picture = Image.fromarray(overlay(image, heatmap, low, high))
        with whole_file(path, make_folder=True) as file:
            picture.save(file, "PNG")
