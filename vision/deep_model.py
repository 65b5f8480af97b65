"""What a deep detector learned: backbone, preprocessing and network, and how it is saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from textocl.core.persistence import ModelFiles
from textocl.vision.backbones import Backbone, pooled
from textocl.vision.detector import SampleState
from textocl.vision.model_files import weights_of
from textocl.vision.preprocessing import Preprocessing

_AT_ONCE = 500  # samples; bounds the memory of scoring
_IMAGES_AT_ONCE = 32  # through a backbone


@dataclass(frozen=True)
class DeepModel:
    """A trained network with all that stands before it: samples in, outputs out.

    Attributes
    ----------
    sample_shape : (c, h, w) or (d,)
    backbone : takes samples first, where there is one
    dense : whether the network takes a backbone's maps, rather than their means
    input_shape : of what the network takes, (c, h, w) or (d,)
    network_name : str
    vectors : what a detector learned beside the network, such as its centre
    parameters : the detector's, as they were in fit
    """

    sample_shape: tuple[int, ...]
    backbone: Backbone | None
    dense: bool
    input_shape: tuple[int, ...]
    network_name: str
    preprocessing: Preprocessing
    network: nn.Module
    vectors: dict[str, Tensor]
    parameters: dict[str, Any]

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def at_once(self) -> int:
        """Samples that are scored together."""
        return _AT_ONCE if self.backbone is None else _IMAGES_AT_ONCE

    def to(self, device: torch.device) -> DeepModel:
        """The same on a device."""
        for module in (self.backbone, self.preprocessing, self.network):
            if module is not None:
                module.to(device)
        return replace(self, vectors={name: v.to(device) for name, v in self.vectors.items()})

    def outputs(self, samples: Tensor) -> Tensor:
        """Outputs of the network for samples on its device."""
        inputs = seen_by(self.backbone, samples, self.dense)
        out: Tensor = self.network(self.preprocessing(inputs))
        return out


@dataclass(frozen=True, kw_only=True, repr=False)
class DeepState(SampleState):
    """What a deep detector learned.

    Attributes
    ----------
    model : DeepModel
    history : mean loss of each epoch; None for a loaded detector
    """

    model: DeepModel
    history: list[float] | None = None

    def to_files(self) -> ModelFiles:
        model, files = self.model, super().to_files()
        facts = {
            "preprocessing": model.preprocessing.kind,
            "network": model.network_name,
            "backbone": None if model.backbone is None else model.backbone.facts,
        }
        arrays = {
            **weights_of(model.preprocessing, "preprocessing."),
            **weights_of(model.network, "network."),
            **{name: vector.cpu().numpy() for name, vector in model.vectors.items()},
        }
        if model.backbone is not None:
            arrays |= weights_of(model.backbone, "backbone.")
        return ModelFiles(files.facts | facts, arrays)


def seen_by(backbone: Backbone | None, samples: Tensor, dense: bool) -> Tensor:
    """What preprocessing takes: samples, or a backbone's maps of them, or the means of these."""
    if backbone is None:
        return samples
    maps: Tensor = backbone(samples)
    return maps if dense else pooled(maps)


@torch.no_grad()
def all_seen_by(
    backbone: Backbone | None, samples: Tensor, dense: bool, device: torch.device
) -> Tensor:
    """The same of any number of samples, part by part on a device."""
    if backbone is None:
        return samples
    parts = samples.split(_IMAGES_AT_ONCE)
    return torch.cat([seen_by(backbone, part.to(device), dense) for part in parts])
