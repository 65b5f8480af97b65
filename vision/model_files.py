"""Networks, and what describes samples, in the files of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_integer, check_number
from textocl.vision.backbones import Backbone


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


def n_samples_from(files: ModelFiles) -> int:
    """The fact "n_samples"."""
    return check_integer("n_samples", files.facts.get("n_samples"), 1)
