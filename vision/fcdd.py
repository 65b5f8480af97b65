"""FCDD: fully convolutional data description, a score that is a heatmap's mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from textocl.core.exceptions import DataError
from textocl.core.learned import Learned
from textocl.core.training_scores import TrainingSamples
from textocl.core.validation import check_number
from textocl.training.objectives import hsc_losses, masked_losses, pseudo_huber
from textocl.vision.augmentation import without_channels
from textocl.vision.deep import DeepDetector
from textocl.vision.deep_model import DeepModel
from textocl.vision.heatmaps import enlarge, receptive_fields, upsample
from textocl.vision.networks import fully_convolutional, initialise_uniformly
from textocl.vision.run import Run
from textocl.vision.training_set import MaskedImages, check_masks

_MAPS_AT_ONCE = 32
_DROPPED = 0.3  # share of a backbone's channels that a sample lacks in training
_COVERED = 0.2  # share of a cell that a mask covers, from which on the cell is anomalous


@dataclass(kw_only=True, eq=False, repr=False)
class FCDD(DeepDetector):
    """Scores every region of an image; `explain` shows where it is anomalous.

    Use it on images with anomalies or Outlier Exposure, ``y`` = -1, where the place of an anomaly
    matters. Beside the parameters of `textocl.vision.deep.DeepDetector`, of which ``network`` is
    "fcn-fashion-mnist" (the default for grey images), "fcn-cifar-10" (for RGB) or "fcn-head" (for
    the maps of a backbone):

    Parameters
    ----------
    sigma : float > 0 or None, default None
        Width of the heatmap's Gaussian in pixels; None takes it from the receptive field.

    Notes
    -----
    ``A(x) = √(φ(x)² + 1) − 1`` for each cell of the network's map; the loss of eq. 3.1 on its mean,
    each sample for itself, and that mean is the score. With masks the loss is that of
    `textocl.training.objectives.masked_losses` on heatmaps; with a backbone, on maps, where a cell
    is anomalous if a mask covers a fifth of it. Of a backbone's channels each sample lacks three in
    ten, others each time: anomalies that are made show in few channels, others in others. Trained
    with Adam, as the other detectors are; the thesis takes SGD for some data sets.

    References
    ----------
    P. Liznerski et al.: Explainable Deep One-Class Classification. ICLR 2021.
    """

    _NEEDS_ANOMALIES: ClassVar[bool] = True
    _BALANCED: ClassVar[bool] = True
    _LEARNS_FROM_ANOMALIES: ClassVar[bool] = True
    _DENSE: ClassVar[bool] = True

    sigma: float | None = None

    def fit(self, X: Any, y: Any = None, masks: Any = None) -> FCDD:
        """Train on images, labelled +1 normal, 0 unlabelled, -1 anomaly in ``y``.

        Parameters
        ----------
        masks : (n, h, w) or None, default None
            Where the anomalies are: other than 0. An anomaly with an empty mask, its place
            unknown, counts as a whole.

        Raises
        ------
        DataError
            A parameter, the images, labels or masks are not as expected.
        TextoclError
            Training diverged.
        """
        return super().fit(X if masks is None else MaskedImages(X, masks), y)

    @property
    def learns_from_masks(self) -> bool:
        return True

    def _read(self, X: Any) -> tuple[Any, Any]:
        if not isinstance(X, MaskedImages):
            return super()._read(X)
        images, labels = super()._read(X.images)
        return MaskedImages(images, X.masks), labels

    def _learn(self, training: TrainingSamples) -> Learned:
        samples, labels = training.samples, training.labels
        if not isinstance(samples, MaskedImages):
            return self._learn_from(samples, labels)
        masks = check_masks(samples.masks, labels, samples.images)
        return self._learn_from(samples.images, labels, masks)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.sigma is not None:
            check_number("sigma", self.sigma, 0, low_open=True)

    def _network_name(self, sample_shape: tuple[int, ...]) -> str:
        if len(sample_shape) != 3:
            raise DataError("FCDD takes images; for features use HSC.")
        if self.network != "auto":
            return self.network
        if self.backbone is not None:
            return "fcn-head"
        return "fcn-fashion-mnist" if sample_shape[0] == 1 else "fcn-cifar-10"

    def _make_network(self, name: str, sample_shape: tuple[int, ...]) -> nn.Module:
        return fully_convolutional(name, sample_shape)

    def _prepare(
        self, network: nn.Module, X: Tensor, labels: Tensor, name: str, run: Run
    ) -> dict[str, Tensor]:
        if name != "fcn-head":
            return super()._prepare(network, X, labels, name, run)
        initialise_uniformly(network, run.generator)
        return {}

    def _varied(
        self, model: DeepModel, batch: Tensor, masks: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        if model.backbone is None:
            return super()._varied(model, batch, masks, generator)
        return without_channels(batch, _DROPPED, generator), masks

    def _losses(
        self, model: DeepModel, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        maps = anomaly_maps(outputs)
        if masks is None:
            return hsc_losses(maps.mean(dim=(1, 2)), labels)
        if model.backbone is not None:
            return masked_losses(maps, covered_cells(masks, (maps.shape[1], maps.shape[2])))
        return masked_losses(self._heatmaps(model, maps), masks)

    def _heatmaps(self, model: DeepModel, maps: Tensor) -> Tensor:
        size, sigma = model.sample_shape[1:], model.parameters["sigma"]
        if model.backbone is not None:
            return enlarge(maps, (size[0], size[1]), sigma)
        fields = receptive_fields(model.network.children())
        return upsample(maps, fields, (size[0], size[1]), sigma)

    def _distances_to_scores(self, model: DeepModel, outputs: Tensor) -> Tensor:
        return anomaly_maps(outputs).mean(dim=(1, 2))

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32, at least 0: how anomalous each place of an image is."""
        return super().explain(X)

    def _maps(self, model: DeepModel, samples: Tensor) -> NDArray[np.float32]:
        heatmaps = [np.empty((0, *model.sample_shape[1:]), np.float32)]
        for part in samples.split(_MAPS_AT_ONCE):
            if len(part):
                with torch.no_grad():
                    maps = anomaly_maps(model.outputs(part.to(model.device)))
                    heatmaps.append(self._heatmaps(model, maps).cpu().numpy())
        return np.concatenate(heatmaps)


def covered_cells(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Cells of which a mask covers a fifth, or else those it covers most: 0 or 1, ``(n, u, v)``."""
    shares = functional.adaptive_avg_pool2d(masks[:, None], size)[:, 0]
    enough = shares.amax(dim=(1, 2), keepdim=True).clamp(max=_COVERED)
    return ((shares >= enough) & (shares > 0)).float()


def anomaly_maps(outputs: Tensor) -> Tensor:
    """``A(x)``: pseudo-Huber of each cell, ``(n, 1, u, v) -> (n, u, v)``."""
    return pseudo_huber(outputs.reshape(-1, 1)).view(outputs[:, 0].shape)
