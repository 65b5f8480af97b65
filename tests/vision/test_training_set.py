"""What a detector is trained on: known anomalies count beside made ones."""

from __future__ import annotations

import torch

from textocl.vision.training_set import TrainingSet


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def images(n: int) -> torch.Tensor:
    return torch.rand(n, 1, 12, 16, generator=generator())


def test_anomalies_are_drawn_alike_unless_weighted() -> None:
    labels = torch.tensor([0, 1, 0, -1, -1])
    given = TrainingSet(images(5), labels, None)
    drawn = given.draw_anomalies(4000, generator())
    assert given.n_normal == 3
    assert set(drawn.tolist()) == {3, 4}
    assert 0.45 < (drawn == 3).float().mean() < 0.55


def test_known_anomalies_are_mirrored_and_a_quarter_of_those_drawn() -> None:
    labels = torch.tensor([0] * 300 + [-1] * 2)
    masks = torch.zeros(302, 12, 16)
    masks[300, 2:4, 1:5] = 1
    masks[301] = 1
    given = TrainingSet(images(302), labels, masks).with_synthetic("confetti", 0)
    n_known, n_made = 8, 300 * 7
    assert given.n_normal == 300
    assert len(given.samples) == len(given.labels) == len(given.masks) == 300 + n_known + n_made
    known, places = given.samples[300:308, 0], given.masks[300:308]
    for k, dims in enumerate([(), (-2,), (-1,), (-2, -1)]):
        for i in range(2):
            assert torch.equal(known[2 * k + i], known[i].flip(dims))
            assert torch.equal(places[2 * k + i], places[i].flip(dims))
    drawn = given.draw_anomalies(20_000, generator())
    assert drawn.min() >= 300
    assert 0.23 < (drawn < 308).float().mean() < 0.27


def test_without_known_ones_all_are_made_and_normal_masks_are_empty() -> None:
    given = TrainingSet(images(20), torch.zeros(20, dtype=torch.int64), None)
    given = given.with_synthetic("patches", 0)
    assert len(given.samples) == 20 + 20 * 8
    assert given.weights is None
    assert given.masks[:20].sum() == 0
    assert (given.masks[20:].flatten(1).sum(dim=1) > 0).float().mean() > 0.95


def test_an_anomaly_of_unknown_place_counts_as_a_whole() -> None:
    given = TrainingSet(images(21), torch.tensor([0] * 20 + [-1]), None)
    given = given.with_synthetic("mixed", 0)
    assert given.masks[20:24].min() == 1
