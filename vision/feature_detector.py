"""FeatureDetector: a shallow detector on the features of a frozen pretrained network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.core.learned import Learned
from textocl.core.persistence import ModelFiles, detector_from_part, part_of_files
from textocl.core.training_scores import TrainingSamples
from textocl.core.validation import check_choice
from textocl.registry import FEATURE_MODELS, detector_class
from textocl.training.devices import choose_device
from textocl.training.progress import counting_bar
from textocl.vision.backbones import LITE0, Backbone, pooled
from textocl.vision.detector import SampleState, some_of
from textocl.vision.frozen import FrozenNetworkDetector, maps_of
from textocl.vision.heatmaps import enlarge
from textocl.vision.model_files import backbone_from, image_shape_from, range_from, weights_of
from textocl.vision.overlays import normal_range

if TYPE_CHECKING:
    from textocl.shallow.pooled import PooledDetector

_WHITENING = 0.5
_IMAGES_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True, repr=False)
class FeatureState(SampleState):
    """What a `FeatureDetector` learned: a detector of points on a network's features."""

    network: Backbone
    learner: PooledDetector

    def to_files(self) -> ModelFiles:
        files, part = super().to_files(), part_of_files(self.learner, "learner.")
        facts = {**files.facts, "backbone": self.network.facts, "learner": part.facts}
        return ModelFiles(facts, part.arrays | weights_of(self.network, "backbone."))


@dataclass(kw_only=True, eq=False, repr=False)
class FeatureDetector(FrozenNetworkDetector):
    """A shallow detector, such as `textocl.KNN`, on the features of a frozen pretrained network.

    Start here: it needs no training, and few normal images. What it cannot see is what its network
    was not made for. Each image is one vector, the mean of the network's last maps. Beside the
    parameters of `textocl.vision.frozen.FrozenNetworkDetector`:

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
    calibration : "split", "training" or "cross", default "split"
        Scores of held-out normal images, a fifth, give the threshold; those of all; or those that
        each fifth of them gets from a detector learned on the other four.

    See Also
    --------
    PatchKNN : finds defects of small parts, and shows the place.
    FCDD : learns from known defects, with masks of them.

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

    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    _LEAST_SIDE: ClassVar[int] = 128

    model: str = "knn"
    model_parameters: dict[str, Any] | None = None
    backbone: str = LITE0

    state_: FeatureState = field(init=False)

    @property
    def learns_from_anomalies(self) -> bool:
        return self._make_learner().learns_from_anomalies

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._make_learner()

    def _learn(self, training: TrainingSamples) -> Learned:
        samples, labels = training.samples, training.labels
        normal, learner = self._normal(labels), self._make_learner()
        network = self._load_network(samples)
        with counting_bar("encoding", self.verbose, "images") as advance:
            features = _features(network, samples, advance)
        with warnings.catch_warnings():  # what there is to say is said of images
            warnings.simplefilter("ignore", TextoclWarning)
            learner.fit(features, labels)
        maps = _contributions(network, learner, samples[some_of(normal)])
        state = FeatureState(
            sample_shape=tuple(samples.shape[1:]),
            n_samples=learner.n_documents_,
            heatmap_range=normal_range(maps),
            network=network,
            learner=learner,
        )
        scores = learner.training_scores_ if self.calibration == "cross" else None
        return Learned(state, learner.calibration_scores_, training_scores=scores)

    def _make_learner(self) -> PooledDetector:
        check_choice("model", self.model, list(FEATURE_MODELS))
        chosen = {} if self.model_parameters is None else self.model_parameters
        if not isinstance(chosen, dict) or not all(isinstance(name, str) for name in chosen):
            raise DataError(f"model_parameters must be a dict of names, got {chosen!r}.")
        make = detector_class(FEATURE_MODELS[self.model])
        defaults = {"unit_length": True, "whitening": _WHITENING}
        shared = {
            "false_alarm_rate": self.false_alarm_rate,
            "calibration": self.calibration,
            "random_state": self.random_state,
        }
        unknown = set(chosen) - (set(make().get_params()) - set(shared))
        if unknown:
            raise DataError(
                f"model_parameters: {self.model!r} has no parameter {sorted(unknown)[0]!r} of its "
                "own."
            )
        learner: PooledDetector = make(**{**defaults, **chosen, **shared})
        learner._check_parameters()
        return learner

    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        if not len(samples):
            return np.empty(0, np.float32)
        return self.state_.learner.anomaly_score(_features(self.state_.network, samples))

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32: what each place adds to the score.

        Each cell of the network's maps is taken out of their mean in turn, as words are taken out
        of a document in `textocl.explain.occlusion`: with δ the fall of the score s and ``share``
        the cell's part of the mean, ``share s + δ − share Σ δ``, which add up to the score. Times
        the number of cells, and enlarged to the image.
        """
        return super().explain(X)

    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return _contributions(self.state_.network, self.state_.learner, samples)

    def _read_state(self, files: ModelFiles) -> FeatureState:
        learner: Any = detector_from_part(
            files.fact("learner", dict), files.arrays, "learner.", list(FEATURE_MODELS.values())
        )
        shape = image_shape_from(files)
        network = backbone_from(files).to(choose_device(self.device))
        if (
            learner.state_.vectorizer is not None
            or learner.n_features_in_ != network.maps_shape(shape)[0]
        ):
            raise FormatError("its learner is not of the features that its backbone gives.")
        return FeatureState(
            sample_shape=shape,
            n_samples=learner.n_documents_,
            heatmap_range=range_from(files),
            network=network,
            learner=learner,
        )


def _features(
    network: Backbone, images: Tensor, advance: Callable[[int], None] = lambda n: None
) -> NDArray[np.float32]:
    """Mean of the network's maps, ``(n, c, h, w) -> (n, d)``."""
    parts = []
    for part in images.split(_IMAGES_AT_ONCE):
        parts.append(pooled(maps_of(network, part)).cpu().numpy())
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
        maps = maps_of(network, part).cpu()  # (b, d, u, v)
        cells = maps.flatten(2).transpose(1, 2).double().numpy()  # (b, m, d)
        parts = np.stack([_of_cells(of_image, learner) for of_image in cells])  # (b, m)
        small = torch.from_numpy(parts.astype(np.float32)).view(-1, *maps.shape[2:])
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
