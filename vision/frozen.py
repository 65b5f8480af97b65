"""Base class of detectors on a frozen pretrained network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.exceptions import DataError
from textocl.training.devices import choose_device, exactly
from textocl.vision.backbones import Backbone, load_backbone
from textocl.vision.detector import SampleDetector

_FEWEST = 3  # normal images


@dataclass(kw_only=True, eq=False, repr=False)
class FrozenNetworkDetector(SampleDetector):
    """Base class of detectors that compare what a pretrained network sees in images.

    Parameters
    ----------
    backbone_contrast : bool, default False
        Whether each image's brightness and contrast are evened out first: where light varies from
        photo to photo.
    false_alarm_rate : float in (0, 1), default 0.05
    random_state : int, default 0
    device : str, default "auto"
        Where the network runs.
    verbose : bool, default False
        Count the images that fit is done with.

    Attributes
    ----------
    n_samples_ : int, normal and unlabelled images learned from
    sample_shape_ : (c, h, w)
    heatmap_range_ : (low, high) of float
        Scale for what `explain` returns.
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")
    #: pixels to which smaller images are enlarged
    _LEAST_SIDE: ClassVar[int]

    backbone: str
    backbone_size: int | None = None
    backbone_contrast: bool = False
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False

    def _check_parameters(self) -> None:
        super()._check_parameters()
        choose_device(self.device)

    def _read(self, X: Any) -> tuple[Any, Any]:
        images, labels = super()._read(X)
        if images.ndim != 4 and len(images):
            raise DataError(
                "a detector on a pretrained network takes images; for features use a detector of "
                "points, such as textocl.KNN."
            )
        return images, labels

    def _normal(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the normal and unlabelled images."""
        normal = np.flatnonzero(labels >= 0)
        if len(normal) < _FEWEST:
            raise DataError(
                f"{len(normal)} normal or unlabelled images are too few to learn from; give more."
            )
        return normal

    def _load_network(self, images: Tensor) -> Backbone:
        """The backbone for images of this size, on its device."""
        size = self.backbone_size
        if size is None and min(images.shape[2:]) < self._LEAST_SIDE:
            size = self._LEAST_SIDE
        network = load_backbone(self.backbone, size, contrast=self.backbone_contrast)
        return network.to(choose_device(self.device))


@torch.no_grad()
@exactly()
def maps_of(network: Backbone, images: Tensor) -> Tensor:
    """What a backbone sees in images, ``(n, c, h, w) -> (n, d, u, v)``, on its device."""
    maps: Tensor = network(images.to(network.mean.device))
    return maps
