"""Receptive fields and the Gaussian upsampling, against what networks and loops do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from textocl.core.exceptions import DataError
from textocl.vision.heatmaps import (
    ReceptiveField,
    default_sigma,
    gaussian,
    receptive_fields,
    upsample,
)
from textocl.vision.networks import FULLY_CONVOLUTIONAL, fully_convolutional

SHAPES = {"fcn-fashion-mnist": (1, 28, 28), "fcn-cifar-10": (3, 32, 32), "fcn-head": (8, 4, 4)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fcn-fashion-mnist", ReceptiveField(16, 4, -6)), ("fcn-cifar-10", ReceptiveField(22, 4, -9))],
)
def test_receptive_fields_of_the_thesis_networks(name: str, expected: ReceptiveField) -> None:
    down, across = receptive_fields(fully_convolutional(name, SHAPES[name]).children())
    assert down == across == expected


@pytest.mark.parametrize("name", FULLY_CONVOLUTIONAL)
def test_receptive_fields_are_where_gradients_arrive(name: str) -> None:
    network = fully_convolutional(name, SHAPES[name]).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    c = SHAPES[name][0]
    network = nn.Sequential(
        *[
            nn.AvgPool2d(2) if isinstance(module, nn.MaxPool2d) else module
            for module in network.children()
        ]
    )  # averages pass gradients to every pixel
    X = torch.ones(1, c, 64, 80, requires_grad=True)
    i, j = 7, 9
    network(X)[0, 0, i, j].backward()
    assert X.grad is not None
    seen = X.grad.abs().sum(dim=(0, 1)) > 0
    fields = receptive_fields(network.children())
    for axis, (field, cell) in enumerate(zip(fields, (i, j), strict=True)):
        pixels = torch.where(seen.any(dim=1 - axis))[0]
        first = field.shift + cell * field.stride
        assert pixels[0] == first
        assert pixels[-1] == first + field.size - 1


def test_axes_may_differ() -> None:
    layers = [nn.Conv2d(1, 1, (3, 5), stride=(1, 2), padding=(1, 0)), nn.ReLU(), nn.MaxPool2d(2)]
    down, across = receptive_fields(layers)
    assert down == ReceptiveField(4, 2, -1)
    assert across == ReceptiveField(7, 4, 0)


def test_layers_without_a_receptive_field_are_refused() -> None:
    with pytest.raises(DataError, match="Linear has no receptive field"):
        receptive_fields([nn.Linear(3, 3)])


def test_the_gaussian_by_hand() -> None:
    weights = gaussian(ReceptiveField(3, 1, 0), sigma=1.0)
    side = math.exp(-0.5)
    expected = [side / (1 + 2 * side), 1 / (1 + 2 * side), side / (1 + 2 * side)]
    assert weights.tolist() == pytest.approx(expected)
    assert gaussian(ReceptiveField(16, 4, -6), 1.2).sum().item() == pytest.approx(4)
    assert default_sigma(16) == pytest.approx(1.16, abs=0.01)
    assert default_sigma(62) == pytest.approx(12.4)


@pytest.mark.parametrize("size", [(28, 28), (30, 21), (20, 40)])
def test_upsampling_is_a_loop_over_cells(size: tuple[int, int]) -> None:
    fields = (ReceptiveField(16, 4, -6), ReceptiveField(7, 3, -2))
    maps = torch.rand(2, size[0] // 4, size[1] // 3)
    kernels = [gaussian(field, 1.7).tolist() for field in fields]
    expected = np.zeros((2, *size))
    for n in range(2):
        for i in range(maps.shape[1]):
            for j in range(maps.shape[2]):
                for a in range(16):
                    for b in range(7):
                        y, x = fields[0].shift + 4 * i + a, fields[1].shift + 3 * j + b
                        if 0 <= y < size[0] and 0 <= x < size[1]:
                            expected[n, y, x] += maps[n, i, j] * kernels[0][a] * kernels[1][b]
    assert np.allclose(upsample(maps, fields, size, 1.7).numpy(), expected, atol=1e-5)


def test_a_flat_map_stays_flat_inside_and_a_cell_lies_over_its_field() -> None:
    fields = (ReceptiveField(16, 4, -6),) * 2
    flat = upsample(torch.ones(1, 20, 20), fields, (80, 80), sigma=4.0)[0, 16:-16, 16:-16]
    assert flat.mean().item() == pytest.approx(1, abs=1e-3)
    assert flat.std().item() < 0.02
    one = torch.zeros(1, 20, 20)
    one[0, 10, 4] = 1
    heat = upsample(one, fields, (80, 80))[0]
    rows, columns = torch.meshgrid(torch.arange(80.0), torch.arange(80.0), indexing="ij")
    # its field: 34 to 49 down, 10 to 25 across
    assert ((heat * rows).sum() / heat.sum()).item() == pytest.approx(41.5, abs=1e-3)
    assert ((heat * columns).sum() / heat.sum()).item() == pytest.approx(17.5, abs=1e-3)
