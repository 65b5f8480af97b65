"""PatchKNN: k-nearest neighbours on the patches of images, as a frozen network sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from textocl.core.exceptions import FormatError
from textocl.core.learned import Learned
from textocl.core.persistence import ModelFiles
from textocl.core.training_scores import TrainingSamples
from textocl.core.validation import check_integer
from textocl.training.devices import choose_device
from textocl.training.progress import counting_bar
from textocl.vision.backbones import Backbone
from textocl.vision.detector import SampleState, some_of
from textocl.vision.frozen import FrozenNetworkDetector, maps_of
from textocl.vision.heatmaps import enlarge
from textocl.vision.model_files import (
    backbone_from,
    image_shape_from,
    n_samples_from,
    range_from,
    weights_of,
)
from textocl.vision.overlays import normal_range

_AROUND = 3  # cells of a side that are averaged
_HIGHEST = 0.03  # share of the cells that decide about an image
_LEAST_DEVIATION = 1e-6
_FOR_USUAL = 100  # normal images that say how far a place usually is
_IMAGES_AT_ONCE = 16
_PRODUCTS_AT_ONCE = 1 << 25  # of cells with patches


class PatchMemory(nn.Module):
    """Patches of normal images, and how far those of other images are from the nearest.

    Parameters
    ----------
    patches : (m, d) standardised
    shift, scale : (d,) what patches were standardised by
    usual : (u, v) distance of each place in normal images
    """

    patches: Tensor
    shift: Tensor
    scale: Tensor
    usual: Tensor

    def __init__(self, patches: Tensor, shift: Tensor, scale: Tensor, usual: Tensor) -> None:
        super().__init__()
        self.register_buffer("patches", patches)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("usual", usual)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Of maps ``(n, d, u, v)`` scores ``(n,)``, and how unusual places are ``(n, u, v)``."""
        unusual = self.distances(maps) - self.usual
        n_highest = max(1, round(_HIGHEST * self.usual.numel()))
        return unusual.flatten(1).topk(n_highest, dim=1).values.mean(dim=1), unusual

    def distances(self, maps: Tensor, left_out: Tensor | None = None) -> Tensor:
        """Distance of each place to the nearest patch not ``left_out`` (m,): ``(n, u, v)``."""
        d, u, v = maps.shape[1:]
        cells = patches_of(maps).permute(0, 2, 3, 1).reshape(-1, d)
        cells = (cells - self.shift) / self.scale
        # ‖x − y‖² = ‖x‖² + ‖y‖² − 2 xy
        lengths = self.patches.square().sum(dim=1)  # (m,)
        if left_out is not None:
            lengths = lengths.masked_fill(left_out, torch.inf)
        least = (lengths - 2 * (cells @ self.patches.T)).amin(dim=1)
        return ((cells.square().sum(dim=1) + least).clamp(min=0) / d).reshape(-1, u, v)


def patches_of(maps: Tensor) -> Tensor:
    """Means of each cell and those around it, ``(n, d, u, v)``."""
    return functional.avg_pool2d(maps, _AROUND, 1, _AROUND // 2, count_include_pad=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class PatchState(SampleState):
    """What a `PatchKNN` learned."""

    network: Backbone
    memory: PatchMemory

    def to_files(self) -> ModelFiles:
        files = super().to_files()
        arrays = weights_of(self.memory, "memory.") | weights_of(self.network, "backbone.")
        return ModelFiles({**files.facts, "backbone": self.network.facts}, arrays)


@dataclass(kw_only=True, eq=False, repr=False)
class PatchKNN(FrozenNetworkDetector):
    """Scores each place of an image by its distance to the nearest patch of normal images.

    Use it to find defects of small parts, such as cracks and stains, where none is known: it
    needs no training, and shows the place. A place, or patch, is a cell of a pretrained network's
    maps with those around it. Beside the parameters of
    `textocl.vision.frozen.FrozenNetworkDetector`:

    Parameters
    ----------
    n_patches : int ≥ 1, default 10000
        Cells of normal images that are kept, drawn evenly from all. Raising it finds finer
        differences, and takes longer and makes the model larger in proportion.
    backbone : str, default "efficientnet-lite0:11"
        As `textocl.vision.backbones.load_backbone` names it. Fewer blocks see finer, and less of
        what a thing is.
    backbone_size : int ≥ 32 or None, default None
        Pixels that images' shorter side is scaled to. Raising it sees smaller things, and takes
        longer by its fourth power. None leaves images as they are, or enlarges them to 192 pixels.
    calibration : "split" or "training", default "split"
        Scores of held-out normal images, a fifth, give the threshold; or those of all, which are
        too low, since their own cells are among those kept.

    See Also
    --------
    FeatureDetector : where the whole image is of another kind.
    FCDD : learns from known defects, with masks of them.

    Notes
    -----
    ``d(x) = min_j ‖x − y_j‖² / D`` for a cell's D channels, each by its deviation in normal images,
    less the mean of d at the same place in normal images, each without its own cells: so edges and
    corners, which a network sees otherwise, count no more than the middle. The score is the mean
    of the highest 3 % of an image's cells. Labelled anomalies, ``y`` = -1, are left out.

    References
    ----------
    K. Roth et al.: Towards Total Recall in Industrial Anomaly Detection (PatchCore). CVPR 2022.

    Examples
    --------
    Photographs of sound parts, and others::

        from textocl.vision import PatchKNN

        detector = PatchKNN().fit("parts/normal")
        heatmaps = detector.explain("parts/new")
    """

    _LEAST_SIDE: ClassVar[int] = 192

    n_patches: int = 10_000
    backbone: str = "efficientnet-lite0:11"

    state_: PatchState = field(init=False)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("n_patches", self.n_patches, 1)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)

    def _learn(self, training: TrainingSamples) -> Learned:
        samples, labels = training.samples, training.labels
        normal = self._normal(labels)
        kept, held_out = (
            normal[part] for part in self._split_for_calibration(len(normal), self.random_state)
        )
        network = self._load_network(samples)
        with counting_bar("encoding", self.verbose, "images") as advance:
            memory = self._remember(network, samples[kept], advance)
        scores, _ = _judged(network, memory, samples[held_out])
        _, maps = _judged(network, memory, samples[some_of(held_out)])
        state = PatchState(
            sample_shape=tuple(samples.shape[1:]),
            n_samples=len(kept),
            heatmap_range=normal_range(maps),
            network=network,
            memory=memory.to(network.mean.device),
        )
        return Learned(state, scores)

    def _remember(self, network: Backbone, images: Tensor, advance: Any) -> PatchMemory:
        """Cells of normal images, as many of each."""
        generator = torch.Generator().manual_seed(self.random_state)
        each = -(-self.n_patches // len(images))
        drawn: list[Tensor] = []
        for part in images.split(_IMAGES_AT_ONCE):
            cells = patches_of(maps_of(network, part)).cpu().flatten(2).transpose(1, 2)  # (b, m, d)
            for of_image in cells:
                chosen = torch.randperm(len(of_image), generator=generator)[:each]
                drawn.append(of_image[chosen])
            advance(len(part))
        owners = torch.arange(len(images)).repeat_interleave(torch.tensor([len(d) for d in drawn]))
        kept = torch.randperm(len(owners), generator=generator)[: self.n_patches]
        patches, owners = torch.cat(drawn)[kept], owners[kept]
        shift = patches.double().mean(dim=0)
        scale = patches.double().std(dim=0, correction=0).clamp(min=_LEAST_DEVIATION)
        standard = (patches.double() - shift) / scale
        u, v = network.maps_shape(tuple(images.shape[1:]))[1:]
        memory = PatchMemory(standard.float(), shift.float(), scale.float(), torch.zeros(u, v))
        memory.usual = _usual(network, memory.to(network.mean.device), images, owners)
        return memory

    def explain(self, X: Any) -> NDArray[np.float32]:
        """Heatmaps ``(n, h, w)`` float32: how unusual each place is, smoothed."""
        return super().explain(X)

    def _score_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return _judged(self.state_.network, self.state_.memory, samples)[0]

    def _explain_samples(self, samples: Tensor) -> NDArray[np.float32]:
        return _judged(self.state_.network, self.state_.memory, samples)[1]

    def _read_state(self, files: ModelFiles) -> PatchState:
        device = choose_device(self.device)
        shape, network = image_shape_from(files), backbone_from(files).to(device)
        d, u, v = network.maps_shape(shape)
        sizes = {"patches": (None, d), "shift": (d,), "scale": (d,), "usual": (u, v)}
        tensors = {
            name: torch.from_numpy(files.array(f"memory.{name}", np.float32, *size))
            for name, size in sizes.items()
        }
        if not len(tensors["patches"]) or not (tensors["scale"] > 0).all():
            raise FormatError("it holds no patches, or a deviation of 0.")
        return PatchState(
            sample_shape=shape,
            n_samples=n_samples_from(files),
            heatmap_range=range_from(files),
            network=network,
            memory=PatchMemory(**tensors).to(device),
        )


@torch.no_grad()
def _usual(network: Backbone, memory: PatchMemory, images: Tensor, owners: Tensor) -> Tensor:
    """Mean distance of each place in normal images to the patches of the others, ``(u, v)``."""
    distances = [
        memory.distances(
            maps_of(network, images[i : i + 1]), (owners == i).to(memory.patches.device)
        )
        for i in range(0, len(images), -(-len(images) // _FOR_USUAL))
        if not (owners == i).all()
    ]
    return torch.cat(distances).double().mean(dim=0).float() if distances else memory.usual


@torch.no_grad()
def _judged(
    network: Backbone, memory: PatchMemory, images: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores ``(n,)`` and heatmaps ``(n, h, w)`` of images."""
    h, w = images.shape[2:]
    scores, heatmaps = [np.empty(0, np.float32)], [np.empty((0, h, w), np.float32)]
    for part in images.split(_IMAGES_AT_ONCE):
        if not len(part):
            continue
        maps = maps_of(network, part)
        of_one = maps.shape[2] * maps.shape[3] * len(memory.patches)
        for few in maps.split(max(1, _PRODUCTS_AT_ONCE // of_one)):
            of_images, distances = memory(few)
            scores.append(of_images.cpu().numpy())
            heatmaps.append(enlarge(distances, (h, w)).cpu().numpy())
    return np.concatenate(scores), np.concatenate(heatmaps)
