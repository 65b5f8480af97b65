"""Base class of every detector of images and of feature vectors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.detector import OneClassDetector
from textocl.core.learned import Scored
from textocl.core.persistence import ModelFiles
from textocl.vision.folders import is_labelled_folder, read_folder
from textocl.vision.images import check_shape, read_samples

_FOR_RANGE = 300  # held-out samples whose heatmaps give their range


@dataclass(frozen=True, kw_only=True, repr=False)
class SampleState:
    """What a fit learned, beside its network.

    Attributes
    ----------
    sample_shape : (c, h, w) or (d,)
    n_samples : int, normal and unlabelled samples learned from
    heatmap_range : (low, high) of float
    """

    sample_shape: tuple[int, ...]
    n_samples: int
    heatmap_range: tuple[float, float]

    def to_files(self) -> ModelFiles:
        facts = {
            "n_samples": self.n_samples,
            "heatmap_range": self.heatmap_range,
            "sample_shape": list(self.sample_shape),
        }
        return ModelFiles(facts, {})


class SampleDetector(OneClassDetector):
    """A detector of samples of one shape: images ``(c, h, w)``, or features ``(d,)``.

    Attributes
    ----------
    sample_shape_ : (c, h, w) or (d,)
    n_samples_ : int, normal and unlabelled samples learned from
    heatmap_range_ : (low, high) of float
        Scale of `textocl.vision.overlays.overlay` for all that `explain` returns, from held-out
        normal samples.
    """

    SAMPLES: ClassVar[str] = "samples"

    state_: SampleState

    @property
    def sample_shape_(self) -> tuple[int, ...]:
        return self._fitted().state_.sample_shape

    @property
    def n_samples_(self) -> int:
        return self._fitted().state_.n_samples

    @property
    def n_training_samples_(self) -> int:
        """How many normal samples it learned from."""
        return self.n_samples_

    @property
    def heatmap_range_(self) -> tuple[float, float]:
        return self._fitted().state_.heatmap_range

    @property
    def n_features_in_(self) -> int:
        return int(np.prod(self.sample_shape_))

    @property
    def learns_from_masks(self) -> bool:
        """Whether ``fit`` takes masks of where anomalies are."""
        return False

    @abstractmethod
    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        """Scores ``(n,)`` of samples of the right shape."""

    @abstractmethod
    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        """What `explain` returns, for samples of the right shape."""

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32, or ``(n, d)``: where each sample is anomalous.

        Raises
        ------
        NotFittedError, DataError
        """
        return self._explain_samples(self._read_like_fit(X))

    def _scored(self, X: Any) -> Scored:
        scores = self._score_samples(self._read_like_fit(X))
        return Scored(scores, np.ones(len(scores), np.int64))

    def _read(self, X: Any) -> tuple[Any, Any]:
        """Samples as `read_samples` has them, and the labels that a folder's layout gives them."""
        if isinstance(X, (str, PathLike)) and is_labelled_folder(X):
            folder = read_folder(X)
            return read_samples(folder.paths), folder.labels
        return read_samples(X), None

    def _read_like_fit(self, X: Any) -> Tensor:
        shape = self.sample_shape_
        samples, _ = SampleDetector._read(self, X)
        if not len(samples):
            return torch.empty(0, *shape)
        check_shape(samples, shape)
        return samples

    def _noun(self, samples: Any = None) -> str:
        shape = self.sample_shape_ if samples is None else samples.shape[1:]
        return "images" if len(shape) == 3 else self.SAMPLES


def some_of(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """As many of the held-out samples as a range of heatmaps is taken from."""
    return indices[:: max(1, -(-len(indices) // _FOR_RANGE))]
