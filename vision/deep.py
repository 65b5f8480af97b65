"""What the deep one-class detectors share: samples in, one trained network, scores out."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textocl._version import __version__
from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_choice, check_integer, check_labels, check_number
from textocl.training.checkpoints import Checkpoint, Checkpoints, fingerprint
from textocl.training.devices import choose_device, exactly
from textocl.training.loop import ParameterGroup, Schedule, train
from textocl.vision.augmentation import AUGMENTATIONS, augmented
from textocl.vision.backbones import Backbone, load_backbone, pooled
from textocl.vision.detector import (
    SampleDetector,
    backbone_from,
    calibration_from,
    fill,
    image_shape_from,
    range_from,
    read_with_labels,
    shape_from,
    some_of,
    weights_of,
)
from textocl.vision.networks import initialise
from textocl.vision.overlays import normal_range
from textocl.vision.preprocessing import PREPROCESSINGS, Preprocessing
from textocl.vision.synthetic import SYNTHETIC
from textocl.vision.training_set import TrainingSet, check_masks

_AT_ONCE = 500  # samples; bounds the memory of scoring
_IMAGES_AT_ONCE = 32  # through a backbone
_COLLAPSED = 1e-3  # share of the first spread of normal scores that is left, at least
_LARGEST = float(np.finfo(np.float32).max)

Self = TypeVar("Self", bound="DeepDetector")


@dataclass
class Fitted:
    """All that scoring needs.

    Attributes
    ----------
    sample_shape : (c, h, w) or (d,)
    backbone : takes samples first, where there is one
    input_shape : of what the network takes, (c, h, w) or (d,)
    network_name : str
    vectors : what a detector learned beside the network, such as its centre
    parameters : the detector's, as they were in fit
    """

    sample_shape: tuple[int, ...]
    backbone: Backbone | None
    input_shape: tuple[int, ...]
    network_name: str
    preprocessing: Preprocessing
    network: nn.Module
    vectors: dict[str, Tensor]
    parameters: dict[str, Any]

    def to(self, device: torch.device) -> Fitted:
        """The same on a device."""
        for module in (self.backbone, self.preprocessing, self.network):
            if module is not None:
                module.to(device)
        return replace(self, vectors={name: v.to(device) for name, v in self.vectors.items()})


@dataclass(frozen=True)
class Run:
    """What one fit draws its random numbers from, and where it keeps its state, if anywhere."""

    generator: torch.Generator
    checkpoints: Checkpoints | None

    def checkpoint(self, stage: str, module: nn.Module) -> Checkpoint | None:
        """Where the training called ``stage``, of ``module``, is kept."""
        return None if self.checkpoints is None else self.checkpoints.of(stage, module)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepDetector(SampleDetector):
    """A network trained to map normal samples together; the thesis's deep detectors derive from it.

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
    n_samples_ : int, normal and unlabelled samples learned from
    sample_shape_ : (c, h, w) or (d,)
    heatmap_range_ : (low, high) of float
        Scale of `textocl.vision.overlays.overlay` for all that `explain` returns, from held-out
        normal samples.
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose", "checkpoint")
    #: whether training uses known anomalies, needs them, and has as many as others in a batch
    _LEARNS_FROM_ANOMALIES: ClassVar[bool] = False
    _NEEDS_ANOMALIES: ClassVar[bool] = False
    _BALANCED: ClassVar[bool] = False
    #: whether the network takes a backbone's maps, rather than their means
    _DENSE: ClassVar[bool] = False

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

    @abstractmethod
    def _check_own(self) -> None:
        """Judge the parameters that a subclass adds."""

    @abstractmethod
    def _network_name(self, sample_shape: tuple[int, ...]) -> str:
        """Return the name of the network that ``network`` means for such samples."""

    @abstractmethod
    def _make_network(self, name: str, sample_shape: tuple[int, ...]) -> nn.Module:
        """Return a network, its weights not yet set."""

    @abstractmethod
    def _losses(
        self, fitted: Fitted, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        """Losses ``(b,)`` of a batch's outputs; ``masks`` ``(b, h, w)`` where they were given."""

    @abstractmethod
    def _distances_to_scores(self, fitted: Fitted, outputs: Tensor) -> Tensor:
        """Scores ``(b,)`` of a batch's outputs."""

    def _prepare(
        self, network: nn.Module, X: Tensor, labels: Tensor, name: str, run: Run
    ) -> dict[str, Tensor]:
        """Set the network's first weights; return the vectors that training starts from."""
        initialise(network, run.generator)
        return {}

    def _varied(
        self, fitted: Fitted, batch: Tensor, masks: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """A batch and its masks as one epoch sees them."""
        if self.augmentation is None:
            return batch, masks
        return augmented(batch, masks, generator)

    def _vector_shapes(self, fitted: Fitted) -> dict[str, tuple[int | None, ...]]:
        """Shapes of the arrays in ``Fitted.vectors``."""
        return {}

    def _finish(self, fitted: Fitted, X: Tensor) -> None:
        """Learn what depends on the trained network, from normal samples, preprocessed."""

    # --- fitting ---

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Train on samples ``X``, labelled +1 normal, 0 unlabelled, -1 anomaly in ``y``.

        A folder laid out as `textocl.vision.read_folder` has it stands for its training images,
        here with their labels; for its test images give ``read_folder(folder, "test").paths``.

        Raises
        ------
        DataError
            A parameter, the samples or the labels are not as expected.
        TextoclError
            Training diverged.
        """
        self._fit(X, y, None)
        self._warn_of_shortage()
        return self

    @exactly()
    def _fit(self, X: Any, y: Any, masks: Any) -> None:
        self._check_parameters()
        device = choose_device(self.device)
        samples, known = read_with_labels(X)
        labels = check_labels(known if y is None else y, len(samples), self._SAMPLES)
        masks = check_masks(masks, labels, samples) if masks is not None else None
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        self._check_counts(len(normal), len(anomalies), tuple(samples.shape[1:]))
        kept, held_out = (
            normal[part] for part in self._split_for_calibration(len(normal), self.random_state)
        )
        if len(kept) < 2 or not len(held_out):
            raise DataError(
                f"{len(normal)} normal or unlabelled samples, of which {len(kept)} are left to "
                "learn from, are too few; give more."
            )
        training = np.concatenate([kept, anomalies]) if self._LEARNS_FROM_ANOMALIES else kept
        given = TrainingSet(
            samples[training],
            torch.from_numpy(labels[training]),
            None if masks is None else masks[training],
        )
        if self.synthetic is not None:
            given = given.with_synthetic(self.synthetic, self.random_state)
        run = self._run(given)
        fitted, history = self._train(given, device, run)
        scores = self._score(fitted, samples[held_out])
        heatmap_range = normal_range(self._maps(fitted, samples[some_of(held_out)]))
        # nothing above touched the detector: a failed or interrupted fit leaves it as it was
        self._model, self.history_ = fitted, history
        self.n_samples_ = len(kept)
        self.heatmap_range_ = heatmap_range
        self.n_features_in_ = int(np.prod(fitted.sample_shape))
        self._freeze_params()
        self._calibrate(scores)
        if run.checkpoints is not None:
            run.checkpoints.remove()

    def _run(self, given: TrainingSet) -> Run:
        generator = torch.Generator().manual_seed(self.random_state)
        if self.checkpoint is None:
            return Run(generator, None)
        parameters = {k: v for k, v in self.get_params().items() if k not in self._UNSAVED}
        facts = [type(self).__name__, parameters, __version__]
        run = fingerprint(facts, [given.samples, given.labels, given.masks])
        return Run(generator, Checkpoints(self.checkpoint, run))

    def _check_counts(self, n_normal: int, n_anomalies: int, shape: tuple[int, ...]) -> None:
        if len(shape) == 1 and (self.backbone or self.synthetic or self.augmentation):
            raise DataError(
                "backbone, synthetic and augmentation are for images, not for features."
            )
        if not n_normal:
            raise DataError("there is no normal or unlabelled sample to learn from.")
        if self._NEEDS_ANOMALIES and not n_anomalies and not self.synthetic:
            raise DataError(
                f"{type(self).__name__} learns normal from anomalous: give anomalies, or images of "
                "any other kind (Outlier Exposure), with y = -1, or synthetic='confetti'; DeepSVDD "
                "needs none."
            )

    def _train(
        self, given: TrainingSet, device: torch.device, run: Run
    ) -> tuple[Fitted, list[float]]:
        """Train on samples preprocessed once and kept in one tensor."""
        shape = tuple(given.samples.shape[1:])
        backbone = None
        if self.backbone is not None:
            backbone = load_backbone(
                self.backbone,
                self.backbone_size,
                contrast=self.backbone_contrast,
                dense=self._DENSE,
            ).to(device)
        inputs = self._through(backbone, given.samples, device)
        input_shape = tuple(inputs.shape[1:])
        name = self._network_name(input_shape)
        preprocessing = self._make_preprocessing(input_shape).fit(inputs[: given.n_normal])
        preprocessing.to(device)
        X = torch.cat([preprocessing(part.to(device)) for part in inputs.split(_AT_ONCE)])
        y = given.labels.to(device)
        network = self._make_network(name, input_shape).to(device)
        vectors = self._prepare(network, X, y, name, run)
        fitted = Fitted(
            shape, backbone, input_shape, name, preprocessing, network, vectors, self.get_params()
        )
        normal = X[: given.n_normal]
        first_spread = self._spread(fitted, normal)
        network.train()

        def loss_of(indices: Tensor, epoch: int) -> Tensor:
            if self._BALANCED:
                drawn = given.draw_anomalies(len(indices), run.generator)
                indices = torch.cat([indices, drawn])
            chosen = indices.to(device)
            batch = X[chosen]
            masks = None if given.masks is None else given.masks[indices].to(device)
            batch, masks = self._varied(fitted, batch, masks, run.generator)
            return self._losses(fitted, network(batch), y[chosen], masks, epoch).mean()

        history = train(
            [ParameterGroup(network.parameters())],
            given.n_normal if self._BALANCED else len(X),
            loss_of,
            self._schedule(self.n_epochs),
            run.generator,
            progress=self.verbose,
            checkpoint=run.checkpoint("training", network),
        )
        network.eval()
        self._finish(fitted, normal)
        self._warn_of_collapse(first_spread, self._spread(fitted, normal))
        return fitted, history

    @torch.no_grad()
    def _through(self, backbone: Backbone | None, samples: Tensor, device: torch.device) -> Tensor:
        """Samples as the network takes them, before preprocessing; computed once."""
        if backbone is None:
            return samples
        parts = samples.split(_IMAGES_AT_ONCE)
        return torch.cat([self._seen_by(backbone, part.to(device)) for part in parts])

    def _seen_by(self, backbone: Backbone, samples: Tensor) -> Tensor:
        maps: Tensor = backbone(samples)
        return maps if self._DENSE else pooled(maps)

    def _outputs(self, fitted: Fitted, samples: Tensor) -> Tensor:
        """Outputs of the network for samples on its device."""
        backbone = fitted.backbone
        inputs = samples if backbone is None else self._seen_by(backbone, samples)
        out: Tensor = fitted.network(fitted.preprocessing(inputs))
        return out

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

    def _spread(self, fitted: Fitted, X: Tensor) -> float:
        """Standard deviation of the scores of preprocessed samples."""
        fitted.network.eval()
        return float(self._scores_of(fitted, X).double().std(correction=0))

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
    def _scores_of(self, fitted: Fitted, X: Tensor) -> Tensor:
        """Scores of preprocessed samples, ``(n,)``, on their device."""
        parts = [
            self._distances_to_scores(fitted, fitted.network(part)) for part in X.split(_AT_ONCE)
        ]
        return torch.cat(parts) if parts else torch.empty(0)

    @torch.no_grad()
    def _score(self, fitted: Fitted, samples: Tensor) -> NDArray[np.float32]:
        device = next(fitted.network.parameters()).device
        parts = [np.empty(0, np.float32)]
        for part in samples.split(_AT_ONCE if fitted.backbone is None else _IMAGES_AT_ONCE):
            outputs = self._outputs(fitted, part.to(device))
            scores = self._distances_to_scores(fitted, outputs)
            parts.append(np.clip(scores.cpu().double().numpy(), -_LARGEST, _LARGEST))
        return np.nan_to_num(np.concatenate(parts), nan=_LARGEST).astype(np.float32)

    @property
    def sample_shape_(self) -> tuple[int, ...]:
        return self._fitted()._model.sample_shape

    @property
    def learns_from_anomalies(self) -> bool:
        return self._LEARNS_FROM_ANOMALIES

    @exactly()
    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return self._score(self._model, samples)

    @exactly()
    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return self._maps(self._model, samples)

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)``, or ``(n, d)``: how much each pixel or feature moves the score.

        The absolute gradient of the score, the largest of a pixel's channels.
        """
        return super().explain(X)

    def _maps(self, model: Fitted, samples: Tensor) -> NDArray[np.float32]:
        """What `explain` returns, for samples of the right shape."""
        device = next(model.network.parameters()).device
        shape = model.sample_shape[-2:] if len(model.sample_shape) == 3 else model.sample_shape
        maps = [np.empty((0, *shape), np.float32)]
        for part in samples.split(_AT_ONCE if model.backbone is None else _IMAGES_AT_ONCE):
            if not len(part):
                continue
            inputs = part.to(device).requires_grad_()
            total = self._distances_to_scores(model, self._outputs(model, inputs)).sum()
            gradient = torch.autograd.grad(total, inputs)[0].abs().cpu()
            maps.append((gradient.amax(dim=1) if gradient.ndim == 4 else gradient).numpy())
        return np.concatenate(maps)

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        self._check_calibration_parameters()
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
        self._check_own()

    def _to_files(self) -> ModelFiles:
        model = self._model
        arrays = {
            "calibration_scores": self.calibration_scores_,
            **weights_of(model.preprocessing, "preprocessing."),
            **weights_of(model.network, "network."),
            **{name: vector.cpu().numpy() for name, vector in model.vectors.items()},
        }
        if model.backbone is not None:
            arrays |= weights_of(model.backbone, "backbone.")
        return ModelFiles(
            {
                "threshold": self.threshold_,
                "n_samples": self.n_samples_,
                "heatmap_range": self.heatmap_range_,
                "sample_shape": list(model.sample_shape),
                "preprocessing": model.preprocessing.kind,
                "network": model.network_name,
                "backbone": None if model.backbone is None else model.backbone.facts,
            },
            arrays,
        )

    def _from_files(self, files: ModelFiles) -> None:
        self._check_parameters()
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
        fitted = Fitted(
            shape, backbone, input_shape, name, preprocessing, network, {}, self.get_params()
        )
        for vector, size in self._vector_shapes(fitted).items():
            fitted.vectors[vector] = torch.from_numpy(files.array(vector, np.float32, *size))
        n_samples = check_integer("n_samples", files.facts.get("n_samples"), 1)
        heatmap_range, scores = range_from(files), calibration_from(files)
        fitted = fitted.to(choose_device(self.device))
        self._model, self.n_samples_, self.calibration_scores_ = fitted, n_samples, scores
        self.n_features_in_ = int(np.prod(shape))
        self.heatmap_range_ = heatmap_range
        self._freeze_params()
        self.threshold_ = check_number("threshold", files.facts.get("threshold"))
