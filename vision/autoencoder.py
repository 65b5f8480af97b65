"""Autoencoder for pretraining, whose encoder becomes the detector's network (thesis §2.2.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textocl.training.checkpoints import Checkpoints
from textocl.training.loop import ParameterGroup, Schedule, train
from textocl.vision.networks import Decoder, Encoder, Layers, initialise


class Autoencoder(nn.Module):
    """An encoder and its mirror, ``x ↦ decoder(encoder(x))``."""

    def __init__(self, layers: Layers, sample_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = Encoder(layers, sample_shape)
        self.decoder = Decoder(layers, sample_shape)

    def forward(self, X: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encoder(X))
        return out


def reconstruction_errors(network: Autoencoder, X: Tensor) -> Tensor:
    """Mean squared difference between each sample and its reconstruction, ``(n,)``."""
    return (network(X) - X).square().flatten(1).mean(dim=1)


def train_autoencoder(
    X: Tensor,
    layers: Layers,
    schedule: Schedule,
    generator: torch.Generator,
    *,
    progress: bool = False,
    checkpoints: Checkpoints | None = None,
) -> Autoencoder:
    """Train on preprocessed samples ``(n, c, h, w)`` or ``(n, d)``, on their device."""
    network = Autoencoder(layers, tuple(X.shape[1:]))
    initialise(network, generator)
    network.to(X.device).train()

    def loss_of(indices: Tensor, epoch: int) -> Tensor:
        return reconstruction_errors(network, X[indices.to(X.device)]).mean()

    groups = [ParameterGroup(network.parameters())]
    checkpoint = None if checkpoints is None else checkpoints.of("pretraining", network)
    train(groups, len(X), loss_of, schedule, generator, progress=progress, checkpoint=checkpoint)
    return network.eval()


def transfer(source: nn.Module, target: nn.Module) -> None:
    """Copy every parameter and statistic; both must have the same ones."""
    target.load_state_dict(source.state_dict(), strict=True)
