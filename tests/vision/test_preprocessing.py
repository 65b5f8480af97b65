"""Preprocessing by its formulas; nothing divides by zero."""

from __future__ import annotations

import pytest
import torch

from textocl.vision.preprocessing import PREPROCESSINGS, Preprocessing, global_contrast


def test_global_contrast_by_hand() -> None:
    image = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])  # mean 4, mean distance from it 2
    assert global_contrast(image).flatten().tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert torch.allclose(global_contrast(image * 9 + 2), global_contrast(image))


def test_contrast_brings_normal_images_to_the_unit_interval() -> None:
    X = torch.rand(20, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    preprocessing = Preprocessing("contrast", 3).fit(X)
    out = preprocessing(X)
    assert out.min().item() == pytest.approx(0, abs=1e-6)
    assert out.max().item() == pytest.approx(1, abs=1e-6)
    assert preprocessing.scale.unique().numel() == 1  # one scale for all channels


def test_standardised_channels_and_features_have_mean_0_and_variance_1() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((50, 3, 4, 5), (50, 3)):
        X = 7 + 3 * torch.rand(shape, generator=generator)
        out = Preprocessing("standardize", 3).fit(X)(X).double().transpose(0, 1).flatten(1)
        assert out.mean(dim=1).tolist() == pytest.approx([0] * 3, abs=1e-5)
        assert out.std(dim=1, correction=0).tolist() == pytest.approx([1] * 3, abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.3, 0.7, 1.0])
def test_constant_images_have_no_contrast(value: float) -> None:
    assert not global_contrast(torch.full((2, 3, 28, 28), value)).any()


@pytest.mark.parametrize("kind", PREPROCESSINGS)
def test_constant_samples_stay_finite(kind: str) -> None:
    X = torch.full((4, 1, 3, 3), 0.5)
    preprocessing = Preprocessing(kind, 1).fit(X)
    for samples in (X, torch.zeros(1, 1, 3, 3), torch.rand(2, 1, 3, 3)):
        assert torch.isfinite(preprocessing(samples)).all()


def test_none_changes_nothing() -> None:
    X = torch.rand(3, 2)
    assert torch.equal(Preprocessing("none", 2).fit(X)(X), X)
