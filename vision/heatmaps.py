"""From a network's small map to a heatmap of the image's size (thesis §3.1, Algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from textocl.core.exceptions import DataError

_SMALL = 32  # receptive fields below it get the thesis's narrower kernels


@dataclass(frozen=True)
class ReceptiveField:
    """What one cell of a map sees along one axis, in pixels.

    Cell i sees the pixels ``shift + i stride`` to ``shift + i stride + size − 1``; ``shift`` is
    negative where padding is seen too.
    """

    size: int = 1
    stride: int = 1
    shift: int = 0

    def then(self, kernel: int, stride: int, padding: int, dilation: int = 1) -> ReceptiveField:
        """Receptive field after one more layer."""
        return ReceptiveField(
            self.size + (kernel - 1) * dilation * self.stride,
            self.stride * stride,
            self.shift - padding * self.stride,
        )


def receptive_fields(modules: Iterable[nn.Module]) -> tuple[ReceptiveField, ReceptiveField]:
    """Receptive fields of a chain of layers, down and across.

    Raises
    ------
    DataError
        A layer that has none, such as a linear one.
    """
    fields = [ReceptiveField(), ReceptiveField()]
    for module in modules:
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            dilation = _pair(getattr(module, "dilation", 1))
            kernel, stride = _pair(module.kernel_size), _pair(module.stride)
            padding = _pair(module.padding)
            fields = [
                field.then(kernel[i], stride[i], padding[i], dilation[i])
                for i, field in enumerate(fields)
            ]
        elif not isinstance(module, (nn.BatchNorm2d, nn.LeakyReLU, nn.ReLU)):
            raise DataError(f"{type(module).__name__} has no receptive field.")
    return fields[0], fields[1]


def _pair(value: int | tuple[int, ...] | str) -> tuple[int, int]:
    if isinstance(value, str):
        raise DataError(f"give padding as numbers, not {value!r}.")
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def default_sigma(size: int) -> float:
    """Width of the Gaussian for a receptive field: 1.2 for 16 pixels, 12.4 for 62."""
    return math.log10(0.45 * size + 1) + 0.25 if size < _SMALL else size / 5


def gaussian(field: ReceptiveField, sigma: float) -> Tensor:
    """Gaussian over a receptive field, ``(size,)``, its sum the stride: a map's mean is kept."""
    offsets = torch.arange(field.size, dtype=torch.float32) - (field.size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return weights * (field.stride / weights.sum())


def enlarge(maps: Tensor, size: tuple[int, int], sigma: float | None = None) -> Tensor:
    """Maps of a pretrained network at the size of images, smoothed: ``(n, u, v) -> (n, h, w)``.

    Its cells see nearly all of an image, but little that is far from their middle: each stands for
    its share of the image.

    Parameters
    ----------
    sigma : width of the Gaussian in pixels; None takes half the side of a cell
    """
    large = functional.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)
    for axis in (2, 3):
        width = sigma or size[axis - 2] / maps.shape[axis - 1] / 2
        reach = min(math.ceil(3 * width), size[axis - 2] - 1)
        weights = gaussian(ReceptiveField(2 * reach + 1), width).to(maps.device)
        pads = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        kernel = weights.view(1, 1, -1, 1) if axis == 2 else weights.view(1, 1, 1, -1)
        large = functional.conv2d(functional.pad(large, pads, mode="reflect"), kernel)
    return large[:, 0]


def upsample(
    maps: Tensor,
    fields: tuple[ReceptiveField, ReceptiveField],
    size: tuple[int, int],
    sigma: float | None = None,
) -> Tensor:
    """Spread each cell over its receptive field by a Gaussian: ``(n, u, v) -> (n, h, w)``.

    Parameters
    ----------
    maps : (n, u, v)
    fields : receptive fields of a cell, down and across
    size : (h, w)
    sigma : width of the Gaussian in pixels; None takes `default_sigma`
    """
    down, across = (gaussian(f, sigma or default_sigma(f.size)).to(maps.device) for f in fields)
    kernel = torch.outer(down, across)[None, None]  # (1, 1, k, k')
    strides = (fields[0].stride, fields[1].stride)
    spread = functional.conv_transpose2d(maps[:, None], kernel, stride=strides)[:, 0]
    # its first pixel is the image's pixel `shift`
    tops = [-field.shift for field in fields]
    missing = [max(0, tops[i] + size[i] - spread.shape[i + 1]) for i in range(2)]
    spread = functional.pad(spread, (0, missing[1], 0, missing[0]))
    return spread[:, tops[0] : tops[0] + size[0], tops[1] : tops[1] + size[1]]
