"""Preprocessing of samples for a network, fitted on normal ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PREPROCESSINGS = ("contrast", "none", "standardize")
_LEAST = 1e-6  # a constant image or feature is divided by this


class Preprocessing(nn.Module):
    """``(g(x) − shift) / scale``.

    "contrast": g subtracts each image's mean and divides by its mean absolute value (global
    contrast normalisation with the L1 norm); shift and scale then map the normal images' values to
    [0, 1]. "standardize": each channel or feature gets mean 0 and variance 1. "none": x.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, kind: str, n_channels: int) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("shift", torch.zeros(n_channels))
        self.register_buffer("scale", torch.ones(n_channels))

    def fit(self, X: Tensor) -> Preprocessing:
        """Take shift and scale from normal samples ``(n, c, h, w)`` or ``(n, d)``."""
        if self.kind == "contrast":
            values = global_contrast(X)
            low, high = values.min(), values.max()
            self.shift.fill_(low)
            self.scale.fill_((high - low).clamp_min(_LEAST))
        elif self.kind == "standardize":
            values = X.double().transpose(0, 1).flatten(1)  # (c, n…)
            self.shift.copy_(values.mean(dim=1))
            spread = values.std(dim=1, correction=0)
            # a constant feature says nothing of normal samples; its differences stay as they are
            self.scale.copy_(torch.where(spread < _LEAST, torch.ones_like(spread), spread))
        return self

    def forward(self, X: Tensor) -> Tensor:
        if self.kind == "none":
            return X
        if self.kind == "contrast":
            X = global_contrast(X)
        shape = (1, -1, *[1] * (X.ndim - 2))
        return (X - self.shift.view(shape)) / self.scale.view(shape)


def global_contrast(X: Tensor) -> Tensor:
    """Subtract the mean of each image, divide by its mean absolute value; constant ones give 0."""
    dims = list(range(1, X.ndim))
    # a sum in float32 is off by more than the least scale
    centred = X - X.double().mean(dim=dims, keepdim=True).to(X.dtype)
    return centred / centred.abs().mean(dim=dims, keepdim=True).clamp_min(_LEAST)
