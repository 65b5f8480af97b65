"""A frozen pretrained network's features, and a detector of points on them: no training at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles, detector_from_part, part_of_files
from textocl.core.validation import check_choice, check_number
from textocl.registry import FEATURE_MODELS, detector_class
from textocl.training.devices import choose_device, exactly
from textocl.training.progress import counting_bar
from textocl.vision.backbones import LITE0, Backbone, load_backbone, pooled
from textocl.vision.detector import (
    SampleDetector,
    backbone_from,
    calibration_from,
    image_shape_from,
    images_to_learn_from,
    range_from,
    some_of,
    weights_of,
)
from textocl.vision.heatmaps import enlarge
from textocl.vision.overlays import normal_range

if TYPE_CHECKING:
    from textocl.shallow.pooled import PooledDetector

_WHITENING = 0.5
_LEAST_SIDE = 128  # pixels
_IMAGES_AT_ONCE = 32

Self = TypeVar("Self", bound="FeatureDetector")


@dataclass(kw_only=True, eq=False, repr=False)
class FeatureDetector(SampleDetector):
    """Scores images by the features that a network trained on other images sees in them.

    Try this first: it needs no training, and few normal images. What it cannot see is what its
    network was not made for. A detector of points, such as `textocl.KNN`, learns from the mean of
    the network's last maps, one vector an image.

    Parameters
    ----------
    model : str, default "knn"
        "knn", "gaussian" (Mahalanobis distance), "ocsvm", "svdd", "kde", "lof", "mve", "pca",
        "kernel-pca" or "iforest". Features are scaled to length 1 and half whitened first.
    model_parameters : dict or None, default None
        Parameters of that detector other than their defaults, such as ``{"n_neighbors": 3}``.
    backbone : str, default "efficientnet-lite0"
        As `textocl.vision.backbones.load_backbone` names it.
    backbone_size : int ≥ 32 or None, default None
        Pixels that images' shorter side is scaled to. Raising it sees more, and takes longer by
        its square. None leaves images as they are, or enlarges them to 128 pixels.
    backbone_contrast : bool, default False
        Whether each image's brightness and contrast are evened out first: where light varies from
        photo to photo.
    false_alarm_rate : float in (0, 1), default 0.05
    calibration : "split", "training" or "cross", default "split"
        Scores of held-out normal images, a fifth, give the threshold; those of all; or those that
        each fifth of them gets from a detector learned on the other four.
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

    Notes
    -----
    Labelled anomalies, ``y`` = -1, teach "kde" a density ratio; the others leave them out.

    Examples
    --------
    Photographs of one kind, and others::

        from textocl.vision import FeatureDetector

        detector = FeatureDetector().fit("photos/normal")
        labels = detector.predict("photos/new")
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")

    model: str = "knn"
    model_parameters: dict[str, Any] | None = None
    backbone: str = LITE0
    backbone_size: int | None = None
    backbone_contrast: bool = False
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn from images, labelled +1 normal, 0 unlabelled, -1 anomaly in ``y``.

        A folder laid out as `textocl.vision.read_folder` has it stands for its training images,
        here with their labels.

        Raises
        ------
        DataError
            A parameter, the images or the labels are not as expected.
        MissingExtraError
            The package that holds the network is not installed.
        """
        self._check_calibration_parameters()
        learner = self._make_learner()
        device = choose_device(self.device)
        images, labels, normal = images_to_learn_from(X, y, self._SAMPLES)
        size = self.backbone_size
        if size is None and min(images.shape[2:]) < _LEAST_SIDE:
            size = _LEAST_SIDE
        network = load_backbone(self.backbone, size, contrast=self.backbone_contrast).to(device)
        with counting_bar("encoding", self.verbose, "images") as advance:
            features = _features(network, images, advance)
        learner.fit(features, labels)
        explained = images[some_of(normal)]
        maps = _contributions(network, learner, explained)
        # nothing above touched the detector: a failed or interrupted fit leaves it as it was
        self._network, self._learner = network, learner
        self._shape = tuple(images.shape[1:])
        self.heatmap_range_ = normal_range(maps)
        self.n_samples_ = learner.n_documents_
        self.n_features_in_ = int(np.prod(self._shape))
        self._freeze_params()
        self._calibrate(learner.calibration_scores_)
        return self

    def _make_learner(self) -> PooledDetector:
        check_choice("model", self.model, list(FEATURE_MODELS))
        given = {} if self.model_parameters is None else self.model_parameters
        if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
            raise DataError(f"model_parameters must be a dict of names, got {given!r}.")
        make = detector_class(FEATURE_MODELS[self.model])
        defaults = {"unit_length": True, "whitening": _WHITENING}
        shared = {
            "false_alarm_rate": self.false_alarm_rate,
            "calibration": self.calibration,
            "random_state": self.random_state,
        }
        unknown = set(given) - (set(make().get_params()) - set(shared))
        if unknown:
            raise DataError(
                f"model_parameters: {self.model!r} has no parameter {sorted(unknown)[0]!r} of its "
                "own."
            )
        learner: PooledDetector = make(**{**defaults, **given, **shared})
        learner._check_parameters()
        return learner

    @property
    def sample_shape_(self) -> tuple[int, ...]:
        return self._fitted()._shape

    @property
    def learns_from_anomalies(self) -> bool:
        return self._make_learner().learns_from_anomalies

    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        if not len(samples):
            return np.empty(0, np.float32)
        return self._learner.anomaly_score(_features(self._network, samples))

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32: what each place adds to the score.

        Each cell of the network's maps is taken out of their mean in turn, as words are taken out
        of a document in `textocl.explain.occlusion`: with δ the fall of the score s and ``share``
        the cell's part of the mean, ``share s + δ − share Σ δ``, which add up to the score. Times
        the number of cells, and enlarged to the image.
        """
        return super().explain(X)

    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return _contributions(self._network, self._learner, samples)

    def _to_files(self) -> ModelFiles:
        part = part_of_files(self._learner, "learner.")
        facts = {
            "threshold": self.threshold_,
            "heatmap_range": self.heatmap_range_,
            "sample_shape": list(self._shape),
            "backbone": self._network.facts,
            "learner": part.facts,
        }
        own = {"calibration_scores": self.calibration_scores_}
        return ModelFiles(facts, {**own, **part.arrays, **weights_of(self._network, "backbone.")})

    def _from_files(self, files: ModelFiles) -> None:
        self._check_calibration_parameters()
        learner: Any = detector_from_part(
            files.fact("learner", dict), files.arrays, "learner.", list(FEATURE_MODELS.values())
        )
        shape = image_shape_from(files)
        network = backbone_from(files).to(choose_device(self.device))
        if (
            learner._vectorizer is not None
            or learner.n_features_in_ != network.maps_shape(shape)[0]
        ):
            raise FormatError("its learner is not of the features that its backbone gives.")
        heatmap_range, scores = range_from(files), calibration_from(files)
        self._network, self._learner, self._shape = network, learner, shape
        self.heatmap_range_, self.calibration_scores_ = heatmap_range, scores
        self.n_samples_ = learner.n_documents_
        self.n_features_in_ = int(np.prod(shape))
        self._freeze_params()
        self.threshold_ = check_number("threshold", files.facts.get("threshold"))


@torch.no_grad()
@exactly()
def _maps(network: Backbone, images: Tensor) -> Tensor:
    return network(images.to(network.mean.device)).cpu()


def _features(
    network: Backbone, images: Tensor, advance: Callable[[int], None] = lambda n: None
) -> NDArray[np.float32]:
    """Mean of the network's maps, ``(n, c, h, w) -> (n, d)``."""
    parts = []
    for part in images.split(_IMAGES_AT_ONCE):
        parts.append(pooled(_maps(network, part)).numpy())
        advance(len(part))
    return np.concatenate(parts)


def _contributions(
    network: Backbone, learner: PooledDetector, images: Tensor
) -> NDArray[np.float32]:
    """What `FeatureDetector.explain` returns, ``(n, c, h, w) -> (n, h, w)``."""
    h, w = images.shape[2:]
    heatmaps = [np.empty((0, h, w), np.float32)]
    for part in images.split(_IMAGES_AT_ONCE):
        if not len(part):
            continue
        maps = _maps(network, part)  # (b, d, u, v)
        cells = maps.flatten(2).transpose(1, 2).double().numpy()  # (b, m, d)
        found = np.stack([_of_cells(own, learner) for own in cells])  # (b, m)
        small = torch.from_numpy(found.astype(np.float32)).view(-1, *maps.shape[2:])
        heatmaps.append(enlarge(small, (h, w)).numpy())
    return np.concatenate(heatmaps)


def _of_cells(cells: NDArray[np.float64], learner: PooledDetector) -> NDArray[np.float64]:
    """Contributions of cells ``(m, d)`` to the score of their mean, times m: ``(m,)``."""
    m, total = len(cells), cells.sum(axis=0)
    without = (total - cells) / max(m - 1, 1)
    points = np.concatenate([total[None] / m, without]).astype(np.float32)
    scores = learner.anomaly_score(points).astype(np.float64)
    length = total @ total
    shares = cells @ total / length if length > 0 else np.full(m, 1 / m)
    change = scores[0] - scores[1:]
    return m * (shares * scores[0] + change - shares * change.sum())
