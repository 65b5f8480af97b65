"""Anomalies made from normal images, with masks of where they are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

SYNTHETIC = ("confetti", "patches", "mixed")
# shares of an image's shorter side
_SIDES = (8 / 240, 54 / 240)
_PATCH_SIDES = (8 / 240, 0.8)
_BLUR = 5 / 240
_N_BLOBS = 1.7  # the mean of what an image gets beyond the first
_MIXED = 7  # of so many, one gets a patch
_VISIBLE = 0.02  # a change of brightness by less is not part of a mask


def make_anomalies(images: Tensor, kind: str, seed: int) -> tuple[Tensor, Tensor]:
    """Spoil each image.

    Parameters
    ----------
    images : (n, c, h, w) in [0, 1]
    kind : "confetti": blurred rotated rectangles, brighter or darker, added (thesis §3.3.3);
        "patches": a rectangle, up to 0.8 of the image's side, of another image or place;
        "mixed": a patch for every seventh image, confetti for the others, so that small defects and
        large regions that do not belong are both found

    Returns
    -------
    Images ``(n, c, h, w)``, and masks ``(n, h, w)`` of 0 and 1, none of them empty if any image
    can change.
    """
    rng = np.random.default_rng(seed)
    pixels = images.numpy()
    spoiled, masks = np.empty_like(pixels), np.zeros((len(pixels), *pixels.shape[2:]), np.float32)
    for i, image in enumerate(pixels):
        if kind == "confetti" or (kind == "mixed" and i % _MIXED):
            spoiled[i] = _with_confetti(image, rng)
        else:
            spoiled[i] = _with_patch(image, pixels[rng.integers(len(pixels))], rng)
        masks[i] = np.abs(spoiled[i] - image).max(axis=0) > _VISIBLE
    return torch.from_numpy(spoiled), torch.from_numpy(masks)


def _with_confetti(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    c, h, w = image.shape
    side = min(h, w)
    rows, columns = np.mgrid[:h, :w]
    added = np.zeros_like(image)
    for _ in range(1 + rng.poisson(_N_BLOBS)):
        height, width = rng.uniform(*_SIDES, 2) * side
        angle = rng.uniform(-np.pi / 4, np.pi / 4)
        down, across = rows - rng.uniform(0, h), columns - rng.uniform(0, w)
        u = np.cos(angle) * down + np.sin(angle) * across
        v = np.cos(angle) * across - np.sin(angle) * down
        inside = (np.abs(u) <= max(height, 1) / 2) & (np.abs(v) <= max(width, 1) / 2)
        colour = rng.uniform(0.1, 1, (c, 1, 1)) * rng.choice([-1, 1])
        added += colour.astype(np.float32) * inside
    sigma = _BLUR * side * rng.uniform(0, 1)
    added = gaussian_filter(added, (0, sigma, sigma))
    return np.clip(image + added, 0, 1).astype(np.float32)


def _with_patch(
    image: NDArray[np.float32], other: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    _, h, w = image.shape
    height, width = (max(1, round(side * min(h, w))) for side in rng.uniform(*_PATCH_SIDES, 2))
    top, left = rng.integers(h - height + 1), rng.integers(w - width + 1)
    from_top, from_left = rng.integers(h - height + 1), rng.integers(w - width + 1)
    pasted = image.copy()
    pasted[:, top : top + height, left : left + width] = other[
        :, from_top : from_top + height, from_left : from_left + width
    ]
    return pasted
