"""What every detector of images and of feature vectors shares: samples in, scores and maps out."""

from __future__ import annotations

from abc import abstractmethod
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textocl.core.detector import OneClassDetector, Scored
from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_integer, check_labels, check_number
from textocl.vision.backbones import Backbone
from textocl.vision.folders import is_labelled_folder, read_folder
from textocl.vision.images import check_shape, read_samples

_FOR_RANGE = 300  # held-out samples whose heatmaps give their range


class SampleDetector(OneClassDetector):
    """A detector of samples of one shape: images ``(c, h, w)``, or features ``(d,)``.

    Attributes
    ----------
    heatmap_range_ : (low, high) of float
        Scale of `textocl.vision.overlays.overlay` for all that `explain` returns, from held-out
        normal samples.
    """

    _SAMPLES: ClassVar[str] = "samples"

    heatmap_range_: tuple[float, float]
    n_samples_: int

    @property
    @abstractmethod
    def sample_shape_(self) -> tuple[int, ...]:
        """Shape of a sample, (c, h, w) or (d,)."""

    @property
    def learns_from_anomalies(self) -> bool:
        """Whether samples labelled -1 take part in learning; otherwise they are left out."""
        return False

    @property
    def n_training_samples_(self) -> int:
        """How many normal samples it learned from."""
        return self._fitted().n_samples_

    @abstractmethod
    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        """Scores ``(n,)`` of samples of the right shape."""

    @abstractmethod
    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        """What `explain` returns, for samples of the right shape."""

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score samples, ``(n,)`` float32; higher is more anomalous.

        Raises
        ------
        NotFittedError, DataError
        """
        return self._score_samples(self._judge_like_fit(X))

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32, or ``(n, d)``: where each sample is anomalous.

        Raises
        ------
        NotFittedError, DataError
        """
        return self._explain_samples(self._judge_like_fit(X))

    def _scored(self, X: Any) -> Scored:
        scores = self._score_samples(self._judge_like_fit(X))
        return Scored(scores, np.ones(len(scores), np.int64))

    def _judge_like_fit(self, X: Any) -> Tensor:
        shape = self._fitted().sample_shape_
        samples, _ = read_with_labels(X)
        if not len(samples):
            return torch.empty(0, *shape)
        check_shape(samples, shape)
        return samples


def read_with_labels(X: Any) -> tuple[Tensor, NDArray[np.int64] | None]:
    """Samples as `read_samples` has them, and the labels that a folder's layout gives them."""
    if isinstance(X, (str, PathLike)) and is_labelled_folder(X):
        folder = read_folder(X)
        return read_samples(folder.paths), folder.labels
    return read_samples(X), None


def images_to_learn_from(
    X: Any, y: Any, samples: str
) -> tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]:
    """Images, their labels, and the numbers of those that are normal or unlabelled.

    Parameters
    ----------
    samples : what messages call them

    Raises
    ------
    DataError
        No images, or fewer than three are normal or unlabelled.
    """
    images, known = read_with_labels(X)
    if images.ndim != 4:
        raise DataError(
            "a detector on a pretrained network takes images; for features use a detector of "
            "points, such as textocl.KNN."
        )
    labels = check_labels(known if y is None else y, len(images), samples)
    normal = np.flatnonzero(labels >= 0)
    if not len(normal):
        raise DataError("there is no normal or unlabelled sample to learn from.")
    if len(normal) < 3:
        raise DataError(
            f"{len(normal)} normal or unlabelled images are too few to learn from; give more."
        )
    return images, labels, normal


def some_of(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """As many of the held-out samples as a range of heatmaps is taken from."""
    return indices[:: max(1, -(-len(indices) // _FOR_RANGE))]


# --- files ---


def weights_of(network: nn.Module, prefix: str) -> dict[str, NDArray[Any]]:
    """All of a network's state but the counters of batch norm, which scoring does not use."""
    return {prefix + k: v.detach().cpu().numpy() for k, v in _weights(network).items()}


def _weights(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}


def fill(network: nn.Module, files: ModelFiles, prefix: str, like: nn.Module) -> None:
    """Give a network its weights from files, which must fit one ``like`` it, made on "meta"."""
    state = {
        name: torch.from_numpy(files.array(prefix + name, np.float32, *tensor.shape))
        for name, tensor in _weights(like).items()
    }
    network.load_state_dict(state, strict=False)  # all but what `weights_of` leaves out
    network.eval()


def backbone_from(files: ModelFiles) -> Backbone:
    """Backbone that the fact "backbone" describes, with its weights."""
    facts = files.facts.get("backbone")
    with torch.device("meta"):  # no memory before the file is known to fill it
        like = Backbone.from_facts(facts)
    backbone = Backbone.from_facts(facts)
    fill(backbone, files, "backbone.", like)
    return backbone


def shape_from(files: ModelFiles) -> tuple[int, ...]:
    """Shape of a sample, (c, h, w) or (d,)."""
    sizes = files.fact("sample_shape", list)
    if len(sizes) not in (1, 3):
        raise FormatError("its sample_shape has neither one nor three sizes.")
    return tuple(check_integer("sample_shape", size, 1, 2**20) for size in sizes)


def image_shape_from(files: ModelFiles) -> tuple[int, int, int]:
    """Shape of images that a backbone takes."""
    shape = shape_from(files)
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise FormatError("it has a backbone, but its sample_shape is not that of images.")
    return shape[0], shape[1], shape[2]


def range_from(files: ModelFiles) -> tuple[float, float]:
    """The fact "heatmap_range"."""
    low, high = (check_number("heatmap_range", v) for v in files.fact("heatmap_range", list))
    if low >= high:
        raise FormatError("its heatmap_range is empty.")
    return low, high


def calibration_from(files: ModelFiles) -> NDArray[np.float32]:
    """Scores that threshold and p-values come from."""
    scores = files.array("calibration_scores", np.float32, None)
    if not len(scores):
        raise FormatError("it has no calibration scores.")
    return scores
