"""Augmentation: varied copies of training images, made anew for every batch (thesis App. B.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

AUGMENTATIONS = ("photo",)
_SHIFT = 1 / 8  # of an image's side, at most
_JITTER = 0.1  # of brightness and contrast, in units of the images' deviation
_NOISE = 0.02


def augmented(
    images: Tensor, masks: Tensor | None, generator: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Mirror half of the images, shift each, change its brightness and contrast, add noise.

    Parameters
    ----------
    images : (n, c, h, w), preprocessed; what is shifted in mirrors the image at its edge
    masks : (n, h, w) or None, which follow their images
    generator : on the CPU, whatever device the images are on
    """
    n, c, h, w = images.shape
    device = images.device
    whole = images if masks is None else torch.cat([images, masks[:, None]], dim=1)
    mirrored = torch.rand(n, generator=generator).to(device) < 0.5
    whole = torch.where(mirrored[:, None, None, None], whole.flip(3), whole)
    down, across = int(h * _SHIFT), int(w * _SHIFT)
    padded = functional.pad(whole, (across, across, down, down), mode="reflect")
    tops, lefts = (
        torch.randint(2 * reach + 1, (n, 1), generator=generator) for reach in (down, across)
    )
    rows = (tops + torch.arange(h)).to(device)[:, None, :, None]  # (n, 1, h, 1)
    columns = (lefts + torch.arange(w)).to(device)[:, None, None, :]  # (n, 1, 1, w)
    numbers = torch.arange(n, device=device)[:, None, None, None]
    channels = torch.arange(whole.shape[1], device=device)[None, :, None, None]
    moved = padded[numbers, channels, rows, columns]
    images, places = moved[:, :c], None if masks is None else moved[:, c]
    change = torch.randn(2, n, 1, 1, 1, generator=generator).to(device) * _JITTER
    noise = torch.randn(images.shape, generator=generator).to(device) * _NOISE
    return (images * (1 + change[0]) + change[1] + noise), places


def without_channels(maps: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Set a random ``share`` of each sample's channels to 0, ``(n, d, u, v)``; their mean is kept.

    So that no few channels decide what is anomalous.
    """
    kept = torch.rand(*maps.shape[:2], 1, 1, generator=generator) >= share
    return maps * (kept / (1 - share)).to(maps.device, maps.dtype)
