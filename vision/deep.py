"""Base class of Deep SVDD, Deep SAD, HSC and FCDD: how their network is trained and scores."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.learned import Learned
from textocl.core.persistence import ModelFiles
from textocl.core.training_scores import TrainingSamples
from textocl.core.validation import check_choice, check_integer, check_number
from textocl.training.devices import choose_device, exactly
from textocl.training.loop import ParameterGroup, Schedule, train
from textocl.vision.augmentation import AUGMENTATIONS, augmented
from textocl.vision.backbones import Backbone, load_backbone
from textocl.vision.deep_model import DeepModel, DeepState, all_seen_by
from textocl.vision.detector import SampleDetector, some_of
from textocl.vision.model_files import (
    backbone_from,
    fill,
    image_shape_from,
    n_samples_from,
    range_from,
    shape_from,
)
from textocl.vision.networks import Encoder, initialise, layers_of
from textocl.vision.overlays import normal_range
from textocl.vision.preprocessing import PREPROCESSINGS, Preprocessing
from textocl.vision.run import Run
from textocl.vision.synthetic import SYNTHETIC
from textocl.vision.training_set import TrainingSet

_COLLAPSED = 1e-3  # share of the first spread of normal scores that is left, at least
_AT_ONCE = 500  # preprocessed samples
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepDetector(SampleDetector):
    """Base class of detectors that train a network to map normal samples together.

    ``fit`` takes images or features as `textocl.vision.images.read_samples` does, and labels: +1
    normal, 0 unlabelled, -1 anomaly. The other members take samples of the same shape.

    Parameters
    ----------
    network : str, default "auto"
        A name of `textocl.vision.networks`, or layers: "lenet-8-4-fc32", "mlp-32-16-8".
        "lenet-16-32-fc32-x4", by another name "mnist-wide", is four networks side by side, which
        separate better than one does. "auto" is
        "mnist" for grey images, "cifar-10" for RGB, "tabular" for features.
    backbone : str or None, default None
        A network trained on other images, as `textocl.vision.backbones.load_backbone` names it. It
        stays as it is and gives the features that ``network`` then takes. The best choice for
        photos where training images are few.
    backbone_size : int ≥ 32 or None, default None
        Pixels that images' shorter side is scaled to for the backbone. Raising it sees more, and
        takes longer by its square.
    backbone_contrast : bool, default False
        Whether each image's brightness and contrast are evened out for the backbone: where light
        varies from photo to photo.
    synthetic : "confetti", "patches", "mixed" or None, default None
        Anomalies to make from the training images, where a detector learns from anomalies; see
        `textocl.vision.synthetic.make_anomalies`. Known anomalies are then a quarter of those it
        sees, mirrored too.
    augmentation : "photo" or None, default None
        Whether each batch is of varied images: mirrored, shifted, of other brightness, noisy. For
        photos where training images are few; not with a backbone, which sees each image once.
    preprocessing : "auto", "contrast", "standardize" or "none", default "auto"
        See `textocl.vision.preprocessing.Preprocessing`; "auto" is "contrast" for images and
        "standardize" for features, those of a backbone too.
    n_epochs : int ≥ 0
    learning_rate : float > 0
        Of Adam; a tenth of it after ``drop_after`` of the epochs.
    drop_after : float in [0, 1]
    batch_size : int ≥ 1, default 200
    weight_decay : float ≥ 0, default 1e-6
    false_alarm_rate : float in (0, 1), default 0.05
    calibration : "split" or "training", default "split"
        Scores of held-out normal samples, a fifth, give the threshold; or those of all.
    random_state : int, default 0
    device : str, default "auto"
    verbose : bool, default False
    checkpoint : path or None, default None
        Folder to keep the state of training in, every few seconds. Where fit was cut off, the same
        fit goes on from there, to the same result; a fit that ends removes it.

    Attributes
    ----------
    history_ : list of float, after fitting
        Mean loss of each epoch.
    n_samples_, sample_shape_, heatmap_range_
        As `textocl.vision.detector.SampleDetector` has them.
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose", "checkpoint")
    #: whether training uses known anomalies, needs them, and has as many as others in a batch
    _LEARNS_FROM_ANOMALIES: ClassVar[bool] = False
    _NEEDS_ANOMALIES: ClassVar[bool] = False
    _BALANCED: ClassVar[bool] = False
    #: whether the network takes a backbone's maps, rather than their means
    _DENSE: ClassVar[bool] = False
    #: what network="auto" is for grey images, and whether the network has biases
    _GREY_NETWORK: ClassVar[str] = "mnist"
    _BIASED: ClassVar[bool] = False

    network: str = "auto"
    backbone: str | None = None
    backbone_size: int | None = None
    backbone_contrast: bool = False
    synthetic: str | None = None
    augmentation: str | None = None
    preprocessing: str = "auto"
    n_epochs: int = 60
    learning_rate: float = 1e-3
    drop_after: float = 2 / 3
    batch_size: int = 200
    weight_decay: float = 1e-6
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False
    checkpoint: str | PathLike[str] | None = None

    state_: DeepState = field(init=False)

    # --- what a kind of detector gives ---

    @abstractmethod
    def _losses(
        self, model: DeepModel, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        """Losses ``(b,)`` of a batch's outputs; ``masks`` ``(b, h, w)`` where they were given."""

    @abstractmethod
    def _distances_to_scores(self, model: DeepModel, outputs: Tensor) -> Tensor:
        """Scores ``(b,)`` of a batch's outputs."""

    def _network_name(self, sample_shape: tuple[int, ...]) -> str:
        """Return the name of the network that ``network`` means for such samples."""
        if self.network != "auto":
            return self.network
        if len(sample_shape) == 1:
            return "tabular"
        return self._GREY_NETWORK if sample_shape[0] == 1 else "cifar-10"

    def _make_network(self, name: str, sample_shape: tuple[int, ...]) -> nn.Module:
        """Return a network, its weights not yet set."""
        return Encoder(layers_of(name, sample_shape, biased=self._BIASED), sample_shape)

    def _prepare(
        self, network: nn.Module, X: Tensor, labels: Tensor, name: str, run: Run
    ) -> dict[str, Tensor]:
        """Set the network's first weights; return the vectors that training starts from."""
        initialise(network, run.generator)
        return {}

    def _varied(
        self, model: DeepModel, batch: Tensor, masks: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """A batch and its masks as one epoch sees them."""
        if self.augmentation is None:
            return batch, masks
        return augmented(batch, masks, generator)

    def _vector_shapes(self, model: DeepModel) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the arrays in ``DeepModel.vectors``."""
        return {}

    def _finish(self, model: DeepModel, X: Tensor) -> None:
        """Learn what depends on the trained network, from normal samples, preprocessed."""

    @property
    def learns_from_anomalies(self) -> bool:
        return self._LEARNS_FROM_ANOMALIES

    @property
    def history_(self) -> list[float]:
        history = self._fitted().state_.history
        if history is None:
            raise AttributeError("history_ is known after fit, not after loading.")
        return history

    # --- fitting ---

    def _learn(self, training: TrainingSamples) -> Learned:
        samples, labels = training.samples, training.labels
        return self._learn_from(samples, labels)

    @exactly()
    def _learn_from(
        self, samples: Tensor, labels: NDArray[np.int64], masks: Tensor | None = None
    ) -> Learned:
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        self._check_samples(tuple(samples.shape[1:]), len(anomalies))
        kept, held_out = (
            normal[part] for part in self._split_for_calibration(len(normal), self.random_state)
        )
        if len(kept) < 2 or not len(held_out):
            raise DataError(
                f"{len(normal)} normal or unlabelled {self._noun(samples)}, of which {len(kept)} "
                "are left to learn from, are too few; give more."
            )
        chosen = np.concatenate([kept, anomalies]) if self._LEARNS_FROM_ANOMALIES else kept
        training = TrainingSet(
            samples[chosen],
            torch.from_numpy(labels[chosen]),
            None if masks is None else masks[chosen],
        )
        if self.synthetic is not None:
            training = training.with_synthetic(self.synthetic, self.random_state)
        made_from = [type(self).__name__, self._frozen_params()]
        run = Run.started(self.random_state, self.checkpoint, made_from, training)
        model, history = self._train(training, choose_device(self.device), run)
        state = DeepState(
            sample_shape=model.sample_shape,
            n_samples=len(kept),
            heatmap_range=normal_range(self._maps(model, samples[some_of(held_out)])),
            model=model,
            history=history,
        )
        scores = self._score(model, samples[held_out])
        run.end()
        return Learned(state, scores)

    def _check_samples(self, shape: tuple[int, ...], n_anomalies: int) -> None:
        if len(shape) == 1 and (self.backbone or self.synthetic or self.augmentation):
            raise DataError(
                "backbone, synthetic and augmentation are for images, not for features."
            )
        if self._NEEDS_ANOMALIES and not n_anomalies and not self.synthetic:
            raise DataError(
                f"{type(self).__name__} learns normal from anomalous: give anomalies, or images of "
                "any other kind (Outlier Exposure), with y = -1, or synthetic='confetti'; DeepSVDD "
                "needs none."
            )

    def _train(
        self, training: TrainingSet, device: torch.device, run: Run
    ) -> tuple[DeepModel, list[float]]:
        """Train on samples preprocessed once and kept in one tensor."""
        backbone = self._load_backbone(device)
        inputs = all_seen_by(backbone, training.samples, self._DENSE, device)
        input_shape = tuple(inputs.shape[1:])
        name = self._network_name(input_shape)
        preprocessing = self._make_preprocessing(input_shape).fit(inputs[: training.n_normal])
        preprocessing.to(device)
        X = torch.cat([preprocessing(part.to(device)) for part in inputs.split(_AT_ONCE)])
        y = training.labels.to(device)
        network = self._make_network(name, input_shape).to(device)
        model = DeepModel(
            sample_shape=tuple(training.samples.shape[1:]),
            backbone=backbone,
            dense=self._DENSE,
            input_shape=input_shape,
            network_name=name,
            preprocessing=preprocessing,
            network=network,
            vectors=self._prepare(network, X, y, name, run),
            parameters=self.get_params(),
        )
        normal = X[: training.n_normal]
        first_spread = self._spread(model, normal)
        network.train()

        def loss_of(indices: Tensor, epoch: int) -> Tensor:
            if self._BALANCED:
                drawn = training.draw_anomalies(len(indices), run.generator)
                indices = torch.cat([indices, drawn])
            chosen = indices.to(device)
            batch = X[chosen]
            masks = None if training.masks is None else training.masks[indices].to(device)
            batch, masks = self._varied(model, batch, masks, run.generator)
            return self._losses(model, network(batch), y[chosen], masks, epoch).mean()

        history = train(
            [ParameterGroup(network.parameters())],
            training.n_normal if self._BALANCED else len(X),
            loss_of,
            self._schedule(self.n_epochs),
            run.generator,
            progress=self.verbose,
            checkpoint=run.checkpoint("training", network),
        )
        network.eval()
        self._finish(model, normal)
        self._warn_of_collapse(first_spread, self._spread(model, normal))
        return model, history

    def _load_backbone(self, device: torch.device) -> Backbone | None:
        if self.backbone is None:
            return None
        size, contrast = self.backbone_size, self.backbone_contrast
        backbone = load_backbone(self.backbone, size, contrast=contrast, dense=self._DENSE)
        return backbone.to(device)

    def _schedule(self, n_epochs: int) -> Schedule:
        return Schedule(
            n_epochs,
            self.learning_rate,
            drop_after=self.drop_after,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            max_gradient_norm=1.0,
            even_batches=True,
        )

    def _make_preprocessing(self, shape: tuple[int, ...]) -> Preprocessing:
        kind = self.preprocessing
        if kind == "auto":
            kind = "contrast" if len(shape) == 3 and self.backbone is None else "standardize"
        return Preprocessing(kind, shape[0])

    def _spread(self, model: DeepModel, X: Tensor) -> float:
        """Standard deviation of the scores of preprocessed samples."""
        model.network.eval()
        return float(self._scores_of(model, X).double().std(correction=0))

    def _warn_of_collapse(self, first: float, last: float) -> None:
        if last < _COLLAPSED * first:
            warnings.warn(
                f"the network has collapsed: scores of normal samples spread {last:.2g}, "
                f"{first:.2g} before training, so it gives nearly the same output for everything. "
                "Train for fewer epochs, lower learning_rate, or give known anomalies.",
                TextoclWarning,
                stacklevel=5,
            )

    # --- scoring ---

    @torch.no_grad()
    def _scores_of(self, model: DeepModel, X: Tensor) -> Tensor:
        """Scores of preprocessed samples, ``(n,)``, on their device."""
        parts = [
            self._distances_to_scores(model, model.network(part)) for part in X.split(_AT_ONCE)
        ]
        return torch.cat(parts) if parts else torch.empty(0)

    @torch.no_grad()
    def _score(self, model: DeepModel, samples: Tensor) -> NDArray[np.float32]:
        parts = [np.empty(0, np.float32)]
        for part in samples.split(model.at_once):
            outputs = model.outputs(part.to(model.device))
            scores = self._distances_to_scores(model, outputs)
            parts.append(np.clip(scores.cpu().double().numpy(), -_LARGEST, _LARGEST))
        return np.nan_to_num(np.concatenate(parts), nan=_LARGEST).astype(np.float32)

    @exactly()
    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return self._score(self.state_.model, samples)

    @exactly()
    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return self._maps(self.state_.model, samples)

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)``, or ``(n, d)``: how much each pixel or feature moves the score.

        The absolute gradient of the score, the largest of a pixel's channels.
        """
        return super().explain(X)

    def _maps(self, model: DeepModel, samples: Tensor) -> NDArray[np.float32]:
        """What `explain` returns, for samples of the right shape."""
        shape = model.sample_shape[-2:] if len(model.sample_shape) == 3 else model.sample_shape
        maps = [np.empty((0, *shape), np.float32)]
        for part in samples.split(model.at_once):
            if not len(part):
                continue
            part = part.to(model.device).requires_grad_()
            total = self._distances_to_scores(model, model.outputs(part)).sum()
            gradient = torch.autograd.grad(total, part)[0].abs().cpu()
            maps.append((gradient.amax(dim=1) if gradient.ndim == 4 else gradient).numpy())
        return np.concatenate(maps)

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("preprocessing", self.preprocessing, ("auto", *PREPROCESSINGS))
        for name, default in (("backbone_size", None), ("backbone_contrast", False)):
            if getattr(self, name) is not default and self.backbone is None:
                raise DataError(f"{name} needs a backbone.")
        if self.synthetic is not None:
            check_choice("synthetic", self.synthetic, SYNTHETIC)
            if not self._LEARNS_FROM_ANOMALIES:
                raise DataError(
                    f"{type(self).__name__} does not learn from anomalies; no synthetic."
                )
        if self.augmentation is not None:
            check_choice("augmentation", self.augmentation, AUGMENTATIONS)
            if self.backbone is not None:
                raise DataError("augmentation needs a network that sees images, not a backbone.")
        check_integer("n_epochs", self.n_epochs, 0)
        check_number("learning_rate", self.learning_rate, 0, low_open=True)
        check_number("drop_after", self.drop_after, 0, 1)
        check_integer("batch_size", self.batch_size, 2)
        check_number("weight_decay", self.weight_decay, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        choose_device(self.device)

    def _read_state(self, files: ModelFiles) -> DeepState:
        shape = shape_from(files)
        kind = check_choice("preprocessing", files.fact("preprocessing", str), PREPROCESSINGS)
        name = files.fact("network", str)
        backbone, input_shape = None, shape
        if files.facts.get("backbone") is not None:
            backbone = backbone_from(files)
            maps_shape = backbone.maps_shape(image_shape_from(files))
            input_shape = maps_shape if self._DENSE else maps_shape[:1]
        preprocessing = Preprocessing(kind, input_shape[0])
        fill(preprocessing, files, "preprocessing.", preprocessing)
        with torch.device("meta"):  # no memory before the file is known to fill it
            like = self._make_network(name, input_shape)
        network = self._make_network(name, input_shape)
        fill(network, files, "network.", like)
        model = DeepModel(
            sample_shape=shape,
            backbone=backbone,
            dense=self._DENSE,
            input_shape=input_shape,
            network_name=name,
            preprocessing=preprocessing,
            network=network,
            vectors={},
            parameters=self.get_params(),
        )
        for vector, size in self._vector_shapes(model).items():
            model.vectors[vector] = torch.from_numpy(files.array(vector, np.float32, *size))
        return DeepState(
            sample_shape=shape,
            n_samples=n_samples_from(files),
            heatmap_range=range_from(files),
            model=model.to(choose_device(self.device)),
        )
