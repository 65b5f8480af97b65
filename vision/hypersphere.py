"""Base class of Deep SVDD and Deep SAD: a network without biases and a fixed centre."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textocl.core.validation import check_integer, check_number
from textocl.training.objectives import off_zero
from textocl.vision.autoencoder import train_autoencoder, transfer
from textocl.vision.deep import DeepDetector
from textocl.vision.deep_model import DeepModel
from textocl.vision.networks import calibrate_batch_norm, initialise, layers_of
from textocl.vision.run import Run


@dataclass(kw_only=True, eq=False, repr=False)
class CenteredDetector(DeepDetector):
    """Maps normal samples near a centre c, the mean of their first outputs.

    Beside the parameters of `textocl.vision.deep.DeepDetector`:

    Parameters
    ----------
    n_pretraining_epochs : int ≥ 0, default 60
        Of an autoencoder on the same samples, whose encoder the network starts from. 0 starts from
        random weights, with the statistics of batch norm taken from the data.
    pretraining_rate : float > 0, default 0.001
        Learning rate of the autoencoder.

    Attributes
    ----------
    center_ : (o,) float32
    """

    n_pretraining_epochs: int = 60
    pretraining_rate: float = 1e-3

    @property
    def center_(self) -> NDArray[np.float32]:
        return self._fitted().state_.model.vectors["center"].cpu().numpy()

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("n_pretraining_epochs", self.n_pretraining_epochs, 0)
        check_number("pretraining_rate", self.pretraining_rate, 0, low_open=True)

    def _vector_shapes(self, model: DeepModel) -> dict[str, tuple[int | None, ...]]:
        return {"center": (layers_of(model.network_name, model.input_shape).n_outputs,)}

    def _prepare(
        self, network: nn.Module, X: Tensor, labels: Tensor, name: str, run: Run
    ) -> dict[str, Tensor]:
        normal = X[labels >= 0]
        if self.n_pretraining_epochs:
            schedule = replace(
                self._schedule(self.n_pretraining_epochs),
                learning_rate=self.pretraining_rate,
                max_gradient_norm=math.inf,
            )
            layers = layers_of(name, tuple(X.shape[1:]))
            autoencoder = train_autoencoder(
                X,
                layers,
                schedule,
                run.generator,
                progress=self.verbose,
                checkpoints=run.checkpoints,
            )
            transfer(autoencoder.encoder, network)
        else:
            initialise(network, run.generator)
            n_batches = max(1, round(len(normal) / self.batch_size))
            calibrate_batch_norm(network, iter(normal.tensor_split(n_batches)))
        return {"center": first_center(network, normal, self.batch_size)}


@torch.no_grad()
def first_center(network: nn.Module, normal: Tensor, batch_size: int) -> Tensor:
    """Mean output of all normal samples in evaluation mode, `off_zero`, ``(o,)``."""
    network.eval()
    total = sum(network(part).double().sum(dim=0) for part in normal.split(batch_size))
    return off_zero((total / len(normal)).to(normal.dtype))


def squared_distances(outputs: Tensor, center: Tensor) -> Tensor:
    """``‖φ(x) − c‖²``: ``(n, o), (o,) -> (n,)``."""
    return (outputs - center).square().sum(dim=1)
