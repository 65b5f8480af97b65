"""What a deep detector is trained on: normal samples first, then anomalies, known and made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.exceptions import DataError
from textocl.vision.synthetic import make_anomalies

_N_SYNTHETIC = 2000  # anomalies to make at least, at most so many of each image:
_MOST_COPIES = 8
_SHARE_KNOWN = 0.25  # of the anomalies drawn, beside made ones


@dataclass(frozen=True)
class TrainingSet:
    """Samples with all that is known of them, the normal and unlabelled ones first.

    Attributes
    ----------
    samples : (n, c, h, w) or (n, d)
    labels : (n,) int64, +1 normal, 0 unlabelled, -1 anomaly
    masks : (n, h, w) of 0 and 1, or None where no places are known
    weights : (m,), how often each of the m anomalies is drawn; None for all alike
    """

    samples: Tensor
    labels: Tensor
    masks: Tensor | None
    weights: Tensor | None = None

    @property
    def n_normal(self) -> int:
        return int((self.labels >= 0).sum())

    def draw_anomalies(self, n: int, generator: torch.Generator) -> Tensor:
        """Indices ``(n,)`` of anomalies, drawn with replacement."""
        if self.weights is None:
            n_anomalies = len(self.labels) - self.n_normal
            return self.n_normal + torch.randint(n_anomalies, (n,), generator=generator)
        drawn = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        return self.n_normal + drawn

    def with_synthetic(self, kind: str, seed: int) -> TrainingSet:
        """Add anomalies made from the normal samples.

        Known ones, few beside them, are mirrored, and drawn for a quarter of all. One whose place
        is unknown counts as a whole.
        """
        n_copies = min(max(1, -(-_N_SYNTHETIC // self.n_normal)), _MOST_COPIES)
        normal = self.samples[: self.n_normal]
        made, marked = make_anomalies(normal.repeat(n_copies, 1, 1, 1), kind, seed)
        masks = self.masks
        if masks is None:
            masks = (self.labels < 0).float()[:, None, None].expand(-1, *marked.shape[1:])
        known = _mirrored(self.samples[self.n_normal :])
        places = _mirrored(masks[self.n_normal :])
        weights = None
        if len(known):
            share = _SHARE_KNOWN / (1 - _SHARE_KNOWN) * len(made) / len(known)
            weights = torch.cat([torch.full((len(known),), share), torch.ones(len(made))])
        n_anomalies = len(known) + len(made)
        labels = torch.full((n_anomalies,), -1, dtype=self.labels.dtype)
        return replace(
            self,
            samples=torch.cat([normal, known, made]),
            labels=torch.cat([self.labels[: self.n_normal], labels]),
            masks=torch.cat([masks[: self.n_normal], places, marked]),
            weights=weights,
        )


@dataclass(frozen=True)
class MaskedImages:
    """Images with masks ``(n, h, w)`` of where their anomalies are."""

    images: Any
    masks: Any

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: Any) -> MaskedImages:
        return MaskedImages(self.images[chosen], np.asarray(self.masks)[chosen])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.images.shape)


def check_masks(masks: Any, labels: NDArray[np.int64], samples: Tensor) -> Tensor:
    """Masks as float32 ``(n, h, w)`` of 0 and 1; 1 everywhere for an anomaly with an empty one.

    Raises
    ------
    DataError
        They do not match the images, or mark a normal image.
    """
    array = np.asarray(masks)
    expected = (len(samples), *samples.shape[2:])
    if samples.ndim != 4 or array.shape != expected or array.dtype.kind not in "biuf":
        raise DataError(
            f"expected masks {expected}, one for each image and of its size, got an array of "
            f"{array.dtype} with shape {array.shape}."
        )
    places = (array != 0).astype(np.float32)
    marked = places.any(axis=(1, 2))
    wrong = np.flatnonzero(marked & (labels >= 0))
    if len(wrong):
        raise DataError(
            f"{len(wrong)} masks mark a place in an image that is not labelled anomalous (-1), "
            f"the first is mask {wrong[0]}."
        )
    places[~marked & (labels < 0)] = 1
    return torch.from_numpy(places)


def _mirrored(images: Tensor) -> Tensor:
    """Images or masks ``(n, …, h, w)``, and these upside down, left to right, and both."""
    return torch.cat([images, images.flip(-2), images.flip(-1), images.flip(-2, -1)])
