"""Made anomalies: different from the image where the mask says so, and there only."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate
from textocl.vision import FCDD, DeepSVDD
from textocl.vision.synthetic import SYNTHETIC, make_anomalies

TEXTURE = np.random.default_rng(0).uniform(0.3, 0.7, (150, 24, 32)).astype(np.float32)


@pytest.mark.parametrize("kind", SYNTHETIC)
@pytest.mark.parametrize("channels", [1, 3])
def test_masks_are_where_the_image_changed(kind: str, channels: int) -> None:
    images = torch.from_numpy(TEXTURE[:30, None]).repeat(1, channels, 1, 1)
    spoiled, masks = make_anomalies(images, kind, 0)
    assert spoiled.shape == images.shape
    assert masks.shape == (30, 24, 32)
    change = (spoiled - images).abs().amax(dim=1)
    assert 0 <= spoiled.min() <= spoiled.max() <= 1
    assert (change[masks == 0] <= 0.02 + 1e-6).all()
    assert (change[masks == 1] > 0.02 - 1e-6).all()
    assert (masks.flatten(1).sum(dim=1) > 0).float().mean() > 0.9
    assert masks.mean() < 0.5  # a part of the image


@pytest.mark.parametrize("kind", SYNTHETIC)
def test_the_seed_decides(kind: str) -> None:
    images = torch.from_numpy(TEXTURE[:5, None])
    first, again = (make_anomalies(images, kind, 3)[0] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, make_anomalies(images, kind, 4)[0])


def test_fcdd_finds_blobs_that_it_has_never_seen_without_known_anomalies() -> None:
    detector = FCDD(
        backbone="efficientnet-lite0:2", backbone_size=48, synthetic="confetti", n_epochs=40,
        batch_size=32,
    ).fit(TEXTURE[:100])  # fmt: skip
    spoiled = TEXTURE[100:].copy()
    spoiled[:, 8:14, 10:16] = 0.95
    asked = np.concatenate([TEXTURE[100:], spoiled])
    scores = detector.anomaly_score(asked)
    assert evaluate(scores, np.arange(100) >= 50).auc > 0.9
    heatmaps = detector.explain(spoiled)
    inside = heatmaps[:, 8:14, 10:16].mean()
    assert inside > 3 * heatmaps[:, :, 22:].mean()


def test_synthetic_is_for_images_and_for_detectors_that_learn_from_anomalies() -> None:
    with pytest.raises(DataError, match="synthetic must be"):
        FCDD(synthetic="glitter").fit(TEXTURE)
    with pytest.raises(DataError, match="does not learn from anomalies"):
        DeepSVDD(synthetic="confetti").fit(TEXTURE)
