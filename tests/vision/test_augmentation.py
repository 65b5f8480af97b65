"""Varied copies keep what matters: what is where, and the seed decides."""

from __future__ import annotations

import pytest
import torch

from textocl.core.exceptions import DataError
from textocl.vision import HSC
from textocl.vision.augmentation import augmented, without_channels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_masks_follow_their_images() -> None:
    masks = (torch.rand(40, 16, 24, generator=generator(5)) < 0.3).float()
    images = 10 * masks[:, None].expand(-1, 3, -1, -1)
    varied, places = augmented(images, masks, generator())
    assert varied.shape == images.shape
    assert places is not None
    assert set(places.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(varied.mean(dim=1) > 5, places > 0)
    assert not torch.equal(places, masks)


def test_half_are_mirrored_and_none_moves_by_more_than_an_eighth() -> None:
    images = torch.zeros(400, 1, 16, 32)
    images[:, :, 8, 10] = 100.0
    varied, _ = augmented(images, None, generator())
    places = varied.flatten(1).argmax(dim=1)
    rows, columns = places // 32, places % 32
    assert rows.min() == 6
    assert rows.max() == 10
    assert set(columns.tolist()) <= {*range(6, 15), *range(17, 26)}
    assert 0.4 < (columns > 15).float().mean() < 0.6


def test_brightness_and_contrast_vary_a_little() -> None:
    images = torch.randn(300, 1, 8, 8, generator=generator(2))
    varied, _ = augmented(images, None, generator())
    assert 0.05 < varied.mean(dim=(1, 2, 3)).sub(images.mean(dim=(1, 2, 3))).std() < 0.3


def test_the_generator_decides() -> None:
    images = torch.rand(5, 1, 8, 8)
    first, again, other = (augmented(images, None, generator(seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_channels_are_left_out_whole_and_the_mean_is_kept() -> None:
    maps = torch.ones(2000, 10, 2, 3)
    kept = without_channels(maps, 0.3, generator())
    of_channel = kept.flatten(2)
    assert torch.equal(of_channel.amin(dim=2), of_channel.amax(dim=2))
    assert kept.mean().item() == pytest.approx(1, abs=0.02)
    assert (kept == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert not torch.equal(kept[0], kept[1])


def test_augmentation_is_for_networks_that_see_images() -> None:
    images = torch.rand(30, 1, 32, 32)
    with pytest.raises(DataError, match="augmentation needs a network that sees images"):
        HSC(augmentation="photo", backbone="efficientnet-lite0:2").fit(images)
    with pytest.raises(DataError, match="are for images, not for features"):
        HSC(augmentation="photo").fit(torch.rand(30, 4), [0] * 20 + [-1] * 10)
